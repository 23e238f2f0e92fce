"""Steps of a registry, against a slow model that remembers everything that ever happened."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.bundle import strict_json
from edgeguard_core.errors import RegistryError
from edgeguard_core.pipeline.registry_state import Event, RegistryState, Said

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ANN = Said("ann", NOON, "because")


def fingerprint(n: int) -> str:
    return f"{n:064x}"


def registered(count: int) -> RegistryState:
    state = RegistryState()
    for n in range(1, count + 1):
        state = state.registered(fingerprint(n), ANN)
    return state


class Told:
    """The slow model: every champion that ever led, and every version that ever went."""

    def __init__(self) -> None:
        self.made, self.gone = 0, set[int]()
        self.led: list[int] = []  # champions one after the other, without those taken back
        self.candidate: int | None = None
        self.shadow: int | None = None

    @property
    def champion(self) -> int | None:
        return self.led[-1] if self.led else None

    @property
    def there(self) -> list[int]:
        return [n for n in range(1, self.made + 1) if n not in self.gone]

    def lead(self, n: int) -> None:
        self.led.append(n)
        self.candidate = None if self.candidate == n else self.candidate
        self.shadow = None if self.shadow == n else self.shadow

    def step(self, action: str, n: int) -> bool:
        """Do it; False where it is refused."""
        if action == "register":
            self.made += 1
            self.candidate = self.made
            return True
        if action == "rollback":
            earlier = [x for x in self.led if x not in self.gone]
            while earlier and earlier[-1] == self.champion:
                earlier.pop()
            if not earlier:
                return False
            self.led = earlier[:-1]
            self.lead(earlier[-1])
            return True
        if action == "end":
            was, self.shadow = self.shadow, None
            return was is not None
        if n not in self.there:
            return False
        if action == "promote":
            if n != self.champion:
                self.lead(n)
            return True
        if action == "shadow":
            if n == self.champion:
                return False
            self.shadow = n
            return True
        if n in (self.champion, self.candidate, self.shadow):
            return False
        self.gone.add(n)
        return True

    def aliases(self) -> dict[str, int]:
        named = {"champion": self.champion, "candidate": self.candidate, "shadow": self.shadow}
        return {name: n for name, n in named.items() if n is not None}


def step(state: RegistryState, action: str, n: int) -> RegistryState:
    match action:
        case "register":
            return state.registered(fingerprint(state.last_number + 1), ANN)
        case "rollback":
            return state.rolled_back(ANN)
        case "end":
            return state.shadowed(None, ANN)
        case "promote":
            return state.promoted(state.find(n), ANN)
        case "shadow":
            return state.shadowed(state.find(str(n)), ANN)
    return state.removed(state.find(n), ANN)


def replayed(events: list[Event]) -> dict[str, int]:
    """The aliases as somebody reads them off the history alone."""
    found: dict[str, int | None] = {}
    for event in events:
        if event.action == "register":
            found["candidate"] = event.after
        elif event.action == "shadow":
            found["shadow"] = event.after
        elif event.action in ("promote", "rollback"):
            found = {name: n for name, n in found.items() if n != event.after}
            found["champion"] = event.after
    return {name: n for name, n in found.items() if n is not None}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("register", "promote", "promote", "rollback", "shadow", "end", "remove")
        ),
        st.integers(1, 5),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_any_steps_lead_where_the_slow_model_says(steps):
    state, told, events = registered(3), Told(), list[Event]()
    told.made = told.candidate = 3
    events.append(Event(3, "", "ann", "register", 3, 2, 3, ""))
    for action, n in steps:
        before = state
        try:
            state = step(state, action, n)
            done = True
        except RegistryError:
            done = False
        assert done == told.step(action, n), (action, n)
        assert state.aliases == told.aliases()
        assert list(state.versions) == told.there
        if state is not before:
            assert state.sequence == before.sequence + 1
            events.append(state.last)
        assert RegistryState.from_json(strict_json.load(strict_json.dump(state.to_json()))) == state
    assert replayed(events) == state.aliases
    assert [event.sequence for event in events] == list(range(3, 3 + len(events)))
    assert all(Event.from_json(event.to_json()) == event for event in events)


def test_rollbacks_walk_back_and_a_promotion_after_one_forgets_what_was_left():
    state = registered(4)
    for n in (1, 2, 3):
        state = state.promoted(n, ANN)
    back = state.rolled_back(ANN)
    assert (back.aliases["champion"], back.rolled_back(ANN).aliases["champion"]) == (2, 1)
    with pytest.raises(RegistryError, match="no earlier champion"):
        back.rolled_back(ANN).rolled_back(ANN)
    onward = back.promoted(4, ANN)
    assert onward.rolled_back(ANN).aliases["champion"] == 2  # and not 3, which was left
    assert onward.promoted(3, ANN).rolled_back(ANN).aliases["champion"] == 4


def test_a_rollback_passes_over_removed_versions():
    state = registered(3)
    for n in (1, 2, 1, 3):
        state = state.promoted(n, ANN)
    state = state.removed(2, ANN)
    first = state.rolled_back(ANN)
    assert first.aliases["champion"] == 1
    with pytest.raises(RegistryError, match="no earlier champion"):
        first.rolled_back(ANN)


def test_an_event_says_who_when_why_and_what_moved():
    state = registered(2).promoted(1, ANN)
    asked = Said("bob\n", NOON, "fewer\tfalse  alarms \udcff")
    assert state.promoted(2, asked).last.to_json() == {
        "sequence": 4, "when": "2026-01-02T12:00:00+00:00", "who": "bob", "action": "promote",
        "version": 2, "from": 1, "to": 2, "why": "fewer false alarms \\udcff",
    }  # fmt: skip


@pytest.mark.parametrize("why", ["", " \n"])
def test_nobody_leads_or_is_taken_back_without_a_reason(why):
    silent = Said("ann", NOON, why)
    state = registered(2).promoted(1, ANN)
    for does in (lambda: state.promoted(2, silent), lambda: state.rolled_back(silent)):
        with pytest.raises(RegistryError, match="--because"):
            does()


@pytest.mark.parametrize("name", ["4", "0", "-1", "", "one", "²", "9" * 5000, 4, "shadow"])
def test_a_version_that_is_not_there_is_no_version(name):
    with pytest.raises(RegistryError, match=r"No version"):
        registered(3).find(name)


def test_a_version_is_found_by_number_and_by_alias():
    state = registered(3).promoted(2, ANN)
    assert [state.find(name) for name in (2, "2", "0002", "champion", "candidate")] == [2] * 4 + [3]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format is 2"),
        ({"aliases": {"champion": 9}}, "does not have"),
        ({"aliases": {"champion": True}}, "True"),
        ({"aliases": []}, "aliases"),
        ({"former_champions": [7]}, "does not have"),
        ({"versions": {"1": "abc"}}, "'abc'"),
        ({"versions": {"x": "a" * 64}}, "'x'"),
        ({"last_number": 1}, "does not have"),
        ({"last_event": {"sequence": 1}}, "where"),
        ({"last_event": 5}, "not an object"),
    ],
)
def test_what_is_no_state_is_refused(change, says):
    document = registered(2).to_json() | change
    with pytest.raises(ValueError, match=says):
        RegistryState.from_json(document)
