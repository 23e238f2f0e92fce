"""What looks like an attack is left out of training, unless somebody said what it is."""

import gzip

import numpy as np
import pytest
from support import data
from trained import noon, request
from unanswered import made

from edgeguard_core.config import TrainingConfig
from edgeguard_core.flows.table import Flows
from edgeguard_core.pipeline.splits import NormalFlows
from edgeguard_core.pipeline.suspicion import flows_for_promise, suspect
from edgeguard_core.pipeline.train import train

FEW_STEPS = TrainingConfig(steps=5)
SCANNED = 40


def normal_of(n):
    """Answered everyday flows, and a scan behind them."""
    quiet = made(n, state=np.full(n, "done", object), dst2src_packets=np.full(n, 5.0))
    scan = made(SCANNED, dst_port=1.0 + np.arange(SCANNED), src_ip=np.full(SCANNED, "6.6.6.6"))
    flows = Flows.concat([quiet, scan])
    return NormalFlows(flows, np.ones(len(flows), np.bool_), ["before"])


def found(n, open_rows=None, *, keep=False, promise=0.01):
    normal = normal_of(n)
    open_rows = np.ones(len(normal.flows), np.bool_) if open_rows is None else open_rows
    files = np.zeros(len(normal.flows), np.int64)
    return normal, suspect(normal, open_rows, files, keep=keep, held_out=0.2, promise=promise)


def test_suspected_flows_are_left_out_and_told():
    normal, suspicion = found(1_960)
    assert suspicion.left_out.tolist() == list(range(1_960, 2_000))
    cleaned = suspicion.cleaned(normal)
    assert len(cleaned.flows) == 1_960
    assert np.flatnonzero(~cleaned.rows).tolist() == suspicion.left_out.tolist()
    assert cleaned.warnings == [
        "before",
        "40 of 2,000 training flows (2 %) look like an attack and are left out: scan by 6.6.6.6: "
        "40 ports of 10.0.0.7 that do not answer (40 flows). More of it may be among the others, "
        "so look there; where this is normal, learn it with --keep-suspected.",
    ]
    assert suspicion.to_json() == {
        "flows": 40,
        "share": 0.02,
        "learned": False,
        "reasons": ["scan by 6.6.6.6: 40 ports of 10.0.0.7 that do not answer (40 flows)"],
    }


@pytest.mark.parametrize(
    ("n", "asked", "says"),
    [
        (1_960, {"keep": True}, "are learned as normal, as asked"),
        (159, {"promise": 0.2}, "are too many to leave out unasked"),
        (470, {}, "but without them too few would be left"),
    ],
)
def test_they_are_learned_where_that_was_asked_or_too_much_would_go(n, asked, says):
    normal, suspicion = found(n, **asked)
    assert not len(suspicion.left_out)
    assert suspicion.cleaned(normal).flows is normal.flows
    assert says in suspicion.warnings[0]
    assert suspicion.to_json()["learned"] is True


def test_a_label_is_the_word_of_a_person():
    _, suspicion = found(1_960, np.zeros(2_000, np.bool_))
    assert not len(suspicion.left_out)
    assert suspicion.suspected == 0
    (told,) = suspicion.warnings
    assert told.startswith("40 flows labelled benign look like an attack, and are learned as")


def test_nothing_suspected_says_nothing():
    quiet = made(99, state=np.full(99, "done", object), dst2src_packets=np.full(99, 5.0))
    normal = NormalFlows(quiet, np.ones(99, np.bool_), [])
    nothing = suspect(
        normal, np.ones(99, np.bool_), np.zeros(99, np.int64), held_out=0.2, promise=0.01
    )
    assert nothing.cleaned(normal) == normal
    assert nothing.to_json() == {"flows": 0, "share": 0.0, "learned": False, "reasons": []}


def test_the_promise_needs_its_flows():
    assert flows_for_promise(0.001, 0.2) == 4_995


def _unlabelled_with_scans(path, attacks):
    """Benign flows of a real capture and so many of its scans, without their labels."""
    source = data("zeek/stratosphere_008_conn.log.labeled.gz")
    lines = gzip.decompress(source.read_bytes()).decode().splitlines()
    head = [line for line in lines if line.startswith("#")]
    rows = [line for line in lines if not line.startswith("#")]
    kept = [row for row in rows if "Benign" in row]
    kept += [row for row in rows if "Malicious" in row][:attacks]
    fields = next(line for line in head if line.startswith("#fields")).split("\t")[1:]
    width = next(k for k, name in enumerate(fields) if "label" in name)
    text = ["\t".join(["#fields", *fields[:width]])]
    text += ["\t".join(row.split("\t")[:width]) for row in kept]
    path.write_text("#separator \\x09\n#path\tconn\n" + "\n".join(text) + "\n")
    return path


def test_a_real_log_with_scans_is_trained_without_them(tmp_path):
    source = _unlabelled_with_scans(tmp_path / "conn.log", 100)
    done = train(request([source], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert done.flows == 1_502
    assert done.benign <= 1_412
    told = next(warning for warning in done.warnings if "look like an attack" in warning)
    assert "are left out: scan" in told
    notes = done.bundle.manifest.training["suspected"]
    assert notes == done.to_json()["suspected"]
    assert notes["flows"] == done.flows - done.benign
    assert "suspected reasons: scan" in (done.bundle.path / "card.md").read_text()
    kept = train(request([source], tmp_path / "K", config=FEW_STEPS, keep_suspected=True), now=noon)
    assert kept.benign == kept.flows == 1_502
    assert kept.bundle.manifest.training["suspected"]["learned"] is True


def test_a_log_of_nothing_but_scans_is_learned_and_told(tmp_path):
    source = data("zeek/stratosphere_002_portscan_conn_json.log.gz")
    done = train(request([source], tmp_path / "B", config=FEW_STEPS), now=noon)
    assert done.benign == done.flows == 4_504
    assert any("are too many to leave out unasked" in warning for warning in done.warnings)
