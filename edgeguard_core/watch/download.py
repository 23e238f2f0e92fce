"""Files from where bundles are published, fetched within bounds of size and time."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol
from urllib.parse import quote, unquote, urlsplit

from edgeguard_core.errors import SourceError

_BLOCK_BYTES: Final = 64 << 10
_SCHEMES: Final = ("http", "https")


class Elapsed(Protocol):
    """The part of a clock that a deadline needs."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...


@dataclass(frozen=True)
class Source:
    """A folder, or a URL that serves one.

    Attributes
    ----------
    place
        As the person gave it, without a password.
    silence_s
        How long the other side may say nothing.
    whole_s
        How long one file may take in all.
    """

    place: str
    _base: str
    _folder: Path | None
    clock: Elapsed
    silence_s: float = 15.0
    whole_s: float = 600.0

    @classmethod
    def of(cls, place: Path | str, clock: Elapsed, **bounds: float) -> "Source":
        """The source that a path, ``file://``, ``http://`` or ``https://`` names.

        Raises
        ------
        SourceError
            If it is of another scheme.
        """
        text = str(place)
        parts = urlsplit(text)
        if isinstance(place, Path) or "://" not in text:
            return cls(text, "", Path(text), clock, **bounds)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            return cls(text, "", Path(unquote(parts.path)), clock, **bounds)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise SourceError(
                f"Updates cannot come from {text!r}; give a folder, or an http or https URL."
            )
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        shown = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
        return cls(shown, text.rstrip("/"), None, clock, **bounds)

    def read(self, name: str, limit: int) -> bytes:
        """A small file.

        Raises
        ------
        SourceError
            If it is not there, cannot be reached, or is larger than the limit.
        """
        content = bytearray()
        with self._opened(name, 0) as (stream, _):
            for block in self._blocks(stream, name):
                content += block
                if len(content) > limit:
                    raise SourceError(
                        f"{name} of {self.place} is larger than {limit} bytes; publish it again."
                    )
        return bytes(content)

    def fetch(self, name: str, size_bytes: int, part: Path) -> None:
        """The file in ``part``, of exactly this size, on the disk; what is there is gone on with.

        Cut off in the midst, ``part`` keeps what came, for the next call.

        Raises
        ------
        SourceError
            If it cannot be reached, takes too long, or has another size.
        OSError
            If ``part`` cannot be written.
        """
        have = part.stat().st_size if part.exists() else 0
        if have > size_bytes:
            part.unlink()
            have = 0
        if have == size_bytes:
            return
        with (
            self._opened(name, have) as (stream, start),
            part.open("r+b" if start else "wb") as out,
        ):
            out.seek(start)
            written = start
            for block in self._blocks(stream, name):
                written += len(block)
                if written > size_bytes:
                    out.truncate(0)
                    raise self._other_size(name, f"more than the {size_bytes} bytes")
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if written < size_bytes:
            raise self._other_size(name, f"{written} of the {size_bytes} bytes")

    def _other_size(self, name: str, found: str) -> SourceError:
        return SourceError(
            f"{name} of {self.place} came with {found} that its index names; it is tried again at "
            "the next look."
        )

    @contextmanager
    def _opened(self, name: str, start: int) -> Iterator[tuple[Any, int]]:
        """The file as a stream, and the byte it starts at, which may be 0 all the same."""
        try:
            if self._folder is not None:
                with self._local(name) as stream:
                    stream.seek(start)
                    yield stream, start
            else:
                with self._request(name, start) as response:
                    yield response, _begins_at(response, start)
        except urllib.error.HTTPError as error:
            with error:
                reason = f"{error.code} {error.reason}"
            raise self._unreachable(name, reason) from error
        except urllib.error.URLError as error:
            raise self._unreachable(name, str(error.reason)) from error
        except (http.client.HTTPException, ValueError) as error:
            raise self._unreachable(name, str(error) or type(error).__name__) from error

    def _local(self, name: str) -> IO[bytes]:
        assert self._folder is not None
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            raise self._unreachable(name, error.strerror or str(error)) from error

    def _request(self, name: str, start: int) -> Any:
        request = urllib.request.Request(f"{self._base}/{quote(name)}")
        if start:
            request.add_header("Range", f"bytes={start}-")
        opener = urllib.request.build_opener(_Redirects)
        try:
            return opener.open(request, timeout=self.silence_s)
        except urllib.error.HTTPError as error:
            if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE or not start:
                raise
            error.close()
            return opener.open(f"{self._base}/{quote(name)}", timeout=self.silence_s)

    def _blocks(self, stream: IO[bytes], name: str) -> Iterator[bytes]:
        deadline = self.clock.monotonic() + self.whole_s
        read = getattr(stream, "read1", stream.read)  # what is there, not what may yet come
        while True:
            try:
                block = read(_BLOCK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(name, str(error) or type(error).__name__) from error
            if not block:
                return
            yield block
            if self.clock.monotonic() > deadline:
                raise self._unreachable(name, f"it took longer than {self.whole_s:g} s")

    def _unreachable(self, name: str, reason: str) -> SourceError:
        return SourceError(
            f"{name} of {self.place} cannot be fetched ({reason.rstrip('.')}); check the address, "
            "or publish there with edgeguard bundle publish."
        )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, never from https to http."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.URLError("it redirects from https to http")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _begins_at(response: Any, asked: int) -> int:
    if response.status != http.client.PARTIAL_CONTENT:
        return 0  # a server that knows no ranges sends all of it
    given = str(response.headers.get("Content-Range", ""))
    if not given.startswith(f"bytes {asked}-"):
        raise ValueError(f"the server answers another range, {given!r}")
    return asked
