"""The packet meter: a program of its own that NFStream's engine runs in.

It is started by ``meter.py`` with one JSON argument and writes frames to its standard output:
a kind (one byte), a length (uint32), and so many bytes. It imports nothing but the standard
library and the compiled engine, so that it starts in some hundredths of a second, needs little
memory, and a crash of the engine ends no other program.

The engine (libpcap, packet parsing, counting) is NFStream's; who is asked for what and when a
flow ends is decided here. Flows have the content that ``NFStreamer`` gives them with the same
timeouts (a test compares the two), and beside that

- they are told in the order of their first packets, none later than the active timeout;
- on an interface without traffic the clock ends them: the engine waits for a packet without an
  end, so a second thread looks after them meanwhile;
- at most ``most_flows`` are under way: beyond, the oldest is told early and counted;
- a time stamp that goes back by more than the idle timeout ends all flows;
- what goes on after a timeout keeps its ends: the one that began is the source. Of TCP that is
  met midway it is the end without a well-known port.
"""

import json
import os
import select
import signal
import struct
import sys
import threading
import time
from collections import deque
from typing import Any

HEADER = struct.Struct("<cI")
COUNTERS = struct.Struct("<8Q")
"""tick in ms, packets read, packets that are no IP, received, dropped by the kernel, dropped
by the interface, flows told early, jumps back in time."""
READY, FLOWS, COUNTED, FAILED, GONE, DONE = b"H", b"F", b"C", b"E", b"G", b"D"

_FILE, _INTERFACE = 0, 1
_FLUSH_FLOWS, _FLUSH_S = 2048, 0.03
_GRACE_MS = 1500  # the kernel hands packets over up to a second late
_LOOK_S = 0.25
_QUICK_S, _MOST_QUICK = 0.01, 50  # a quiet second takes a second; a broken read returns at once
_REMEMBERED_MS, _MOST_REMEMBERED = 300_000, 65_536
_TCP, _WELL_KNOWN = 6, 1024
_TAIL = struct.Struct("<QB")


class Meter:
    """The flows under way, and what was counted."""

    def __init__(self, ffi: Any, lib: Any, options: dict[str, Any], out: int) -> None:
        self.ffi, self.lib, self.out = ffi, lib, out
        self.idle_ms, self.active_ms = options["idle_ms"], options["active_ms"]
        self.most_flows, self.live = options["most_flows"], options["live"]
        self.told_bytes = ffi.offsetof("struct nf_flow", "splt_direction")
        # key -> entry; an entry is [engine's flow, when it is over, turned round?, key]
        self.flows: dict[bytes, list[Any]] = {}
        self.order: deque[list[Any]] = deque()
        self.ends: dict[bytes, bool] = {}  # which end of a key began it, of flows that are over
        self.older_ends: dict[bytes, bool] = {}
        self.turned_ms = 0
        self.tick = 0
        self.packets = self.ignored = self.early = self.jumps = 0
        self.kernel = (0, 0, 0)
        self.waiting = bytearray()
        self.n_waiting = 0
        self.flushed_s = time.monotonic()
        self.lock = threading.Lock()  # held by whoever touches flows, while live

    def send(self, kind: bytes, content: bytes = b"") -> None:
        """Write a frame whole; a reader that is gone ends this program."""
        frame = HEADER.pack(kind, len(content)) + content
        view = memoryview(frame)
        try:
            while view:
                view = view[os.write(self.out, view) :]
        except BrokenPipeError:
            os._exit(0)

    def flush(self) -> None:
        """Tell the flows that are over, and what was counted so far."""
        if self.n_waiting:
            self.send(FLOWS, bytes(self.waiting))
            self.waiting, self.n_waiting = bytearray(), 0
        counted = (self.tick, self.packets, self.ignored, *self.kernel, self.early, self.jumps)
        self.send(COUNTED, COUNTERS.pack(*counted))
        self.flushed_s = time.monotonic()

    def tell(self, entry: list[Any]) -> None:
        """Put a flow among those to be sent, and free it."""
        flow, _, turned, key = entry
        if flow is None:
            return
        buffer = self.ffi.buffer(flow, self.told_bytes)
        self.waiting += buffer[:]
        self.waiting += _TAIL.pack(self.tick, turned)
        self.n_waiting += 1
        self.lib.meter_free_flow(flow, 0, 0, 1)
        entry[0] = None
        if self.flows.get(key) is entry:
            del self.flows[key]
        if self.n_waiting >= _FLUSH_FLOWS:
            self.flush()

    def end_those_due(self) -> None:
        """Tell from the front of the line what is over by now."""
        order, tick = self.order, self.tick
        while order:
            entry = order[0]
            if entry[1] > tick and not (
                self.idle_ms < self.active_ms
                and entry[0].bidirectional_last_seen_ms + self.idle_ms <= tick
            ):
                return
            self.tell(order.popleft())

    def end_all(self) -> None:
        while self.order:
            self.tell(self.order.popleft())

    def begin(self, packet: Any, key: bytes, began_low: bool) -> None:
        """A new flow from its first packet."""
        flow = self.lib.meter_initialize_flow(packet, 1, 1, 0, 0, self.ffi.NULL, 0)
        if flow == self.ffi.NULL:
            raise MemoryError
        known = self.ends.get(key)
        if known is None:
            known = self.older_ends.get(key)
        if packet.protocol == _TCP and packet.syn and not packet.ack:
            known = began_low
        elif known is None:
            # Met midway, the end with a well-known port is not the one that called.
            midway = packet.protocol == _TCP and not packet.syn
            answers = midway and packet.src_port < _WELL_KNOWN <= packet.dst_port
            known = began_low != answers
        self.ends[key] = known
        entry = [flow, self.tick + self.active_ms, known != began_low, key]
        self.flows[key] = entry
        self.order.append(entry)
        if len(self.order) > self.most_flows:
            self.early += 1
            self.tell(self.order.popleft())
        if len(self.ends) > _MOST_REMEMBERED or self.tick - self.turned_ms > _REMEMBERED_MS:
            self.older_ends, self.ends, self.turned_ms = self.ends, {}, self.tick

    def run(self, capture: Any) -> bytes:
        """Read until there is nothing more; the kind of frame that says why it ended."""
        ffi, lib = self.ffi, self.lib
        packet = ffi.new("struct nf_packet *")
        raw = ffi.buffer(packet)
        zeros = bytes(len(raw))
        at = {name: field.offset for name, field in ffi.typeof("struct nf_packet").fields}
        time_at, src_at, dst_at = at["time"], at["src_ip"], at["dst_ip"]
        sport_at, dport_at = at["src_port"], at["dst_port"]
        what_at, what_end = at["ip_version"], at["vlan_id"] + 2
        tunnel_at = at["tunnel_id"]
        next_packet, update, null = lib.capture_next, lib.meter_update_flow, ffi.NULL
        flows, order, idle, active = self.flows, self.order, self.idle_ms, self.active_ms
        live, lock = self.live, self.lock
        mode = _INTERFACE if live else _FILE
        read_u64 = struct.Struct("=Q").unpack_from
        quick = 0
        asked_s = time.monotonic() if live else 0.0
        if live:
            lock.acquire()
            threading.Thread(target=self.look_after, args=(capture,), daemon=True).start()
        while True:
            raw[:] = zeros
            if live:
                lock.release()
                got = next_packet(capture, packet, 1, 1, 0, mode)
                lock.acquire()
            else:
                got = next_packet(capture, packet, 1, 1, 0, mode)
            if got == 1:
                self.packets += 1
                quick = 0
                now = read_u64(raw, time_at)[0]
                if now >= self.tick:
                    self.tick = now
                elif self.tick - now > idle:
                    self.jumps += 1
                    self.end_all()
                    self.tick = now
                else:
                    packet.time = self.tick
                if (order and order[0][1] <= self.tick) or idle < active:
                    self.end_those_due()
                low = raw[src_at:dst_at] + raw[sport_at : sport_at + 2]
                high = raw[dst_at:sport_at] + raw[dport_at : dport_at + 2]
                what = raw[what_at:what_end] + raw[tunnel_at : tunnel_at + 4]
                key = low + high + what if low <= high else high + low + what
                entry = flows.get(key)
                if entry is None:
                    self.begin(packet, key, low <= high)
                elif update(entry[0], packet, idle, active, 1, 1, 0, 0, null, 0):
                    entry[1] = 0  # over, and told when those before it are
                    del flows[key]
                    self.begin(packet, key, low <= high)
                    self.end_those_due()
            elif got == 0:
                self.packets += 1
                self.ignored += 1
                quick = 0
            elif got != -1 or not live:
                return DONE
            if not live:
                continue
            now_s = time.monotonic()
            if got == -1:
                quick = quick + 1 if now_s - asked_s < _QUICK_S else 0
                if quick > _MOST_QUICK:
                    return GONE
                self.tick = max(self.tick, int(time.time() * 1000) - _GRACE_MS)
                self.end_those_due()
            if now_s - self.flushed_s > (_FLUSH_S if self.n_waiting else 0.5):
                self._ask_kernel(capture)
                self.flush()
            asked_s = now_s

    def look_after(self, capture: Any) -> None:
        """While no packet comes: end flows by the clock, and all once the input is closed."""
        seen = -1
        while True:
            closed = bool(select.select([0], [], [], _LOOK_S)[0])
            with self.lock:
                if self.packets == seen:
                    self.tick = max(self.tick, int(time.time() * 1000) - _GRACE_MS)
                    self.end_those_due()
                seen = self.packets
                if closed:
                    self.end_all()
                if closed or self.n_waiting or time.monotonic() - self.flushed_s > 2 * _LOOK_S:
                    self._ask_kernel(capture)
                    self.flush()
                if closed:
                    self.send(DONE)
                    os._exit(0)

    def _ask_kernel(self, capture: Any) -> None:
        found = self.ffi.new("struct nf_stat *")
        self.lib.capture_stats(capture, found, _INTERFACE)
        self.kernel = (found.received, found.dropped, found.dropped_by_interface)


def main(text: str) -> int:
    """Meter what the JSON text names, and say how it ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started this one ends it
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the engine prints warnings
    from _lib_engine import ffi, lib  # type: ignore[import-not-found, unused-ignore]

    options = json.loads(text)
    meter = Meter(ffi, lib, options, out)
    capture = _opened(meter, options)
    if capture is None:
        return 0
    meter.send(READY, json.dumps(_layout(ffi, meter.told_bytes)).encode())
    ended = meter.run(capture)
    meter.end_all()
    meter.flush()
    meter.send(ended)
    os._exit(0)  # at once, whatever the other thread does


def _opened(meter: Meter, options: dict[str, Any]) -> Any:
    """The engine's open capture; None once the reason why there is none was sent."""
    ffi, lib = meter.ffi, meter.lib
    error = ffi.new("char[256]")
    mode = _INTERFACE if meter.live else _FILE
    capture = lib.capture_open(os.fsencode(options["source"]), mode, error, options["buffer_bytes"])
    failed = capture == ffi.NULL
    if not failed and meter.live:
        failed = (
            lib.capture_set_timeout(capture, mode, error)
            or lib.capture_set_promisc(capture, mode, error, int(options["promiscuous"]))
            or lib.capture_set_snaplen(capture, mode, error, 65_535)
        )
    failed = failed or lib.capture_activate(capture, mode, error)
    rule = options.get("bpf_filter")
    if not failed and rule is not None:
        failed = lib.capture_set_filter(capture, rule.encode(), error)
    if failed:
        meter.send(FAILED, ffi.string(error))
        return None
    return capture


def _layout(ffi: Any, told_bytes: int) -> dict[str, Any]:
    """Where each value stands in a flow that is sent: name -> [offset, C type]."""
    fields = {
        name: [field.offset, field.type.cname]
        for name, field in ffi.typeof("struct nf_flow").fields
        if field.offset < told_bytes
    }
    return {"bytes": told_bytes + _TAIL.size, "tail": told_bytes, "fields": fields}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
