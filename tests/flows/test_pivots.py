import pytest

from edgeguard_core.flows.pivots import community_id, wireshark_filter, zeek_search

TCP = {
    "src_ip": "1.2.3.4",
    "dst_ip": "5.6.7.8",
    "src_port": 1122.0,
    "dst_port": 3344,
    "protocol": 6,
}


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({}, "1:wCb3OG7yAFWelaUydu0D+125CLM="),
        ({"protocol": 17.0}, "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg="),
        ({"protocol": 1}, None),
        ({"src_port": None}, None),
        ({"dst_port": float("nan")}, None),
        ({"dst_ip": "::1"}, None),
        ({"src_ip": "host"}, None),
    ],
)
def test_community_ids_are_those_that_zeek_gives(changed, wanted):
    assert community_id(TCP | changed) == wanted


def test_both_ways_of_a_conversation_have_the_same():
    back = TCP | {"src_ip": "5.6.7.8", "dst_ip": "1.2.3.4", "src_port": 3344, "dst_port": 1122}
    assert community_id(back) == community_id(TCP)
    assert community_id(TCP, seed=1) != community_id(TCP)


def test_a_cicflowmeter_row_has_its_time_in_microseconds():
    found = wireshark_filter(TCP | {"timestamp_ms": 1e12, "flow_duration_us": 2e6, "protocol": 17})
    assert found == (
        "ip.addr == 1.2.3.4 && ip.addr == 5.6.7.8 && udp.port == 1122 && udp.port == 3344 "
        "&& frame.time_epoch >= 999999999.000 && frame.time_epoch <= 1000000003.000"
    )


@pytest.mark.parametrize(
    ("flow", "wanted"),
    [
        (TCP | {"protocol": 1}, "ip.addr == 1.2.3.4 && ip.addr == 5.6.7.8 && icmp"),
        (TCP | {"protocol": 47}, "ip.addr == 1.2.3.4 && ip.addr == 5.6.7.8"),
        (TCP | {"protocol": 132, "src_port": None, "dst_port": 70_000},
         "ip.addr == 1.2.3.4 && ip.addr == 5.6.7.8 && sctp"),
        ({"src_ip": "fe80::1%eth0", "dst_ip": "2001:DB8::1"}, "ipv6.addr == 2001:db8::1"),
        ({"src_ip": "1.2.3.4 || 1", "dst_ip": None}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_is_unknown_is_left_out_of_the_filter(flow, wanted):
    assert wireshark_filter(flow) == wanted


def test_a_uid_of_a_file_runs_nothing_in_a_shell():
    assert (
        zeek_search("a'; rm -rf /'") == "zcat -f conn.log* | zeek-cut -C | grep -e '^#' -e 'armrf'"
    )
