"""Prometheus can read the figures, and a slow or rude client holds up nobody for long."""

from __future__ import annotations

import http.client
import json
import re
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from output_records import heartbeat

from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import metrics
from edgeguard_core.outputs.metrics import (
    Metric,
    MetricsServer,
    exposition,
    heartbeat_metrics,
)


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


@settings(deadline=None)
@given(value=st.text(st.characters(exclude_categories=["Cs"])), help_text=st.text())
def test_what_stands_in_a_label_is_read_back(value, help_text):
    help_text = help_text.replace("\r", "")
    page = exposition([Metric("a", "gauge", help_text, {(("x", value),): 1.5})])
    *_, sample = page.removesuffix("\n").split("\n")
    found = re.fullmatch(r'a\{x="((?:[^"\\\n]|\\["\\n])*)"\} 1\.5', sample, re.DOTALL)
    assert found
    assert unescaped(found[1]) == value
    assert page.count("\n") == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.1, "0.1"), (float("nan"), "NaN"), (float("inf"), "+Inf"), (1e300, "1e+300")],
)
def test_values(value, text):
    assert exposition([Metric("a", "gauge", "A.", {(): value})]).endswith(f"\na {text}\n")


@pytest.mark.parametrize(
    "metric",
    [
        Metric("a-b", "gauge", ""),
        Metric("a", "histogram", ""),
        Metric("a", "gauge", "", {(("1", "x"),): 1.0}),
    ],
)
def test_what_prometheus_would_refuse_is_refused_here(metric):
    with pytest.raises(ValueError, match="is no"):
        exposition([metric])


def test_a_heartbeat_as_figures():
    body = dict(heartbeat(1).body)
    sinks = {
        "jsonl -": {"waiting": 2, "delivered": 7, "failed": 0, "lost": 0, "error": None},
        "store x": {"waiting": 0, "delivered": 9, "failed": 1, "lost": 0, "error": "It is away."},
    }
    body["edgeguard"] = {**body["edgeguard"], "sinks": sinks, "lag_s": None}
    page = exposition(heartbeat_metrics(body))
    assert 'edgeguard_flows_total{sensor="gate"} 101\n' in page
    assert "lag" not in page
    assert 'edgeguard_sink_waiting_records{sensor="gate",sink="jsonl -"} 2\n' in page
    assert 'edgeguard_sink_failing{sensor="gate",sink="store x"} 1\n' in page
    assert heartbeat_metrics({}) == []
    families = re.findall(r"^# TYPE (\S+)", page, re.MULTILINE)
    assert len(families) == len(set(families))


def asked(port: int, path: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def trouble():
    return []


@pytest.fixture
def server(trouble):
    made = MetricsServer(
        lambda: [Metric("a", "counter", "A.", {(): 3.0})],
        0,
        trouble=lambda: trouble[0] if trouble else None,
    )
    made.start()
    yield made
    made.close()


def test_the_server_answers_what_prometheus_asks(server, trouble):
    text = "# HELP a A.\n# TYPE a counter\na 3\n"
    assert asked(server.port, "/metrics") == (200, metrics.CONTENT_TYPE, text)
    assert asked(server.port, "/metrics?x=1")[0] == 200
    assert json.loads(asked(server.port, "/healthz")[2]) == {"status": "ok"}
    trouble.append("The interface went away.")
    status, _, text = asked(server.port, "/healthz")
    assert status == 503
    assert json.loads(text)["why"] == "The interface went away."
    assert asked(server.port, "/")[0] == 404


def test_a_client_that_says_nothing_is_left_after_a_while(server, monkeypatch):
    monkeypatch.setattr(metrics._Handler, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.port)):
        assert asked(server.port, "/metrics")[0] == 200


def test_a_bug_in_the_figures_is_answered():
    server = MetricsServer(lambda: [Metric("no name", "gauge", "")], 0)
    server.start()
    assert asked(server.port, "/metrics")[0] == 500
    assert asked(server.port, "/healthz")[0] == 200
    server.close()


def test_a_port_that_is_taken_is_told(server):
    with pytest.raises(OutputError, match="choose another port"):
        MetricsServer(list, server.port)


def test_a_server_that_never_started_closes():
    MetricsServer(list, 0).close()
