import json
from collections import Counter

import numpy as np

from edgeguard_core.detection.drift.gathering import Gatherings
from edgeguard_core.flows.schema import Schema
from edgeguard_core.flows.table import Flows


def flows(sources, destinations, services=None):
    columns = {"src_ip": np.array(sources, object), "dst_ip": np.array(destinations, object)}
    if services is not None:
        columns["service"] = np.array(services, object)
    return Flows(Schema.named("flow"), columns, None, np.arange(len(sources)))


USUAL = flows([f"10.0.0.{n % 9}" for n in range(90)], [f"10.1.0.{n % 7}" for n in range(90)])


def found(odd):
    seen = Gatherings()
    seen.add(USUAL, np.zeros(len(USUAL), bool))
    seen.add(odd, np.ones(len(odd), bool))
    return {(each.what, each.name) for each in seen.found()}


def test_a_scan_gathers_on_its_source_and_a_flood_on_its_destination():
    scan = flows(["10.9.9.9"] * 50, [f"10.2.0.{n}" for n in range(50)])
    assert found(scan) == {("source", "10.9.9.9")}
    flood = flows([f"203.0.113.{n}" for n in range(50)], ["10.1.0.1"] * 50)
    assert found(flood) == {("destination", "10.1.0.1")}


def test_odd_flows_of_everybody_gather_nowhere():
    assert found(USUAL) == set()


def test_without_other_flows_nothing_is_said():
    seen = Gatherings()
    seen.add(USUAL, np.ones(len(USUAL), bool))
    assert seen.found() == []
    assert seen.knows_hosts


def test_memory_is_bounded_and_the_frequent_stay():
    seen = Gatherings()
    for start in range(0, 60_000, 10_000):
        many = [f"s{n}" for n in range(start, start + 10_000)]
        part = flows(many + ["x"] * 10_000, ["y"] * 20_000)
        seen.add(part, np.ones(len(part), bool))
    assert len(seen.tail["source"]) <= 20_000
    assert seen.tail["source"]["x"] == 60_000


def test_what_leaves_the_process_holds_no_address_and_finds_the_same():
    odd = flows(["10.9.9.9"] * 50, [f"10.2.0.{n}" for n in range(50)], ["ssh"] * 50)
    seen = Gatherings()
    seen.add(USUAL, np.zeros(len(USUAL), bool))
    seen.add(odd, np.ones(len(odd), bool))
    told = seen.without_addresses(b"secret")
    assert "10." not in json.dumps(told)
    again = Gatherings.from_json(json.loads(json.dumps(told)))
    mine, theirs = seen.found(), again.found()
    assert [(g.what, g.share, g.elsewhere) for g in theirs] == [
        (g.what, g.share, g.elsewhere) for g in mine
    ]
    assert theirs[0].sentence == "100% of the odd flows are of one source (0% of the others)"
    assert again.knows_hosts
    assert seen.without_addresses(b"other") != told


def test_parts_find_what_the_whole_finds():
    odd = flows(["10.9.9.9"] * 50, [f"10.2.0.{n}" for n in range(50)])
    whole = Gatherings()
    for part, is_odd in ((USUAL, False), (odd, True)):
        whole.add(part, np.full(len(part), is_odd))
    first, second = Gatherings(), Gatherings()
    first.add(USUAL, np.zeros(len(USUAL), bool))
    second.add(odd, np.ones(len(odd), bool))
    joined = Gatherings()
    for part in (first, second):
        joined.join(Gatherings.from_json(part.without_addresses(b"secret")))
    assert [(g.what, g.share) for g in joined.found()] == [(g.what, g.share) for g in whole.found()]


def test_the_rest_of_the_names_is_nobody():
    many = Gatherings(tail={"source": Counter({f"s{n}": 1 for n in range(1_000)})})
    kept = Gatherings.from_json(many.without_addresses(b"x"))
    assert kept.tail["source"].total() == 1_000
    assert len(kept.tail["source"]) == 21
    assert kept.found() == []
