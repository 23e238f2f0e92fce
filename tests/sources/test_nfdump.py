"""nfdump: listings and CSV of several versions by hand-worked rows, and files by its program."""

import gzip
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from flow_texts import written
from support import data

from edgeguard_core.errors import EdgeGuardError, SourceError
from edgeguard_core.flows import Flows
from edgeguard_core.sources import ReadOptions, ReadReport, open_source, read_batches, read_flows

needs_nfdump = pytest.mark.skipif(
    shutil.which("nfdump") is None, reason="the nfdump program is not installed"
)
FOOT = """Summary: total flows: 3, total bytes: 160, total packets: 3, avg bps: 160000
Time window: 2018-01-12 15:37:30 - 2018-01-12 15:38:03
Total flows processed: 3, passed: 3, Blocks skipped: 0, Bytes read: 385884
Sys: 0.0000s User: 0.0015s Wall: 0.0005s flows/second: 6622.6 Runtime: 0.0005s
"""
LISTINGS = {
    # nfdump -o long of 1.7, with hours and scaled numbers
    "long": """\
Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets    Bytes Flows
2018-01-12 15:37:30.942     00:00:01.500 TCP      147.32.80.119:52324 ->     147.32.82.62:902   ......S.   0        2    1.2 M     1
2018-01-12 15:37:31.000     00:00:00.000 ICMP     147.32.80.119:0     ->     147.32.82.62:3.13  ........   0        1       60     1
2018-01-12 15:37:32.000     01:00:00.000 UDP            fe80::1.5353  ->         ff02::fb.5353  ........   0        3      300     1
""",  # noqa: E501
    # as 1.6 prints it: seconds, TABs in the header
    "line": """\
Date flow start\tDuration\tProto\tSrc IP Addr:Port\tDst IP Addr:Port\tFlags\tTos\tPackets\tBytes\tFlows
2018-01-12 15:37:30.942     1.500 TCP      147.32.80.119:52324 ->     147.32.82.62:902   ....S.   0        2  1200000     1
2018-01-12 15:37:31.000     0.000 ICMP     147.32.80.119:0     ->     147.32.82.62:3.13  ......   0        1       60     1
2018-01-12 15:37:32.000  3600.000 UDP            fe80::1.5353  ->         ff02::fb.5353  ......   0        3      300     1
""",  # noqa: E501
    "extended": """\
Date first seen             Duration     Proto      Src IP Addr:Port          Dst IP Addr:Port     Flags Tos  Packets    Bytes      pps      bps    Bpp Flows
2018-01-12 15:37:30.942            1.500 6        147.32.80.119:52324 ->     147.32.82.62:902   ......S.   0        2    1.2 M        1     6.4 M 600000     1
2018-01-12 15:37:31.000            0.000 1        147.32.80.119:0     ->     147.32.82.62:3.13  ........   0        1       60        0        0     60     1
2018-01-12 15:37:32.000         3600.000 17             fe80::1.5353  ->         ff02::fb.5353  ........   0        3      300        0        0    100     1
""",  # noqa: E501
}


OLD_CSV = """\
ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt,in,out,sas,das
2018-01-12 15:37:30,2018-01-12 15:37:30,1.500,10.0.0.1,10.0.0.2,52324,902,TCP,......S.,0,0,1,60,0,0,0,0,1,1
2018-01-12 15:37:31,2018-01-12 15:37:31,0.000,10.0.0.2,10.0.0.1,902,52324,TCP,...A.R..,0,0,1,40,0,0,0,0,1,1
Summary
flows,bytes,packets,avg_bps,avg_pps,avg_bpp
2,100,2,58357,140,51
"""  # noqa: E501
NEW_CSV = """\
firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows
2018-01-12 15:37:30.000,1.500,TCP,10.0.0.1,52324,10.0.0.2,902,1,60,1
2018-01-12 15:37:31.000,0.000,6,10.0.0.2,902,10.0.0.1,52324,1,40,1
"""


def read(path: Path) -> tuple[Flows, ReadReport]:
    report = ReadReport()
    return Flows.concat([b.flows for b in read_batches([path], ReadOptions(), report)]), report


@pytest.mark.parametrize("kind", LISTINGS)
@pytest.mark.parametrize("foot", ["", FOOT])
def test_rows_of_a_listing_worked_out_by_hand(tmp_path: Path, kind: str, foot: str) -> None:
    flows, report = read(written(tmp_path, "listing", LISTINGS[kind] + foot))
    assert (report.format, report.meter, report.rejected) == ("nfdump-text", "nfdump", {})
    columns = flows.columns
    assert columns["bidirectional_first_seen_ms"].tolist()[0] == 1515771450942
    assert columns["bidirectional_duration_ms"].tolist() == [1500, 0, 3600000]
    assert columns["src2dst_packets"].tolist() == [2, 1, 3]
    assert columns["src2dst_bytes"].tolist() == [1.2e6, 60, 300]
    assert np.isnan(columns["dst2src_packets"]).all()  # the reverse side is another record
    assert columns["protocol"].tolist() == [6, 1, 17]
    assert columns["dst_port"].tolist() == [902, 3, 5353]
    assert columns["dst_ip"].tolist() == ["147.32.82.62", "147.32.82.62", "ff02::fb"]
    assert columns["dst_network"].tolist() == ["external", "external", "multicast"]
    assert columns["service"].tolist() == ["system", "none", "mdns"]
    assert columns["state"].tolist() == ["noreply", "", ""]
    assert report.unread == {}


@pytest.mark.parametrize("text", [*LISTINGS.values(), OLD_CSV, NEW_CSV])
def test_without_its_header_a_table_is_read_alike(tmp_path: Path, text: str) -> None:
    whole, _ = read(written(tmp_path, "whole", text))
    bare, report = read(written(tmp_path, "bare", text.partition("\n")[2]))
    assert report.rejected == {}
    assert bare.columns.keys() == whole.columns.keys()
    for name, values in whole.columns.items():
        np.testing.assert_array_equal(bare.columns[name], values, err_msg=name)


@needs_nfdump
@pytest.mark.parametrize("mode", ["line", "long", "extended", "csv"])
def test_what_the_program_prints_quietly_is_read(tmp_path: Path, mode: str) -> None:
    command = ["nfdump", "-q", "-r", str(data("nfdump/test1-malicious.nfdump")), "-o", mode]
    printed = subprocess.run(
        command, capture_output=True, check=True, env=os.environ | {"TZ": "UTC"}
    ).stdout
    path = written(tmp_path, "flows", printed)
    if mode == "line" and b"INVALID" in printed:  # some builds list events of firewalls there
        with pytest.raises(EdgeGuardError):
            open_source(path)
        return
    flows, report = read(path)
    assert (len(flows), report.rejected) == (4593, {})
    assert flows.columns["src2dst_bytes"].sum() == 241_025


def test_both_ways_of_a_joined_listing(tmp_path: Path) -> None:
    text = """\
Date first seen             Duration     Proto      Src IP Addr:Port           Dst IP Addr:Port   Out Pkt   In Pkt Out Byte  In Byte Flows
2018-01-12 15:37:30.942     00:00:00.000 TCP      147.32.80.119:52324 <->     147.32.82.62:902          4        1      200       60     2
2018-01-12 15:37:30.942     00:00:00.000 TCP       147.32.82.62:902   <->    147.32.80.119:52324        0        1        0       40     1
"""  # noqa: E501
    flows, _ = read(written(tmp_path, "listing", text))
    assert flows.columns["src2dst_packets"].tolist() == [1, 1]
    assert flows.columns["dst2src_bytes"][0] == 200
    assert math.isnan(flows.columns["dst2src_bytes"][1])


@pytest.mark.parametrize("text", [OLD_CSV, NEW_CSV], ids=["1.6 and 1.7.1", "1.7.3 and later"])
def test_rows_of_a_csv_worked_out_by_hand(tmp_path: Path, text: str) -> None:
    flows, report = read(written(tmp_path, "flows.csv", text))
    assert (report.format, report.rows, report.rejected) == ("nfdump-csv", 2, {})
    assert flows.columns["src2dst_bytes"].tolist() == [60, 40]
    assert flows.columns["bidirectional_duration_ms"].tolist() == [1500, 0]
    assert flows.columns["bidirectional_first_seen_ms"].tolist() == [1515771450000, 1515771451000]
    assert np.isnan(flows.columns["dst2src_bytes"]).all()
    if text == OLD_CSV:
        assert flows.columns["state"].tolist() == ["noreply", "rejected"]
    else:
        assert "state" not in flows.columns
        assert "The log lacks flg." in report.warnings


def test_junk_among_the_rows_is_rejected_with_its_number(tmp_path: Path) -> None:
    lines = LISTINGS["long"].splitlines()
    text = "\n".join([*lines[:2], "what is this", *lines[2:]]) + "\n"
    flows, report = read(written(tmp_path, "listing", text))
    assert (len(flows), [item.line for item in report.rejections]) == (3, [3])
    csv_lines = NEW_CSV.splitlines()
    csv_text = "\n".join([csv_lines[0], csv_lines[1], "1,2,3", csv_lines[2]]) + "\n"
    flows, report = read(written(tmp_path, "flows.csv", csv_text))
    assert (len(flows), [item.line for item in report.rejections]) == (2, [3])


@pytest.mark.parametrize(
    "text",
    [
        LISTINGS["long"].splitlines()[0] + "\n",
        LISTINGS["long"].splitlines()[0] + "\n" + FOOT,
        NEW_CSV.splitlines()[0] + "\n",
        OLD_CSV.splitlines()[0] + "\nNo matching flows\nSummary\nflows,bytes\n0,0\n",
    ],
)
def test_a_header_alone_holds_no_flow(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "flows", text)
    with pytest.raises(SourceError, match="no flow below"):
        read_flows([path])


def test_a_listing_of_events_is_refused(tmp_path: Path) -> None:
    text = (
        "Date first seen          Event  XEvent Proto      Src IP Addr:Port          "
        "Dst IP Addr:Port     X-Src IP Addr:Port        X-Dst IP Addr:Port   In Byte Out Byte\nx\n"
    )
    with pytest.raises(SourceError, match="other things than flows"):
        open_source(written(tmp_path, "listing", text))


def test_a_summary_that_stands_astride_two_blocks_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "flows.csv", OLD_CSV)
    for size in (100, 150, len(OLD_CSV) - 30, len(OLD_CSV) - 60):
        monkeypatch.setattr("edgeguard_core.sources.streams.BLOCK_BYTES", size)
        flows, report = read(path)
        assert (len(flows), report.rejected) == (2, {})


@needs_nfdump
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_file_of_nfcapd_is_what_the_program_lists(
    tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    path = data("nfdump/test1-malicious.nfdump")
    command = ["nfdump", "-r", str(path), "-o", "long"]
    listing = subprocess.run(
        command, capture_output=True, check=True, env=os.environ | {"TZ": "UTC"}
    ).stdout
    listed, _ = read(written(tmp_path, "listing", listing))
    flows, _ = read_flows([path], ReadOptions(tz=zone))
    for name, values in listed.columns.items():
        np.testing.assert_array_equal(flows.columns[name], values, err_msg=name)


@needs_nfdump
def test_a_packed_file_of_nfcapd_is_unpacked_for_the_program(tmp_path: Path) -> None:
    packed = gzip.compress(data("nfdump/test1-malicious.nfdump").read_bytes(), 1)
    flows, _ = read_flows([written(tmp_path, "packed.gz", packed)])
    assert len(flows) == 4593


@needs_nfdump
@pytest.mark.parametrize("size", [100, 5_000, 386_000])
def test_a_file_of_nfcapd_cut_short_says_what_nfdump_says(tmp_path: Path, size: int) -> None:
    whole = data("nfdump/test1-malicious.nfdump").read_bytes()
    path = written(tmp_path, "cut.nfdump", whole[:size])
    with pytest.raises(SourceError, match=r"no flow that nfdump can read.*[Ss]hort read"):
        read_flows([path])


def test_without_the_program_a_file_of_nfcapd_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="apt install nfdump"):
        open_source(data("nfdump/test1-malicious.nfdump"))


def test_what_the_program_read_before_it_stopped_is_kept_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = "2018-01-12 15:37:30.942, 0.000,6,10.0.0.1,5,10.0.0.2,902,......S., 1, 60, 0, 0"
    stub = tmp_path / "nfdump"
    stub.write_text(f"#!/bin/sh\necho '{row}'\necho 'Corrupt data block' >&2\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    flows, report = read(written(tmp_path, "some.nfdump", b"\x0c\xa5\x01\x00"))
    assert len(flows) == 1
    assert any("Corrupt data block" in warning for warning in report.warnings)
