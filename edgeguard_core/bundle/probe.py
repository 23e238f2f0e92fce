"""A stranger's model, first run in a child process that may crash or hang in its place."""

import math
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np

from edgeguard_core.errors import BundleError, EdgeGuardError
from edgeguard_core.features.preprocessing import ModelInput, Preprocessor

_TIME_LIMIT_S: Final = 30.0
_MEMORY_LIMIT_BYTES: Final = 4 << 30
_CHILD: Final = "from edgeguard_core.bundle.probe import child; child()"
_REFUSED: Final = 3


def probe_model(
    model: bytes, preprocessor: Preprocessor, bundle: Path, *, time_limit_s: float = _TIME_LIMIT_S
) -> None:
    """Nothing, if the model scores one row in a child process within the time limit.

    ``bundle`` is where the model comes from, for the message.

    The child gets the model through its standard input, and limits on memory and processor time
    where the system has them. It is a fence against crashes, not against a determined attacker:
    it runs as the same user.

    Raises
    ------
    BundleError
        If the child crashes, takes too long, or the runtime refuses the model.
    """
    shape = (len(preprocessor.numeric), len(preprocessor.categorical))
    command = [sys.executable, "-c", _CHILD, *map(str, shape), str(math.ceil(time_limit_s))]
    try:
        done = subprocess.run(
            command, input=model, capture_output=True, timeout=time_limit_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _refusal(bundle, f"takes longer than {time_limit_s:g} s for one row") from error
    if done.returncode == _REFUSED:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise _refusal(bundle, f"does not run ({lines[-1] if lines else 'no reason given'})")
    if done.returncode != 0:
        raise _refusal(bundle, f"crashes the runtime (exit status {done.returncode})")


def child() -> None:
    """The child's whole life: read a model from standard input, score one row of zeros."""
    from edgeguard_core.inference import Scorer

    n_numeric, n_categorical, seconds = map(int, sys.argv[1:4])
    limit_resources(seconds)
    row = ModelInput(
        numeric=np.zeros((1, n_numeric), np.float32),
        categorical=np.zeros((1, n_categorical), np.int32),
    )
    try:
        raw = Scorer(sys.stdin.buffer.read()).score(row)
    except (EdgeGuardError, ValueError, RuntimeError) as error:
        print(str(error), file=sys.stderr)
        sys.exit(_REFUSED)
    if raw.feature_errors.shape != (1, n_numeric + n_categorical):
        print("its outputs do not fit the manifest", file=sys.stderr)
        sys.exit(_REFUSED)


def limit_resources(seconds: int) -> None:
    """Bound this process in memory and processor time, where the system can."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    for kind, limit in ((resource.RLIMIT_AS, _MEMORY_LIMIT_BYTES), (resource.RLIMIT_CPU, seconds)):
        # A stricter limit may be in force already; that one serves as well.
        with suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))


def _refusal(bundle: Path, what: str) -> BundleError:
    return BundleError(
        f"model.tflite of bundle {bundle} {what}: do not use this file, get the bundle from "
        "where it was made."
    )
