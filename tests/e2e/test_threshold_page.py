"""The Threshold page in a browser: drag on the demo, look at what it means, save it, come back."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dashboard import wording
from edgeguard_core.bundle import Bundle
from edgeguard_core.evaluation import sketch_of
from edgeguard_core.evaluation.operating import operating_point
from edgeguard_core.pipeline.demo import demonstrate, shipped

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.e2e
NewPage = Callable[..., "Page"]
Picture = Callable[..., None]
READY_MS = 60_000
IN_FORCE = Bundle.load(shipped().bundle).threshold.value


def opened(page: "Page", url: str) -> "Locator":
    page.goto(url)
    grip = page.get_by_role("slider", name="Alert threshold")
    grip.wait_for(timeout=READY_MS)
    page.get_by_role("heading", name="Policies so far").wait_for(timeout=READY_MS)
    return grip


def drag(page: "Page", grip: "Locator", pixels: float) -> float:
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels, y, steps=10)
    page.mouse.up()
    return now(grip)


def now(grip: "Locator") -> float:
    return float(grip.get_attribute("aria-valuenow"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drag_save_and_come_back(
    dashboard_url: str, new_page: NewPage, picture: Picture, scheme: str
) -> None:
    page = new_page(scheme)
    grip = opened(page, f"{dashboard_url}/threshold")
    page.get_by_role("button", name="Pin", exact=True).click()
    value = drag(page, grip, 60 if scheme == "light" else 110)
    page.get_by_text(re.compile(r"Against the pinned threshold")).wait_for(timeout=READY_MS)
    page.get_by_text("tried, not saved").wait_for()
    # Other pages look through it too, and on return it stands where it stood, pinned line and all.
    page.get_by_role("link", name="Overview", exact=True).first.click()
    page.get_by_role("heading", name="What to do next").wait_for(timeout=READY_MS)
    page.get_by_role("link", name="Threshold", exact=True).first.click()
    grip.wait_for(timeout=READY_MS)
    assert now(grip) == value
    assert page.locator("g.pinned").get_attribute("visibility") == "visible"
    picture(page, f"threshold-{scheme}", 2300)
    page.get_by_label("Reason").fill("fewer calls at night")
    page.get_by_label("Author").fill("Ada")
    page.get_by_role("button", name=re.compile("^Save .* as policy")).click()
    page.get_by_text(re.compile("is in force from now on")).wait_for(timeout=READY_MS)
    page.get_by_text(re.compile(r"The threshold shown is the one in force")).wait_for()
    assert now(grip) == value
    assert page.get_by_role("button", name="Reset").is_disabled()
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_link_opens_the_same_threshold_and_back_goes_to_the_one_in_force(
    dashboard_url: str, new_page: NewPage
) -> None:
    page = new_page("light")
    grip = opened(page, f"{dashboard_url}/threshold?t=4.321")
    assert now(grip) == np.float32(4.321)
    assert_figures(page, 4.321)
    page.get_by_role("button", name="Back to the one in force").click()
    page.get_by_text("· in force").first.wait_for(timeout=READY_MS)
    page.wait_for_function(
        "at => { const root = [...document.querySelectorAll('*')].find(n => n.shadowRoot)"
        ".shadowRoot; return root.querySelector('[role=slider]').ariaValueNow !== at; }",
        arg=str(float(np.float32(4.321))),
    )
    # The policy that another test may have saved, or the bundle's own.
    assert now(grip) != np.float32(4.321)


def test_a_value_between_two_counted_ones_is_counted_when_it_is_typed(
    dashboard_url: str, new_page: NewPage
) -> None:
    page = new_page("light")
    grip = opened(page, f"{dashboard_url}/threshold")
    page.get_by_label("Unit of the threshold").select_option("fixed")
    page.get_by_label("Value of the threshold in that unit").fill("2.34567")
    page.get_by_role("button", name="Set", exact=True).click()
    page.wait_for_url(re.compile(r"t=2\.3456"), timeout=READY_MS)
    page.locator("[role=slider][aria-valuenow^='2.34566']").wait_for(timeout=READY_MS)
    assert now(grip) == np.float32(2.34567)
    assert_figures(page, 2.34567)


def assert_figures(page: "Page", value: float) -> None:
    """The figures of the page are those of the demo's flows at that threshold, counted anew."""
    done = demonstrate()
    point = operating_point(sketch_of(done.scores, done.labels, max_edges=20_000), value)
    shown = {
        name: page.locator(f"[data-figure={name}]").first.inner_text()
        for name in ("precision", "recall", "fBeta", "alerts")
    }
    assert shown == {
        "precision": wording.percent(point.precision),
        "recall": wording.percent(point.recall),
        "fBeta": wording.percent(point.f_beta),
        "alerts": wording.count(point.alerts),
    }
