"""Figures for Prometheus: a page of text, and a small server that shows it."""

import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from edgeguard_core.errors import OutputError

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_Samples = dict[tuple[tuple[str, str], ...], float]
_CLIENT_S = 5.0  # a client that says nothing does not hold the server for longer
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Metric:
    """One family of figures.

    Attributes
    ----------
    kind
        ``counter``, which only grows while the process lives, or ``gauge``.
    samples
        A value for each set of labels; one without labels stands under ``()``.
    """

    name: str
    kind: str
    help: str
    samples: Mapping[tuple[tuple[str, str], ...], float] = field(default_factory=dict)


def exposition(metrics: Iterable[Metric]) -> str:
    """The figures in the text format 0.0.4 of Prometheus.

    Raises
    ------
    ValueError
        If a name, a label or a kind is none that Prometheus knows.

    Examples
    --------
    >>> print(exposition([Metric("flows_total", "counter", "Flows judged.", {(): 7.0})]), end="")
    # HELP flows_total Flows judged.
    # TYPE flows_total counter
    flows_total 7
    """
    lines = []
    for metric in metrics:
        if not _NAME.fullmatch(metric.name) or metric.kind not in ("counter", "gauge"):
            raise ValueError(f"{metric.name!r} of kind {metric.kind!r} is no metric")
        help_text = metric.help.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"# HELP {metric.name} {help_text}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        for labels, value in metric.samples.items():
            lines.append(f"{metric.name}{_labels(labels)} {_value(value)}")
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    for name, _ in labels:
        if not _LABEL.fullmatch(name):
            raise ValueError(f"{name!r} is no label")
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def _value(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


# Key of a heartbeat, name and kind of its metric, what it says.
_FIGURES: Final = (
    ("flows", "flows_total", "counter", "Flows judged since the start."),
    ("alerts", "alerts_total", "counter", "Flows at or above the threshold since the start."),
    ("incidents", "incidents_total", "counter", "Incidents raised since the start."),
    ("dropped", "dropped_flows_total", "counter", "Flows dropped because the queue was full."),
    ("late", "late_flows_total", "counter", "Flows older than those judged before them."),
    ("rejected", "rejected_flows_total", "counter", "Flows that validation refused."),
    ("flows_per_s", "flows_per_second", "gauge", "Flows judged a second, lately."),
    ("lag_s", "lag_seconds", "gauge", "From the end of a flow to its verdict."),
    ("queue", "queue_flows", "gauge", "Flows that wait for a verdict."),
    ("queue_most", "queue_most_flows", "gauge", "The most that ever waited."),
    ("disk_free_bytes", "disk_free_bytes", "gauge", "Room on the disk of the state folder."),
    ("resident_bytes", "resident_memory_bytes", "gauge", "Memory of the process."),
    ("uptime_s", "uptime_seconds", "gauge", "Since the watch started."),
    ("alert_rate", "alert_rate", "gauge", "Alerts a flow, as the audit sees them."),
    ("budget_per_day", "alert_budget_per_day", "gauge", "Alerts a day that are allowed."),
)
_SINK_FIGURES: Final = (
    ("waiting", "sink_waiting_records", "gauge", "Records that a sink has not had yet."),
    ("delivered", "sink_delivered_records_total", "counter", "Records that a sink took."),
    ("failed", "sink_failures_total", "counter", "Deliveries that did not work."),
    ("lost", "sink_lost_records", "gauge", "Records that had to go before a sink had them."),
)


def heartbeat_metrics(body: Mapping[str, Any]) -> list[Metric]:
    """The figures of a heartbeat, each with the label ``sensor``; absent ones are left out."""
    sensor = (("sensor", str(_part(body, "observer").get("name", ""))),)
    own = _part(body, "edgeguard")
    metrics = [
        Metric(f"edgeguard_{name}", kind, text, {sensor: float(own[key])})
        for key, name, kind, text in _FIGURES
        if isinstance(own.get(key), int | float)
    ]
    sinks = {name: of for name, of in _part(own, "sinks").items() if isinstance(of, Mapping)}
    for key, name, kind, text in _SINK_FIGURES:
        samples: _Samples = {
            (*sensor, ("sink", str(sink))): float(figures[key])
            for sink, figures in sinks.items()
            if isinstance(figures.get(key), int | float)
        }
        if samples:
            metrics.append(Metric(f"edgeguard_{name}", kind, text, samples))
    failing: _Samples = {
        (*sensor, ("sink", str(sink))): float(bool(figures.get("error")))
        for sink, figures in sinks.items()
    }
    if failing:
        text = "Whether the last delivery to a sink failed."
        metrics.append(Metric("edgeguard_sink_failing", "gauge", text, failing))
    return metrics


def _part(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = body.get(name)
    return part if isinstance(part, Mapping) else {}


class MetricsServer:
    """``/metrics`` and ``/healthz`` over HTTP, one request after the other, in its own thread.

    Parameters
    ----------
    metrics
        Gives the figures of the moment; called in the server's thread.
    trouble
        Gives a sentence where the watch is not well, else None; ``/healthz`` then answers 503.
    address, port
        Where to listen; port 0 takes any that is free, and ``port`` then tells which.

    Raises
    ------
    OutputError
        If the port is taken or the address is not one of this machine.
    """

    def __init__(
        self,
        metrics: Callable[[], Iterable[Metric]],
        port: int,
        *,
        address: str = "127.0.0.1",
        trouble: Callable[[], str | None] = lambda: None,
    ) -> None:
        handler = type("_Bound", (_Handler,), {"metrics": metrics, "trouble": trouble})
        try:
            self._server = _Server((address, port), handler)
        except (OSError, OverflowError) as error:
            raise OutputError(
                f"Cannot show metrics on {address}:{port}: "
                f"{getattr(error, 'strerror', None) or error}; choose another port."
            ) from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="edgeguard metrics", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and let go of the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(HTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or said nothing is no news."""


class _Handler(BaseHTTPRequestHandler):
    # Kept as functions of the class, called without self.
    metrics: Callable[[], Iterable[Metric]]
    trouble: Callable[[], str | None]
    timeout = _CLIENT_S

    def do_GET(self) -> None:
        path = self.path.split("?", 1)[0]
        if path == "/metrics":
            try:
                page = exposition(type(self).metrics())
            except Exception as error:  # a bug here must not silence the server
                self._answer(500, "text/plain; charset=utf-8", f"{type(error).__name__}: {error}\n")
                return
            self._answer(200, CONTENT_TYPE, page)
        elif path == "/healthz":
            trouble = type(self).trouble()
            state = {"status": "ok"} if trouble is None else {"status": "trouble", "why": trouble}
            self._answer(200 if trouble is None else 503, "application/json", json.dumps(state))
        else:
            self._answer(404, "text/plain; charset=utf-8", "Ask for /metrics or /healthz.\n")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is logged."""
