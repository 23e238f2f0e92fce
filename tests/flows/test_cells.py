"""Cells: numbers, ports, addresses and times out of whatever a log writes."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.flows import cells

CAPTURE = datetime(2017, 7, 7, 3, 56, tzinfo=UTC).timestamp() * 1000


def objects(*values: object) -> np.ndarray:
    column = np.empty(len(values), object)
    column[:] = values
    return column


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1.5", 1.5), (" 2 ", 2.0), ("-3", -3.0), ("+4", 4.0), ("1e3", 1000.0), (".5", 0.5),
        (7, 7.0), (True, 1.0), (np.float32(2), 2.0),
    ],
)  # fmt: skip
def test_a_number(cell: object, value: float) -> None:
    values, wrong = cells.numbers(objects(cell))
    assert (values[0], wrong[0]) == (value, False)


@pytest.mark.parametrize(
    "cell",
    [None, "", " ", "NaN", "Infinity", "-inf", "+INF", "-", "?", "NULL", float("inf"), float("nan"),
     "1e999", 10**400],
)  # fmt: skip
def test_a_number_that_is_not_there(cell: object) -> None:
    values, wrong = cells.numbers(objects(cell))
    assert np.isnan(values[0])
    assert not wrong[0]


@pytest.mark.parametrize("cell", ["x", "1_000", "1,5", "٣", "0x10", "1 2", "nan(0)", [1], {}])
def test_what_is_no_number(cell: object) -> None:
    values, wrong = cells.numbers(objects(cell, "1"))
    assert np.isnan(values[0])
    assert wrong.tolist() == [True, False]


@given(st.lists(st.floats() | st.integers() | st.none() | st.booleans() | st.text(max_size=4)))
def test_reading_equal_cells_once_changes_nothing(column: list[object]) -> None:
    together = cells.numbers(objects(*column))
    apart = [cells.numbers(objects(cell)) for cell in column]
    np.testing.assert_array_equal(together[0], [values[0] for values, _ in apart])
    assert together[1].tolist() == [bool(wrong[0]) for _, wrong in apart]


@pytest.mark.parametrize(
    ("cell", "port"),
    [("53", 53), ("53.0", 53), (53, 53), ("0x0035", 53), ("0", 0), ("65535", 65535)],
)
def test_a_port(cell: object, port: int) -> None:
    values, wrong = cells.ports(objects(cell))
    assert (values[0], wrong[0]) == (port, False)


@pytest.mark.parametrize("cell", ["65536", "-1", "53.5", "http", "0xzz"])
def test_what_is_no_port(cell: str) -> None:
    values, wrong = cells.ports(objects(cell))
    assert np.isnan(values[0])
    assert wrong[0]


def test_a_port_read_as_number_already() -> None:
    values, wrong = cells.ports(np.array([53.0, np.nan, 1e6]))
    np.testing.assert_array_equal(values, [53, np.nan, np.nan])
    assert wrong.tolist() == [False, False, True]


def test_protocols_by_word_and_number() -> None:
    values, wrong = cells.protocols(objects("TCP", "ipv6-icmp", "17", 6, "0x11", "256", "-"))
    np.testing.assert_array_equal(values, [6, 58, 17, 6, 17, np.nan, np.nan])
    assert wrong.tolist() == [False] * 5 + [True, False]


@pytest.mark.parametrize("cell", ["10.0.0.1", "fe80::1", "fe80::1%eth0", "00:1a:2B:3c:4d:5e"])
def test_an_address(cell: str) -> None:
    values, wrong = cells.addresses(objects(f" {cell} "))
    assert (values[0], wrong[0]) == (cell, False)


@pytest.mark.parametrize("cell", ["17", "10.0.0.256", "host", "zz:zz:zz:zz:zz:zz"])
def test_a_label_encoded_address_is_unknown(cell: str) -> None:
    values, wrong = cells.addresses(objects(cell, "-", None))
    assert values.tolist() == [None, None, None]
    assert wrong.tolist() == [True, False, False]


def stamp(cell: object, unit: str | None = None, zone: object = UTC) -> float:
    values, wrong = cells.times_ms(objects(cell), zone, unit)  # type: ignore[arg-type]
    assert not wrong[0]
    return float(values[0])


@pytest.mark.parametrize(
    "cell",
    ["7/7/2017 3:56", "07/07/2017 03:56:00", "7/7/2017 3:56:00 AM", "07-07-2017 03:56",
     "2017-07-07 03:56:00", "2017-07-07T03:56:00Z", "2017-07-07T05:56:00+02:00", CAPTURE,
     str(CAPTURE)],
)  # fmt: skip
def test_a_stamp_of_cicflowmeter(cell: object) -> None:
    assert stamp(cell, "day-first") == CAPTURE


def test_the_day_comes_first_only_where_it_does() -> None:
    assert stamp("3/7/2017 03:56", "day-first") == CAPTURE - 4 * 86_400_000
    values, wrong = cells.times_ms(objects("3/7/2017 03:56"), UTC, "s")
    assert np.isnan(values[0])
    assert wrong[0]


@pytest.mark.parametrize("factor", [1e-3, 1, 1e3, 1e6])
def test_the_unit_of_a_bare_number_is_guessed_from_its_size(factor: float) -> None:
    assert stamp(CAPTURE * factor) == pytest.approx(CAPTURE, abs=0.001)


def test_a_unit_that_is_given_is_not_guessed() -> None:
    assert stamp("19.981745", "s") == pytest.approx(19981.745)
    assert stamp("19", "ms") == 19


@pytest.mark.parametrize(
    ("cell", "zone", "hours"),
    [
        ("2017-07-07 03:56", ZoneInfo("Europe/Prague"), -2),  # summer time
        ("2017-01-07 03:56", ZoneInfo("Europe/Prague"), -1),
        ("2017-07-07 03:56+00:00", ZoneInfo("Europe/Prague"), 0),
        ("2017-07-07 03:56", timezone(timedelta(hours=-3)), 3),
    ],
)
def test_a_naive_stamp_is_of_the_zone_asked_for(cell: str, zone: object, hours: int) -> None:
    expected = datetime.fromisoformat(cell).replace(tzinfo=UTC) + timedelta(hours=hours)
    assert stamp(cell, zone=zone) == expected.timestamp() * 1000


def test_numbers_and_stamps_may_stand_together() -> None:
    values, wrong = cells.times_ms(objects("1499399760", "2017-07-07 03:56", "-", "x"), UTC, "s")
    np.testing.assert_array_equal(values, [CAPTURE, CAPTURE, np.nan, np.nan])
    assert wrong.tolist() == [False, False, False, True]


def test_arrow_stamps_without_value_are_unknown_and_not_wrong() -> None:
    column = np.array(["2017-07-07T03:56", "NaT"], "datetime64[ns]")
    values, wrong = cells.times_ms(column, UTC, "day-first")
    np.testing.assert_array_equal(values, [CAPTURE, np.nan])
    assert not wrong.any()


def test_identities_are_any_text() -> None:
    values, wrong = cells.identities(objects(" C1 ", "-", "", None, "(empty)", 5))
    assert values.tolist() == ["C1", None, None, None, None, "5"]
    assert not wrong.any()
