"""Bad input gets one clear line, exit 2, and leaves nothing half-written."""

import gzip
import hashlib
import re
import shutil

import pytest
from trained import head, names, written

HONEYPOT = "zeek/iot23_honeypot_5-1.csv"
MONDAY = "cic-ids2017/monday_first_999.csv"

BAD_FILES = {
    "empty": "is empty; export it again",
    "blank": "is empty; export it again",
    "junk": "is binary and of no known kind",
    "header": "no flow below it",
    "semicolons": "save it with commas",
    "unknown": "give --schema FILE",
    "cut gzip": "copy or export it again",
    "broken gzip": "copy or export it again",
    "broken parquet": "export it again",
    "mostly broken": "were rejected",
    "missing": "check the path",
    "empty folder": "holds no file",
}


@pytest.fixture
def bad(request, data, tmp_path):
    """A file (or folder) that cannot be used, by the kind of its badness."""
    path = tmp_path / "x.csv"
    lines = head(data(HONEYPOT), 60)
    packed = gzip.compress("\n".join(lines).encode())
    content = {
        "empty": b"",
        "blank": b"\n \n\n",
        "junk": bytes(range(256)) * 50,
        "header": lines[0].encode(),
        "semicolons": "\n".join(line.replace(",", ";") for line in lines).encode(),
        "unknown": b"a,b,c\n1,2,3\n",
        "cut gzip": packed[:-50],
        "broken gzip": packed[:40] + b"\xff" * 40 + packed[80:],
        "broken parquet": b"PAR1" + bytes(100) + b"PAR1",
        "mostly broken": "\n".join([*lines[:5], *["x,y"] * 6]).encode(),
    }.get(request.param)
    if content is not None:
        path.write_bytes(content)
    elif request.param == "empty folder":
        path.mkdir()
    return path, BAD_FILES[request.param]


@pytest.mark.parametrize("bad", BAD_FILES, indirect=True)
@pytest.mark.parametrize(
    "verb", ["inspect", "train", "preprocess", "score", "evaluate", "threshold", "explain"]
)
def test_a_file_that_cannot_be_used(run, zeek, tmp_path, bad, verb):
    path, says = bad
    before = names(tmp_path)
    arguments = {
        "inspect": ["inspect", path, "--rejected", tmp_path / "r.csv"],
        "train": ["train", path, "--out", tmp_path / "N", "--steps", 5],
        "preprocess": ["preprocess", path, "--out", tmp_path / "N"],
        "score": ["score", zeek, path, "--out", tmp_path / "s.parquet"],
        "evaluate": ["evaluate", zeek, path],
        "threshold": ["threshold", zeek, "--calibrate", path, "--state", tmp_path / "S"],
        "explain": ["explain", zeek, path],
    }[verb]
    ran = run(*arguments, "--json")
    if verb == "inspect" and says in ("no flow below it", "were rejected"):
        assert ran.code == 0  # the format is recognised, whatever was rejected
        return
    assert ran.code == 2
    assert says in ran.problem
    assert path.name in ran.problem
    assert names(tmp_path) == before


def test_attacks_alone_cannot_be_learned(run, data, tmp_path):
    attacks = data("cic-ids2017/friday_ddos_with_ips.csv")
    ran = run("train", attacks, "--out", tmp_path / "B", "--steps", 5)
    assert ran.code == 2
    assert re.search("None of the 1000 flows .* is benign .* with normal traffic", ran.problem)
    assert names(tmp_path) == []


def test_a_missing_column_and_another_schema(run, cic, data, tmp_path):
    lines = [line.split(",") for line in head(data(MONDAY), 60)]
    at = [title.strip() for title in lines[0]].index("Flow Duration")
    cut = written(tmp_path / "cut.csv", [",".join(x[:at] + x[at + 1 :]) for x in lines])
    for verb in (["score", cic, cut, "--out", tmp_path / "s.csv"], ["evaluate", cic, cut]):
        ran = run(*verb)
        assert ran.code == 2
        assert "lack column 'flow_duration_us'" in ran.problem
    other = run("score", cic, data(HONEYPOT), "--out", tmp_path / "s.csv")
    assert other.code == 2
    assert "are of schema 'flow'" in other.problem
    assert "was trained on 'cicflowmeter'" in other.problem
    mixed = run("train", data(HONEYPOT), data(MONDAY), "--out", tmp_path / "B")
    assert (mixed.code, "read them apart" in mixed.problem) == (2, True)
    assert names(tmp_path) == ["cut.csv"]


FILES = [
    "SHA256SUMS", "calibration.npz", "card.md", "drift.npz", "manifest.json", "model.tflite",
    "parity.npz", "prototypes.npz", "schema.yaml", "threshold.json", "weights.npz",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_bundle_with_one_byte_changed(run, bundle, data, tmp_path, name):
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    for verb in (
        ["score", bundle, data(HONEYPOT), "--out", tmp_path / "s.csv"],
        ["drift", bundle, data(HONEYPOT)],
        ["bundle", "verify", bundle],
    ):
        ran = run(*verb, "--json")
        assert ran.code == 2
        assert str(bundle) in ran.problem
        assert ran.problem.endswith("copy the whole bundle again from where it was made.") or (
            name == "SHA256SUMS"
        )
    assert names(tmp_path) == ["B"]


@pytest.mark.parametrize("verb", ["show", "verify"])
def test_a_bundle_with_a_file_too_few_or_too_many(run, bundle, verb):
    (bundle / "extra").write_text("x")
    assert "extra was added to bundle" in run("bundle", verb, bundle).problem
    (bundle / "extra").unlink()
    (bundle / "card.md").unlink()
    assert "card.md of bundle" in run("bundle", verb, bundle).problem


def test_a_bundle_of_a_newer_format(run, bundle, data, tmp_path):
    manifest = bundle / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2', 1))
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}"
        for path in sorted(bundle.iterdir())
        if path.name != "SHA256SUMS"
    ]
    written(bundle / "SHA256SUMS", sums)
    for verb in (["threshold"], ["bench"], ["bundle", "verify"], ["bundle", "show"]):
        ran = run(*verb, bundle)
        assert ran.code == 2
        assert "has format 2, this EdgeGuard reads formats up to 1: update" in ran.problem


@pytest.mark.parametrize("kind", ["missing", "a file", "an empty folder", "somebody's folder"])
def test_a_path_that_is_no_bundle(run, data, tmp_path, kind):
    path = tmp_path / "B"
    if kind == "a file":
        path.write_text("x" * 200)
    elif kind != "missing":
        path.mkdir()
    if kind == "somebody's folder":
        (path / "thesis.txt").write_text("x")
    for verb in (["evaluate", path, data(HONEYPOT)], ["bench", path], ["bundle", "show", path]):
        ran = run(*verb)
        assert ran.code == 2
        assert "bundle" in ran.problem
        assert "edgeguard train" in ran.problem


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--fpr nan", "cannot be promised"),
        ("--fpr 0", "cannot be promised"),
        ("--fpr 2", "cannot be promised"),
        ("--seed 99999999999", "must lie between 0 and 2147483647"),
        ("--tz Nowhere/Land", "is no time zone"),
        ("--tz ../../etc/passwd", "is no time zone"),
        ("--schema nope", "is neither a schema"),
        ("--variant float99", "No variant is called"),
        ("--local-network home", "is no network"),
    ],
)
def test_an_option_that_cannot_be(run, data, tmp_path, option, says):
    out = tmp_path / "B"
    ran = run("train", data(HONEYPOT), "--out", out, "--steps", 5, *option.split(), "--json")
    assert ran.code == 2
    assert says in ran.problem
    assert names(tmp_path) == []


@pytest.mark.parametrize("share", ["1.5", "-1", "nan", "0.99999"])
def test_a_test_share_that_cannot_be(run, data, tmp_path, share):
    ran = run("preprocess", data(HONEYPOT), "--out", tmp_path / "P", "--test-share", share)
    assert (ran.code, "--test-share" in ran.problem) == (2, True)
    assert names(tmp_path) == []


def test_places_that_cannot_be_written(run, zeek, data, tmp_path):
    (tmp_path / "file").write_text("x")
    source = data(HONEYPOT)
    for arguments in (
        ["train", source, "--steps", 5, "--out", tmp_path / "file" / "B"],
        ["train", source, "--steps", 5, "--out", tmp_path / "file", "--force"],
        ["train", source, "--steps", 5, "--out", tmp_path, "--force"],
        ["preprocess", source, "--out", tmp_path / "file" / "P"],
        ["preprocess", source, "--out", tmp_path, "--force"],
        ["score", zeek, source, "--out", tmp_path / "none" / "s.csv"],
        ["score", zeek, source, "--out", tmp_path / "s.txt"],
        ["score", zeek, source, "--out", tmp_path],
        ["convert", zeek, "--variant", "float16", "--out", tmp_path / "file" / "B"],
        ["convert", zeek, "--variant", "float16", "--out", tmp_path],
        ["threshold", zeek, "--value", 3, "--state", tmp_path / "file"],
        ["inspect", source, "--rejected", tmp_path / "none" / "r.csv"],
        ["inspect", source, "--progress", tmp_path / "none" / "p"],
    ):
        ran = run(*arguments)
        assert ran.code == 2, arguments
        assert ran.problem.endswith(".")
        assert names(tmp_path) == ["file"]


def test_of_two_runs_to_one_place_the_first_stays(run, zeek, data, tmp_path, monkeypatch):
    import edgeguard_core.pipeline.train as room

    def other_run_ends(*arguments):
        shutil.copytree(zeek, tmp_path / "B")
        return parity_rows(*arguments)

    parity_rows = room._parity_rows
    monkeypatch.setattr(room, "_parity_rows", other_run_ends)
    ran = run("train", data(HONEYPOT), "--out", tmp_path / "B", "--steps", 5)
    assert (ran.code, "exists already" in ran.problem) == (2, True)
    assert names(tmp_path) == ["B"]
    assert (tmp_path / "B" / "model.tflite").read_bytes() == (zeek / "model.tflite").read_bytes()
