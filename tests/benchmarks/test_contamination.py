"""The page of the contamination benchmark: a loss is printed as plainly as a gain."""

import contamination as c

from edgeguard_core.pipeline.suspicion import Suspicion


def row(share, **figures):
    base = {"ours": 0.9, "as_it_is": 0.9, "forest": 0.9}
    return c.Row("x", share, 10, 5, 0, suspicion=Suspicion(suspected=5), **(base | figures))


def test_losses_beyond_what_is_allowed_are_bold():
    _, _, clean, attacked = c.page([row(0.0), row(0.01, ours=0.889, as_it_is=0.5)])
    assert "| 0.900 | 0.900 | 0.900 |" in clean
    assert "| 0.889 (-0.011) | 0.500 (**-0.400**) |" in attacked


def test_attacks_that_are_learned_are_not_judged():
    from support import data

    folder = data("zeek/stratosphere_008_conn.log.labeled.gz").parent.parent
    clean = c.mixed("stratosphere-008", 0.0, 0, folder)
    given = c.mixed("stratosphere-008", 0.05, 0, folder)
    assert given.learned.labels is None
    attacks = int(given.is_attack.sum())
    assert attacks == round(0.05 * len(given.learned))
    assert int(clean.test.is_attack.sum()) - int(given.test.is_attack.sum()) == attacks
    assert len(clean.learned) == len(given.learned) - attacks
