"""A registry on a real disk, with real bundles, real processes, real crashes and a full disk."""

import fcntl
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from full_disks import files_no_larger_than
from support import PROJECT
from trained import names

from edgeguard_core.bundle import Bundle, generate_key, save_bundle, sign_bundle
from edgeguard_core.bundle.keys import SigningKey
from edgeguard_core.clock import ManualClock
from edgeguard_core.errors import BundleError, OutputError, RegistryError
from edgeguard_core.pipeline.registry import Registry, bundle_at

DEMO = PROJECT / "models" / "demo"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Six bundles with one model, each trained at another time; never write beside them."""
    folder, parts = tmp_path_factory.mktemp("bundles"), Bundle.load(DEMO).parts()
    made = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 7)]
    return [
        save_bundle(folder / f"b{when.day}", replace(parts, created=when), as_zip=when.day == 2)
        for when in made
    ]


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "models", clock=ManualClock())


@pytest.fixture
def three(registry, bundles):
    """Three versions: the second leads after the first, the third is the candidate."""
    for bundle in bundles[:3]:
        registry.register(bundle, who="ann")
    registry.promote(1, why="first", who="ann")
    registry.promote(2, why="better", who="ann")
    return registry


def told(registry):
    """What a reader sees, with every bundle loaded and verified."""
    for version in registry.versions():
        assert version.load().sums_sha256 == version.fingerprint
    state = registry.state()
    history = registry.history()
    assert [event.sequence for event in history] == list(range(1, len(history) + 1))
    assert len(history) == state.sequence
    return dict(state.aliases), list(state.versions)


def lies(folder):
    """Every file below a folder, with its content."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- what a version is -----------------------------------------------------------------------


def test_a_version_holds_the_bundle_as_it_was_and_what_is_known_of_it(registry, bundles):
    version = registry.register(
        bundles[0], metrics={"roc_auc": 0.9, "f1": float("nan")}, run_id="r1", note="monday",
        who="ann",
    )  # fmt: skip
    original = Bundle.load(bundles[0])
    assert dict(version.load().files) == dict(original.files)
    assert registry.version("candidate") == version
    assert registry.candidate() == version
    assert registry.champion() is registry.shadow() is None
    document = json.loads((version.folder / "version.json").read_text())
    assert document["metrics"] == {"roc_auc": 0.9, "f1": None}
    assert document["data"]["fingerprint"] == original.manifest.data["fingerprint"]
    assert (document["run_id"], document["note"], document["who"]) == ("r1", "monday", "ann")
    assert (document["created"][:10], document["registered"][:10]) == ("2026-01-01", "2026-01-01")
    assert document["fingerprint"] == original.sums_sha256


def test_a_zip_is_registered_as_a_folder_and_a_signature_comes_along(registry, bundles, tmp_path):
    key = generate_key(tmp_path / "k", None)
    signed = tmp_path / "signed.zip"
    shutil.copy(bundles[1], signed)
    sign_bundle(signed, SigningKey.read(key.private, None))
    version = registry.register(signed)
    assert Bundle.load(version.bundle_path, require_signature=key.public).verified_by == key.key_id
    assert version.metrics == Bundle.load(signed).manifest.metrics
    assert version.load().name == "bundle-0001"


def test_the_same_bundle_twice_is_one_version(three, bundles, tmp_path):
    before = lies(three.folder)
    shutil.copytree(bundles[0], tmp_path / "elsewhere")
    assert three.register(tmp_path / "elsewhere", run_id="later").number == 1
    assert three.register(bundle_at(f"{three.folder}@candidate")).number == 3
    assert lies(three.folder) == before


def test_a_number_is_never_given_twice(three, bundles):
    three.set_shadow(1)
    three.register(bundles[3])
    three.remove(3)
    assert three.register(bundles[4]).number == 5
    assert names(three.folder / "versions") == ["0001", "0002", "0004", "0005"]
    assert three.register(bundles[2]).number == 6  # removed, so not known any more


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_what_is_no_bundle_leaves_nothing(registry, bundles, tmp_path, harm):
    broken = tmp_path / "broken"
    if harm == "changed":
        shutil.copytree(bundles[0], broken)
        (broken / "card.md").write_text("x")
    with pytest.raises(BundleError):
        registry.register(broken)
    assert not registry.folder.exists()


def test_a_registry_lives_beside_other_models(bundles, tmp_path):
    folder = shutil.copytree(PROJECT / "models", tmp_path / "models", ignore=lambda d, n: [
        x for x in n if d.endswith("models") and x not in ("demo", "README.md")
    ])  # fmt: skip
    before = lies(folder)
    registry = Registry(folder)
    registry.register(folder / "demo")
    registry.promote("candidate", why="x")
    with pytest.raises(RegistryError):
        registry.remove("champion")
    assert before.items() <= lies(folder).items()
    assert Bundle.load(folder / "demo").sums_sha256 == registry.champion().fingerprint
    ignored = ("versions/0001/version.json", "registry.json", "history.jsonl", "registry.lock")
    done = subprocess.run(
        ["git", "check-ignore", *(f"models/{name}" for name in (*ignored, "demo/card.md"))],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode < 2:  # in a checkout
        assert done.stdout.split() == [f"models/{name}" for name in ignored]


# -- aliases ---------------------------------------------------------------------------------


def test_champions_come_go_and_come_back(three):
    assert told(three) == ({"champion": 2, "candidate": 3}, [1, 2, 3])
    assert three.promote("candidate", why="gates held", who="bob").number == 3
    assert three.rollback(why="twice the alerts", who="bob").number == 2
    assert three.rollback(why="still", who="bob").number == 1
    with pytest.raises(RegistryError, match="no earlier champion"):
        three.rollback(why="again", who="bob")
    last = three.history()[-1]
    assert (last.who, last.action, last.before, last.after, last.why) == (
        "bob", "rollback", 2, 1, "still",
    )  # fmt: skip
    assert told(three) == ({"champion": 1}, [1, 2, 3])


def test_a_step_done_twice_changes_nothing(three):
    three.set_shadow(1, why="beside")
    before = lies(three.folder)
    three.promote(2, why="again")
    three.set_shadow(1, why="again")
    assert lies(three.folder) == before


def test_a_shadow_ends_when_it_leads(three):
    three.set_shadow(3)
    assert three.shadow().number == 3
    three.promote(3, why="won")
    assert three.shadow() is three.candidate() is None
    with pytest.raises(RegistryError, match="is the champion; a shadow"):
        three.set_shadow("champion")
    three.set_shadow(2)
    assert three.set_shadow(None) is None
    with pytest.raises(RegistryError, match="no shadow to end"):
        three.set_shadow(None)


def test_what_an_alias_stands_for_stays(three):
    three.set_shadow(3)
    for name, says in ((2, "is the champion"), (3, "is the candidate and the shadow")):
        with pytest.raises(RegistryError, match=says):
            three.remove(name)
    (three.version(1).folder / "bundle-0001.state").mkdir()
    three.remove(1, why="old")
    assert names(three.folder / "versions") == ["0002", "0003"]
    assert told(three) == ({"champion": 2, "candidate": 3, "shadow": 3}, [2, 3])


def test_a_bundle_is_named_by_registry_and_version(three):
    for name, number in (("champion", 2), ("3", 3), ("0001", 1)):
        found = bundle_at(f"{three.folder}@{name}")
        assert found == three.version(number).bundle_path
        assert Bundle.load(found).sums_sha256 == three.version(number).fingerprint
    with pytest.raises(RegistryError, match="No version is the shadow"):
        bundle_at(f"{three.folder}@shadow")
    with pytest.raises(RegistryError, match="There is no registry at nowhere"):
        bundle_at("nowhere@champion")


def test_what_lies_at_a_path_with_an_at_comes_first(three, bundles, tmp_path, monkeypatch):
    shutil.copytree(bundles[0], tmp_path / "models@champion")
    monkeypatch.chdir(tmp_path)
    assert bundle_at("models@champion").name == "models@champion"
    assert [str(bundle_at(name)) for name in ("@champion", "models@", "a.zip")] == [
        "@champion", "models@", "a.zip",
    ]  # fmt: skip


def test_only_a_bundle_that_loads_can_lead(three):
    (three.version(3).bundle_path / "model.tflite").write_bytes(b"no model")
    before = told_state(three)
    with pytest.raises(BundleError, match=r"model\.tflite"):
        three.promote(3, why="x")
    shutil.rmtree(three.version(1).bundle_path)
    with pytest.raises(RegistryError, match="cannot be read"):
        three.rollback(why="x")
    assert told_state(three) == before


def test_another_bundle_in_the_place_of_a_version_is_noticed(three):
    place = three.version(2).bundle_path
    shutil.rmtree(place)
    shutil.copytree(three.version(3).bundle_path, place)
    with pytest.raises(RegistryError, match="another bundle than was registered as version 2"):
        bundle_at(f"{three.folder}@champion")


def told_state(registry):
    return registry.state().to_json(), [event.to_json() for event in registry.history()]


# -- damage ----------------------------------------------------------------------------------


def test_a_folder_without_a_registry_is_an_empty_one_and_no_folder_is_told(tmp_path):
    assert Registry(tmp_path).versions() == Registry(tmp_path).history() == []
    absent = Registry(tmp_path / "modles")
    for does in (absent.versions, absent.history, lambda: absent.promote(1, why="x")):
        with pytest.raises(RegistryError, match=r"There is no registry at .*modles"):
            does()
    with pytest.raises(RegistryError, match="No version '1'"):
        Registry(tmp_path).promote(1, why="x")


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("registry.json", None, r"registry\.json is missing"),
        ("registry.json", b"{", "is not JSON"),
        ("registry.json", b'{"format": 2}', "format is 2"),
        ("history.jsonl", b"", "are not of one time|lacks 5 steps"),
        ("history.jsonl", b"{}\n", "line 1"),
        ("versions/0002/version.json", b"{}", "does not hold what it should"),
        ("versions/0002/version.json", None, "does not hold what it should"),
    ],
)
def test_damage_is_told_and_nothing_is_swept_away(three, file, content, says):
    path = three.folder / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    before = lies(three.folder)
    with pytest.raises(RegistryError, match=says):
        three.versions() and three.history()
    with pytest.raises(RegistryError, match=says):
        three.promote(2, why="x") and three.rollback(why="x")
    assert lies(three.folder) == before


def test_a_registry_put_back_from_an_older_backup_loses_no_version(three, bundles):
    old = (three.folder / "registry.json").read_bytes()
    three.register(bundles[3])
    (three.folder / "registry.json").write_bytes(old)
    for harm in (lambda: None, (three.folder / "history.jsonl").unlink):
        harm()
        with pytest.raises(RegistryError, match="are not of one time"):
            three.register(bundles[4])
    (three.folder / "registry.json").unlink()
    with pytest.raises(RegistryError, match="is older than version"):
        three.register(bundles[4])
    assert names(three.folder / "versions") == ["0001", "0002", "0003", "0004"]


# -- a full disk -----------------------------------------------------------------------------


@pytest.mark.parametrize("size_bytes", [0, 100, 5000])
def test_a_full_disk_leaves_what_was(three, bundles, size_bytes):
    before = lies(three.folder)
    with files_no_larger_than(size_bytes), pytest.raises(OutputError, match="Cannot write"):
        three.register(bundles[3])
    if size_bytes < 5000:
        with files_no_larger_than(size_bytes), pytest.raises(OutputError, match="Cannot write"):
            three.promote(3, why="x")
    assert lies(three.folder) == before
    assert three.register(bundles[3]).number == 4


def test_a_history_without_room_is_written_later(three):
    three.promote(3, why="x" * 900)
    three.promote(1, why="short")
    history = three.folder / "history.jsonl"
    size = history.stat().st_size
    assert (three.folder / "registry.json").stat().st_size < size - 100
    with files_no_larger_than(size + 10):
        three.set_shadow(2, why="no room")
    assert history.stat().st_size == size
    assert (three.shadow().number, three.history()[-1].why) == (2, "no room")
    with files_no_larger_than(size + 10), pytest.raises(OutputError, match="Cannot write"):
        three.set_shadow(None)  # or the step without a line would be forgotten
    assert three.shadow().number == 2
    three.set_shadow(None)
    assert [event.action for event in three.history()[-2:]] == ["shadow", "shadow"]
    assert len(history.read_bytes().splitlines()) == three.state().sequence


# -- several processes -----------------------------------------------------------------------

WRITER = """
import sys
from edgeguard_core.pipeline.registry import Registry
registry, me = Registry(sys.argv[1], wait_s=120), sys.argv[2]
first = None
for bundle in sys.argv[3:]:
    version = registry.register(bundle, who=me)
    registry.promote(version.number, why="mine", who=me)
    first = first or version.number
registry.promote(version.number, why="mine", who=me)
registry.remove(first, who=me) if first != registry.champion().number else None
"""


def test_two_writers_and_a_reader_at_once(registry, bundles):
    registry.register(bundles[0], who="x")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, registry.folder, who, *map(str, mine)], cwd=PROJECT
        )
        # Neither begins with the one that both bring: it would be removed, and come anew.
        for who, mine in (("a", bundles[1:4]), ("b", [bundles[4], bundles[3], bundles[5]]))
    ]
    looks = 0
    while any(writer.poll() is None for writer in writers):
        assert len(registry.versions()) >= 1
        assert len(registry.history()) >= 1
        looks += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert looks > 0
    aliases, there = told(registry)
    history = registry.history()
    assert {event.who for event in history} == {"x", "a", "b"}
    champion = None
    for event in history:
        if event.action == "promote":
            assert event.before == champion
            champion = event.after
    assert aliases["champion"] == champion
    numbers = [event.version for event in history if event.action == "register"]
    assert numbers == list(range(1, 7))  # the bundle that both brought is one version
    gone = {event.version for event in history if event.action == "remove"}
    assert there == [n for n in numbers if n not in gone]
    assert names(registry.folder / "versions") == [f"{n:04d}" for n in there]


def test_a_second_writer_waits_and_then_says_so(three):
    clock = ManualClock()
    second = Registry(three.folder, clock=clock, wait_s=5)
    with (three.folder / "registry.lock").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="still being written by another process after 5 s"):
            second.promote(3, why="x")
        assert 5 <= clock.monotonic() < 6
        assert second.champion().number == 2  # who reads waits for nobody
    assert second.promote(3, why="x").number == 3


# Each step is killed before its first change on disk, before its second, and so on.
KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
from edgeguard_core.bundle import verify_bundle
from edgeguard_core.pipeline.registry import Registry

root, base, bundle = map(Path, sys.argv[1:])
CHANGES = "write fsync rename replace mkdir truncate ftruncate unlink rmdir chmod".split()

def die_before(change):
    left = [change]
    for name in CHANGES:
        def counted(*words, real=getattr(os, name), **more):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **more)
        setattr(os, name, counted)

STEPS = {
    "register": lambda r: r.register(bundle, who="k"),
    "promote": lambda r: r.promote(3, why="k", who="k"),
    "rollback": lambda r: r.rollback(why="k", who="k"),
    "shadow": lambda r: r.set_shadow(1, who="k"),
    "remove": lambda r: r.remove(1, who="k"),
}

def told(registry):
    for version in registry.versions():
        version.require_same()
        assert verify_bundle(version.bundle_path).intact
    state, history = registry.state(), registry.history()
    assert [e.sequence for e in history] == list(range(1, state.sequence + 1)), history
    return dict(state.aliases), dict(state.versions)

deaths = {}
for name, step in STEPS.items():
    done = Registry(shutil.copytree(base, root / name))
    before = told(done)
    step(done)
    after = told(done)
    deaths[name] = [0, 0]
    while True:
        folder = shutil.copytree(base, root / f"{name}-{sum(deaths[name])}")
        child = os.fork()
        if child == 0:
            die_before(sum(deaths[name]) + 1)
            step(Registry(folder))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            break
        assert os.WIFSIGNALED(status), status
        registry = Registry(folder, wait_s=0)
        seen = told(registry)
        assert seen in (before, after), (name, seen)
        deaths[name][seen == after] += 1
        if seen == before:
            step(registry)
        else:
            registry.register(bundle) and registry.promote(2, why="x") and registry.set_shadow(3)
        versions = {f"{n:04d}" for n in registry.state().versions}
        assert {x.name for x in (folder / "versions").iterdir()} == versions
        left = {x.name for x in folder.iterdir()}
        assert left == {"registry.json", "history.jsonl", "registry.lock", "versions"}, left
        told(registry)
        assert len((folder / "history.jsonl").read_text().splitlines()) == registry.state().sequence
        shutil.rmtree(folder)
print(json.dumps(deaths))
"""


@pytest.mark.slow
def test_a_crash_at_any_moment_leaves_the_step_done_or_not_done(three, bundles, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path, three.folder, bundles[3]],
        capture_output=True, text=True, cwd=PROJECT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    deaths = json.loads(done.stdout)
    assert set(deaths) == {"register", "promote", "rollback", "shadow", "remove"}
    # Each was killed both before and after the one rename that counts.
    assert all(before > 2 and after > 1 for before, after in deaths.values()), deaths
