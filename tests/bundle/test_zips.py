import io
import stat
import zipfile

import pytest

from edgeguard_core.bundle.zips import unzip_files, zip_files

FILES = {"manifest.json": b"{}", "card.md": b"# Model card\n" * 100}


def unzip(content, *, max_entries=8, limit=10_000):
    return unzip_files(content, max_entries=max_entries, limit_of=lambda name: limit)


def zip_of(*entries):
    """A zip made without our own care; an entry is a name or ZipInfo, and its bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return stream.getvalue()


def test_files_survive_and_the_bytes_are_the_same_each_time():
    content = zip_files(FILES)
    assert unzip(content) == FILES
    assert content == zip_files(dict(reversed(FILES.items())))


def test_one_folder_around_everything_is_accepted():
    assert unzip(zip_of(("B1/", b""), ("B1/a.txt", b"a"), ("B1/b.txt", b"b"))) == {
        "a.txt": b"a",
        "b.txt": b"b",
    }


@pytest.mark.parametrize(
    "name", ["../a.txt", "/etc/a", "a/b/c.txt", "..", ".hidden", "C:\\a", "a\\b", "a b", "ä.txt"]
)
def test_a_name_that_is_no_plain_file_name_is_refused(name):
    with pytest.raises(ValueError, match="not a plain file name"):
        unzip(zip_of(("ok.txt", b""), (name, b"x")))


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "./a.txt"])
def test_a_folder_that_leads_elsewhere_is_not_taken_for_the_common_one(name):
    with pytest.raises(ValueError, match="not a plain file name"):
        unzip(zip_of((name, b"x")))


def test_a_symbolic_link_is_refused():
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(ValueError, match="link"):
        unzip(zip_of((link, b"/etc/passwd")))


def test_a_name_that_stands_twice_is_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        content = zip_of(("a.txt", b"1"), ("a.txt", b"2"))
    with pytest.raises(ValueError, match="twice"):
        unzip(content)


def test_a_bomb_is_refused_before_it_is_unpacked():
    content = zip_of(("a.txt", bytes(5_000_000)))
    assert len(content) < 10_000
    with pytest.raises(ValueError, match="limit is 10000"):
        unzip(content)


def test_a_file_whose_size_is_announced_too_small_is_refused():
    content = zip_of(("a.txt", bytes(5_000_000)))
    lie = content.replace((5_000_000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    with pytest.raises(ValueError, match="not a sound zip"):
        unzip(lie)


def test_too_many_files_are_refused():
    with pytest.raises(ValueError, match="more than 8 files"):
        unzip(zip_of(*((f"{number}.txt", b"") for number in range(9))))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK", b"no zip at all" * 10, zip_files(FILES)[:-30], zip_files(FILES) + b"tail"],
    ids=["empty", "two bytes", "text", "cut", "appended"],
)
def test_what_does_not_end_as_a_zip_ends_is_refused(content):
    with pytest.raises(ValueError, match="not a zip file"):
        unzip(content)


def test_damaged_content_is_refused():
    content = bytearray(zip_files(FILES))
    content[60] ^= 0xFF  # inside the first file's packed bytes
    with pytest.raises(ValueError, match=r"not a sound zip|cannot be unpacked"):
        unzip(bytes(content))
