"""Options and reports."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from edgeguard_core.errors import SourceError
from edgeguard_core.sources import ReadOptions, ReadReport


def test_the_zone_is_utc_or_one_by_name() -> None:
    assert ReadOptions().zone is UTC
    assert ReadOptions(tz="utc").zone is UTC
    assert ReadOptions(tz="Europe/Prague").zone == ZoneInfo("Europe/Prague")


@pytest.mark.parametrize("name", ["Mars/Base", "", "Europe", "/etc/passwd", "../UTC"])
def test_a_zone_that_is_none_is_told(name: str) -> None:
    with pytest.raises(SourceError, match="no time zone"):
        _ = ReadOptions(tz=name).zone


def test_an_empty_report_is_all_zero() -> None:
    assert ReadReport().to_json() == {
        "format": "",
        "schema": None,
        "rows": 0,
        "accepted": 0,
        "rejected": {},
        "labels": {},
        "missing": {},
        "warnings": [],
    }
