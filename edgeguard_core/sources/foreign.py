"""Files that are no flow table EdgeGuard reads, each refused in a sentence that says why."""

from pathlib import Path

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.streams import HEAD_BYTES, UTF8_BOM, to_utf8

_CONTROLS = bytes(code for code in range(32) if code not in b"\t\r\n\f")
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVE_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ")
_GIVE = "give a CSV, a Zeek log or a Parquet file."


def refuse_by_magic(path: Path, head: bytes) -> None:
    """Refuse what the first bytes already give away.

    Raises
    ------
    SourceError
        For an empty file, an archive or UTF-16.
    """
    if head.startswith(_ARCHIVE_MAGICS):
        raise SourceError(
            f"{path} is an archive or a spreadsheet; unpack it, or save the sheet as CSV."
        )
    if head.startswith(_UTF16_BOMS):
        raise SourceError(f"{path} is UTF-16 text; save it as UTF-8.")
    if not head.removeprefix(UTF8_BOM).strip(b"\r\n\t \0"):
        raise SourceError(f"{path} is empty; export it again.")


def text_lines(path: Path, head: bytes) -> list[str]:
    """The head's lines that are not blank, the last one perhaps cut short.

    Raises
    ------
    SourceError
        If the head is binary, or its first line does not end.
    """
    if b"\0" in head:
        head = _without_broken_lines(head)
    text = to_utf8(head.removeprefix(UTF8_BOM)).decode(errors="replace")
    controls = len(head) - len(head.translate(None, delete=_CONTROLS))
    if b"\0" in head or controls > len(head) / 100:
        raise SourceError(f"{path} is binary and of no known kind; {_GIVE}")
    if "\r" in text and "\n" not in text:
        raise SourceError(f"{path} ends its lines in carriage returns; save it with line feeds.")
    lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
    if len(lines) == 1 and len(head) >= HEAD_BYTES:
        raise SourceError(f"{path} line 1 is longer than {HEAD_BYTES >> 10} KiB; {_GIVE}")
    return lines


def _without_broken_lines(head: bytes) -> bytes:
    r"""The head of a text without the few lines in which a power cut left NUL bytes.

    >>> _without_broken_lines(b"a,b\n1,2\n\0\0\0\n3,4")
    b'a,b\n1,2\n3,4'
    """
    first, *rest = head.split(b"\n")
    whole = [line for line in rest if b"\0" not in line]
    is_text = len(first) == len(first.translate(None, delete=_CONTROLS))
    return b"\n".join([first, *whole]) if is_text and len(whole) > len(rest) / 2 else head
