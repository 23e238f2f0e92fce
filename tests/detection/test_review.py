"""The log of verdicts: append-only, the latest wins, many writers at once."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.detection.exclusion import Conditions
from edgeguard_core.detection.review import JudgedFlow, Reviews, Verdict, tally
from edgeguard_core.errors import EdgeGuardError, OutputError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = "a" * 64


def flow(row: int, source: str = SOURCE) -> JudgedFlow:
    return JudgedFlow(source, row, "b" * 64, 3.5, "10.0.0.7", "volume", "10.0.0.7", 5, "::1", 80, 6)


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    return Reviews(tmp_path / "state" / "reviews.sqlite")


def test_nothing_is_made_by_looking(reviews: Reviews) -> None:
    assert reviews.verdicts(SOURCE) == {}
    assert reviews.exclusions() == []
    assert reviews.history() == []
    assert reviews.last_actor() == ""
    assert not reviews.path.exists()


def test_a_verdict_on_a_group_is_kept_for_each_flow_with_who_when_and_why(
    reviews: Reviews,
) -> None:
    flows = [flow(3), flow(9), flow(12)]
    number = reviews.judge(
        Verdict.FALSE, flows, actor=" ann ", reason="backup", now=NOON, about="10.0.0.7 volume"
    )
    assert reviews.verdicts(SOURCE) == dict.fromkeys((3, 9, 12), Verdict.FALSE)
    assert reviews.verdicts("c" * 64) == {}
    (deed,) = reviews.history()
    assert (deed.number, deed.at, deed.actor, deed.what) == (number, NOON, "ann", "false")
    assert (deed.reason, deed.about, deed.flows) == ("backup", "10.0.0.7 volume", 3)
    kept = sqlite3.connect(reviews.path).execute("SELECT * FROM flow WHERE row = 9").fetchone()
    assert kept[2:] == (SOURCE, 9, "b" * 64, 3.5, "10.0.0.7", "volume", "10.0.0.7", 5, "::1", 80, 6)


verdict_deeds = st.lists(
    st.tuples(st.sampled_from(list(Verdict)), st.sets(st.integers(2, 9), min_size=1)), max_size=12
)


@given(deeds=verdict_deeds)
@settings(deadline=None, max_examples=25)
def test_the_latest_verdict_wins_and_the_history_keeps_all(
    deeds: list[tuple[Verdict, set[int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    reviews = Reviews(tmp_path_factory.mktemp("log") / "reviews.sqlite")
    expected: dict[int, Verdict] = {}
    for n, (verdict, rows) in enumerate(deeds):
        now = NOON + timedelta(seconds=n)
        reviews.judge(verdict, [flow(row) for row in rows], actor="ann", reason="", now=now)
        for row in rows:
            expected[row] = verdict
            if verdict is Verdict.WITHDRAWN:
                del expected[row]
    assert reviews.verdicts(SOURCE) == expected
    told = [(deed.what, deed.flows) for deed in reviews.history()]
    assert told == [(verdict.value, len(rows)) for verdict, rows in reversed(deeds)]
    assert sum(tally(expected).values()) == len(expected)


@pytest.mark.parametrize("table", ["deed", "flow", "exclusion", "revocation"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {0} SET number = number + 100",
        "DELETE FROM {0}",
        "INSERT OR REPLACE INTO {0} SELECT * FROM {0} LIMIT 1",
    ],
)
def test_whoever_opens_the_file_cannot_change_what_was_said(
    reviews: Reviews, table: str, change: str
) -> None:
    reviews.judge(Verdict.TRUE, [flow(2)], actor="ann", reason="scan", now=NOON)
    made = reviews.exclude(
        Conditions(dst_port=53), actor="ann", reason="dns", now=NOON,
        expires=NOON + timedelta(days=3),
    )  # fmt: skip
    reviews.revoke(made.number, actor="bob", reason="", now=NOON)
    before = list(sqlite3.connect(reviews.path).iterdump())
    base = sqlite3.connect(reviews.path)  # without what EdgeGuard's own connection sets
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        base.execute(change.format(table))
    base.close()
    assert list(sqlite3.connect(reviews.path).iterdump()) == before


def test_writers_at_once_lose_nothing(reviews: Reviews) -> None:
    def write(n: int) -> int:
        return Reviews(reviews.path).judge(
            Verdict.TRUE, [flow(n), flow(n + 100)], actor=f"a{n}", reason="", now=NOON
        )

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(write, range(24)))
    assert sorted(numbers) == list(range(1, 25))
    assert len(reviews.verdicts(SOURCE)) == 48


def test_an_exclusion_is_listed_revoked_and_kept(reviews: Reviews) -> None:
    ends = NOON + timedelta(days=30)
    made = reviews.exclude(
        Conditions(host="10.0.0.0/8", cause="volume"), actor="ann", reason="backups",
        now=NOON, expires=ends,
    )  # fmt: skip
    assert reviews.exclusions() == [made]
    assert made.is_active(NOON)
    reviews.revoke(made.number, actor="bob", reason="moved", now=NOON + timedelta(days=1))
    (standing,) = reviews.exclusions()
    assert (standing.revoked_by, standing.state(NOON + timedelta(days=2))) == ("bob", "revoked")
    assert not standing.is_active(NOON + timedelta(days=2))
    assert [deed.what for deed in reviews.history()] == ["revoked", "excluded"]
    assert reviews.history()[0].about == "host 10.0.0.0/8, cause volume"
    assert reviews.last_actor() == "bob"
    with pytest.raises(EdgeGuardError, match="was revoked"):
        reviews.revoke(made.number, actor="bob", reason="", now=NOON)


def test_what_the_log_must_know(reviews: Reviews) -> None:
    with pytest.raises(EdgeGuardError, match="who decides"):
        reviews.judge(Verdict.TRUE, [flow(2)], actor="  ", reason="", now=NOON)
    with pytest.raises(EdgeGuardError, match="no flow"):
        reviews.judge(Verdict.TRUE, [], actor="ann", reason="", now=NOON)
    with pytest.raises(EdgeGuardError, match="2001 characters"):
        reviews.judge(Verdict.TRUE, [flow(2)], actor="ann", reason="x" * 2001, now=NOON)
    with pytest.raises(EdgeGuardError, match="why it is harmless"):
        reviews.exclude(
            Conditions(dst_port=53), actor="ann", reason="", now=NOON,
            expires=NOON + timedelta(days=1),
        )  # fmt: skip
    with pytest.raises(ValueError, match="without a zone"):
        reviews.judge(
            Verdict.TRUE, [flow(2)], actor="ann", reason="", now=NOON.replace(tzinfo=None)
        )
    assert not reviews.path.exists() or reviews.history() == []


@pytest.mark.parametrize("ends", [NOON, NOON - timedelta(days=1), NOON + timedelta(days=367)])
def test_an_exclusion_ends_after_it_begins_and_within_a_year(
    reviews: Reviews, ends: datetime
) -> None:
    with pytest.raises(EdgeGuardError, match="An exclusion"):
        reviews.exclude(Conditions(dst_port=53), actor="ann", reason="dns", now=NOON, expires=ends)


def test_a_file_that_is_none_or_of_a_newer_version_is_told(reviews: Reviews) -> None:
    reviews.path.parent.mkdir()
    reviews.path.write_text("no database at all, but long enough to be taken for one" * 40)
    with pytest.raises(EdgeGuardError, match="move the file away"):
        reviews.verdicts(SOURCE)
    with pytest.raises(OutputError, match="move a damaged file away"):
        reviews.judge(Verdict.TRUE, [flow(2)], actor="ann", reason="", now=NOON)
    reviews.path.unlink()
    newer = sqlite3.connect(reviews.path)
    newer.execute("PRAGMA user_version = 2")
    newer.execute("CREATE TABLE x (y)")
    newer.close()
    with pytest.raises(EdgeGuardError, match="update EdgeGuard"):
        reviews.verdicts(SOURCE)
    with pytest.raises(EdgeGuardError, match="update EdgeGuard"):
        reviews.judge(Verdict.TRUE, [flow(2)], actor="ann", reason="", now=NOON)
