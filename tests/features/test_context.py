"""Context: against its definition, for any cut, within its memory."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeguard_core.features.context import (
    COLUMNS,
    LONG_S,
    LONGEST_GAP_S,
    SHORT_S,
    HostContext,
    with_context,
)
from edgeguard_core.flows import Flows, Schema

FLOW = Schema.named("flow")


def flows_of(rows):
    """Flows from rows of (seconds, source, destination, port, bytes)."""
    seconds, sources, destinations, ports, sizes = zip(*rows, strict=True) if rows else [()] * 5
    n = len(rows)
    columns = {
        "bidirectional_first_seen_ms": np.array(seconds, float) * 1000,
        "src_ip": np.array(sources, object),
        "dst_ip": np.array(destinations, object),
        "dst_port": np.array(ports, float),
        "protocol": np.full(n, 6.0),
        "src2dst_bytes": np.array(sizes, float),
        "dst2src_bytes": np.zeros(n),
    }
    return Flows(FLOW, columns, None, np.arange(1, n + 1))


def slow_context(rows):
    """Every figure from its definition, looking back over all earlier flows each time."""
    result = []
    for i, (t, s, d, p, _) in enumerate(rows):
        past = list(enumerate(rows[:i]))

        def decayed(wanted, tau, now=t, past=past):
            return sum(math.exp(-(now - row[0]) / tau) for j, row in past if wanted(j, row))

        def first_time(j, key):
            return all(key(earlier) != key(rows[j]) for earlier in rows[:j])

        found = {}
        for tau in (SHORT_S, LONG_S):
            tail = f"_{tau:g}s"
            found["src_flows" + tail] = decayed(lambda j, r, s=s: r[1] == s, tau)
            found["dst_flows" + tail] = decayed(lambda j, r, d=d: r[2] == d, tau)
            found["conversation_flows" + tail] = decayed(lambda j, r, k=(s, d, p): r[1:4] == k, tau)
            found["src_new_destinations" + tail] = decayed(
                lambda j, r, s=s: r[1] == s and first_time(j, lambda x: x[1:3]), tau
            )
            found["dst_new_sources" + tail] = decayed(
                lambda j, r, d=d: r[2] == d and first_time(j, lambda x: x[1:3]), tau
            )
            found["src_new_ports" + tail] = decayed(
                lambda j, r, s=s: r[1] == s and first_time(j, lambda x: (x[1], x[3])), tau
            )
        own = [row[0] for _, row in past if row[1] == s]
        found["src_gap_s"] = min(t - own[-1], LONGEST_GAP_S) if own else LONGEST_GAP_S
        found |= slow_conversation([row for _, row in past if row[1:4] == (s, d, p)], rows[i])
        result.append([found[name] for name in COLUMNS])
    return np.array(result).reshape(-1, len(COLUMNS))


def slow_conversation(before, flow):
    times = [row[0] for row in before] + [flow[0]]
    log_gaps = [math.log(b - a + 1e-3) for a, b in itertools.pairwise(times)]
    mean_size = None
    for row in before:
        z = math.log1p(row[4])
        mean_size = z if mean_size is None else mean_size + 0.1 * (z - mean_size)
    return {
        "conversation_gap_s": min(times[-1] - times[-2], LONGEST_GAP_S)
        if before
        else LONGEST_GAP_S,
        "conversation_gap_spread": float(np.std(log_gaps)) if len(log_gaps) >= 4 else 0.0,
        "conversation_size_change": math.log1p(flow[4]) - mean_size if before else 0.0,
    }


ROWS = st.lists(
    st.tuples(
        st.floats(0, 100_000, allow_nan=False, width=32),
        st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        st.sampled_from(["8.8.8.8", "1.1.1.1", "10.0.0.9"]),
        st.sampled_from([53, 443]),
        st.sampled_from([0, 60, 1500, 10**6]),
    ),
    max_size=40,
).map(sorted)


@given(ROWS)
@settings(deadline=None, max_examples=60)
def test_every_figure_is_what_its_definition_says(rows):
    found = HostContext().columns(flows_of(rows))
    got = np.array([found[name] for name in COLUMNS]).T
    np.testing.assert_allclose(got, slow_context(rows), rtol=1e-6, atol=1e-6)


@given(ROWS, st.lists(st.integers(0, 40), max_size=5))
@settings(deadline=None, max_examples=60)
def test_any_cut_into_batches_gives_the_same_bits(rows, cuts):
    flows, whole, parts = flows_of(rows), HostContext(), HostContext()
    together = whole.columns(flows)
    edges = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    pieces = [
        parts.columns(flows.select(np.arange(first, last)))
        for first, last in itertools.pairwise(edges)
    ]
    for name in COLUMNS:
        joined = np.concatenate([piece[name] for piece in pieces]) if pieces else np.zeros(0)
        assert joined.tobytes() == together[name].tobytes(), name
    assert len(whole) == len(parts)


def test_files_out_of_time_order_get_the_context_of_their_times():
    rows = [(float(i * 7 % 100), "a", "b", i % 3, 100) for i in range(100)]
    shuffled = with_context(flows_of(rows))
    in_order = with_context(flows_of(sorted(rows)))
    order = np.argsort(shuffled.columns["bidirectional_first_seen_ms"], kind="stable")
    for name in COLUMNS:
        np.testing.assert_array_equal(shuffled.columns[name][order], in_order.columns[name])


def test_each_file_is_its_own_timeline():
    rows = [(float(i), "a", "b", 80, 100) for i in range(20)]
    both = with_context(flows_of(rows + rows), np.repeat([0, 1], 20))
    alone = with_context(flows_of(rows))
    for name in COLUMNS:
        np.testing.assert_array_equal(both.columns[name][:20], alone.columns[name])
        np.testing.assert_array_equal(both.columns[name][20:], alone.columns[name])


def test_nothing_looks_ahead():
    rows = [(float(i), "a", f"d{i % 5}", 80, 100) for i in range(50)]
    all_rows = with_context(flows_of(rows))
    first_rows = with_context(flows_of(rows[:20]))
    for name in COLUMNS:
        np.testing.assert_array_equal(all_rows.columns[name][:20], first_rows.columns[name])


def test_flows_without_time_get_no_context():
    flows = flows_of([(0.0, "a", "b", 80, 1)])
    unknown = replace(
        flows, columns={**flows.columns, "bidirectional_first_seen_ms": np.array([np.nan])}
    )
    assert not set(COLUMNS) & set(with_context(unknown).columns)


def test_a_late_flow_is_taken_to_happen_now():
    context = HostContext()
    context.columns(flows_of([(1000.0, "a", "b", 80, 1)]))
    late = context.columns(flows_of([(1.0, "a", "b", 80, 1)]))
    assert late["conversation_gap_s"].tolist() == [0.0]
    assert late["src_flows_60s"].tolist() == [1.0]


def test_a_flood_of_new_hosts_stays_within_the_memory_and_is_counted():
    context = HostContext(most_hosts=1_000)
    largest = 0
    for start in range(0, 50_000, 5_000):
        batch = [(float(i), f"s{i}", "victim", 80, 60) for i in range(start, start + 5_000)]
        context.columns(flows_of(batch))
        largest = max(largest, len(context))
    assert largest <= 1_000 * 2 + 4_000 * 3
    assert context.evicted > 50_000


def test_a_host_in_use_survives_the_flood():
    context = HostContext(most_hosts=100)
    for i in range(2_000):
        found = context.columns(
            flows_of([(float(i), f"s{i}", "victim", 80, 60), (float(i), "mine", "victim", 80, 60)])
        )
    assert found["src_gap_s"][1] == pytest.approx(1.0)
    assert found["conversation_flows_60s"][1] > 30


def test_the_canonical_schema_lists_these_columns_as_context():
    assert FLOW.context == COLUMNS
