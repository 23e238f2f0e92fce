"""Streams: plain, gzip and zstd alike, lines in blocks, and nothing left open."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import zstandard
from flow_texts import written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeguard_core.errors import SourceError
from edgeguard_core.sources import streams
from edgeguard_core.sources.streams import line_blocks, open_bytes, read_head, to_utf8

TEXT = b"".join(b"line %d, some more text\n" % n for n in range(5000))


def zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip in two members": gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:]),
    "zstd": zst(TEXT),
    "zstd in two frames": zst(TEXT[:700]) + zst(TEXT[700:]),
    "zstd with a frame to skip": b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + zst(TEXT),
}


def everything(path: Path, **options: object) -> tuple[bytes, list[int]]:
    blocks = list(line_blocks(path, **options))  # type: ignore[arg-type]
    lines = np.concatenate([block.line for block in blocks]) if blocks else np.array([])
    return b"".join(block.data for block in blocks), lines.tolist()


@pytest.mark.parametrize("kind", PACKED)
def test_a_packed_file_reads_like_the_plain_one(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, "some.name", PACKED[kind])
    assert everything(path) == (TEXT, list(range(1, 5001)))
    assert read_head(path) == TEXT[: streams.HEAD_BYTES]
    with open_bytes(path) as stream:
        assert stream.read(10) + stream.read(7) == TEXT[:17]
    last = list(line_blocks(path))[-1]
    assert last.share_read == 1.0


@pytest.mark.parametrize("kind", ["gzip", "zstd", "zstd in two frames"])
def test_a_file_cut_short_is_refused(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, "cut", PACKED[kind][:-5])
    with pytest.raises(SourceError, match="in the middle of its compressed data"):
        everything(path)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_damaged_file_is_refused(tmp_path: Path, kind: str) -> None:
    content = bytearray(PACKED[kind])
    content[len(content) // 2 :] = b"\xaa" * 200
    with pytest.raises(SourceError, match="copy or export it again"):
        everything(written(tmp_path, "damaged", bytes(content)))


def test_without_zstandard_the_remedy_is_to_unpack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "_zstandard", None)
    with pytest.raises(SourceError, match="zstd -d"):
        open_bytes(written(tmp_path, "a.zst", zst(TEXT)))


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        open_bytes(tmp_path / "none.csv")
    with pytest.raises(SourceError, match="is a folder"):
        open_bytes(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "secret", b"x")
    path.chmod(0)
    with pytest.raises(SourceError, match="Permission denied"):
        open_bytes(path)


def test_a_pipe_is_told() -> None:
    reader, writer = os.pipe()
    try:
        with pytest.raises(SourceError, match="is a pipe"):
            open_bytes(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
        os.close(writer)


def test_blank_lines_comments_and_the_header_keep_their_numbers(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfhead\n# one\n\na\r\n \t\r\n#two\nb"
    path = written(tmp_path, "log", content)
    assert everything(path, skip_lines=1, comment=b"#") == (b"a\r\nb\n", [4, 7])
    blocks = list(line_blocks(path, comment=b"#"))
    assert [comment for block in blocks for comment in block.comments] == [
        (2, b"# one"),
        (6, b"#two"),
    ]


def test_a_line_of_another_code_page_is_mended_alone() -> None:
    assert to_utf8("a – b\n".encode() + b"c \x96 d\n") == "a – b\nc – d\n".encode()
    assert to_utf8(b"\x81").decode() == "\ufffd"


def test_an_endless_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BLOCK_BYTES", 64)
    monkeypatch.setattr(streams, "LONGEST_LINE_BYTES", 256)
    path = written(tmp_path, "endless", b"short\n" + b"x" * 1000)
    with pytest.raises(SourceError, match="line 2 is longer"):
        everything(path)


content = st.lists(
    st.sampled_from(
        [b"a", b"a,b", b"", b" ", b"\t\r", b"# c", b"caf\xe9", "né".encode(), b'"x', b"\x0c"]
    ),
    max_size=30,
).map(b"\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content, st.integers(1, 20), st.booleans())
def test_where_a_block_is_cut_changes_nothing(
    tmp_path: Path, text: bytes, size: int, packed: bool
) -> None:
    path = written(tmp_path, "text", gzip.compress(text) if packed else text)
    whole = everything(path, skip_lines=2, comment=b"#")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BLOCK_BYTES", size)
        patch.setattr(streams, "MOST_LINES", 1 + size % 3)
        assert everything(path, skip_lines=2, comment=b"#") == whole
    kept = [
        (number, to_utf8(line))
        for number, line in enumerate(text.split(b"\n"), 1)
        if number > 2 and line.strip(b" \t\r") and not line.startswith(b"#")
    ]
    assert whole == (b"".join(line + b"\n" for _, line in kept), [number for number, _ in kept])
