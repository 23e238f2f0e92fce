"""The package for a box: what is in it, and what its installer refuses before it does anything."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from support import PROJECT

from edgeguard_core.bundle import Bundle, SigningKey, generate_key
from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline import box_wheel
from edgeguard_core.pipeline.box_wheel import build_wheel, wheel_name
from edgeguard_core.pipeline.deploy import LISTS, deploy_bundle, package_files

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
HEAVY = ("pandas", "pyarrow", "scikit-learn", "scipy", "tensorflow", "keras", "streamlit", "typer")


@pytest.fixture(scope="module")
def bundle():
    return Bundle.load(PROJECT / "tests" / "bundle" / "fixtures" / "v1")


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return generate_key(tmp_path_factory.mktemp("keys") / "team.key")


@pytest.fixture(scope="module")
def package(bundle, key, tmp_path_factory):
    """A signed package; never change it."""
    out = tmp_path_factory.mktemp("package") / "box"
    return deploy_bundle(bundle, out, now=NOON, key=SigningKey.read(key.private))


@pytest.fixture
def box(package, tmp_path):
    """A copy of the package that a test may damage."""
    return Path(shutil.copytree(package.out, tmp_path / "box"))


# -- what is in it ---------------------------------------------------------------------------


def test_a_package_holds_all_that_a_box_needs(package):
    assert {
        "README.md", "SHA256SUMS", "SHA256SUMS.sig", "bundle.zip", "edgeguard.service",
        "edgeguard.yaml", "install.sh", wheel_name(), *LISTS, f"keys/{package.key_id}.pub",
    } == set(package.files)  # fmt: skip
    there = {p.relative_to(package.out).as_posix() for p in package.out.rglob("*") if p.is_file()}
    assert there == set(package.files)
    assert package.bytes == sum((package.out / name).stat().st_size for name in package.files)
    assert os.access(package.out / "install.sh", os.X_OK)


def test_its_bundle_is_lean_signed_and_proves_itself(package, key, bundle):
    lean = Bundle.load(package.out / "bundle.zip", require_signature=key.public)
    assert lean.verified_by == key.key_id
    assert {"weights.npz", "parity.npz"}.isdisjoint(lean.files)
    assert "golden.npz" in lean.files
    assert lean.model == bundle.model
    assert (lean.prototypes is None) == (bundle.prototypes is None)


def test_golden_rows_are_synthetic_unless_they_are_to_be_kept(bundle, tmp_path):
    made = {}
    for keep in (False, True):
        out = deploy_bundle(bundle, tmp_path / str(keep), now=NOON, keep_rows=keep).out
        made[keep] = Bundle.load(out / "bundle.zip").arrays("golden.npz")["numeric"]
    held_out = {row.tobytes() for row in bundle.arrays("parity.npz")["numeric"]}
    assert not held_out & {row.tobytes() for row in made[False]}
    assert {row.tobytes() for row in made[True]} <= held_out


def test_the_sums_and_their_signature_fit(package, key):
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(check, cwd=package.out, check=False).returncode == 0
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to ask")
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key.public), "-rawin"]
    command += ["-in", "SHA256SUMS", "-sigfile", "SHA256SUMS.sig"]
    done = subprocess.run(command, cwd=package.out, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_same_bundle_makes_the_same_package(bundle, key):
    secret = SigningKey.read(key.private)
    one, two = (package_files(bundle, now=NOON, key=secret) for _ in range(2))
    assert one == two


def test_no_word_stays_to_be_filled_in(package):
    for name in ("README.md", "edgeguard.service", "edgeguard.yaml", "install.sh"):
        assert not re.search(r"@[A-Z]+@", (package.out / name).read_text()), name


def test_a_package_without_a_key_says_so_and_demands_no_signature(bundle, tmp_path):
    done = deploy_bundle(bundle, tmp_path / "box", now=NOON)
    assert done.key_id is None
    assert not (done.out / "keys").exists()
    assert not (done.out / "SHA256SUMS.sig").exists()
    assert "not signed" in (done.out / "README.md").read_text()
    assert "--require-signature" not in (done.out / "edgeguard.service").read_text()


def test_one_zip_unpacks_to_the_same_files(bundle, key, package, tmp_path):
    secret = SigningKey.read(key.private)
    done = deploy_bundle(bundle, tmp_path / "box", now=NOON, key=secret, as_zip=True)
    assert done.out == tmp_path / "box.zip"
    assert done.bytes == done.out.stat().st_size
    with zipfile.ZipFile(done.out) as archive:
        assert {n: archive.read(n) for n in archive.namelist()} == {
            name: (package.out / name).read_bytes() for name in package.files
        }
        assert archive.getinfo("install.sh").external_attr >> 16 & 0o111


def test_force_replaces_a_package_and_nothing_else(bundle, box, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        deploy_bundle(bundle, box, now=NOON)
    assert deploy_bundle(bundle, box, now=NOON, force=True).key_id is None
    for precious in (tmp_path / "folder", tmp_path / "file.zip"):
        if precious.suffix:
            precious.write_text("years")
        else:
            precious.mkdir()
            (precious / "thesis.tex").write_text("years")
        with pytest.raises(OutputError, match="is no package of edgeguard deploy"):
            deploy_bundle(bundle, precious, now=NOON, force=True)


# -- requirements ----------------------------------------------------------------------------


def test_requirements_are_pinned_hashed_and_without_an_address(package):
    for name in LISTS:
        text = (package.out / name).read_text()
        assert "://" not in text
        assert "--index" not in text
        lines = text.replace("\\\n", " ").splitlines()
        assert lines
        assert all("==" in line and "--hash=sha256:" in line for line in lines), name
    edge = (package.out / "requirements-edge.txt").read_text()
    for name in ("numpy", "pyyaml", "cryptography", "ai-edge-litert"):
        assert re.search(rf"^{name}==", edge, re.MULTILINE)
    everything = "".join((package.out / name).read_text() for name in LISTS)
    assert not [name for name in HEAVY if re.search(rf"^{name}==", everything, re.MULTILINE)]


def test_requirements_are_those_of_the_lock():
    done = subprocess.run(
        [sys.executable, "tools/edge_lock.py", "--check"],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# -- the wheel -------------------------------------------------------------------------------


def test_the_wheel_holds_what_a_box_runs_by_its_record(tmp_path):
    (tmp_path / wheel_name()).write_bytes(build_wheel())
    with zipfile.ZipFile(tmp_path / wheel_name()) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    [record] = [name for name in files if name.endswith("/RECORD")]
    for line in files[record].decode().splitlines():
        name, digest, size = line.rsplit(",", 2)
        content = files.pop(name)
        if name != record:
            found = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            assert (digest, int(size)) == (f"sha256={found.decode()}", len(content))
            assert content.decode() is not None
    assert files == {}
    with zipfile.ZipFile(tmp_path / wheel_name()) as archive:
        names = archive.namelist()
    assert "edgeguard_core/flows/schemas/zeek.yaml" in names
    assert "edgeguard_core/watch/updates.py" in names
    assert not [n for n in names if "/model/" in n or "/_demo/" in n or "__pycache__" in n]
    assert not [n for n in names if n.startswith("dashboard")]
    assert len(build_wheel()) < 1 << 20


def test_an_installed_package_makes_the_same_wheel_as_the_checkout(tmp_path):
    """Without pyproject.toml beside it, the metadata of the installed package is asked."""
    shutil.copytree(PROJECT / "edgeguard_core", tmp_path / "edgeguard_core")
    program = (
        "import hashlib\n"
        "from edgeguard_core.pipeline.box_wheel import build_wheel\n"
        "import edgeguard_core; print(edgeguard_core.__file__)\n"
        "import io, zipfile; archive = zipfile.ZipFile(io.BytesIO(build_wheel()))\n"
        "print(*sorted(archive.namelist()), sep='\\n')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, check=True,
    )  # fmt: skip
    where, *names = done.stdout.splitlines()
    assert where.startswith(str(tmp_path))
    with zipfile.ZipFile(_file(tmp_path / "w.whl", build_wheel())) as archive:
        assert names == sorted(archive.namelist())


def _file(path, content):
    path.write_bytes(content)
    return path


def test_a_place_that_does_not_know_what_it_needs_is_told(tmp_path, monkeypatch):
    def absent(name):
        raise box_wheel.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(box_wheel.importlib.metadata, "requires", absent)
    with pytest.raises(OutputError, match="run pip install in its folder first"):
        box_wheel._needs(tmp_path)


# -- the service -----------------------------------------------------------------------------


def unit_of(package):
    lines = (package.out / "edgeguard.service").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if "=" in line and not line.startswith("#")]
    return {name: [v for n, v in pairs if n == name] for name, _ in pairs}


def test_the_service_may_look_at_packets_and_little_else(package):
    unit = unit_of(package)
    assert unit["User"] == ["edgeguard"]
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"] == ["CAP_NET_RAW"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["ReadWritePaths"] == ["/var/lib/edgeguard"]
    assert "AF_PACKET" in unit["RestrictAddressFamilies"][0].split()
    assert unit["NoNewPrivileges"] == unit["PrivateTmp"] == ["yes"]
    assert unit["Restart"] == ["on-failure"]
    assert (unit["Type"], unit["WatchdogSec"]) == (["notify"], ["120"])
    assert "--require-signature /etc/edgeguard/keys" in unit["ExecStart"][0]


@pytest.fixture
def systemd_analyze(package, tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze here to judge the unit")
    offered = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    if "--offline" not in offered.stdout:
        pytest.skip("this systemd-analyze cannot judge a unit offline")
    unit = tmp_path / "edgeguard.service"
    text = (package.out / "edgeguard.service").read_text()
    unit.write_text(text.replace("/opt/edgeguard/current/bin/edgeguard", "/bin/true"))

    def run(*words):
        return subprocess.run(
            [program, *words, str(unit)], capture_output=True, text=True, check=False
        )

    return run


def test_systemd_understands_every_line_of_the_unit(systemd_analyze):
    done = systemd_analyze("verify", "--man=no")
    about_ours = [line for line in done.stderr.splitlines() if "edgeguard.service" in line]
    assert about_ours == []


def test_systemd_calls_the_service_well_guarded(systemd_analyze):
    done = systemd_analyze("security", "--offline=true", "--no-pager")
    exposure = re.search(r"exposure level for edgeguard.service: ([\d.]+)", done.stdout)
    assert float(exposure[1]) <= 2.5, done.stdout


def test_the_settings_are_yaml_with_a_source_and_a_sink(package):
    settings = yaml.safe_load((package.out / "edgeguard.yaml").read_text())
    assert settings["source"] == "eth0"
    assert settings["sinks"] == [
        {"jsonl": "/var/lib/edgeguard/alerts.jsonl", "rotate_megabytes": 20, "keep": 5}
    ]


# -- the installer, up to the first thing that it would change --------------------------------


def install(box, tmp_path, *words, path=None):
    environment = os.environ | ({"PATH": f"{path}:/usr/bin:/bin"} if path else {})
    return subprocess.run(
        ["sh", box / "install.sh", "--root", tmp_path / "root", *words],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip


def refused(done, tmp_path, words):
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("edgeguard: ")
    assert words in done.stderr
    assert [p for p in tmp_path.rglob("root/*") if p.is_file()] == []


def test_a_damaged_package_is_refused(box, tmp_path):
    with (box / "bundle.zip").open("r+b") as stream:
        stream.write(b"x")
    refused(install(box, tmp_path), tmp_path, "the package is damaged")


@pytest.mark.parametrize("name", ["keys/mine.pub", "edgeguard-9.9-py3-none-any.whl"])
def test_an_added_file_is_refused(box, tmp_path, name):
    (box / name).write_text("trust me")
    refused(install(box, tmp_path), tmp_path, f"{name} was added to the package")


def test_a_package_of_another_key_is_refused(box, tmp_path, key):
    other = generate_key(tmp_path / "other")
    done = install(box, tmp_path, "--key", other.public)
    refused(done, tmp_path, "the package is not signed by")
    (box / "SHA256SUMS.sig").unlink()
    refused(install(box, tmp_path, "--key", key.public), tmp_path, "the package is not signed, and")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--frobnicate"], "unknown option --frobnicate"),
        (["--with", "gpu"], "--with knows capture, mqtt, store and postgres, not gpu"),
        (["--key"], "--key needs a value"),
        (["--key", "/nowhere.pub"], "there is no key /nowhere.pub"),
        (["--python", "/bin/false"], "/bin/false is no Python 3.11, 3.12 or 3.13"),
        (["--wheels", "/nowhere"], "there is no folder /nowhere"),
        (["--purge"], "--purge goes with --uninstall"),
    ],
)
def test_what_is_typed_wrong_is_told_in_one_line(box, tmp_path, words, answer):
    refused(install(box, tmp_path, *words), tmp_path, answer)


def stand_in(folder, name, answer):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{answer}\n")
    (folder / name).chmod(0o755)
    return folder


def test_a_machine_without_packages_is_told(box, tmp_path):
    path = stand_in(tmp_path / "bin", "uname", "echo armv7l")
    refused(install(box, tmp_path, path=path), tmp_path, "there are no packages for armv7l here")


def test_a_python_that_is_too_old_is_told(box, tmp_path):
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        path = stand_in(tmp_path / "bin", name, "exit 1")
    refused(install(box, tmp_path, path=path), tmp_path, "no Python 3.11, 3.12 or 3.13 is here")


def test_without_venv_the_debian_package_is_named(box, tmp_path):
    path = stand_in(tmp_path / "bin", "py", 'case "$*" in *ensurepip*) exit 1;; esac; exit 0')
    done = install(box, tmp_path, "--python", path / "py")
    refused(done, tmp_path, "apt-get install python3-venv")


def test_packages_that_cannot_be_installed_leave_no_environment(box, tmp_path):
    # A Python whose venv is made, and whose pip finds nothing.
    made = 'for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python"'
    path = stand_in(
        tmp_path / "bin",
        "py",
        f'case "$*" in *venv\\ --*) {made};; *-m\\ pip*) exit 1;; esac; exit 0',
    )
    done = install(box, tmp_path, "--python", path / "py")
    assert done.returncode == 2
    assert "edgeguard: the packages could not be installed" in done.stderr
    assert list((tmp_path / "root/opt/edgeguard").iterdir()) == []
    assert not (tmp_path / "root/etc/systemd/system/edgeguard.service").exists()


def test_help_names_every_option(box, tmp_path):
    done = install(box, tmp_path, "--help")
    assert done.returncode == 0
    text = (box / "install.sh").read_text()
    options = set(re.findall(r"^ {8}(--[a-z-]+)\)", text, re.MULTILINE))
    assert len(options) >= 9
    assert all(option in done.stdout for option in options)


def test_the_installer_is_plain_sh(box):
    for shell in ("dash", "sh"):
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", box / "install.sh"], check=False)
            assert done.returncode == 0
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-s", "sh", box / "install.sh"], check=True)
    assert "[[" not in (box / "install.sh").read_text()


# -- the command -----------------------------------------------------------------------------


def run(*words):
    from edgeguard_core.cli.main import main

    return main([str(word) for word in words])


def test_keygen_sign_verify_show_and_deploy_go_together(bundle, tmp_path, capsys):
    shutil.copytree(bundle.path, tmp_path / "B")
    assert run("bundle", "keygen", "--out", tmp_path / "K", "--json") == 0
    key_id = json.loads(capsys.readouterr().out)["key_id"]
    assert run("bundle", "show", tmp_path / "B", "--json") == 0
    assert json.loads(capsys.readouterr().out)["signature"]["signed"] is False
    assert run("bundle", "verify", tmp_path / "B", "--key", tmp_path / "K.pub") == 2
    assert "is not signed, and a signature by" in capsys.readouterr().err
    assert run("bundle", "sign", tmp_path / "B", "--key", tmp_path / "K", "--json") == 0
    assert json.loads(capsys.readouterr().out)["key_id"] == key_id
    assert run("bundle", "show", tmp_path / "B") == 0
    assert f"names key {key_id} as its signer; not checked" in capsys.readouterr().out
    assert run("bundle", "verify", tmp_path / "B", "--key", tmp_path / "K.pub", "--json") == 0
    verified = json.loads(capsys.readouterr().out)
    assert verified["signature"] == {"signed": True, "key_id": key_id, "verified": True}
    assert run("deploy", tmp_path / "B", "--out", tmp_path / "box", "--key", tmp_path / "K") == 0
    assert key_id in capsys.readouterr().out
    assert run("deploy", tmp_path / "B", "--out", tmp_path / "box2", "--zip", "--json") == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert {"out", "bytes", "files"} <= set(answer)
    assert answer["out"] == str(tmp_path / "box2.zip")
    assert said.err.startswith("warning: The package is not signed")
    published = ["--to", tmp_path / "updates", "--key", tmp_path / "K", "--json"]
    assert run("bundle", "publish", tmp_path / "B", *published) == 0
    assert json.loads(capsys.readouterr().out)["key_id"] == key_id


def test_a_passphrase_comes_from_a_file_or_the_environment(tmp_path, capsys, monkeypatch):
    (tmp_path / "word").write_text("sesame\n")
    words = ["bundle", "keygen", "--out", tmp_path / "K", "--passphrase-file", tmp_path / "word"]
    assert run(*words) == 0
    shutil.copytree(PROJECT / "tests/bundle/fixtures/v1", tmp_path / "B")
    capsys.readouterr()
    assert run("bundle", "sign", tmp_path / "B", "--key", tmp_path / "K") == 2
    assert "EDGEGUARD_KEY_PASSPHRASE" in capsys.readouterr().err
    monkeypatch.setenv("EDGEGUARD_KEY_PASSPHRASE", "sesame")
    assert run("bundle", "sign", tmp_path / "B", "--key", tmp_path / "K") == 0
    (tmp_path / "word").write_text("")
    assert run(*words[:3], tmp_path / "K2", *words[4:]) == 2
    assert "first line of passphrase file" in capsys.readouterr().err


def test_a_key_that_others_can_read_is_warned_of(tmp_path, capsys):
    assert run("bundle", "keygen", "--out", tmp_path / "K") == 0
    (tmp_path / "K").chmod(0o644)
    shutil.copytree(PROJECT / "tests/bundle/fixtures/v1", tmp_path / "B")
    assert run("bundle", "sign", tmp_path / "B", "--key", tmp_path / "K") == 0
    assert "warning: Others can read key" in capsys.readouterr().err
