"""What is laid into a real capture is found: learned there, judged there, kind by kind."""

from datetime import UTC, datetime

import pytest

from edgeguard_core.bundle import Bundle
from edgeguard_core.detection import Detector
from edgeguard_core.pipeline.judge import evaluate_files
from edgeguard_core.pipeline.synthetic import inject_into
from edgeguard_core.pipeline.train import TrainRequest, train
from edgeguard_core.sources.synthesis import ATTACKS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("learned_from", ["the capture", "the capture with attacks in it"])
def test_each_kind_at_medium_strength_is_found_in_a_real_capture(data, tmp_path, learned_from):
    capture = data("zeek/iot23_honeypot_5-1.csv")
    attacked = inject_into([capture], tmp_path / "attacked.csv", seed=1).out
    paths = [capture if learned_from == "the capture" else attacked]
    request = TrainRequest(paths=paths, out=tmp_path / "B", lean=True)
    bundle: Bundle = train(request, now=lambda: datetime(2026, 1, 2, tzinfo=UTC)).bundle
    figures = evaluate_files(Detector(bundle), [attacked]).to_json()
    assert set(figures["per_class"]) == set(ATTACKS)
    recalls = [found["recall"] for found in figures["per_class"].values()]
    assert min(recalls) > 0  # an upload is a dozen flows; how many of them alert, the seed moves
    assert sum(recalls) / len(recalls) > 0.6
    # The CSV says which meter counted, so the promise stands and is audited.
    assert figures["promised_false_positive_rate"] == pytest.approx(0.01)
    assert figures["false_positive_rate"] < 0.06


def test_a_file_that_grows_while_it_is_scored_is_refused(data, tmp_path, monkeypatch):
    from edgeguard_core.errors import SourceError
    from edgeguard_core.pipeline import contextual
    from edgeguard_core.sources import ReadOptions, ReadReport

    log = tmp_path / "conn.log"
    lines = data("zeek/zat_conn.log").read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:100]))
    read_once = contextual._context_of_file

    def and_then_it_grows(path, options):
        context = read_once(path, options)
        log.write_text("".join(lines))
        return context

    monkeypatch.setattr(contextual, "_context_of_file", and_then_it_grows)
    batches = contextual.contextual_batches([log], ReadOptions(), ReadReport(), lambda _: None)
    with pytest.raises(SourceError, match="grew while it was read"):
        list(batches)
