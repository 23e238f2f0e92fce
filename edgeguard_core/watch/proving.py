"""A bundle proved in a child process before the watch takes it.

The child verifies the signature, loads the bundle and answers its golden vectors, within limits
of memory and time: a model that crashes its runtime ends the child and not the watch.
"""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.bundle import Bundle, TrustedKeys
from edgeguard_core.bundle.golden import prove
from edgeguard_core.bundle.probe import limit_resources
from edgeguard_core.errors import BundleError, EdgeGuardError

TIME_LIMIT_S: Final = 60.0
_CHILD: Final = "from edgeguard_core.watch.proving import child; child()"
_REFUSED: Final = 3


@dataclass(frozen=True)
class Proved:
    """What the child found: the bundle that it proved, to the last byte."""

    sums_sha256: str
    rows: int
    largest_difference: float
    runtime: str


Prove = Callable[[Path, TrustedKeys | None], Proved]
"""How a bundle is proved: ``prove_in_child``, or in tests something quicker."""


def prove_in_child(
    path: Path, trusted: TrustedKeys | None, *, time_limit_s: float = TIME_LIMIT_S
) -> Proved:
    """Which bundle it is, once a child process has shown that it works on this machine.

    Parameters
    ----------
    trusted
        Keys, one of which must have signed it; None demands no signature.

    Raises
    ------
    BundleError
        If the child refuses it, crashes or takes too long; the child's own sentence is passed on.
    """
    asked = {
        "path": str(path),
        "keys": None if trusted is None else {n: raw.hex() for n, raw in trusted.keys.items()},
        "origin": "" if trusted is None else trusted.origin,
        "seconds": math.ceil(time_limit_s),
    }
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refusal(path, f"takes longer than {time_limit_s:g} s to prove itself") from error
    if done.returncode == _REFUSED:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise BundleError(lines[-1] if lines else f"Bundle {path} was refused; publish it again.")
    if done.returncode != 0:
        raise _refusal(path, f"crashes its runtime (exit status {done.returncode})")
    return Proved(**json.loads(done.stdout))


def child() -> None:
    """The child's whole life: read what is asked from standard input, answer on standard output."""
    asked: dict[str, Any] = json.load(sys.stdin)
    limit_resources(asked["seconds"])
    keys = asked["keys"]
    trusted = None
    if keys is not None:
        trusted = TrustedKeys({n: bytes.fromhex(raw) for n, raw in keys.items()}, asked["origin"])
    try:
        bundle = Bundle.load(asked["path"], require_signature=trusted)
        proof = prove(bundle)
    except (EdgeGuardError, ValueError, RuntimeError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        sys.exit(_REFUSED)
    print(json.dumps({"sums_sha256": bundle.sums_sha256, **proof.to_json()}))


def _refusal(path: Path, what: str) -> BundleError:
    return BundleError(f"Bundle {path} {what}: it is not used; publish one that works here.")
