"""Whole readings: folders, several files, progress, and what makes a reading useless."""

from pathlib import Path

import pytest
from flow_texts import KDD_ROW, cic_csv, cic_header, cic_row, written, zeek_tsv

from edgeguard_core.errors import SchemaError, SourceError
from edgeguard_core.sources import ReadOptions, ReadReport, expand, read_batches, read_flows
from edgeguard_core.sources.base import MOST_REJECTIONS_KEPT


def test_a_folder_stands_for_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.log", "a.log", ".hidden", "README.md"):
        written(tmp_path, name, zeek_tsv())
    (tmp_path / "deeper").mkdir()
    assert expand([tmp_path]) == [tmp_path / "a.log", tmp_path / "b.log"]
    flows, report = read_flows([tmp_path, tmp_path / "a.log"])
    assert (len(flows), len(report.paths)) == (9, 3)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no file"):
        read_flows([tmp_path])


def test_files_of_two_schemas_are_read_apart(tmp_path: Path) -> None:
    written(tmp_path, "a.csv", cic_csv([cic_row()]))
    written(tmp_path, "b.log", zeek_tsv())
    with pytest.raises(SchemaError, match=r"b\.log is of schema 'flow' and .*read them apart"):
        read_flows([tmp_path])


def test_labelled_and_unlabelled_files_together(tmp_path: Path) -> None:
    labelled = cic_csv([cic_row(), cic_row(label="DDoS")])
    plain = cic_csv([cic_row()[:-1]], cic_header())
    flows, report = read_flows(
        [written(tmp_path, "a.csv", labelled), written(tmp_path, "b.csv", plain)]
    )
    assert report.to_json()["labels"] == {"benign": 1, "DDoS": 1, "unlabelled": 1}
    assert flows.labels is not None
    assert flows.labels.label.tolist() == [0, 1, -1]


def test_progress_goes_from_nothing_to_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", 5000)
    paths = [written(tmp_path, name, cic_csv([cic_row()] * 400)) for name in ("a", "b")]
    told: list[float] = []
    read_flows(paths, on_progress=told.append)
    assert told == sorted(told)
    assert len(told) > 10
    assert 0 < told[0] < 0.1
    assert told[-1] == 1.0


def test_a_reading_that_rejects_more_than_half_is_refused(tmp_path: Path) -> None:
    good, bad = cic_row(), cic_row(fwd_packets="-1")
    flows, _ = read_flows([written(tmp_path, "half.csv", cic_csv([good, bad]))])
    assert len(flows) == 1
    path = written(tmp_path, "most.csv", cic_csv([good, bad, bad]))
    with pytest.raises(SourceError) as raised:
        read_flows([path])
    assert "2 of 3 rows" in str(raised.value)
    assert "line 3, Total Fwd Packets = '-1'" in str(raised.value)


def test_the_first_rejections_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    n = MOST_REJECTIONS_KEPT + 50
    text = f"{KDD_ROW},normal\n" + "too,few\n" * n
    report = ReadReport()
    for _ in read_batches([written(tmp_path, "a", text)], ReadOptions(), report):
        pass
    assert len(report.rejections) == MOST_REJECTIONS_KEPT
    assert report.rejected == {"wrong number of fields": n}
    assert report.rows == n + 1


def test_a_benign_word_of_ones_own(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", cic_csv([cic_row(label="gut"), cic_row(label="schlecht")]))
    _, report = read_flows([path])
    assert "'gut', 'schlecht'" in (report.label_problem or "")
    assert report.all_warnings()[0] == report.label_problem
    flows, report = read_flows([path], ReadOptions(benign_words=("gut",)))
    assert report.label_problem is None
    assert flows.is_benign.tolist() == [True, False]
    assert any("'schlecht' (1)" in warning for warning in report.warnings)


def test_the_report_counts_missing_cells(tmp_path: Path) -> None:
    row = cic_row(bytes_per_s="Infinity", packets_per_s="NaN")
    _, report = read_flows([written(tmp_path, "a.csv", cic_csv([row, row, cic_row()]))])
    assert report.to_json()["missing"] == {"bytes_per_s": 2, "packets_per_s": 2}
    assert report.all_warnings()[-1].startswith("4 feature cells are empty or infinite")


def test_the_commonest_reason_is_told_even_where_it_came_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeguard_core.sources.base.MOST_REJECTIONS_KEPT", 3)
    rows = [cic_row(fwd_packets="-1")] * 3 + [cic_row(fwd_packets="x")] * 5
    with pytest.raises(SourceError, match=r"5 of them as 'not a number' \(line 5, .* = 'x'\)"):
        read_flows([written(tmp_path, "a.csv", cic_csv(rows))])


def test_one_line_counts_the_rejected_rows_and_their_reasons(tmp_path: Path) -> None:
    rows = [cic_row()] * 5 + [cic_row(fwd_packets="-1")] + [cic_row(fwd_packets="x")] * 2
    _, report = read_flows([written(tmp_path, "a.csv", cic_csv(rows))])
    assert report.all_warnings() == [
        "3 of 8 rows were rejected (2 not a number; 1 out of range: below 0)."
    ]


N_COMMAS = len(cic_row()) - 1
EMPTY = ("," * N_COMMAS, " ," * N_COMMAS + "\t", '"",' * N_COMMAS + '" "', '"","" ,')


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_commas_are_no_records(tmp_path: Path, empty: str, end: str) -> None:
    """The published Thursday of CIC-IDS2017 ends in hundreds of thousands of them."""
    text = cic_csv([cic_row()] * 2) + f"{empty}\n" * 2 + cic_csv([cic_row()]).split("\n")[1]
    path = written(tmp_path, "a.csv", (text + f"\n{empty}").replace("\n", end))
    flows, report = read_flows([path])
    assert flows.line.tolist() == [2, 3, 6]
    assert (report.rows, report.rejected, report.missing) == (3, {}, {})
    assert report.all_warnings() == ["3 rows without any value are left out, being no records."]
    assert report.to_json()["labels"] == {"benign": 3}


def test_a_row_with_anything_in_it_is_a_record(tmp_path: Path) -> None:
    n = len(cic_row()) - 1
    cells = [[""] * n + ["BENIGN"], ["", "0", *[""] * (n - 1)], [" "] * n + ['""""']]
    flows, report = read_flows([written(tmp_path, "a.csv", cic_csv(cells))])
    assert flows.line.tolist() == [2, 3, 4]
    assert (report.rows, report.empty) == (3, 0)
