"""All runs of the benchmark, each once; then the report."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from edgeguard_core.config import TrainingConfig
from edgeguard_core.evaluation import peers
from edgeguard_core.files import write_whole
from quality import matrices, ours, sets, shifts, study
from quality.report import markdown
from quality.results import PROJECT, Store, Task, versions
from quality.rolling import StreamScores
from quality.scored import run_peer
from quality.summary import SetResults, summary

CACHE = PROJECT / "artifacts" / "bench-quality"
REPORT = PROJECT / "docs" / "benchmarks"


def tasks_of(set_name: str, models: Iterable[str]) -> list[Task]:
    """Every run of one set: peers on both matrices, ours with each seed and variant."""
    wanted = set(models)
    found = [
        Task(set_name, peer.name, scaling, peers.SEED)
        for peer in peers.listed()
        for scaling in matrices.SCALINGS
        if not wanted or peer.name in wanted
    ]
    if not wanted or ours.NAME in wanted:
        found += [
            Task(set_name, our_name(variant), matrices.OURS, seed)
            for variant in ours.SERVED
            for seed in ours.SEEDS
        ]
    return found


def our_name(variant: str) -> str:
    """How our variants are called in the report: the one that ships by default has no suffix."""
    return ours.NAME if variant == ours.SERVED[0] else f"{ours.NAME} {variant}"


def compute_ours(name: str, store: Store, data: Path, models: Sequence[str]) -> list[str]:
    """What was run of our own on one set, in words; runs that are kept are left alone."""
    missing = [task for task in _missing(name, store, models) if task.ours]
    is_studied = not judges_ours(models) or store.study(name) is not None
    if not missing and is_studied:
        return []
    parts = _named(name).open(data)
    inputs = matrices.inputs_of(parts, TrainingConfig())
    told = []
    for seed in sorted({task.seed for task in missing}):
        started = time.perf_counter()
        for variant, scored in ours.run(inputs, seed).variants.items():
            store.save(Task(name, our_name(variant), matrices.OURS, seed), scored)
        told.append(_line(name, f"{ours.NAME} seed {seed}", started))
    if not is_studied:
        started = time.perf_counter()
        store.save_study(name, study.of_set(inputs, parts.is_attack))
        told.append(_line(name, "causes and number formats", started))
    return told


def compute_peers(name: str, store: Store, data: Path, models: Sequence[str]) -> list[str]:
    """What was run of the peers on one set, in words; runs that are kept are left alone."""
    missing = [task for task in _missing(name, store, models) if not task.ours]
    if not missing:
        return []
    config = TrainingConfig()
    inputs = matrices.inputs_of(_named(name).open(data), config)
    by_name = {peer.name: peer for peer in peers.listed()}
    told = []
    for scaling in matrices.SCALINGS:
        theirs = [task for task in missing if task.scaling == scaling]
        if not theirs:
            continue
        numbers = matrices.matrices_of(inputs, scaling, config)
        for task in theirs:
            started = time.perf_counter()
            store.save(task, run_peer(by_name[task.model], numbers))
            told.append(_line(name, f"{task.model} on {scaling}", started))
    return told


def _missing(name: str, store: Store, models: Sequence[str]) -> list[Task]:
    return [task for task in tasks_of(name, models) if store.load(task) is None]


def _named(name: str) -> sets.DataSet:
    return next(found for found in sets.listed() if found.name == name)


def judges_ours(models: Sequence[str]) -> bool:
    """Whether our own recipe is among the models that were asked for; none stands for all."""
    return not models or ours.NAME in models


def compute_stream(name: str, store: Store, data: Path) -> list[str]:
    """What was run of one shift, in words; one that is kept already is left alone."""
    if store.stream(name) is not None:
        return []
    started = time.perf_counter()
    shift = next(found for found in shifts.listed() if found.name == name)
    store.save_stream(name, study.of_stream(shift.open(data)))
    return [_line(name, "another day or network", started)]


def streams(names: Sequence[str], store: Store) -> list[tuple[shifts.Shift, StreamScores]]:
    """The scores of every shift that is kept."""
    kept = [(shift, store.stream(shift.name)) for shift in shifts.listed() if shift.name in names]
    return [(shift, scores) for shift, scores in kept if scores is not None]


def results(
    names: Sequence[str], store: Store, data: Path, models: Sequence[str]
) -> list[SetResults]:
    """Truth and scores of every set; all runs must be kept."""
    found = []
    for data_set in sets.listed():
        if data_set.name not in names:
            continue
        parts = data_set.open(data)
        scored = {task: store.load(task) for task in tasks_of(data_set.name, models)}
        found.append(
            SetResults(
                data_set=data_set,
                rows={
                    "fitted": len(parts.fit),
                    "calibration": len(parts.calibration),
                    "benign": int((~parts.is_attack).sum()),
                    "attacks": int(parts.is_attack.sum()),
                },
                is_attack=parts.is_attack,
                scored={task: run for task, run in scored.items() if run is not None},
                test=parts.test,
                study=store.study(data_set.name) if judges_ours(models) else None,
            )
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing, then write ``quality.md`` and ``quality.json``."""
    asked = _parser().parse_args(arguments)
    names = asked.sets or [data_set.name for data_set in sets.listed()]
    store, started = Store(asked.cache), time.perf_counter()
    elsewhere = _shifts(asked)
    # A process for each job: TensorFlow (ours) and PyTorch (peers) in one end in a crash.
    fresh = get_context("spawn")
    with ProcessPoolExecutor(asked.workers, mp_context=fresh, max_tasks_per_child=1) as pool:
        given = {"store": store, "data": asked.data, "models": asked.models}
        jobs = [pool.submit(compute_peers, name, **given) for name in names]
        jobs += [pool.submit(compute_ours, name, **given) for name in names]
        jobs += [pool.submit(compute_stream, name, store, asked.data) for name in elsewhere]
        for done in as_completed(jobs):
            for line in done.result():
                print(line, file=sys.stderr, flush=True)
    plain = summary(results(names, store, asked.data, asked.models), streams(elsewhere, store))
    plain["seconds_of_this_run"] = round(time.perf_counter() - started)
    plain["versions"] = versions()
    asked.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain, indent=1, allow_nan=False)
    write_whole(asked.out / "quality.json", (text + "\n").encode())
    write_whole(asked.out / "quality.md", markdown(plain).encode())
    print(asked.out / "quality.md")
    return 0


def _shifts(asked: argparse.Namespace) -> list[str]:
    """The shifts that were asked for: all, unless some sets or some shifts were named."""
    if not judges_ours(asked.models) or (asked.sets and not asked.shifts):
        return []
    return asked.shifts or [shift.name for shift in shifts.listed()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench_quality.py", description=__doc__)
    data = os.environ.get("EDGEGUARD_DATA", PROJECT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(data), help="folder of network data")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where scores are kept")
    parser.add_argument("--out", type=Path, default=REPORT, help="folder of the report")
    parser.add_argument("--sets", nargs="*", default=[], metavar="SET")
    parser.add_argument("--shifts", nargs="*", default=[], metavar="SHIFT")
    parser.add_argument("--models", nargs="*", default=[], metavar="MODEL")
    parser.add_argument("--workers", type=int, default=2)
    return parser


def _line(name: str, what: str, started: float) -> str:
    return f"{name}: {what} in {time.perf_counter() - started:.1f} s"
