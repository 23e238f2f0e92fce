"""What every sink promises: in order, told when its target is away, and back when it is back."""

from __future__ import annotations

import fcntl
import http.server
import io
import json
import os
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from output_records import TurnedClock, alert, event, heartbeat, incident
from servers import Mosquitto, free_port, wait_for

from edgeguard_core.clock import SystemClock
from edgeguard_core.errors import OutputError
from edgeguard_core.outputs import open_sink
from edgeguard_core.outputs.delivery import Delivery
from edgeguard_core.outputs.records import Record
from edgeguard_core.outputs.spool import Spool
from edgeguard_core.outputs.store_reading import AlertStore


@dataclass
class Target:
    """Something that receives: ``ids`` are those of the alerts it has, in their order there."""

    settings: dict[str, Any]
    ids: Callable[[], list[str]]
    take_away: Callable[[], None]
    bring_back: Callable[[], None]


def id_of(body: dict[str, Any]) -> str:
    return body["event"]["id"]


def jsonl_target(tmp_path: Path, _request: Any) -> Iterator[Target]:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "out.jsonl"
    away = tmp_path / "gone"
    yield Target(
        {"jsonl": str(path)},
        lambda: [id_of(json.loads(line)) for line in path.read_text().splitlines()],
        lambda: folder.rename(away),
        lambda: away.rename(folder),
    )


def sqlite_target(tmp_path: Path, _request: Any) -> Iterator[Target]:
    folder = tmp_path / "store"
    folder.mkdir()
    away = tmp_path / "gone"
    url = f"sqlite:///{folder / 'alerts.db'}"
    yield Target(
        {"store": url},
        lambda: store_ids(url),
        lambda: folder.rename(away),
        lambda: away.rename(folder),
    )


def postgres_target(tmp_path: Path, request: Any) -> Iterator[Target]:
    server = request.getfixturevalue("postgres")
    url = request.getfixturevalue("new_database")()
    is_down = []

    def take_away() -> None:
        server.stop()
        is_down.append(True)

    def bring_back() -> None:
        server.start()
        is_down.clear()

    yield Target({"store": url}, lambda: store_ids(url), take_away, bring_back)
    if is_down:
        bring_back()


def store_ids(url: str) -> list[str]:
    with AlertStore(url) as store:
        rows = sorted(store.alerts(most=1000), key=lambda row: (row.received_ms, row.time_ms))
    return [row.id for row in rows]


class Collector:
    """A TCP server on one port that can go away and come back; ``connections`` are its streams."""

    def __init__(self) -> None:
        self.port = free_port()
        self.streams: list[bytearray] = []
        self._server: socketserver.ThreadingTCPServer | None = None
        self._open: list[socket.socket] = []

    def start(self) -> None:
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                stream = bytearray()
                outer.streams.append(stream)
                outer._open.append(self.request)
                with suppress(OSError):
                    while block := self.request.recv(65536):
                        stream += block

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._open.clear()
            self._server.server_close()  # joins the handlers
            self._server = None


def unframed(stream: bytes) -> list[bytes]:
    """The messages of a stream of counted octets (RFC 6587, 3.4.1)."""
    messages = []
    while stream:
        length, stream = stream.split(b" ", 1)
        messages.append(stream[: int(length)])
        stream = stream[int(length) :]
    return messages


def syslog_target(tmp_path: Path, _request: Any) -> Iterator[Target]:
    collector = Collector()
    collector.start()

    def ids() -> list[str]:
        messages = [one for stream in collector.streams for one in unframed(bytes(stream))]
        return [re.search(rb' id="(\w+)"', one)[1].decode() for one in messages]

    yield Target(
        {"syslog": f"tcp://127.0.0.1:{collector.port}"}, ids, collector.stop, collector.start
    )
    collector.stop()


class Hook:
    """A web server that answers what it is told to; ``posts`` are the arrays that it took."""

    def __init__(self) -> None:
        self.port = free_port()
        self.posts: list[list[dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[list[dict[str, Any]]], tuple[int, dict[str, str]]]
        self.answer = lambda _posted: (200, {})
        self._server: http.server.ThreadingHTTPServer | None = None

    def start(self) -> None:
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 0.5  # a kept connection does not hold up the end of a test

            def do_POST(self) -> None:
                posted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers = outer.answer(posted)
                outer.headers.append(dict(self.headers))
                if status == 200:
                    outer.posts.append(posted)
                self.send_response(status)
                for name, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    server.start()
    yield server
    server.stop()


def webhook_target(tmp_path: Path, request: Any) -> Iterator[Target]:
    hook = request.getfixturevalue("hook")
    yield Target(
        {"webhook": f"http://127.0.0.1:{hook.port}/alerts", "timeout_s": 5},
        lambda: [id_of(body) for posted in hook.posts for body in posted],
        hook.stop,
        hook.start,
    )


class Subscriber:
    """A client of a broker that keeps what it gets."""

    def __init__(self, port: int, topic: str) -> None:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, bytes, bool]] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload, message.retain)
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def mqtt_target(tmp_path: Path, request: Any) -> Iterator[Target]:
    broker: Mosquitto = request.getfixturevalue("broker")
    subscribers = [Subscriber(broker.port, "site/#")]

    def bring_back() -> None:
        broker.start()
        subscribers.append(Subscriber(broker.port, "site/#"))

    yield Target(
        {"mqtt": f"mqtt://127.0.0.1:{broker.port}/site"},
        lambda: [id_of(json.loads(text)) for one in subscribers for _, text, _ in one.messages],
        broker.stop,
        bring_back,
    )
    for subscriber in subscribers:
        subscriber.close()


TARGETS = {
    "jsonl": jsonl_target,
    "sqlite": sqlite_target,
    "postgresql": postgres_target,
    "syslog": syslog_target,
    "webhook": webhook_target,
    "mqtt": mqtt_target,
}


@pytest.fixture(params=TARGETS)
def target(request, tmp_path) -> Iterator[Target]:
    yield from TARGETS[request.param](tmp_path, request)


def opened(target: Target, tmp_path: Path, **more: Any):
    return open_sink(
        {**target.settings, **more}, dead_letters=tmp_path / "dead", clock=TurnedClock()
    )


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records]


def has(target: Target, wanted: list[str]) -> None:
    wait_for(lambda: len(target.ids()) >= len(wanted), f"{len(wanted)} records arrive", 10)
    assert target.ids() == wanted


def test_a_sink_delivers_in_order_says_when_its_target_is_away_and_recovers(target, tmp_path):
    sink = opened(target, tmp_path)
    first, second = [alert(i) for i in range(5)], [alert(i) for i in range(5, 9)]
    sink.send(first)
    has(target, ids(first))
    target.take_away()
    for _ in range(2):
        with pytest.raises(OutputError, match=r"\.$"):
            sink.send(second)
    target.bring_back()
    sink.send(second)
    has(target, ids(first + second))
    sink.close()


def test_a_sink_may_start_before_its_target(target, tmp_path):
    target.take_away()
    sink = opened(target, tmp_path)
    with pytest.raises(OutputError):
        sink.send([alert(1)])
    target.bring_back()
    sink.send([alert(1)])
    has(target, ids([alert(1)]))
    sink.close()


def test_what_comes_twice_has_the_same_id(target, tmp_path):
    sink = opened(target, tmp_path)
    sink.send([alert(1)])
    sink.send([alert(1), alert(2)])
    wait_for(lambda: alert(2).id in target.ids(), "the second arrives", 10)
    assert set(target.ids()) == {alert(1).id, alert(2).id}
    if "store" in target.settings:
        assert len(target.ids()) == 2
    sink.close()


def test_a_sink_takes_the_kinds_it_is_given(target, tmp_path):
    sink = opened(target, tmp_path, kinds=["alert"])
    sink.send([event(1), heartbeat(1), incident(1)])
    sink.send([event(2), alert(1), heartbeat(2), alert(2)])
    has(target, ids([alert(1), alert(2)]))
    sink.close()


def test_a_sink_has_the_same_name_after_a_restart_and_closes_twice(target, tmp_path):
    one, other = opened(target, tmp_path), opened(target, tmp_path)
    assert one.name == other.name
    for sink in (one, other, one):
        sink.close()


def test_a_target_that_was_away_gets_everything_in_order(target, tmp_path):
    """With spool and threads, as a watch has them: nothing is lost, duplicates apart."""
    spool = Spool(tmp_path / "spool", 1 << 20, SystemClock())
    sink = open_sink(target.settings, dead_letters=tmp_path / "dead")
    delivery = Delivery(spool, [sink], SystemClock())
    told = [alert(i) for i in range(30)]
    delivery.accept(told[:10])
    assert delivery.flush(20)
    has(target, ids(told[:10]))
    target.take_away()
    for begin in range(10, 30, 5):
        delivery.accept(told[begin : begin + 5])
    wait_for(lambda: delivery.status()[sink.name].failed > 0, "a failure", 20)
    assert delivery.status()[sink.name].error is not None
    target.bring_back()
    assert delivery.flush(30)
    status = delivery.status()[sink.name]
    assert (status.waiting, status.lost, status.error) == (0, 0, None)
    assert delivery.close(10)
    wait_for(lambda: set(target.ids()) == set(ids(told)), "all arrive", 10)
    assert list(dict.fromkeys(target.ids())) == ids(told)


# What each sink has of its own.


def test_json_lines_go_on_in_a_new_file_after_logrotate_moved_the_old(tmp_path):
    path = tmp_path / "out.jsonl"
    sink = open_sink({"jsonl": str(path)}, dead_letters=tmp_path)
    sink.send([alert(1)])
    path.rename(tmp_path / "moved")
    sink.send([alert(2)])
    assert id_of(json.loads((tmp_path / "moved").read_text())) == alert(1).id
    assert id_of(json.loads(path.read_text())) == alert(2).id
    path.unlink()
    sink.send([alert(3)])
    assert id_of(json.loads(path.read_text())) == alert(3).id
    sink.close()


def test_json_lines_rotate_by_size_and_keep_so_many(tmp_path):
    path = tmp_path / "out.jsonl"
    settings = {"jsonl": str(path), "rotate_megabytes": 0.002, "keep": 2}
    sink = open_sink(settings, dead_letters=tmp_path)
    for number in range(20):
        sink.send([alert(number)])
    sink.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "out.jsonl",
        "out.jsonl.1",
        "out.jsonl.2",
    ]
    text = "".join((tmp_path / f"out.jsonl{end}").read_text() for end in (".2", ".1", ""))
    numbers = [json.loads(line)["edgeguard"]["number"] for line in text.splitlines()]
    assert numbers == list(range(numbers[0], 20))
    assert all(one.stat().st_size < 4000 for one in tmp_path.iterdir())


@pytest.mark.parametrize("cut", [1, 2, 10, 300])
def test_a_line_that_a_crash_tore_is_gone_at_the_next_start(tmp_path, cut):
    path = tmp_path / "out.jsonl"
    for number in range(2):
        sink = open_sink({"jsonl": str(path)}, dead_letters=tmp_path)
        sink.send([alert(number)])
        sink.close()
    os.truncate(path, path.stat().st_size - cut)
    sink = open_sink({"jsonl": str(path)}, dead_letters=tmp_path)
    sink.send([alert(1)])
    sink.close()
    numbers = [json.loads(one)["edgeguard"]["number"] for one in path.read_text().splitlines()]
    assert numbers == [0, 1]


def test_text_of_others_at_the_end_of_a_file_is_not_touched(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("my notes")
    sink = open_sink({"jsonl": str(path)}, dead_letters=tmp_path)
    sink.send([alert(1)])
    sink.close()
    assert path.read_text().startswith('my notes\n{"@timestamp"')


def test_json_lines_onto_stdout_come_at_once(capsys, tmp_path):
    sink = open_sink({"jsonl": "-"}, dead_letters=tmp_path)
    sink.send([alert(1), alert(2)])
    out = capsys.readouterr().out.splitlines()
    assert [id_of(json.loads(line)) for line in out] == ids([alert(1), alert(2)])
    sink.close()


def test_a_pipe_that_takes_only_parts_gets_whole_lines(monkeypatch, tmp_path):
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)  # then it takes parts even if nothing interrupts it
    got: list[bytes] = []

    def read_on() -> None:
        while piece := os.read(reading, 1000):
            got.append(piece)

    reader = threading.Thread(target=read_on)
    with io.TextIOWrapper(os.fdopen(writing, "wb", 0), write_through=True) as unbuffered:
        monkeypatch.setattr("sys.stdout", unbuffered)
        sink = open_sink({"jsonl": "-"}, dead_letters=tmp_path)
        reader.start()
        sink.send([alert(i) for i in range(200)])
        sink.close()
        monkeypatch.undo()
    reader.join()
    os.close(reading)
    lines = b"".join(got).splitlines()
    assert [json.loads(line) for line in lines] == [alert(i).body for i in range(200)]


def test_a_webhook_gets_arrays_with_the_headers_it_wants(hook, tmp_path):
    url = f"http://127.0.0.1:{hook.port}/alerts?key=1"
    settings = {"webhook": url, "headers": {"Authorization": "Bearer x"}}
    sink = open_sink(settings, dead_letters=tmp_path)
    sink.send([alert(i) for i in range(250)])
    assert [len(posted) for posted in hook.posts] == [100, 100, 50]
    assert hook.posts[0][3] == alert(3).body
    assert hook.headers[0]["Authorization"] == "Bearer x"
    assert hook.headers[0]["Content-Type"] == "application/json"
    assert "key" not in sink.name
    sink.close()


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_a_webhook_that_is_busy_gets_the_records_again(hook, tmp_path, status):
    hook.answer = lambda _: (status, {"Retry-After": "7"})
    url = f"http://127.0.0.1:{hook.port}/"
    sink = open_sink({"webhook": url}, dead_letters=tmp_path, clock=TurnedClock())
    with pytest.raises(OutputError, match=str(status)) as caught:
        sink.send([alert(1)])
    assert caught.value.retry_after_s == 7.0
    hook.answer = lambda _: (503, {"Retry-After": "Sun, 01 Mar 2026 12:01:30 GMT"})
    with pytest.raises(OutputError) as caught:
        sink.send([alert(1)])
    assert caught.value.retry_after_s == 90.0
    hook.answer = lambda _: (503, {"Retry-After": "soon"})
    with pytest.raises(OutputError) as caught:
        sink.send([alert(1)])
    assert not hasattr(caught.value, "retry_after_s")
    assert list(tmp_path.iterdir()) == []
    sink.close()


def test_a_redirect_is_an_error_that_names_it(hook, tmp_path):
    hook.answer = lambda _: (302, {"Location": "/else"})
    sink = open_sink({"webhook": f"http://127.0.0.1:{hook.port}/"}, dead_letters=tmp_path)
    with pytest.raises(OutputError, match="302 Found; give the address it leads to"):
        sink.send([alert(1)])
    sink.close()


def dead(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.glob("*.dead.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_only_the_record_that_is_refused_becomes_a_dead_letter(hook, tmp_path):
    bad = alert(3).id
    hook.answer = lambda posted: (400 if bad in map(id_of, posted) else 200, {})
    sink = open_sink({"webhook": f"http://127.0.0.1:{hook.port}/"}, dead_letters=tmp_path)
    sink.send([alert(i) for i in range(8)])
    taken = [id_of(body) for posted in hook.posts for body in posted]
    assert taken == [alert(i).id for i in range(8) if i != 3]
    (letter,) = dead(tmp_path)
    assert letter["record"] == alert(3).body
    assert letter["reason"] == "the receiver answered 400 Bad Request"
    sink.close()


def test_what_is_refused_for_good_is_kept_with_the_reason_and_bounded(hook, tmp_path):
    from edgeguard_core.outputs.dead_letters import DeadLetters
    from edgeguard_core.outputs.webhook import WebhookSink

    hook.answer = lambda _: (403, {})
    letters = DeadLetters(tmp_path / "x.dead.jsonl", TurnedClock(), most_bytes=20_000)
    sink = WebhookSink(f"http://127.0.0.1:{hook.port}/", TurnedClock(), letters)
    for number in range(60):
        sink.send([alert(number)])
    sink.close()
    assert letters.count == 60
    assert dead(tmp_path)[-1]["record"] == alert(59).body
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) < 22_000


def test_a_broker_gets_a_topic_for_each_kind_and_keeps_the_heartbeat(broker, tmp_path):
    sink = open_sink({"mqtt": f"mqtt://127.0.0.1:{broker.port}/site/alerts"}, dead_letters=tmp_path)
    early = Subscriber(broker.port, "site/#")
    sink.send([alert(1), incident(1), heartbeat(1), alert(2, sensor="a/b+#")])
    wait_for(lambda: len(early.messages) == 4, "four messages", 10)
    assert [topic for topic, _, _ in early.messages] == [
        "site/alerts/gate/alert",
        "site/alerts/gate/incident",
        "site/alerts/gate/heartbeat",
        "site/alerts/a_b__/alert",
    ]
    assert json.loads(early.messages[0][1]) == alert(1).body
    late = Subscriber(broker.port, "site/#")
    wait_for(lambda: late.messages, "the kept heartbeat", 10)
    assert [(topic, kept) for topic, _, kept in late.messages] == [
        ("site/alerts/gate/heartbeat", True)
    ]
    for one in (early, late, sink):
        one.close()


def test_a_broker_that_refuses_the_user_is_told_without_the_password(tmp_path):
    (tmp_path / "passwords").write_text("")
    words = ("allow_anonymous false", f"password_file {tmp_path / 'passwords'}")
    broker = Mosquitto(tmp_path, *words)
    broker.start()
    address = f"mqtt://edge:hunter2@127.0.0.1:{broker.port}/site"
    sink = open_sink({"mqtt": address}, dead_letters=tmp_path)
    with pytest.raises(OutputError, match="Not authorized") as caught:
        sink.send([alert(1)])
    assert "hunter2" not in sink.name + str(caught.value)
    sink.close()
    broker.stop()
