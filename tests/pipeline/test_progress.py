from edgeguard_core.pipeline.progress import Progress, reading, silent


def test_a_reader_that_knows_only_shares_tells_a_stage():
    steps = []
    reading(steps.append, "Reading flows")(0.25)
    assert steps == [Progress("read", 0.25, "Reading flows", None)]
    assert silent(steps[0]) is None
