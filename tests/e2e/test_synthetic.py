"""Known attacks in a browser: laid into unlabelled traffic, their recall moves with the line."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dashboard import evaluations, jobs, rehearsal, workspace
from edgeguard_core.evaluation.laid import LaidAttacks
from edgeguard_core.pipeline.demo import shipped
from edgeguard_core.pipeline.rehearse import read_laid

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e
NewPage = Callable[..., "Page"]
READY_MS = 60_000
PATIENCE_S = 120.0
FLOWS = 1_200  # few enough that every score is an edge: the line may then stand between two


@pytest.fixture
def evaluation(
    work_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> evaluations.Reference:
    """The first flows of the shipped office, scored, with nobody's labels."""
    monkeypatch.setenv("EDGEGUARD_WORK", str(work_folder))
    source, files = tmp_path / "mine.csv", shipped()
    with gzip.open(files.traffic, "rt") as lines, source.open("w") as out:
        kept = [at for at, name in enumerate(next(lines).strip().split(","))
                if name not in ("label", "class")]  # fmt: skip
        lines.seek(0)
        for _ in range(FLOWS + 1):
            cells = next(lines).rstrip("\n").split(",")
            out.write(",".join(cells[at] for at in kept) + "\n")
    given = workspace.adopt(source)
    plan = jobs.Plan("score", given.id, "Score")
    plan.facts |= {
        "bundle": str(files.bundle), "scores": str(plan.folder / "scores.parquet")
    }  # fmt: skip
    plan.step(
        "score", str(files.bundle), str(source), "--out", plan.facts["scores"],
        "--state", str(workspace.state_folder(files.bundle)),
    )  # fmt: skip
    job = jobs.start(plan)
    assert jobs.wait(job, PATIENCE_S).state is jobs.State.DONE
    found = evaluations.of_job(job)
    assert found is not None
    return found


def assert_shows(page: "Page", laid: LaidAttacks, value: float) -> None:
    """The table holds Python's counts at that threshold, and shares that are theirs."""
    titles, texts = page.locator("table.laid").evaluate(
        "table => [[...table.querySelectorAll('td')].map(cell => cell.title),"
        " [...table.querySelectorAll('.laid-share')].map(share => share.textContent)]"
    )
    counts = [re.search(r"([\d,]+) of ([\d,]+) synthetic flows", title) for title in titles]
    told = [tuple(int(n.replace(",", "")) for n in found.groups()) for found in counts if found]
    assert told == list(zip(laid.found_at(value).flat, laid.n.flat, strict=True))
    recall = laid.recall_at(value)
    shares = [float(re.search(r"[\d.]+", text).group()) for text in texts]
    assert shares == pytest.approx([*(100 * recall).flat, *(100 * laid.means(recall))], abs=0.1)


def test_recall_on_synthetic_attacks_moves_with_the_line(
    dashboard_url: str, new_page: NewPage, evaluation: evaluations.Reference
) -> None:
    page = new_page("light")
    frames: list[object] = []

    def listen(socket: Any) -> None:
        for event in ("framesent", "framereceived"):
            socket.on(event, lambda frame: frames.append(frame))

    page.on("websocket", listen)
    page.goto(f"{dashboard_url}/threshold?evaluation={evaluation.id}")
    grip = page.get_by_role("slider", name="Alert threshold")
    grip.wait_for(timeout=READY_MS)
    alerts = page.locator("[data-figure=alerts]").first.inner_text()
    page.get_by_role("button", name="Lay known attacks into this traffic").click()
    page.locator("table.laid").wait_for(timeout=PATIENCE_S * 1000)
    laid = read_laid(Path(jobs.newest((rehearsal.KIND,)).facts["laid"]))
    assert page.locator("em.synthetic").is_visible()
    assert page.locator("[data-figure=alerts]").first.inner_text() == alerts, "own flows alone"
    assert_shows(page, laid, float(grip.get_attribute("aria-valuenow")))
    page.get_by_role("heading", name="Policies so far").wait_for(timeout=READY_MS)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()

    # Drag: every cell follows, and nothing crosses the socket.
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    before, seen = len(frames), set()
    for step in range(1, 31):
        page.mouse.move(x + 4 * step, y)
        value = float(grip.get_attribute("aria-valuenow"))
        assert_shows(page, laid, value)
        seen.add(value)
    assert len(frames) == before, "something crossed the socket during the drag"
    page.mouse.up()
    assert len(seen) > 10
    page.wait_for_url(re.compile(r"t="), timeout=READY_MS)

    # A value between two scores of one's own flows is no edge; the attacks are counted there, too.
    # (own flows alone decide where the line stands: pick a gap that some attack falls into)
    own = np.unique(evaluations.read(evaluation).scores)
    gap = next(
        (low, high)
        for low, high in zip(own[-200:-1], own[-199:], strict=True)
        if ((laid.scores > low) & (laid.scores < high)).sum() > 1
    )
    inside = np.sort(laid.scores[(laid.scores > gap[0]) & (laid.scores < gap[1])])
    wanted = np.float32(inside[len(inside) // 2])
    page.get_by_label("Unit of the threshold").select_option("fixed")
    page.get_by_label("Value of the threshold in that unit").fill(str(wanted))
    page.get_by_role("button", name="Set", exact=True).click()
    page.wait_for_function(
        "wanted => { const root = [...document.querySelectorAll('*')].find(n => n.shadowRoot)"
        ".shadowRoot; const grip = root.querySelector('[role=slider]');"
        " return Number(grip.ariaValueNow) === wanted; }",
        arg=float(wanted),
        timeout=READY_MS,
    )
    assert_shows(page, laid, float(wanted))
    assert "synthetic recall low" in grip.get_attribute("aria-valuetext")
    page.get_by_label("Reason").fill("nights")
    page.get_by_label("Author").fill("Ada")
    page.get_by_role("button", name=re.compile("^Save .* as policy")).click()
    page.get_by_text(re.compile("is in force from now on")).wait_for(timeout=READY_MS)
    (version, *_), _ = evaluation.state.versions(evaluations.Bundle.load(evaluation.bundle))
    assert version.why.startswith("nights [synthetic attacks caught, mean of 7 kinds: low ")
    assert page.locator("[data-testid=stException]").count() == 0
