"""``edgeguard watch``: flows in as they come, alerts out."""

import argparse
import contextlib
import json
import signal
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeguard_core.cli.edge import SUMMARIES
from edgeguard_core.cli.edge.arguments import Parser
from edgeguard_core.cli.edge.named import Bundles
from edgeguard_core.errors import EdgeGuardError, OutputError

if TYPE_CHECKING:
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.outputs.delivery import Delivery
    from edgeguard_core.watch.loop import Watch
    from edgeguard_core.watch.settings import BoxSettings
    from edgeguard_core.watch.updates import Updater

EXAMPLE = "Example: edgeguard watch office.bundle /opt/zeek/logs/current/conn.log --jsonl -"
_CLOSE_S = 10.0
_NOT_ALL_DELIVERED = 2  # records of a run that ends, which nobody will tell any more


def parser() -> argparse.ArgumentParser:
    """What may stand behind ``edgeguard watch``."""
    found = Parser(prog="edgeguard watch", description=SUMMARIES["watch"], epilog=EXAMPLE)
    add = found.add_argument
    add("bundle", nargs="?", help="a bundle: its folder or .zip, or a registered one as "
        "models@champion (or in --config)")  # fmt: skip
    add("source", nargs="?", help="a log, a capture, an interface such as eth0 or "
        "interface:eth0, or - for standard input (or in --config)")  # fmt: skip
    add("--config", type=Path, metavar="FILE", help="settings of the box; docs/watch.md shows all")
    add("--jsonl", metavar="PATH|-", help="write JSON lines to a file, or - for standard output")
    add("--store", metavar="URL", help="write into an SQL store, such as sqlite:///alerts.db")
    add("--state", type=Path, metavar="DIR", help="thresholds, place and spool; default: "
        "BUNDLE.state beside the bundle")  # fmt: skip
    add("--sensor", metavar="NAME", help="name of this box in every line; default: its host name")
    add("--speed", type=float, metavar="X", help="of a capture: X times as fast as it happened; "
        "default: as fast as possible")  # fmt: skip
    add("--from-start", action="store_true", help="of a log: read what is there already")
    add("--resume", action="store_true", help="go on where the last watch of this source ended "
        "(a growing log does so anyway)")  # fmt: skip
    add("--until-end", "--once", action="store_true", help="of a log: stop where it ends")
    add("--when-full", choices=("wait", "drop"), help="what to do when flows come too fast")
    add("--warm-up-hours", type=float, metavar="H", help="calibrate here after so many hours of "
        "flows; until then the threshold in force is used")  # fmt: skip
    add("--heartbeat", type=float, metavar="S", help="seconds between two signs of life")
    add("--require-signature", type=Path, metavar="PUBKEY", help="refuse bundles not signed by it")
    add("--updates", metavar="DIR|URL", help="take newer bundles from there, signed by one of the "
        "keys of --require-signature")  # fmt: skip
    add("--shadow", metavar="BUNDLE", help="score the same flows with this bundle, too, such as "
        "models@shadow; nobody is told its alerts")  # fmt: skip
    add("--quiet", action="store_true", help="no warnings on stderr")
    return found


def command(arguments: Sequence[str]) -> int:
    """Watch until the source ends or a signal comes."""
    try:
        asked = parser().parse_args(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    from edgeguard_core.watch.settings import load_settings

    asked.lost = False
    settings = load_settings(asked.config, flags=_flags(asked))
    if asked.bundle is not None and asked.source is None and settings.source is None:
        raise EdgeGuardError(
            "watch needs a bundle and a source: edgeguard watch BUNDLE conn.log, or both in "
            "--config."
        )
    if settings.bundle is None or settings.source is None:
        missing = "bundle" if settings.bundle is None else "source"
        raise EdgeGuardError(f"There is no {missing} to watch with: name it, or give --config.")
    with _open(asked, settings) as watch:
        summary = _run(watch, asked)
    line = json.dumps(summary.to_json())
    to_stdout = any(sink.get("jsonl") == "-" for sink in watch.settings.sinks)
    print(line, file=sys.stderr if to_stdout or not _has_file(watch.settings) else sys.stdout)
    return _NOT_ALL_DELIVERED if asked.lost else 0


def _has_file(settings: "BoxSettings") -> bool:
    return any("jsonl" in sink and sink["jsonl"] != "-" for sink in settings.sinks)


def _flags(asked: argparse.Namespace) -> dict[str, Any]:
    return {
        "bundle": None if asked.bundle is None else Path(asked.bundle),
        "shadow": None if asked.shadow is None else Path(asked.shadow),
        "source": asked.source,
        "state": asked.state,
        "sensor": asked.sensor,
        "when_full": asked.when_full,
        "heartbeat_s": asked.heartbeat,
        "warm_up_hours": asked.warm_up_hours,
        "require_signature": asked.require_signature,
        "updates.from": asked.updates,
    }


@contextlib.contextmanager
def _open(asked: argparse.Namespace, settings: "BoxSettings") -> Iterator["Watch"]:
    """All that a watch needs, and its sinks flushed in the end."""
    from edgeguard_core.bundle import StateFolder
    from edgeguard_core.cli.edge import sources
    from edgeguard_core.cli.output import print_warnings
    from edgeguard_core.clock import SystemClock
    from edgeguard_core.detection.detector import Detector
    from edgeguard_core.outputs.delivery import Delivery
    from edgeguard_core.outputs.spool import Spool
    from edgeguard_core.watch.checkpoint import Checkpoint, checkpoint_path
    from edgeguard_core.watch.exclusions import REVIEWS
    from edgeguard_core.watch.loop import Watch

    assert settings.bundle is not None
    assert settings.source is not None
    clock = SystemClock()
    named, source = Bundles(settings), settings.source
    settings = replace(settings, bundle=named.path)
    updater = _updater(settings, clock)
    bundle = updater.start() if updater else _bundle(named.path, settings.require_signature)
    state = StateFolder.of(bundle, settings.state)
    detector = Detector(bundle, state)
    kind = sources.kind_of(source)
    wanted = sources.Wanted(asked.speed, asked.from_start, asked.until_end)
    resumes = asked.resume or (kind == "log" and not asked.from_start and not asked.until_end)
    resumes = resumes or kind == "interface"
    place = named.place(state.path, follows=updater is None)
    file = checkpoint_path(place, str(Path(source).absolute()))
    _make(file.parent)
    checkpoint = Checkpoint.load(file) if resumes else None
    position = checkpoint.position if checkpoint is not None else None
    settings = replace(settings, sinks=_sinks(asked, settings))
    feed = sources.open_feed(source, detector, settings, wanted, position)
    with contextlib.ExitStack() as stack:
        folder = settings.spool_folder or file.parent / "spool"
        ends = kind in ("capture", "file") or (asked.until_end and not asked.resume)
        if ends and settings.spool_folder is None:
            # Its records are of this run alone: no other one shall tell them.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=file.parent)))
        sinks = [_sink(entry, state.path, settings, clock) for entry in settings.sinks]
        spool = Spool(folder, int(settings.spool_megabytes * 1e6), clock)
        stack.callback(spool.close)
        delivery = Delivery(spool, sinks, clock, seed=zlib.crc32(settings.sensor.encode()))
        watch = Watch(
            detector, feed, delivery, settings, clock,
            checkpoint=checkpoint, checkpoint_file=None if kind in ("capture", "file") else file,
            reviews=state.path / REVIEWS,
            own_addresses=sources.own_addresses() if kind == "interface" else (),
            updater=updater or named.promotions(bundle),
            shadow=named.shadow(),
            warn=lambda sentence: None if asked.quiet else print_warnings([sentence]),
        )  # fmt: skip
        metrics = _metrics(settings, watch)
        try:
            yield watch
        finally:
            if metrics is not None:
                metrics.close()
            if ends or kind in ("stdin", "pipe"):
                _drain(delivery)
            if not delivery.close(_CLOSE_S):
                asked.lost = ends and settings.spool_folder is None
                if not asked.quiet:
                    _warn_of_undelivered(delivery.status(), None if asked.lost else folder)


def _drain(delivery: "Delivery") -> None:
    """Wait as long as a sink still takes something, and try again one that fails.

    The source has ended: whoever reads slowly is waited for, as by any program on a pipe.
    """
    taken = -1
    while not delivery.flush(_CLOSE_S):
        before, taken = taken, sum(one.delivered for one in delivery.status().values())
        if taken == before:
            return


def _run(watch: "Watch", asked: argparse.Namespace) -> Any:
    warnings = [] if asked.quiet else [*watch.detector.warnings]
    from edgeguard_core.cli.output import print_warnings

    print_warnings(warnings)
    before = _listen(watch, asked)
    try:
        return watch.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(watch: "Watch", asked: argparse.Namespace) -> dict[int, Any]:
    """SIGTERM and SIGINT end it well, SIGHUP reads the settings again."""
    from edgeguard_core.watch.settings import load_settings

    def end(number: int, frame: Any) -> None:
        watch.stop()

    def reload(number: int, frame: Any) -> None:
        try:
            watch.reload(load_settings(asked.config, flags=_flags(asked)))
        except EdgeGuardError as error:
            watch.complain(str(error))

    wanted = {signal.SIGTERM: end, signal.SIGINT: end, signal.SIGHUP: reload}
    return {number: signal.signal(number, handler) for number, handler in wanted.items()}


def _bundle(path: Path, public_keys: Path | None) -> "Bundle":
    from edgeguard_core.bundle import Bundle

    if public_keys is None:
        return Bundle.load(path)
    from edgeguard_core.bundle import TrustedKeys

    return Bundle.load(path, require_signature=TrustedKeys.of(public_keys))


def _updater(settings: "BoxSettings", clock: Any) -> "Updater | None":
    """What brings newer bundles, where they are asked for."""
    if settings.updates_from is None or settings.bundle is None:
        return None
    from edgeguard_core.watch.update_settings import updater_for

    return updater_for(
        settings.bundle, settings.updates_from, settings.require_signature, clock,
        state=settings.state, every_s=settings.updates_every_s,
    )  # fmt: skip


def _sinks(asked: argparse.Namespace, settings: "BoxSettings") -> tuple[Mapping[str, Any], ...]:
    """Those of the settings and of the flags; standard output where there is none at all."""
    found = list(settings.sinks)
    if asked.jsonl is not None:
        found.append({"jsonl": asked.jsonl})
    if asked.store is not None:
        found.append({"store": asked.store})
    return tuple(found or [{"jsonl": "-"}])


def _sink(entry: Mapping[str, Any], state: Path, settings: "BoxSettings", clock: Any) -> Any:
    from edgeguard_core.outputs.opening import open_sink

    days = settings.retention_days
    if days is not None and "store" in entry and "retention_days" not in entry:
        entry = {**entry, "retention_days": days}
    return open_sink(entry, dead_letters=state / "dead-letters", clock=clock)


def _metrics(settings: "BoxSettings", watch: "Watch") -> Any:
    if settings.metrics is None:
        return None
    from edgeguard_core.outputs.metrics import MetricsServer, heartbeat_metrics

    host, _, port = settings.metrics.rpartition(":")
    server = MetricsServer(
        lambda: heartbeat_metrics(watch.heartbeat().body), int(port), address=host.strip("[]")
    )
    server.start()
    return server


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Cannot make {folder}: {error.strerror or error}; name a writable folder with --state."
        ) from error


def _warn_of_undelivered(status: Mapping[str, Any], kept: Path | None) -> None:
    from edgeguard_core.cli.output import print_warnings

    then = "run it again" if kept is None else f"they wait in {kept}"
    print_warnings(
        f"{name} has not taken {one.waiting} records ({one.error or 'no time was left'}); {then}."
        for name, one in status.items()
        if one.waiting and not one.ended
    )
