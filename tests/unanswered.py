"""Flows that nobody answers, as scans and floods are made of them."""

import numpy as np

from edgeguard_core.flows.table import Flows
from edgeguard_core.sources.synthesis.request import SynthesisRequest, synthesise


def made(n, **changed):
    """``n`` unanswered tcp flows of one host within a minute."""
    base = synthesise(SynthesisRequest(flows=50, seed=1))
    columns = {name: np.repeat(values[:1], n) for name, values in base.columns.items()}
    columns |= {
        "src_ip": np.full(n, "10.0.0.5", object),
        "dst_ip": np.full(n, "10.0.0.7", object),
        "dst_port": np.full(n, 8000.0),
        "protocol": np.full(n, 6.0),
        "state": np.full(n, "noreply", object),
        "dst2src_packets": np.zeros(n),
        "dst2src_bytes": np.zeros(n),
        "bidirectional_first_seen_ms": np.linspace(0.0, 59_000.0, n),
    }
    return Flows(base.schema, columns | changed, None, np.arange(n))
