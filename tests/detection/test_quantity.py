import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeguard_core.detection.quantity import quantity


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "B", "0 B"),
        (999, "B", "999 B"),
        (9_100, "B", "9.1 kB"),
        (5_200_000, "B", "5.2 MB"),
        (2.5e9, "B/s", "2.5 GB/s"),
        (120_000, "bit/s", "120 kbit/s"),
        (0, "us", "0 s"),
        (12, "us", "12 µs"),
        (2_500, "us", "2.5 ms"),
        (1_500, "ms", "1.5 s"),
        (90, "s", "1.5 min"),
        (7_200, "s", "2 h"),
        (200_000, "s", "2.3 d"),
        (-5, "ms", "-5 ms"),
        (1, "flows", "1 flow"),
        (2, "flows", "2 flows"),
        (1, "packets/s", "1 packets/s"),
        (7.4e-23, "hosts", "0 hosts"),
        (0.123456, None, "0.123"),
        (1234567, None, "1,234,567"),
        (1234.56, None, "1,235"),
        (3.2e12, None, "3.2e+12"),
        (None, "B", "missing"),
        (float("nan"), "B", "missing"),
    ],
)
def test_amounts_as_a_person_says_them(value, unit, text):
    assert quantity(value, unit) == text


@given(
    st.floats(allow_infinity=False, allow_nan=False),
    st.sampled_from(["B", "B/s", "us", "ms", "s", "packets", "B^2", None]),
)
def test_any_amount_is_short(value, unit):
    assert 0 < len(quantity(value, unit)) < 30
