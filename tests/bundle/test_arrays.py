import io
import zipfile

import numpy as np
import pytest

from edgeguard_core.bundle.arrays import dump_arrays, load_arrays


def test_arrays_survive_with_type_and_shape():
    arrays = {
        "edges": np.array([0.1, 0.2], np.float32),
        "classes": np.array(["benign", "scan"]),
        "counts": np.zeros((2, 3), np.uint32),
        "none": np.zeros(0, np.int64),
    }
    loaded = load_arrays(dump_arrays(arrays))
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_the_same_arrays_give_the_same_bytes():
    arrays = {"a": np.arange(1000)}
    assert dump_arrays(arrays) == dump_arrays(arrays)


def test_objects_are_neither_written_nor_read():
    objects = {"a": np.array([{"a": 1}], dtype=object)}
    with pytest.raises(ValueError, match="not numbers or text"):
        dump_arrays(objects)
    stream = io.BytesIO()
    np.savez(stream, **objects)
    with pytest.raises(ValueError, match="not numbers or text"):
        load_arrays(stream.getvalue())


def npz_with(header_shape, content=b""):
    """An .npz whose one array announces a shape, whatever follows it."""
    member = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        member, {"descr": "<f8", "fortran_order": False, "shape": header_shape}
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", member.getvalue() + content)
    return stream.getvalue()


def test_an_array_that_announces_too_much_is_refused_before_memory_is_taken():
    with pytest.raises(ValueError, match="more than 64 MB"):
        load_arrays(npz_with((1 << 50,)))


@pytest.mark.parametrize(
    "content",
    [b"", b"not an npz", npz_with((5,), b"short"), npz_with((-5,), b"12345678")],
    ids=["empty", "text", "cut", "negative"],
)
def test_what_is_no_sound_npz_is_refused(content):
    with pytest.raises(ValueError, match=r"."):
        load_arrays(content)


def test_a_member_that_is_no_array_is_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"readme.txt"):
        load_arrays(stream.getvalue())
