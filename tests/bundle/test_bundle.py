import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from edgeguard_core.bundle import (
    Bundle,
    check_target,
    probe,
    probe_model,
    save_bundle,
    verify_bundle,
)
from edgeguard_core.bundle.arrays import dump_arrays
from edgeguard_core.bundle.files import REQUIRED, sums_of
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import BundleError, BundleVersionError
from edgeguard_core.features.preprocessing import ModelInput
from edgeguard_core.features.prototypes import Prototypes

FILES = [*REQUIRED, "weights.npz", "parity.npz"]


def seal(folder):
    """Make SHA256SUMS fit the files again: damage that only looking inside can find."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "SHA256SUMS").write_bytes(sums_of(files))


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    seal(folder)


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 0x01
    path.write_bytes(bytes(content))


# -- saving ----------------------------------------------------------------------------------


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_saved_bundle_loads_with_the_same_parts(bundle, tmp_path, as_zip):
    out = save_bundle(tmp_path / "new" / "B", bundle.parts(), as_zip=as_zip)
    again = Bundle.load(out)
    assert out.name == ("B.zip" if as_zip else "B")
    assert again.name == "B"
    assert again.model == bundle.model
    assert again.schema == bundle.schema
    assert again.preprocessor == bundle.preprocessor
    assert again.threshold == bundle.threshold
    # Not the hashes of the packed files: another zlib packs the same arrays into other bytes.
    without_hashes = [dataclasses.replace(b.manifest, files={}) for b in (again, bundle)]
    assert without_hashes[0] == without_hashes[1]
    assert again.manifest.files.keys() == bundle.manifest.files.keys()
    for name in ("weights.npz", "parity.npz"):
        for key, array in bundle.arrays(name).items():
            np.testing.assert_array_equal(again.arrays(name)[key], array)


def test_the_same_parts_give_the_same_bytes(bundle, tmp_path):
    one, two = (save_bundle(tmp_path / name, bundle.parts()) for name in "ab")
    for name in FILES:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_the_sums_are_those_of_sha256sum(copy):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=copy,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.count(b": OK") == len(FILES) - 1  # all but itself


def test_weights_and_parity_are_left_out_where_there_are_none(bundle, tmp_path):
    parts = dataclasses.replace(bundle.parts(), weights=None, parity=None)
    out = save_bundle(tmp_path / "B", parts)
    assert sorted(path.name for path in out.iterdir()) == sorted(REQUIRED)
    with pytest.raises(BundleError, match=r"has no weights\.npz"):
        Bundle.load(out).arrays("weights.npz")


def test_prototypes_travel_with_a_bundle_and_older_ones_have_none(bundle, tmp_path):
    assert bundle.prototypes is None
    inputs = ModelInput(np.ones((3, 4), np.float32), np.ones((3, 2), np.int32))
    parts = dataclasses.replace(bundle.parts(), prototypes=Prototypes(inputs))
    out = save_bundle(tmp_path / "B", parts)
    again = Bundle.load(out)
    assert again.prototypes.inputs.numeric.tolist() == inputs.numeric.tolist()
    assert again.parts().prototypes is again.prototypes
    save_bundle(out, parts, force=True)  # a bundle with prototypes is a bundle


def test_undefined_figures_are_null_in_the_manifest(bundle, tmp_path):
    parts = dataclasses.replace(bundle.parts(), metrics={"f1": float("nan"), "n": np.int64(3)})
    out = save_bundle(tmp_path / "B", parts)
    assert json.loads((out / "manifest.json").read_text())["metrics"] == {"f1": None, "n": 3}


def test_an_existing_bundle_is_refused_without_force_and_replaced_with_it(bundle, copy):
    with pytest.raises(BundleError, match=r"B1 exists already; .*--force"):
        save_bundle(copy, bundle.parts())
    parts = dataclasses.replace(bundle.parts(), code_version="9.9")
    assert Bundle.load(save_bundle(copy, parts, force=True)).manifest.code_version == "9.9"


def test_force_fills_an_empty_folder(bundle, tmp_path):
    (tmp_path / "B").mkdir()
    assert Bundle.load(save_bundle(tmp_path / "B", bundle.parts(), force=True))


@pytest.mark.parametrize("kind", ["folder", "file", "zip", "bundle with a diary", "link"])
def test_force_never_replaces_anything_but_a_bundle(bundle, copy, tmp_path, kind):
    out = tmp_path / "precious"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").write_text("years")
    elif kind == "file":
        out.write_text("years")
    elif kind == "zip":
        out.write_bytes(zip_files({"thesis.tex": b"years"}))
    elif kind == "link":
        out.symlink_to(copy, target_is_directory=True)
    else:
        shutil.copytree(copy, out)
        (out / "diary.txt").write_text("years")
    with pytest.raises(BundleError, match=r"choose another --out"):
        check_target(out, force=True)
    with pytest.raises(BundleError, match=r"choose another --out"):
        save_bundle(out, bundle.parts(), force=True)
    assert out.exists()


def test_nothing_is_left_when_saving_fails(bundle, tmp_path):
    broken = dataclasses.replace(bundle.parts(), weights={"a": np.array([None])})
    with pytest.raises(ValueError, match="numbers or text"):
        save_bundle(tmp_path / "B", broken)
    assert list(tmp_path.iterdir()) == []


# -- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FILES if name != "SHA256SUMS"])
def test_one_changed_byte_in_any_file_is_refused_by_name(copy, name):
    flip(copy / name, (copy / name).stat().st_size // 2)
    with pytest.raises(BundleError, match=re.escape(name)):
        Bundle.load(copy)


def test_every_single_byte_of_a_small_file_counts(copy):
    file = copy / "threshold.json"
    whole = file.read_bytes()
    for position in range(len(whole)):
        flip(file, position)
        with pytest.raises(BundleError, match=r"threshold\.json"):
            Bundle.load(copy)
        file.write_bytes(whole)
    assert Bundle.load(copy)


def test_a_changed_list_of_sums_is_refused(copy):
    size = (copy / "SHA256SUMS").stat().st_size
    for position in [*range(0, size, 7), size - 1]:
        flip(copy / "SHA256SUMS", position)
        with pytest.raises(BundleError, match=r"B1"):
            Bundle.load(copy)
        flip(copy / "SHA256SUMS", position)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused_by_name(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=re.escape(name)):
        Bundle.load(copy)


@pytest.mark.parametrize("name", ["notes.txt", ".DS_Store", "zzz"])
def test_an_added_file_is_refused_by_name(copy, name):
    (copy / name).write_text("hello")
    with pytest.raises(BundleError, match=rf"{re.escape(name)} was added .*: remove it"):
        Bundle.load(copy)


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_an_added_folder_or_link_is_refused_by_name(copy, kind, tmp_path):
    added = copy / "added"
    added.mkdir() if kind == "folder" else added.symlink_to(copy / "card.md")
    with pytest.raises(BundleError, match=r"added in bundle .* is a link or a folder"):
        Bundle.load(copy)


def test_a_file_replaced_by_a_link_to_itself_is_refused(copy, tmp_path):
    (copy / "card.md").rename(tmp_path / "card.md")
    (copy / "card.md").symlink_to(tmp_path / "card.md")
    with pytest.raises(BundleError, match=r"card\.md in bundle .* is a link"):
        Bundle.load(copy)


def test_verify_lists_all_that_is_wrong_and_load_stops_at_the_first(copy):
    flip(copy / "model.tflite", 100)
    (copy / "card.md").unlink()
    (copy / "extra").write_text("x")
    report = verify_bundle(copy)
    found = {problem.file: problem.kind for problem in report.problems}
    assert found == {"model.tflite": "changed", "card.md": "missing", "extra": "added"}
    assert not report.intact
    assert json.dumps(report.to_json(), allow_nan=False)


def test_a_required_file_that_the_sums_do_not_list_is_missed_all_the_same(copy):
    (copy / "threshold.json").unlink()
    seal(copy)
    with pytest.raises(BundleError, match=r"threshold\.json of bundle .* is missing"):
        Bundle.load(copy)


# -- versions --------------------------------------------------------------------------------


def test_a_newer_format_is_refused_before_anything_else_is_looked_at(copy):
    manifest = copy / "manifest.json"
    manifest.write_text('{"format": 2, "everything": "else changed"}')  # the sums do not fit
    with pytest.raises(BundleVersionError, match=r"format 2, .* formats up to 1: update"):
        Bundle.load(copy)
    with pytest.raises(BundleVersionError):
        verify_bundle(copy)


@pytest.mark.parametrize("number", ["null", '"1"', "true", "0", "-1", "1.5"])
def test_a_format_that_is_no_number_is_no_bundle(copy, number):
    (copy / "manifest.json").write_text(f'{{"format": {number}}}')
    with pytest.raises(BundleError, match="no format number"):
        Bundle.load(copy)


def test_keys_that_are_not_known_are_ignored(copy):
    edit_manifest(copy, later="a key of a later minor version")
    assert Bundle.load(copy)


# -- content that fits its sums and still is wrong -------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("threshold.json", b'{"value": NaN}'),
        ("threshold.json", b'{"value": 1.0}'),
        ("threshold.json", b"[]"),
        ("schema.yaml", b"a: &a [1]\nb: *a\n"),
        ("schema.yaml", b"name: other"),
        ("schema.yaml", b"\xff"),
        ("calibration.npz", b"no npz"),
        ("prototypes.npz", b"no npz"),
        ("prototypes.npz", dump_arrays({"numeric": np.zeros((1, 9), np.float32)})),
        ("model.tflite", b"no model"),
    ],
)
def test_a_file_that_holds_something_else_is_refused_by_name(copy, name, content):
    (copy / name).write_bytes(content)
    seal(copy)
    entries = json.loads((copy / "manifest.json").read_text())["files"]
    entries[name] = json.loads(json.dumps(vars(verify_bundle(copy).files[name])))
    edit_manifest(copy, files=entries)
    with pytest.raises(BundleError, match=rf"^{re.escape(name)} of bundle .* does not hold"):
        Bundle.load(copy)


@pytest.mark.parametrize("key", ["preprocessor", "schema", "meter", "runtime", "created", "files"])
def test_a_manifest_without_a_key_is_refused(copy, key):
    edit_manifest(copy, **{key: None})
    with pytest.raises(BundleError, match=r"^manifest\.json of bundle"):
        Bundle.load(copy)


def test_a_manifest_that_describes_another_model_is_refused(copy):
    flip(copy / "model.tflite", 2000)
    seal(copy)
    with pytest.raises(BundleError, match=r"describes another model\.tflite"):
        Bundle.load(copy)


def test_a_preprocessor_for_other_columns_is_refused(copy):
    plain = json.loads((copy / "manifest.json").read_text())["preprocessor"]
    edit_manifest(copy, preprocessor={**plain, "schema": "argus"})
    with pytest.raises(BundleError, match=r"^manifest\.json .* is for schema argus"):
        Bundle.load(copy)
    plain["numeric"][0]["name"] = "ttl"
    edit_manifest(copy, preprocessor=plain)
    with pytest.raises(BundleError, match=r"^manifest\.json .* reads ttl, no feature of tiny"):
        Bundle.load(copy)


def test_a_manifest_with_infinity_is_refused(copy):
    (copy / "manifest.json").write_text('{"format": 1, "a": Infinity}')
    with pytest.raises(BundleError, match=r"manifest\.json .* is damaged: it holds Infinity"):
        Bundle.load(copy)


# -- no bundle at all ------------------------------------------------------------------------


def test_nothing_at_the_path(tmp_path):
    with pytest.raises(BundleError, match=r"There is no bundle at .*nowhere; give"):
        Bundle.load(tmp_path / "nowhere")


@pytest.mark.parametrize("make", ["folder", "crowd", "text", "empty file", "foreign zip"])
def test_something_else_at_the_path(tmp_path, make):
    path = tmp_path / "other"
    if make in ("folder", "crowd"):
        path.mkdir()
        for number in range(100 if make == "crowd" else 1):
            (path / f"{number}.txt").write_text("hello")
    else:
        contents = {"text": b"hello", "foreign zip": zip_files({"a.txt": b"hello"})}
        path.write_bytes(contents.get(make, b""))
    with pytest.raises(BundleError, match=r"other is not a bundle: .*; give the folder or \.zip"):
        Bundle.load(path)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="neither a folder nor a file"):
        Bundle.load(tmp_path / "pipe")


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b"])
def test_a_path_that_cannot_be_one_is_one_sentence(path):
    with pytest.raises(BundleError, match="check the path"):
        Bundle.load(path)


def test_a_file_larger_than_any_of_its_kind_is_refused_without_reading_it_all(copy):
    with (copy / "manifest.json").open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: it takes no disk
    with pytest.raises(BundleError, match=r"manifest\.json of bundle .* is larger than"):
        Bundle.load(copy)


def test_a_bundle_full_of_files_is_refused(copy):
    for number in range(40):
        (copy / f"{number}").write_text("")
    with pytest.raises(BundleError, match="more than 32"):
        Bundle.load(copy)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_may_not_be_read(copy):
    copy.chmod(0)
    with pytest.raises(BundleError, match="permissions"):
        Bundle.load(copy)


# -- zips ------------------------------------------------------------------------------------


def test_a_zip_with_one_folder_around_the_files_loads(copy, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "made"), "zip", tmp_path, "B1")
    assert Bundle.load(archive).model == Bundle.load(copy).model


def test_a_zip_cut_short_is_refused(bundle, tmp_path):
    path = save_bundle(tmp_path / "B", bundle.parts(), as_zip=True)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BundleError, match="not a zip file, or its end is missing"):
        Bundle.load(path)


def test_a_zip_that_climbs_out_writes_nothing(copy, tmp_path):
    files = {path.name: path.read_bytes() for path in copy.iterdir()}
    path = tmp_path / "evil.zip"
    path.write_bytes(zip_files({**files, "../escaped": b"x"}))
    with pytest.raises(BundleError, match="not a plain file name"):
        Bundle.load(path)
    assert not (tmp_path.parent / "escaped").exists()


# -- a stranger's model ----------------------------------------------------------------------


def test_a_sound_model_passes_the_probe(copy):
    assert Bundle.load(copy, untrusted=True)


def test_a_model_that_the_runtime_refuses_fails_the_probe(bundle, tmp_path):
    junk = bundle.model[:8] + bytes(len(bundle.model) - 8)
    parts = dataclasses.replace(bundle.parts(), model=junk)
    path = save_bundle(tmp_path / "B", parts)
    with pytest.raises(BundleError, match=r"^model\.tflite of bundle .* do not use this file"):
        Bundle.load(path, untrusted=True)


def test_a_model_with_other_inputs_than_the_manifest_names_fails_the_probe(bundle, tmp_path):
    fewer = dataclasses.replace(bundle.preprocessor, numeric=bundle.preprocessor.numeric[:-1])
    path = save_bundle(tmp_path / "B", dataclasses.replace(bundle.parts(), preprocessor=fewer))
    with pytest.raises(BundleError, match=r"^model\.tflite of bundle .* does not run"):
        Bundle.load(path, untrusted=True)


def test_a_model_that_takes_too_long_fails_the_probe(bundle):
    with pytest.raises(BundleError, match=r"takes longer than 0\.01 s for one row"):
        probe_model(bundle.model, bundle.preprocessor, bundle.path, time_limit_s=0.01)


def test_a_model_that_kills_its_process_kills_only_the_child(bundle, monkeypatch):
    monkeypatch.setattr(probe, "_CHILD", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(BundleError, match=r"crashes the runtime \(exit status -9\)"):
        probe_model(bundle.model, bundle.preprocessor, bundle.path)


def test_loading_a_bundle_needs_no_large_library(copy):
    code = (
        "import sys; from edgeguard_core.bundle import Bundle; Bundle.load(sys.argv[1]);"
        "heavy = {'pandas','pyarrow','sklearn','scipy','typer','rich','tensorflow','keras'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(copy)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
