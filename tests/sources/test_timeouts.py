"""Timeouts: what is none is refused, and what a manifest says comes back."""

import math

import pytest

from edgeguard_core.errors import SourceError
from edgeguard_core.sources.timeouts import Timeouts


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 3601, "ten", None])
@pytest.mark.parametrize("name", ["idle_s", "active_s"])
def test_what_is_no_time_is_refused(name, value):
    with pytest.raises(SourceError, match=f"A flow timeout {name} of "):
        Timeouts(**{name: value})


def test_what_was_written_is_read():
    assert Timeouts.of(Timeouts(3, 4.5).to_json()) == Timeouts(3, 4.5)
    assert Timeouts.of({"idle": 60.0}) == Timeouts()
