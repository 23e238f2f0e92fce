import json

import pytest

from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline import bench


def test_bench_gives_every_figure(bundle, monkeypatch):
    result = bench.bench(bundle.path)
    assert set(result) >= {
        "rows_per_second", "latency_us", "rss_mb", "model_bytes", "import_seconds",
    }  # fmt: skip
    assert list(result["rows_per_second"]) == ["1", "64", "256", "4096", "65536"]
    assert all(rate > 0 for rate in result["rows_per_second"].values())
    assert 0 < result["latency_us"]["p50"] <= result["latency_us"]["p99"]
    assert result["model_bytes"] == len(bundle.model)
    json.dumps(result, allow_nan=False)


def test_what_is_wrong_with_the_bundle_is_passed_on(tmp_path):
    with pytest.raises(EdgeGuardError, match="There is no bundle at"):
        bench.bench(tmp_path / "none")
