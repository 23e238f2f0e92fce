"""What host context is worth: the same captures learned and judged with and without it.

usage: python benchmarks/context_gain.py FOLDER_OF_ZEEK_LOGS [--seeds 3]

For each labelled capture: the earlier half of its benign flows is learned, the later half and
all attacks are judged. Prints one JSON object with TPR at a true FPR of 1e-2 and 1e-3 and ROC
AUC, the mean over the seeds; nothing is written outside a temporary folder.
"""

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

from edgeguard_core.config import TrainingConfig
from edgeguard_core.detection import Detector
from edgeguard_core.pipeline.judge import evaluate_files
from edgeguard_core.pipeline.preprocess import preprocess
from edgeguard_core.pipeline.train import TrainRequest, train

CAPTURES = (
    "iot23_34-1_conn.log.labeled.gz",
    "stratosphere_008_conn.log.labeled.gz",
    "iot23_20-1.csv.gz",
    "iot23_42-1.csv.gz",
)


def judged(capture: Path, context: bool, seed: int, folder: Path) -> dict[str, float]:
    """The figures of one capture, one seed."""
    parts = preprocess([capture], folder / "parts", test_share=0.5, force=True)
    request = TrainRequest(
        paths=[parts.train],
        out=folder / "bundle",
        config=TrainingConfig(seed=seed),
        context=context,
        lean=True,
        force=True,
    )
    bundle = train(request, now=lambda: datetime.now(UTC)).bundle
    figures = evaluate_files(Detector(bundle), [parts.test]).to_json()
    at = figures["tpr_at_fpr"]
    return {
        "roc_auc": figures["roc_auc"],
        "tpr_at_fpr_0.01": at["0.01"],
        "tpr_at_fpr_0.001": at["0.001"],
    }


def main() -> None:
    """Measure every capture and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    captures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in CAPTURES:
            for word, context in (("without", False), ("with", True)):
                runs = [
                    judged(asked.folder / name, context, seed, Path(temporary))
                    for seed in range(asked.seeds)
                ]
                captures.setdefault(name, {})[word] = {
                    key: round(mean(run[key] for run in runs), 4) for key in runs[0]
                }
    means = {
        word: {
            key: round(mean(found[word][key] for found in captures.values()), 4)
            for key in next(iter(captures.values()))[word]
        }
        for word in ("without", "with")
    }
    print(json.dumps({"seeds": asked.seeds, "captures": captures, "means": means}, indent=1))


if __name__ == "__main__":
    main()
