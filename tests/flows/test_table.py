"""The flow table: rows chosen, tables joined, and what leaves for pandas and arrow."""

import numpy as np
import pytest

from edgeguard_core.flows import ATTACK, BENIGN, UNLABELLED, Flows, Labels, Schema

SCHEMA = Schema.named("flow")


def table(n: int, *, labels: Labels | None = None, first_line: int = 1, **columns: object) -> Flows:
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    return Flows(SCHEMA, arrays, labels, np.arange(first_line, first_line + n))


def some() -> Flows:
    return table(
        3,
        labels=Labels(
            np.array([BENIGN, ATTACK, UNLABELLED], np.int8),
            np.array(["benign", "Bot", "Background"], object),
        ),
        src_ip=np.array(["10.0.0.1", None, "10.0.0.3"], object),
        dst_port=np.array([53.0, np.nan, 80.0]),
        bidirectional_first_seen_ms=np.array([1.0, np.nan, 3.0]),
        src2dst_bytes=np.array([1.0, 2.0, np.nan]),
        transport=np.array(["tcp", "", "udp"], object),
    )


def test_rows_are_chosen_by_mask_and_by_position() -> None:
    flows = some()
    for rows in (np.array([False, True, True]), np.array([1, 2])):
        chosen = flows.select(rows)
        assert len(chosen) == 2
        assert chosen.line.tolist() == [2, 3]
        assert chosen.labels is not None
        assert chosen.labels.class_name.tolist() == ["Bot", "Background"]
        np.testing.assert_array_equal(chosen.columns["dst_port"], [np.nan, 80])


def test_who_is_benign_and_who_an_attack() -> None:
    flows = some()
    assert flows.is_benign.tolist() == [True, False, False]
    assert flows.is_attack.tolist() == [False, True, False]
    unlabelled = table(2)
    assert not unlabelled.is_benign.any()
    assert not unlabelled.is_attack.any()


def test_tables_join_in_order() -> None:
    joined = Flows.concat([some(), some().select(np.array([0]))])
    assert joined.line.tolist() == [1, 2, 3, 1]
    assert joined.labels is not None
    assert joined.labels.label.tolist() == [BENIGN, ATTACK, UNLABELLED, BENIGN]


def test_a_column_that_one_table_lacks_is_left_out() -> None:
    joined = Flows.concat([some(), table(1, src2dst_bytes=[4.0])])
    assert list(joined.columns) == ["src2dst_bytes"]


def test_rows_of_a_table_without_labels_are_unlabelled_beside_labelled_ones() -> None:
    """Otherwise the attacks of the labelled file would pass as normal traffic."""
    for parts in ([some(), table(2)], [table(2), some()]):
        joined = Flows.concat(parts)
        assert joined.labels is not None
        assert joined.is_benign.sum() == 1
        assert joined.is_attack.sum() == 1
        assert (joined.labels.label == UNLABELLED).sum() == 3
    assert Flows.concat([table(1), table(1)]).labels is None


def test_joining_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Flows.concat([])
    assert len(Flows.empty(SCHEMA)) == 0


def test_the_time_is_none_where_no_flow_has_any() -> None:
    assert some().time_ms is not None
    assert table(1, bidirectional_first_seen_ms=[np.nan]).time_ms is None
    assert table(1).time_ms is None
    assert Flows.empty(SCHEMA).time_ms is None


def test_arrow_has_nulls_whole_ports_and_words_for_labels() -> None:
    exported = some().to_arrow().to_pydict()
    assert exported["src_ip"] == ["10.0.0.1", None, "10.0.0.3"]
    assert exported["dst_port"] == [53, None, 80]
    assert exported["src2dst_bytes"] == [1.0, 2.0, None]
    assert exported["transport"] == ["tcp", "", "udp"]
    assert exported["class"] == ["benign", "Bot", "Background"]
    assert exported["label"] == ["benign", "attack", "unlabelled"]
    assert "label" not in table(1, src2dst_bytes=[1.0]).to_arrow().column_names


def test_pandas_has_the_same_columns() -> None:
    assert list(some().to_pandas().columns) == some().to_arrow().column_names


def test_identity_columns_come_in_the_order_of_the_schema() -> None:
    assert list(some().identity_columns()) == ["src_ip", "dst_port", "bidirectional_first_seen_ms"]
