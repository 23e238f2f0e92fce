"""A fresh visit sees the demo at once; one click opens it as any scored file."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from support import data

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

AT_ONCE_MS = 20_000
NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_fresh_visit_sees_the_demo(
    dashboard_url: str, new_page: NewPage, picture: Picture, scheme: str
) -> None:
    page = new_page(scheme)
    page.goto(dashboard_url)
    page.get_by_text("Demo, synthesised traffic").wait_for(timeout=AT_ONCE_MS)
    page.get_by_text(re.compile(r"of the attack flows are caught")).wait_for(timeout=AT_ONCE_MS)
    page.locator("[data-testid=stVegaLiteChart]").first.wait_for(timeout=AT_ONCE_MS)
    for name in ("SYN flood", "vertical scan", "beaconing"):
        page.get_by_text(name, exact=True).first.wait_for()
    assert page.get_by_text(re.compile(r"% of the score")).count() == 10
    assert page.locator("[data-testid=stException]").count() == 0
    picture(page, f"overview-{scheme}", 1780)


def test_one_click_opens_every_flow_of_it(dashboard_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    page.goto(dashboard_url)
    page.get_by_role("button", name="Try the demo").click(timeout=AT_ONCE_MS)
    page.get_by_role("heading", name="Results").wait_for(timeout=AT_ONCE_MS)
    page.get_by_text(re.compile(r"of 1,632\)")).wait_for()
    page.get_by_text("Demo, synthesised traffic").wait_for()
    page.locator("[data-testid=stDataFrame]").last.wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


@pytest.mark.parametrize(
    ("name", "fmt", "rows"),
    [
        ("argus/slips-test2.binetflow", "argus-csv", "6,751"),
        ("nfdump/nfcapd.sample2", "nfdump-text", "167"),
        ("suricata/eve.json.gz", "suricata-eve", "3,512"),
    ],
)
def test_the_formats_of_flow_meters_go_in_by_upload(
    dashboard_url: str, new_page: NewPage, picture: Picture, name: str, fmt: str, rows: str
) -> None:
    page = new_page("dark")
    page.goto(f"{dashboard_url}/data")
    page.locator("input[type=file]").first.set_input_files(data(name))
    page.get_by_role("heading", name="Learn or score").wait_for(timeout=60_000)
    page.get_by_text(fmt, exact=True).first.wait_for()
    page.get_by_text(rows, exact=True).first.wait_for()
    odd = page.get_by_text(re.compile(r"things? (is|are) odd in this file"))
    if odd.count():
        odd.first.click()
        page.get_by_text("Split by time, so that").wait_for()
    if fmt == "suricata-eve":
        page.get_by_text("Also in the file, and no flows: 745 alert").wait_for()
        picture(page, "data-odd-dark", 900)
    assert page.locator("[data-testid=stException]").count() == 0
