"""Seconds by the clock from the first packet of a port scan to its alert, on a real interface.

Starts `edgeguard watch BUNDLE interface:lo`, waits until it hears, tries some hundred closed ports
of this machine one after the other, and waits for the first alert and the first incident. Needs
CAP_NET_RAW. Prints one JSON object; exits 1 when the alert takes longer than 15 s.

    python benchmarks/scan_to_alert.py BUNDLE [--ports 300] [--interface lo]
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from process_tree import MemoryWatch

PROJECT = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "edgeguard_core.cli", "watch"]
MOST_S = 15.0
PATIENCE_S = 60.0
FIRST_PORT = 20_000
MB = 1_000_000


def scan(ports: int) -> float:
    """Try closed ports; when the first packet left."""
    started = time.monotonic()
    for port in range(FIRST_PORT, FIRST_PORT + ports):
        with socket.socket() as one:
            one.settimeout(0.2)
            one.connect_ex(("127.0.0.1", port))
    return started


def measure(bundle: Path, interface: str, ports: int, work: Path) -> dict[str, Any]:
    """The scan's alert and incident, by the clock."""
    watch = subprocess.Popen(
        [*COMMAND, str(bundle), f"interface:{interface}", "--jsonl", "-", "--heartbeat", "1",
         "--state", str(work / "state")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=PROJECT,
    )  # fmt: skip
    memory = MemoryWatch(watch.pid, every_s=0.1)
    memory.start()
    came: dict[str, float] = {}
    packets = threading.Event()

    def read() -> None:
        assert watch.stdout is not None
        for line in watch.stdout:
            record = json.loads(line)
            came.setdefault(record["kind"], time.monotonic())
            if record["kind"] == "heartbeat" and record["edgeguard"]["feed"].get("packets"):
                packets.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as calls:
            deadline = time.monotonic() + PATIENCE_S
            while not packets.wait(0.2):  # until it hears
                calls.sendto(b"?", ("127.0.0.1", 9))
                if watch.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The watch hears nothing: is CAP_NET_RAW there?")
        came.pop("alert", None)
        came.pop("incident", None)
        first_packet = scan(ports)
        deadline = time.monotonic() + PATIENCE_S
        while not {"alert", "incident"} <= came.keys() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        watch.terminate()
        watch.wait(20)
        memory.stop()
    return {
        "ports": ports,
        "first_alert_s": round(came["alert"] - first_packet, 2) if "alert" in came else None,
        "incident_s": round(came["incident"] - first_packet, 2) if "incident" in came else None,
        "peak_tree_mb": round(memory.peak_tree_bytes / MB, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--interface", default="lo")
    parser.add_argument("--ports", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answer = measure(asked.bundle.resolve(), asked.interface, asked.ports, Path(folder))
    print(json.dumps(answer, indent=1))
    first = answer["first_alert_s"]
    sys.exit(first is None or first > MOST_S)


if __name__ == "__main__":
    main()
