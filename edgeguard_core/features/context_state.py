"""The history of hosts as arrays, so that a restart goes on with it."""

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgeguard_core.features.context import HostContext
from edgeguard_core.flows.schema import CONTEXT_VERSION

_NUMBER: Final = "context_version"


def context_arrays(context: HostContext) -> dict[str, NDArray[Any]]:
    """All that a ``HostContext`` remembers, as arrays of numbers; keys are JSON in bytes.

    >>> sorted(context_arrays(HostContext()))[:2]
    ['context_0_old_keys', 'context_0_old_values']
    """
    arrays: dict[str, NDArray[Any]] = {
        _NUMBER: np.array([CONTEXT_VERSION], np.int64),
        "context_latest": np.array([context._latest_s], np.float64),
        "context_evicted": np.array([m.evicted for m in context._memories()], np.int64),
    }
    for at, memory in enumerate(context._memories()):
        for name, part in (("young", memory.young), ("old", memory._old)):
            keys = json.dumps(list(part)).encode()
            arrays[f"context_{at}_{name}_keys"] = np.frombuffer(keys, np.uint8)
            arrays[f"context_{at}_{name}_values"] = np.array(list(part.values()), np.float64)
    return arrays


def restore_context(context: HostContext, arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether the context now holds what ``context_arrays`` wrote; not that of another version.

    Raises
    ------
    KeyError, ValueError
        If the arrays are not what was written.
    """
    if _NUMBER not in arrays or int(arrays[_NUMBER][0]) != CONTEXT_VERSION:
        return False
    context._latest_s = float(arrays["context_latest"][0])
    for at, memory in enumerate(context._memories()):
        memory.evicted = int(arrays["context_evicted"][at])
        memory.young = _read(arrays, f"context_{at}_young")
        memory._old = _read(arrays, f"context_{at}_old")
    return True


def _read(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[Any, Any]:
    keys = json.loads(arrays[f"{name}_keys"].tobytes())
    values = arrays[f"{name}_values"].tolist()
    plain = [tuple(key) if isinstance(key, list) else key for key in keys]
    if values and not isinstance(values[0], list):
        values = [bool(value) for value in values]
    return dict(zip(plain, values, strict=True))
