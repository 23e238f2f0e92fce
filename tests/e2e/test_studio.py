"""The tuner alone, on a million synthetic flows: dragged, keyed, typed into, and compared with
what Python says of the same threshold."""

import re
import statistics
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashboard import wording
from edgeguard_core import thresholds
from edgeguard_core.evaluation.operating import Assumptions, OperatingPoint, operating_point

sys.path.insert(0, str(Path(__file__).parent))
import studio_cases

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.e2e
NewPage = Callable[..., "Page"]
READY_MS = 60_000
MOVES = 120
FRAME_MS = 16.0
DRAWS = "performance.getEntriesByName('edgeguard-studio-draw').map(entry => entry.duration)"


class Frames:
    """Counts what passes the socket of a page, in both directions."""

    def __init__(self, page: "Page") -> None:
        self.count = 0
        page.on("websocket", self._listen)

    def _listen(self, socket: Any) -> None:
        socket.on("framesent", self._add)
        socket.on("framereceived", self._add)

    def _add(self, frame: object) -> None:
        self.count += 1


def opened(page: "Page", url: str, case: str) -> "Locator":
    page.goto(f"{url}/?case={case}")
    grip = page.get_by_role("slider", name="Alert threshold")
    grip.wait_for(timeout=READY_MS)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    return grip


def middle(grip: "Locator") -> tuple[float, float]:
    box = grip.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def committed(page: "Page", before: str = "") -> tuple[float, str]:
    """Threshold and method as Python heard them last, after something else than ``before``."""
    code = page.locator("[data-testid=stCode] code")
    page.wait_for_function(
        "before => { const now = document.querySelector('[data-testid=stCode] code').innerText;"
        " return now !== '' && now !== before; }",
        arg=before,
        timeout=READY_MS,
    )
    value, _, how = code.inner_text().split(" ", 2)
    return float(value), str(re.search(r"'method': '(\w+)'", how).group(1))


def shown(page: "Page", figure: str) -> str:
    return page.locator(f"[data-figure={figure}]").first.inner_text()


def assert_shows(page: "Page", point: OperatingPoint) -> None:
    """The numbers on the screen are Python's at that threshold."""
    assert shown(page, "precision") == wording.percent(point.precision)
    assert shown(page, "recall") == wording.percent(point.recall)
    assert shown(page, "fBeta") == wording.percent(point.f_beta)
    assert shown(page, "alerts") == wording.count(point.alerts)
    assert shown(page, "alertsPerHour") == wording.number(point.alerts_per_hour)
    assert shown(page, "falseAlarmsPerHour") == wording.number(point.false_alarms_per_hour)
    assert shown(page, "incidentsPerDay") == wording.number(point.incidents_per_day)
    cells = page.locator("table.confusion tbody td").all_inner_texts()[:4]
    expected = (point.caught, point.missed, point.false_alarms, point.quiet)
    assert cells == [wording.count(n) for n in expected]
    rows = {
        row.locator(".class-name").get_attribute("title"): row.locator(".class-share").inner_text()
        for row in page.locator(".class").all()
    }
    assert rows == {one.name: wording.percent(one.recall) for one in point.per_class}


def test_a_drag_moves_every_number_and_sends_nothing(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    frames = Frames(page)
    grip = opened(page, studio_url, "million")
    x, y = middle(grip)
    told = [grip.get_attribute("aria-valuetext")]
    page.mouse.move(x, y)
    page.mouse.down()
    before = frames.count
    for step in range(1, MOVES + 1):
        page.mouse.move(x - 1.5 * step, y)
        told.append(grip.get_attribute("aria-valuetext"))
    assert frames.count == before, "something crossed the socket during the drag"
    durations = page.evaluate(DRAWS)
    page.mouse.up()
    assert all(now != then for then, now in pairwise(told[1:]))
    assert all(
        re.fullmatch(
            r"threshold \S+, precision \d\.\d+, recall \d\.\d+, \S+ alerts per hour"
            r"(, \S+ incidents per day)?",
            text,
        )
        for text in told
    )
    assert len(durations) >= MOVES
    assert statistics.median(durations) < FRAME_MS
    value, method = committed(page)
    assert frames.count > before, "letting go told Python"
    assert method == "fixed"
    case = studio_cases.case("million")
    assert value in case.sketch.edges
    assert value < case.in_force
    assert_shows(page, operating_point(case.sketch, value, case.incidents))


def test_keys_move_it_edge_by_edge(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "million")
    edges = studio_cases.case("million").sketch.edges

    def at(key: str) -> float:
        grip.press(key)
        return float(grip.get_attribute("aria-valuenow"))

    # The grip keeps the focus after a drag; arrow keys would die otherwise.
    page.mouse.move(*middle(grip))
    page.mouse.down()
    page.mouse.up()
    start = int(edges.searchsorted(float(grip.get_attribute("aria-valuenow"))))
    page.keyboard.press("ArrowRight")
    assert float(grip.get_attribute("aria-valuenow")) == edges[start + 1]
    assert at("ArrowLeft") == edges[start]
    assert at("ArrowUp") == edges[start + 1]
    assert at("ArrowDown") == edges[start]
    far = at("PageUp")
    assert far > edges[start + 2]
    assert edges[start - 2] < at("PageDown") < far
    assert at("End") == edges[-1]
    page.get_by_text("0 alerts: every attack is missed.").first.wait_for()
    assert at("Home") == edges[0]
    # Python hears where the last key left it, once no further one follows.
    page.locator("[data-testid=stCode] code").get_by_text(f"{float(edges[0])!r} 0 ").wait_for()


def test_a_finger_drags_it(studio_url: str, new_page: NewPage) -> None:
    page = new_page("dark", has_touch=True)
    grip = opened(page, studio_url, "small")
    x, y = middle(grip)
    was = grip.get_attribute("aria-valuetext")
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": a, "y": b} for a, b in points]},
        )

    touch("touchStart", (x, y))
    for step in range(1, 21):
        touch("touchMove", (x + 4 * step, y + step))
    assert grip.get_attribute("aria-valuetext") != was
    touch("touchEnd")
    value, _ = committed(page)
    case = studio_cases.case("small")
    assert value > case.in_force
    assert_shows(page, operating_point(case.sketch, value, case.incidents))


GOALS = {
    "incidents_per_day": (40, lambda c: thresholds.incidents_per_day(c.incidents, 40, "")),
    "alerts_per_hour": (30, lambda c: thresholds.alerts_per_hour(c.sketch, 30, "")),
    "false_alarms_at_most": (0.2, lambda c: thresholds.false_alarms_at_most(c.sketch, 0.002, "")),
    "precision_at_least": (99, lambda c: thresholds.precision_at_least(c.sketch, 0.99, "")),
    "recall_at_least": (80, lambda c: thresholds.recall_at_least(c.sketch, 0.8, "")),
    "max_f_beta": (2, lambda c: thresholds.max_f_beta(c.sketch, 2.0, "")),
    "min_cost": (None, lambda c: thresholds.min_cost(c.sketch, 1.0, 10.0, "")),
}


@pytest.mark.parametrize("name", ["million", "small"])
def test_goals_land_where_python_lands(studio_url: str, new_page: NewPage, name: str) -> None:
    page = new_page("light")
    opened(page, studio_url, name)
    case, before = studio_cases.case(name), ""
    for goal, (wish, choose) in GOALS.items():
        form = page.locator(f"form[data-goal={goal}]")
        if wish is not None:
            form.locator("input").fill(str(wish))
        form.get_by_role("button").click()
        value, method = committed(page, before)
        before = page.locator("[data-testid=stCode] code").inner_text()
        assert (value, method) == (choose(case).value, goal)
        assert "chosen" in form.get_attribute("class")
    point = operating_point(case.sketch, value, case.incidents, Assumptions(beta=2.0))
    assert_shows(page, point)


UNITS = {
    "incidents_per_day": ("25", lambda c: thresholds.incidents_per_day(c.incidents, 25, "").value),
    "alerts_per_hour": ("12,5", lambda c: thresholds.alerts_per_hour(c.sketch, 12.5, "").value),
    "false_alarms_at_most": (
        "0.5 %",
        lambda c: thresholds.false_alarms_at_most(c.sketch, 0.005, "").value,
    ),
    "percentile": ("99.9", lambda c: thresholds.percentile(c.sketch, 99.9, "").value),
    "fixed": ("1.2345", lambda c: thresholds.fixed(1.2345).value),
}


def test_a_value_typed_in_any_unit_moves_it(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    opened(page, studio_url, "tiny")
    case, before = studio_cases.case("tiny"), ""
    unit = page.get_by_label("Unit of the threshold")
    assert unit.input_value() == "incidents_per_day"  # where times and hosts are known
    for name, (text, expected) in UNITS.items():
        unit.select_option(name)
        page.get_by_label("Value of the threshold in that unit").fill(text)
        page.get_by_role("button", name="Set", exact=True).click()
        value, method = committed(page, before)
        before = page.locator("[data-testid=stCode] code").inner_text()
        assert (value, method) == (pytest.approx(expected(case), rel=1e-12), name)
        # Exact at any value, edge or not: the sketch is complete.
        assert_shows(page, operating_point(case.sketch, value, case.incidents))
    page.get_by_label("Value of the threshold in that unit").fill("much")
    page.get_by_role("button", name="Set", exact=True).click()
    page.get_by_text("“much” is no number").wait_for()


def test_beyond_the_largest_score_nothing_alerts(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "small")
    page.get_by_label("Unit of the threshold").select_option("fixed")
    page.get_by_label("Value of the threshold in that unit").fill("1e6")
    page.get_by_role("button", name="Set", exact=True).click()
    assert committed(page)[0] == 1e6
    page.get_by_text("0 alerts: every attack is missed.").first.wait_for()
    assert page.locator(".beyond").get_attribute("visibility") == "visible"
    assert grip.is_visible()


def test_the_pinned_line_stays_and_differences_are_told(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "small")
    ghost = page.locator("g.pinned")
    assert ghost.get_attribute("visibility") == "hidden"
    page.get_by_role("button", name="Pin", exact=True).click()
    where = ghost.get_attribute("transform")
    assert ghost.get_attribute("visibility") == "visible"
    grip.press("PageUp")
    assert ghost.get_attribute("transform") == where
    assert page.locator(".chip.worse, .chip.better").count() >= 4
    page.get_by_role("button", name="Reset").click()
    assert page.get_by_text("same as pinned").count() >= 4
    page.get_by_role("button", name="Unpin").click()
    assert ghost.get_attribute("visibility") == "hidden"


def test_curves_follow_and_tell_their_thresholds(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "small")
    for tab in ("PR", "ROC", "DET", "Cost"):
        page.get_by_role("tab", name=tab, exact=True).click()
        dot = page.locator(".curve .dot")
        was = dot.get_attribute("transform")
        grip.press("PageUp")
        assert dot.get_attribute("transform") != was
        dot.hover(force=True)
        page.get_by_text(re.compile(r"At threshold \S+: precision")).wait_for()


def test_what_is_assumed_changes_what_depends_on_it(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    opened(page, studio_url, "small")
    case = studio_cases.case("small")
    assumed = Assumptions(prevalence=0.001, flows_per_hour=3000.0, fp_cost=2.0, fn_cost=50.0)
    for label, text in {
        "Attacks per 1,000 flows in production": "1",
        "Flows per hour in production": "3000",
        "Cost of a false alarm": "2",
        "Cost of a missed attack flow": "50",
        "Analysts on duty": "3",
    }.items():
        page.get_by_label(label).fill(text)
        page.get_by_label(label).press("Enter")
        page.get_by_label(label).blur()
    point = operating_point(case.sketch, case.in_force, case.incidents, assumed)
    assert_shows(page, point)
    page.get_by_text("corrected", exact=True).wait_for()
    page.get_by_text(f"regret {wording.number(point.regret)}").wait_for()
    page.get_by_text("Capacity 18 alerts an hour").wait_for()
    assert page.locator(".budget").count() == 1
    page.locator("form[data-goal=precision_at_least] input").fill("40")
    page.locator("form[data-goal=precision_at_least]").get_by_role("button").click()
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stCode] code')"
        ".innerText.includes('precision_at_least')"
    )
    expected = thresholds.precision_at_least(case.sketch, 0.4, "", prevalence=0.001)
    assert committed(page)[0] == expected.value


def test_without_labels_what_needs_them_is_hidden_with_the_reason(
    studio_url: str, new_page: NewPage
) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "unlabelled")
    page.get_by_text("These flows have no labels.").wait_for()
    page.get_by_text("curves need labels").wait_for()
    assert page.locator("[data-figure=precision]").count() == 0
    assert page.get_by_role("tab").count() == 0 or not page.get_by_role("tab").first.is_visible()
    assert "precision unknown, recall unknown" in grip.get_attribute("aria-valuetext")
    case = studio_cases.case("unlabelled")
    point = operating_point(case.sketch, case.in_force, case.incidents)
    assert shown(page, "alerts") == wording.count(point.alerts)
    assert shown(page, "alertsPerHour") == wording.number(point.alerts_per_hour)
    offered = page.get_by_label("Unit of the threshold").locator("option").all_inner_texts()
    assert "percentile" in offered


def test_without_times_it_asks_for_the_flows_of_an_hour(studio_url: str, new_page: NewPage) -> None:
    page = new_page("light")
    grip = opened(page, studio_url, "timeless")
    page.get_by_text("These flows carry no time.").wait_for()
    assert page.locator("[data-figure=alertsPerHour]").count() == 0
    assert "unknown alerts per hour" in grip.get_attribute("aria-valuetext")
    page.get_by_label("Flows per hour in production").fill("1000")
    page.get_by_label("Flows per hour in production").blur()
    case = studio_cases.case("timeless")
    point = operating_point(case.sketch, case.in_force, None, Assumptions(flows_per_hour=1000.0))
    assert shown(page, "alertsPerHour") == wording.number(point.alerts_per_hour)
    assert page.get_by_text("These flows carry no time.").count() == 0


@pytest.mark.parametrize(
    ("case", "said"),
    [("equal", "All 120 flows have the same score"), ("nan", "80 scores are not a number")],
)
def test_odd_evaluations_say_what_is_odd(
    studio_url: str, new_page: NewPage, case: str, said: str
) -> None:
    page = new_page("dark")
    opened(page, studio_url, case)
    page.get_by_text(said).wait_for()


@pytest.mark.parametrize("case", ["million", "mixed"])
def test_nothing_is_cut_or_stands_on_another(studio_url: str, new_page: NewPage, case: str) -> None:
    page = new_page("light", viewport={"width": 1600, "height": 900})
    grip = opened(page, studio_url, case)
    page.get_by_role("button", name="Pin", exact=True).click()
    for width in (1600, 1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(FITS)
        for key in ("Home", "PageUp", "End", "PageDown"):
            grip.press(key)
            assert page.evaluate(OVERLAPS) == []


FITS = """() => {
  const root = [...document.querySelectorAll('*')].find(n => n.shadowRoot)?.shadowRoot;
  const chart = root.querySelector('.chart');
  return Math.abs(chart.clientWidth - chart.firstElementChild.clientWidth) < 2;
}"""

OVERLAPS = """() => {
  const root = [...document.querySelectorAll('*')].find(n => n.shadowRoot)?.shadowRoot;
  const studio = root.querySelector('.studio'), problems = [];
  if (studio.scrollWidth > studio.clientWidth + 1) problems.push('wider than its place');
  for (const place of studio.querySelectorAll('.chart, .curve')) {
    const frame = place.getBoundingClientRect();
    const texts = [...place.querySelectorAll('text')].filter(t => t.textContent
      && t.getAttribute('visibility') !== 'hidden' && !t.closest('[visibility=hidden]'));
    const boxes = texts.map(t => t.getBoundingClientRect());
    boxes.forEach((a, i) => {
      if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.bottom > frame.bottom + 1)
        problems.push('cut: ' + texts[i].textContent);
      boxes.slice(i + 1).forEach((b, j) => {
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3
            && b.top < a.bottom - 3)
          problems.push(texts[i].textContent + ' on ' + texts[i + 1 + j].textContent);
      });
    });
  }
  return problems;
}"""
