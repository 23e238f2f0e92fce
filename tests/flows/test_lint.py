"""The lint: each artefact is found where it was made, and counted against slow counting."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import data

from edgeguard_core.flows.distinct import DistinctCount, LabelPurity, hashed
from edgeguard_core.flows.finding import Finding
from edgeguard_core.flows.lint import Lint
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows, Labels
from edgeguard_core.flows.validation import Rejection
from edgeguard_core.sources import ReadOptions, ReadReport, read_batches

SCHEMA = Schema.from_yaml("""
name: mine
columns:
  - {name: host, role: identity, type: address}
  - {name: flow_duration_us, role: numeric, unit: us}
  - {name: fwd_packets, role: numeric, unit: packets}
  - {name: bwd_packets, role: numeric, unit: packets}
  - {name: rate, role: numeric, unit: B/s}
  - {name: extra, role: numeric}
  - {name: word, role: categorical, type: string}
""")
N = 200
RNG = np.random.default_rng(4)


def flows(label: list[int] | None = None, **columns: object) -> Flows:
    plain: dict[str, object] = {
        "flow_duration_us": RNG.uniform(1e5, 1e7, N),
        "fwd_packets": RNG.integers(1, 50, N).astype(float),
        "bwd_packets": RNG.integers(1, 60, N).astype(float),
        "rate": RNG.uniform(1, 9, N),
    }
    arrays = {name: np.asarray(values) for name, values in (plain | columns).items()}
    n = len(arrays["rate"])
    labels = None
    if label is not None:
        labels = Labels(np.array(label, np.int8), np.full(n, "", object))
    return Flows(SCHEMA, arrays, labels, np.arange(1, n + 1))


def found(*tables: Flows, rejections: tuple[Rejection, ...] = ()) -> dict[str, Finding]:
    lint = Lint()
    for table in tables:
        lint.add(table, rejections)
    return {finding.rule: finding for finding in lint.findings()}


def test_sound_flows_give_no_finding() -> None:
    assert found(flows()) == {}


def test_too_few_rows_say_nothing_of_columns() -> None:
    few = flows().select(np.arange(5))
    assert found(few, few) == {}


def test_a_copy_of_a_column_is_named() -> None:
    copy = flows()
    copy.columns["extra"] = copy.columns["rate"].copy()  # type: ignore[index]
    finding = found(copy)["duplicated columns"]
    assert finding.columns == ("rate", "extra")
    assert finding.share == 1.0


def test_constant_columns_are_one_finding() -> None:
    words = np.full(N, "red", object)
    finding = found(flows(extra=np.ones(N), word=words))["constant columns"]
    assert finding.columns == ("extra", "word")
    both = found(flows(extra=np.ones(N)), flows(extra=np.full(N, 2.0)))
    assert "constant columns" not in both


def test_a_rate_without_a_number_is_an_infinite_rate() -> None:
    rate = np.where(np.arange(N) < 7, np.nan, np.arange(N))
    finding = found(flows(rate=rate))["infinite rates"]
    assert (finding.columns, finding.rows) == (("rate",), 7)


def test_a_column_that_is_mostly_missing() -> None:
    extra = np.where(np.arange(N) < 150, np.nan, np.arange(N))
    finding = found(flows(extra=extra))["mostly missing"]
    assert (finding.columns, finding.rows, finding.share) == (("extra",), 150, 0.75)


def test_negative_durations_are_counted_accepted_or_rejected() -> None:
    durations = np.linspace(1e5, 1e7, N)
    durations[:3] = -1
    accepted = found(flows(flow_duration_us=durations))["negative durations"]
    assert (accepted.columns, accepted.rows) == (("flow_duration_us",), 3)
    refused = Rejection(9, "Dur", "-1.5", "out of range: below 0")
    rejected = found(flows(), rejections=(refused,))["negative durations"]
    assert (rejected.columns, rejected.rows, rejected.share) == (("Dur",), 1, 1 / (N + 1))


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_seconds_in_a_column_of_microseconds_and_the_other_way(factor: float) -> None:
    durations = RNG.uniform(1e5, 1e7, N) * factor
    many = np.full(N, 30.0) + np.arange(N)
    assert "unit mix-up" in found(flows(flow_duration_us=durations, fwd_packets=many))


def test_an_address_that_tells_the_label_is_named() -> None:
    label = [0, 1] * (N // 2)
    told = np.array(["10.0.0.1" if each == 0 else "10.0.0.9" for each in label], object)
    finding = found(flows(label, host=told))["identifier leaks the label"]
    assert finding.columns == ("host",)
    mixed = np.array(["10.0.0.1", "10.0.0.1", "10.0.0.9", "10.0.0.9"] * (N // 4), object)
    assert "identifier leaks the label" not in found(flows(label, host=mixed))
    few = [1] * 4 + [0] * (N - 4)  # what tells the many apart and not the few tells nothing
    many = np.array([f"10.0.0.{n // 2 if n > 5 else 1}" for n in range(N)], object)
    assert "identifier leaks the label" not in found(flows(few, host=many))
    once = np.array([f"10.0.0.{n}" for n in range(N)], object)  # a key tells nothing
    assert "identifier leaks the label" not in found(flows(label, host=once))


def test_few_attacks_among_many_benign_are_an_imbalance() -> None:
    finding = found(flows([1] + [0] * (N - 1)))["label imbalance"]
    assert finding.rows == 1
    assert "attack" in finding.sentence


def test_rows_that_repeat_are_counted() -> None:
    once = flows()
    assert found(once, once)["duplicate rows"].rows == N


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(1, N - 1), max_size=4))
def test_any_cut_into_batches_gives_the_same_findings(cuts: list[int]) -> None:
    rate = np.where(np.arange(N) < 60, np.nan, np.arange(N) % 50)
    whole = flows([1] * 4 + [0] * (N - 4), rate=rate, extra=np.ones(N))
    edges = [0, *sorted(set(cuts)), N]
    parts = [whole.select(np.arange(low, high)) for low, high in itertools.pairwise(edges)]
    assert found(*parts) == found(whole)


@given(st.lists(st.floats(allow_nan=True) | st.just(0.0) | st.just(-0.0)))
def test_distinct_numbers_are_counted_exactly_while_few(values: list[float]) -> None:
    counter = DistinctCount()
    counter.add(hashed(np.array(values, np.float64)))
    distinct = {"nan" if math.isnan(value) else value for value in values}
    assert counter.estimate() == len(distinct)


def test_many_distinct_values_are_estimated_within_three_percent() -> None:
    counter = DistinctCount(most_kept=4096)
    for start in range(0, 200_000, 10_000):
        counter.add(hashed(np.arange(start, start + 10_000, dtype=np.float64)))
    assert counter.estimate() == pytest.approx(200_000, rel=0.05)
    assert len(counter._kept) <= 4096


def test_purity_keeps_a_bounded_sample() -> None:
    purity = LabelPurity(most_kept=100)
    for _ in range(2):
        values = hashed(np.arange(10_000.0))
        label = (np.arange(10_000) % 2).astype(np.int8)
        purity.add(values, Labels(label, np.full(10_000, "", object)))
    assert len(purity._kept) == 100
    assert purity.share_told() == 1.0


def test_repeats_of_a_real_table_are_those_that_pandas_finds() -> None:
    lint, report = Lint(), ReadReport()
    parts = []
    for batch in read_batches([data("nsl-kdd/KDDTest+.txt.gz")], ReadOptions(), report):
        lint.add(batch.flows, batch.rejections)
        parts.append(batch.flows)
    table = Flows.concat(parts)
    frame = pd.DataFrame({name: table.columns[name] for name in table.schema.features})
    repeats = int(frame.duplicated().sum())
    assert len(table) - lint._repeats.estimate() == repeats


def test_the_artefacts_of_cicflowmeter_are_told() -> None:
    lint, report = Lint(), ReadReport()
    name = "cic-ids2017/thursday_morning_original_header.csv.gz"
    for batch in read_batches([data(name)], ReadOptions(), report):
        lint.add(batch.flows, batch.rejections)
    told = {(finding.rule, finding.columns[:2], finding.rows) for finding in lint.findings()}
    assert ("duplicated columns", ("fwd_packets", "subflow_fwd_packets"), 10180) in told
    assert ("infinite rates", ("bytes_per_s",), 11) in told
    assert ("negative durations", ("flow_duration_us", "iat_max_us"), 14) in told


@pytest.mark.parametrize(("factor", "told"), [(1.0, False), (1000.0, True)])
def test_durations_that_outlast_the_file_are_in_another_unit(factor: float, told: bool) -> None:
    from edgeguard_core.sources.synthesis import SynthesisRequest, synthesise

    table = synthesise(SynthesisRequest("office", hours=1, seed=3))
    name = "bidirectional_duration_ms"
    longer = Flows(
        table.schema,
        {**table.columns, name: table.columns[name] * factor},
        table.labels,
        table.line,
    )
    assert ("unit mix-up" in found(longer)) is told


@pytest.mark.parametrize(
    ("first_ms", "rule"),
    [(1.7e12, None), (1.7e9, "unit mix-up"), (3.6e6, "unlikely times"), (0.0, "unlikely times")],
)
def test_stamps_of_seconds_are_told_from_a_clock_that_was_not_set(
    first_ms: float, rule: str | None
) -> None:
    from edgeguard_core.sources.synthesis import SynthesisRequest, synthesise

    table = synthesise(SynthesisRequest("office", flows=300, seed=3))
    name = "bidirectional_first_seen_ms"
    stamps = {**table.columns, name: first_ms + np.arange(len(table)) * 1000.0}
    odd = found(Flows(table.schema, stamps, table.labels, table.line))
    about_time = [kind for kind, finding in odd.items() if finding.columns == (name,)]
    assert about_time == ([rule] if rule else [])
