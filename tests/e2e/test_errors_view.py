"""The Errors view on the demo, from the scores to the packets of one flow."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

PATIENCE_MS = 60_000
NewPage = Callable[[str], "Page"]
Picture = Callable[..., None]


def drawn(page: "Page", charts: int) -> None:
    """Wait until so many charts are painted."""
    painted = page.locator("[data-testid=stVegaLiteChart] :is(svg, canvas)")
    painted.nth(charts - 1).wait_for(timeout=PATIENCE_MS)
    assert page.locator("[data-testid=stException]").count() == 0


def choose(page: "Page", name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click(timeout=PATIENCE_MS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_the_scores_to_the_packets_of_a_flow(
    dashboard_url: str, new_page: NewPage, picture: Picture, scheme: str
) -> None:
    page = new_page(scheme)
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url))
    page.goto(f"{dashboard_url}/threshold")
    choose(page, "Errors")
    drawn(page, 1)
    picture(page, f"errors-{scheme}", 1080)
    choose(page, "Transport")
    page.get_by_text("attacks hang below it").wait_for(timeout=PATIENCE_MS)
    drawn(page, 1)

    choose(page, "Over time")
    page.get_by_text("Attack flows", exact=True).wait_for(timeout=PATIENCE_MS)
    drawn(page, 3)
    picture(page, f"errors-time-{scheme}", 1200)

    choose(page, "Features")
    page.get_by_text("The worst features").wait_for(timeout=PATIENCE_MS)
    drawn(page, 2)
    chosen = page.get_by_role("combobox", name="Feature", exact=False).first
    before = chosen.input_value()
    # A cell of the map's fifth row, of which the first is the feature that is shown.
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] / 2, "y": 190})
    page.wait_for_function(
        "([name, was]) => document.querySelector(name).value !== was",
        arg=["[data-testid=stSelectbox] input", before],
        timeout=PATIENCE_MS,
    )
    drawn(page, 2)
    picture(page, f"errors-features-{scheme}", 1500)
    assert not any("PlotlyChart" in url for url in scripts)

    choose(page, "Latent space")
    page.locator(".js-plotly-plot canvas").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_text("three principal components").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0
    picture(page, f"latent-{scheme}", 1150)

    page.get_by_label("Line in the source").fill("1761")
    page.get_by_label("Line in the source").press("Enter")
    page.get_by_role("button", name="Open it").click()
    page.get_by_text("Why line 1,761 is odd").wait_for(timeout=PATIENCE_MS)
    page.get_by_text(re.compile(r"^ip\.addr == ")).first.wait_for(timeout=PATIENCE_MS)
    assert "flow=1761" in page.url
    drawn(page, 2)
    picture(page, f"flow-page-{scheme}", 1480)

    page.reload()
    page.get_by_text("Why line 1,761 is odd").wait_for(timeout=PATIENCE_MS)
    page.get_by_text("⬟ critical").first.wait_for(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Back to the errors").click()
    page.locator(".js-plotly-plot canvas").first.wait_for(timeout=PATIENCE_MS)
    assert "flow=" not in page.url
    assert page.locator("[data-testid=stException]").count() == 0
