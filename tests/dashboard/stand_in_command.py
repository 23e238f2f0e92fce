"""A stand-in for the ``edgeguard`` command: same verbs, same JSON, no model.

What it does is told by the name of the file it is given: ``unknown`` is not recognised,
``rejects`` has rejected rows, ``slow`` never ends, ``stubborn`` neither and ignores a
SIGTERM, ``refused`` is refused by train, ``few`` has too few benign rows, ``words`` names none
benign, ``real`` gives the shipped bundle, ``unscored`` is refused by score, ``bug`` makes it crash,
``nolabels`` has none, ``odd`` holds oddities and events, ``elsewhere`` another model rehearses,
``cut`` ends early.
"""

import hashlib
import json
import shutil
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 400
ATTACKS = 100
ODD = {
    "lint": [
        {"rule": rule, "columns": [name], "rows": 400, "share": 1.0,
         "sentence": f"{name} holds *one* value.", "remedy": f"Nothing: {rule}."}
        for rule, name in (("constant columns", "a"), ("copies", "b"), ("constant columns", "c"))
    ],
    "skipped": {"alert": 745, "dns": 1},
}  # fmt: skip


THRESHOLD = {
    "value": 1.5,
    "method": "conformal",
    "target": 0.01,
    "calibrated_on": "2,000 flows",
}
VARIANTS = {
    "float32": {"bytes": 80_000, "spearman": 1.0, "verdict_jaccard": 1.0, "passed": True},
    "float16": {"bytes": 48_000, "spearman": 0.9999, "verdict_jaccard": 0.99, "passed": True},
    "dynamic_int8": {"bytes": 34_000, "spearman": 0.7, "verdict_jaccard": 0.95, "passed": False,
                     "failures": ["Spearman is 0.7000, at least 0.99 is needed"]},
}  # fmt: skip


def main(arguments: list[str]) -> int:
    verb, *rest = arguments
    options = {
        key: value for key, value in zip(rest, [*rest[1:], ""], strict=True) if key.startswith("--")
    }
    values = {value for key, value in options.items() if key not in ("--json",)}
    places = [word for word in rest if not word.startswith("--") and word not in values]
    return VERBS[verb](places, options)


def inspect(places: list[str], options: dict[str, str]) -> int:
    path = Path(places[0])
    if "unknown" in path.name and "--schema" not in options:
        return refuse(f"{path.name} is of no known format; give --schema.")
    wait_if_slow(path, options)
    rejected = {}
    if "rejects" in path.name:
        rejected = {"not a number": 2, "below minimum": 1}
        Path(options["--rejected"]).write_text(
            "line,column,value,rule\n7,src_bytes,-4,below minimum\n9,dur,x,not a number\n"
        )
    answer(
        format="cicflowmeter",
        schema="flow" if "--schema" in options else "cicflowmeter",
        rows=ROWS,
        accepted=ROWS - sum(rejected.values()),
        rejected=rejected,
        labels=labels_of(path.name),
        missing={"flow_bytes_s": 3},
        warnings=remarks_of(path),
        **(ODD if "odd" in path.name else {"lint": []}),
    )
    return 0


def remarks_of(path: Path) -> list[str]:
    if "cut" in path.name:
        return [f"{path} is not whole: after 283 packets it ends in a packet; those are read."]
    return ["3 infinite rates are taken as missing."] if "rejects" in path.name else []


def labels_of(name: str) -> dict[str, int]:
    if "nolabels" in name:
        return {}
    if "few" in name:
        return {"benign": 12, "Bot": ROWS - 12}
    if "words" in name:
        return {"clean": ROWS - ATTACKS, "Bot": ATTACKS - 20, "unlabelled": 20}
    return {"benign": ROWS - ATTACKS, "Bot": ATTACKS}


def train(places: list[str], options: dict[str, str]) -> int:
    path = Path(places[0])
    report(options, "read", 0.05)
    if "refused" in path.name:
        return refuse("Only 12 benign rows; 50 are needed, so give it more of them.")
    if "bug" in path.name:
        raise RuntimeError("a stand-in bug")
    for step, loss in ((400, 0.5), (500, 0.3), (600, 0.2)):
        report(options, "train", step / 1000, loss, step=step, steps=1000, seconds=step / 100)
    wait_if_slow(path, options)
    out = Path(options["--out"])
    if "real" in path.name:
        shutil.copytree(Path(__file__).parents[2] / "models" / "demo", out)
    else:
        write_bundle(out)
    report(options, "done", 1.0)
    answer(
        bundle=str(out),
        flows=ROWS,
        benign=300,
        fitted=240,
        epochs=3.0,
        seconds=1.0,
        threshold=THRESHOLD,
        variant="float32",
        variants=VARIANTS,
        warnings=["Rain is *expected*."],
    )
    return 0


def write_bundle(out: Path) -> None:
    out.mkdir()
    manifest = {
        "format": 1,
        "created": "2026-01-02T03:04:05Z",
        "schema": {"name": "cicflowmeter"},
        "training": {"losses": [0.5, 0.3, 0.2]},
    }
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "threshold.json").write_text(json.dumps(THRESHOLD))


def score(places: list[str], options: dict[str, str]) -> int:
    _bundle, path = places
    report(options, "score", 0.5)
    if "unscored" in path:
        return refuse("The disk is full; free some space.")
    wait_if_slow(Path(path), options)
    draw = np.random.default_rng(0)
    scores = np.concatenate(
        [draw.lognormal(-1, 0.6, ROWS - ATTACKS), draw.lognormal(1.2, 0.5, ATTACKS)]
    ).astype(np.float32)
    columns = {
        "row": np.arange(2, ROWS + 2),
        "src_ip": np.array([f"10.0.0.{n % 20}" for n in range(ROWS)]),
        "score": scores,
        "p_value": 1 / (1 + scores.astype(float)),
        "severity": np.clip(scores * 20, 0, 100).astype(int),
        "is_alert": scores >= 1.5,
        "top_features": np.array(["fwd_bytes 41 %; flow_duration 22 %; flags 9 %"] * ROWS),
    }
    if "nolabels" not in path:
        kind = np.array(["benign"] * (ROWS - ATTACKS) + ["attack"] * ATTACKS)
        columns |= {"class": np.where(kind == "attack", "Bot", "benign"), "label": kind}
    pq.write_table(pa.table(columns), options["--out"])
    report(options, "done", 1.0)
    answer(flows=ROWS, alerts=int((scores >= 1.5).sum()), rejected=0, seconds=0.1)
    return 0


def explain(places: list[str], options: dict[str, str]) -> int:
    feature = {
        "name": "fwd_bytes",
        "actual": 9000.0,
        "reconstructed": 120.0,
        "usual_low": 40.0,
        "usual_high": 800.0,
        "share": 0.41,
    }
    answer(
        flows=[
            {
                "row": int(options["--row"]),
                "score": 4.2,
                "p_value": 0.001,
                "severity": 75,
                "features": [feature, feature | {"name": "flags", "actual": "S", "share": 0.2}],
                "sentence": "fwd_bytes is 9,000 where 40 to 800 is usual.",
                "what_if": {
                    "causes": [
                        {
                            "name": "volume sent",
                            "features": [feature | {"similar_low": 400.0, "unit": "B"}],
                            "score_after": 1.2,
                        }
                    ],
                    "score": 1.2,
                    "threshold": 1.5,
                    "is_under": True,
                },
            }
        ]
    )
    return 0


def threshold(places: list[str], options: dict[str, str]) -> int:
    report(options, "score", 0.5)
    wait_if_slow(Path(options["--calibrate"]), options)
    if "refused" in options["--calibrate"]:
        return refuse("Only 12 benign rows; 50 are needed, so give it more of them.")
    answer(value=3.0, method="conformal", target=float(options["--fpr"]), calibrated_on="here")
    return 0


def compare(places: list[str], options: dict[str, str]) -> int:
    report(options, "compare", 0.5)
    if options["--with"] == "OCSVM":
        return refuse("12 flows are too few to fit another detector on: at least 50 are needed.")
    names = [Path(places[0]).stem, *options["--with"].split(",")]
    lead = {"difference": -0.125, "low": -0.25, "high": -0.05}
    answer(
        flows=ROWS,
        alerts_each=int(options["--alerts"]),
        peers_fitted_on="100 flows of the earliest third of a.csv",
        models=[
            {
                "name": name, "recall": 0.5, "precision": None, "false_positive_rate": 0.01,
                "roc_auc": 0.9, "average_precision": 0.8, "overlap": 0.25,
                "lead_on_first": {"recall": lead} if n else {},
            }
            for n, name in enumerate(names)
        ],
    )  # fmt: skip
    return 0


def rehearse(places: list[str], options: dict[str, str]) -> int:
    """Two kinds at three strengths; the stronger, the higher their scores."""
    bundle, path = Path(places[0]), Path(places[1])
    report(options, "rehearse", 0.5)
    if "refused" in path.name:
        return refuse("The disk is full; free some space.")
    wait_if_slow(path, options)
    cells = [(k, s) for k in ("syn_flood", "beaconing") for s in ("low", "medium", "high")] * 50
    levels = np.array([("low", "medium", "high").index(strength) for _, strength in cells])
    scores = np.random.default_rng(0).lognormal(levels, 0.7).astype(np.float32)
    kind, strength = zip(*cells, strict=True)
    table = pa.table({"kind": kind, "strength": strength, "score": scores})
    pq.write_table(table, options["--out"])
    model = hashlib.sha256((bundle / "model.tflite").read_bytes()).hexdigest()
    answer(laid=len(cells), model_sha256="0" * 64 if "elsewhere" in path.name else model)
    return 0


def demo(places: list[str], options: dict[str, str]) -> int:
    """The replay of the Live page: never tells anything, and ends when asked to."""
    Path(options["--live"]).mkdir(parents=True, exist_ok=True)
    threading.Event().wait()
    return 0


VERBS = {
    "compare": compare,
    "demo": demo,
    "inspect": inspect,
    "rehearse": rehearse,
    "train": train,
    "score": score,
    "explain": explain,
    "threshold": threshold,
}


def answer(**keys: object) -> None:
    print(json.dumps({"format_number": 1} | keys))


def refuse(sentence: str) -> int:
    print("a warning that is no error", file=sys.stderr)
    print(f"edgeguard: {sentence}", file=sys.stderr)
    return 2


def report(
    options: dict[str, str], stage: str, done: float, loss: float | None = None, **more: float
) -> None:
    if "--progress" in options:
        with Path(options["--progress"]).open("a") as file:
            record = {"stage": stage, "done": done, "message": "", "loss": loss, **more}
            file.write(json.dumps(record) + "\n")


def wait_if_slow(path: Path, options: dict[str, str]) -> None:
    if "--rejected" in options:  # reading ends, whatever comes then
        return
    if "stubborn" in path.name:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        report(options, "train", 0.7)
        threading.Event().wait()
    if "slow" in path.name:
        threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
