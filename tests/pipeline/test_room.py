import pytest

from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.room import require_room, spare


def test_room_is_found_in_a_folder_that_is_there_or_can_be_made(tmp_path):
    require_room(tmp_path / "B")
    require_room(tmp_path / "new" / "er" / "B")
    assert list(tmp_path.iterdir()) == []


def test_no_room_below_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"Cannot write .*Not a directory"):
        require_room(tmp_path / "file" / "B")


def test_an_input_is_spared_under_any_name(tmp_path):
    source = tmp_path / "x.csv"
    source.write_text("x")
    (tmp_path / "link.csv").symlink_to(source)
    with pytest.raises(OutputError, match="it is the file to be read"):
        spare(tmp_path / "link.csv", [source])
    spare(tmp_path / "y.csv", [source])


@pytest.mark.parametrize("inside", ["B", "B/x.csv", "B/sub/x.csv", "B/../B/x.csv"])
def test_a_bundle_is_spared(tmp_path, inside):
    (tmp_path / "B").mkdir()
    with pytest.raises(OutputError, match="it lies in bundle"):
        spare(tmp_path / inside, [], tmp_path / "B")
    spare(tmp_path / "B.state", [], tmp_path / "B")
