"""States out of flags: against a slow reading, row by row, of what Zeek's manual says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.states import STATES, flags_of, one_way_states, tcp_states

PAIRS = [
    ("FSPA_FSPA", "done"),
    ("FSRPA_FSPA", "done"),  # both closed; a reset after that changes nothing
    ("S_", "noreply"),
    ("SEC_", "noreply"),
    ("S_RA", "rejected"),
    ("SR_", "rejected"),
    ("FS_", "half"),
    ("_FSA", "half"),
    ("FSPA_SRPA", "reset"),
    ("SR_SA", "reset"),
    ("SPA_SPA", "open"),
    ("FSPA_SPA", "open"),
    ("PA_PA", "mid"),
    ("_A", "mid"),
    ("_", "mid"),
]


@pytest.mark.parametrize(("pair", "state"), PAIRS)
def test_a_pair_of_flags_has_one_state(pair: str, state: str) -> None:
    src, dst = (np.array([flags_of(side)]) for side in pair.split("_"))
    assert tcp_states(src, dst).tolist() == [state]


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ("......S.", "noreply"),
        ("...A.R..", "rejected"),
        (".APRSF", "done"),
        (".APRS.", "reset"),
        (".AP.S.", "open"),
        (".AP...", "mid"),
        ("........", ""),
    ],
)
def test_one_direction_tells_what_it_can(flags: str, state: str) -> None:
    assert one_way_states(np.array([flags_of(flags)])).tolist() == [state]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=30))
def test_every_pair_has_a_state_and_rows_do_not_matter_to_each_other(
    pairs: list[tuple[int, int]],
) -> None:
    src, dst = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    together = tcp_states(src, dst).tolist()
    assert set(together) <= set(STATES)
    assert together == [tcp_states(src[[n]], dst[[n]])[0] for n in range(len(pairs))]


def test_the_words_are_those_of_the_schema() -> None:
    assert Schema.named("flow").column("state").values == STATES
