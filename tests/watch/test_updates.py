"""Newer bundles for a box: what it takes, what it refuses, and what power loss leaves."""

import dataclasses
import http.server
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections import namedtuple
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edgeguard_core.bundle import (
    Bundle,
    SigningKey,
    StateFolder,
    TrustedKeys,
    generate_key,
    save_bundle,
)
from edgeguard_core.bundle.files import SUMS, read_bundle_files
from edgeguard_core.bundle.golden import Golden
from edgeguard_core.bundle.zips import zip_files
from edgeguard_core.errors import BundleError, BundleSignatureError, OutputError, SourceError
from edgeguard_core.files import sha256_hex
from edgeguard_core.pipeline.publish import publish_bundle
from edgeguard_core.watch import bundle_folder
from edgeguard_core.watch.bundle_folder import BundleFolder, History, bundle_id
from edgeguard_core.watch.download import Source
from edgeguard_core.watch.installing import install, main
from edgeguard_core.watch.proving import Proved, prove_in_child
from edgeguard_core.watch.update_index import INDEX
from edgeguard_core.watch.update_settings import updater_for
from edgeguard_core.watch.updates import HEALTHY_S, MOST_STARTS, Updater

V1 = Path(__file__).parents[1] / "bundle" / "fixtures" / "v1"
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class HandClock:
    """A clock that moves when told."""

    def __init__(self):
        self.seconds = 0.0

    def now(self):
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


def believed(path, keys):
    """A proof without a child process: the tests of the child are few."""
    bundle = Bundle.load(path, require_signature=keys)
    return Proved(bundle.sums_sha256, 96, 0.0, "believed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: generate_key(folder / name) for name in ("ours", "theirs")}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """The same small model, made in three years: ``bundles[2027]`` is the newest."""
    folder, base = tmp_path_factory.mktemp("bundles"), Bundle.load(V1)
    made = {}
    for year in (2025, 2026, 2027):
        parts = dataclasses.replace(base.parts(), created=datetime(year, 5, 1, tzinfo=UTC))
        made[year] = Bundle.load(save_bundle(folder / str(year), parts))
    return made


class Site:
    """A place that publishes, and one box that looks there."""

    def __init__(self, root, bundles, keys):
        self.root, self.bundles, self.keys = root, bundles, keys
        self.place, self.box = root / "published", root / "box"
        self.clock = HandClock()
        self.published = 0

    def publish(self, year, key="ours", **other):
        self.published += 1
        secret = SigningKey.read(self.keys[key].private)
        when = NOON + timedelta(seconds=self.published)
        return publish_bundle(self.bundles[year], self.place, secret, now=when, **other)

    def install(self, year):
        """The box's first bundle."""
        done = self.publish(year)
        return install(done.bundle, self.box, self.trusted, NOON, prove=believed)

    @property
    def trusted(self):
        return TrustedKeys.read(self.keys["ours"].public)

    def updater(self, source=None, **other):
        other = {"prove": believed} | other
        return Updater(source or self.place, self.trusted, self.box, self.clock, **other)

    @property
    def folder(self):
        return BundleFolder(self.box)

    def in_use(self):
        """The year of the bundle in use."""
        return int(Bundle.load(self.folder.current).manifest.created[:4])

    def events(self):
        return [event["what"] for event in self.folder.history().events]

    def names(self):
        return sorted(p.name for p in self.box.iterdir() if not p.name.startswith("bundle-"))


@pytest.fixture
def site(tmp_path, bundles, keys):
    return Site(tmp_path, bundles, keys)


@pytest.fixture
def serve():
    """A web server of a folder; ``cut`` ends an answer early, ``seen`` are the requests."""
    running = []

    def serve(folder, *, cut=None, ranges=False, redirect=None):
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append((self.path, self.headers.get("Range")))
                if redirect:
                    self.send_response(302)
                    self.send_header("Location", redirect + self.path)
                    self.end_headers()
                    return
                file = folder / self.path.lstrip("/")
                if not file.is_file():
                    self.send_error(404)
                    return
                content, start = file.read_bytes(), 0
                if ranges and (asked := self.headers.get("Range")):
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                    self.send_response(206)
                    whole = len(content)
                    self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
                else:
                    self.send_response(200)
                self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                stop = cut if cut and file.suffix == ".zip" and not start else None
                self.wfile.write(content[start:stop])

            def log_message(self, *arguments):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", seen

    yield serve
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


# -- what a box takes ------------------------------------------------------------------------


def test_a_newer_bundle_is_taken_from_a_folder(site):
    old = site.install(2025)
    site.publish(2026)
    update = site.updater().check()
    assert update.bundle.manifest.created.startswith("2026")
    assert update.bundle.verified_by == site.keys["ours"].key_id
    assert update.previous_id == bundle_id(old.sums_sha256)
    assert site.in_use() == 2026
    assert site.events() == ["installed", "switched"]
    assert site.updater().check() is None


def test_a_newer_bundle_is_taken_from_a_web_server_and_proved_in_a_child(site, serve):
    site.install(2025)
    site.publish(2026)
    url, seen = serve(site.place)
    updater = site.updater(url + "/", prove=prove_in_child)
    assert updater.check().bundle.manifest.created.startswith("2026"), updater.problem
    assert [path for path, _ in seen] == [f"/{INDEX}", f"/bundle-{site.folder.current_id()}.zip"]
    assert updater.check() is None
    assert updater.problem is None


def test_two_bundles_are_kept_and_no_more(site):
    site.install(2025)
    for year in (2026, 2027):
        site.publish(year)
        assert site.updater().check()
    assert len(list(site.box.glob("*.zip"))) == 2
    assert site.names() == ["current", "history.json"]
    assert site.folder.history().previous is not None


def test_nothing_new_is_no_problem(site):
    site.install(2026)
    updater = site.updater()
    assert updater.check() is None
    assert updater.problem is None
    assert site.events() == ["installed"]


def test_a_look_in_the_background_brings_the_update_later(site):
    site.install(2025)
    site.publish(2026)
    updater = site.updater(every_s=100)
    site.clock.seconds = 10.0
    assert updater.poll() is None
    updater.close(60)
    assert updater.poll().bundle.manifest.created.startswith("2026")
    assert updater.poll() is None
    assert updater._looking is None  # the next look is not due yet


# -- what a box refuses ----------------------------------------------------------------------


def refused(site, updater, words):
    """The box keeps what it has, and says why once."""
    before = site.folder.current_id()
    assert updater.check() is None
    assert words in updater.problem
    events = len(site.folder.history().events)
    assert updater.check() is None
    assert words in updater.problem
    assert len(site.folder.history().events) == events
    assert site.folder.current_id() == before
    assert not list(site.box.glob("*.part"))


def test_an_index_signed_by_another_key(site):
    site.install(2025)
    site.publish(2026, key="theirs")
    refused(site, site.updater(), f"signed by key {site.keys['theirs'].key_id}, which is not")


def test_an_unsigned_index(site):
    site.install(2025)
    site.publish(2026)
    plain = json.loads((site.place / INDEX).read_text())["signed"]
    (site.place / INDEX).write_text(plain)
    refused(site, site.updater(), "is no signed index (it is not signed)")


def test_an_index_changed_after_it_was_signed(site):
    site.install(2025)
    site.publish(2026)
    document = json.loads((site.place / INDEX).read_text())
    document["signed"] = document["signed"].replace('"allow_older": false', '"allow_older": true')
    (site.place / INDEX).write_text(json.dumps(document))
    refused(site, site.updater(), "The signature in index.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"x" * (1 << 17)])
def test_an_index_that_is_none(site, content):
    site.install(2025)
    (site.place / INDEX).write_bytes(content)
    updater = site.updater()
    assert updater.check() is None
    assert INDEX in updater.problem


def test_a_source_without_an_index(site):
    site.install(2025)
    (site.place / INDEX).unlink()
    refused(site, site.updater(), "index.json of")


def test_a_bundle_damaged_on_the_way(site):
    site.install(2025)
    file = site.publish(2026).bundle
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    refused(site, site.updater(), "is not what its index names (other sha256)")


def test_a_bundle_of_another_size_is_not_read_to_its_end(site):
    site.install(2025)
    file = site.publish(2026).bundle
    with file.open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse
    updater = site.updater()
    assert updater.check() is None
    assert "more than the" in updater.problem
    assert sum(path.stat().st_size for path in site.box.iterdir()) < 1 << 20


def test_an_unsigned_bundle_in_a_signed_index(site, monkeypatch):
    from edgeguard_core.pipeline import publish

    site.install(2025)
    lean = publish.lean_files
    monkeypatch.setattr(publish, "lean_files", lambda bundle, golden, key: lean(bundle, golden))
    site.publish(2026)
    refused(site, site.updater(), "is not signed, and a signature by")


def test_golden_vectors_that_are_answered_otherwise(site, monkeypatch):
    site.install(2025)
    arrays = Golden.to_arrays
    monkeypatch.setattr(
        Golden, "to_arrays", lambda self: arrays(self) | {"scores": self.scores * 1.5}
    )
    site.publish(2026)
    updater = site.updater(prove=prove_in_child)
    assert updater.check() is None
    assert "was answered when it was made (golden row" in updater.problem
    assert site.in_use() == 2025
    assert len(list(site.box.glob("*.zip"))) == 1
    # It is not fetched again and again, until it is published again.
    for file in site.place.glob("*.zip"):
        file.unlink()
    assert updater.check() is None
    assert "was answered when it was made" in updater.problem
    monkeypatch.undo()
    site.publish(2026)
    assert site.updater().check() is not None


def test_a_refused_publication_is_tried_again_when_it_is_published_again(site):
    def never(path, keys):
        raise BundleError("Bundle X does not run here: publish one that works here.")

    site.install(2025)
    site.publish(2026)
    updater = site.updater(prove=never)
    assert updater.check() is None
    assert site.updater().check() is None
    site.publish(2026)
    assert site.updater().check() is not None


def test_an_old_index_is_recognised(site):
    site.install(2025)
    site.publish(2026)
    old = (site.place / INDEX).read_bytes()
    site.publish(2027)
    assert site.updater().check().bundle.manifest.created.startswith("2027")
    (site.place / INDEX).write_bytes(old)
    updater = site.updater()
    assert updater.check() is None
    assert "somebody shows an old one" in updater.problem
    assert site.in_use() == 2027


def test_an_old_index_is_recognised_also_after_one_that_named_the_bundle_in_use(site):
    site.install(2025)
    old = (site.place / INDEX).read_bytes()
    site.publish(2025)
    updater = site.updater()
    assert updater.check() is None
    (site.place / INDEX).write_bytes(old)
    assert updater.check() is None
    assert "somebody shows an old one" in updater.problem


def test_an_older_bundle_is_taken_only_when_that_was_meant(site):
    site.install(2026)
    site.publish(2025)
    updater = site.updater()
    assert updater.check() is None
    assert "publish it with --allow-older" in updater.problem
    site.publish(2025, allow_older=True)
    assert site.updater().check() is not None
    assert site.in_use() == 2025


def test_the_box_itself_may_allow_older_ones(site):
    site.install(2026)
    site.publish(2025)
    assert site.updater(allow_older=True).check() is not None


def test_no_address_but_a_folder_or_the_web(site):
    with pytest.raises(SourceError, match="Updates cannot come from 'ftp://x/y'"):
        site.updater("ftp://x/y")


def test_a_password_in_the_address_is_not_repeated(site):
    source = Source.of("https://user:secret@box.example:8443/updates", site.clock)
    assert source.place == "https://box.example:8443/updates"


def test_a_bundle_outside_a_box_is_updated_beside_it(site, bundles, tmp_path, keys):
    from edgeguard_core.bundle import sign_bundle

    mine = Path(shutil.copytree(bundles[2026].path, tmp_path / "mine"))
    sign_bundle(mine, SigningKey.read(keys["ours"].private))
    before = {path.name: path.read_bytes() for path in mine.iterdir()}
    updater = updater_for(mine, site.place, keys["ours"].public, site.clock)
    assert updater.start().path == mine
    site.publish(2025)
    assert updater.check() is None
    assert "publish it with --allow-older" in updater.problem
    site.publish(2027)
    assert updater.check().bundle.path.parent == tmp_path / "mine.updates"
    again = updater_for(mine, site.place, keys["ours"].public, site.clock)
    assert again.start().manifest.created.startswith("2027")
    assert {path.name: path.read_bytes() for path in mine.iterdir()} == before


def test_the_current_bundle_of_a_box_is_updated_in_its_folder(site, keys):
    site.install(2025)
    updater = updater_for(site.folder.current, site.place, keys["ours"].public, site.clock)
    assert updater.folder == site.folder


def test_updates_without_keys_are_refused(site):
    with pytest.raises(BundleSignatureError, match="name the public keys with --require-signature"):
        updater_for(site.folder.current, site.place, None, site.clock)


# -- the way there ---------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on_or_begins_again(site, serve, ranges):
    site.install(2025)
    site.publish(2026)
    broken, _ = serve(site.place, cut=1000)
    whole, seen = serve(site.place, ranges=ranges)
    updater = site.updater(broken)
    assert updater.check() is None
    assert "1000 of the" in updater.problem or "IncompleteRead" in updater.problem
    [part] = site.box.glob("*.part")
    assert part.stat().st_size == 1000
    assert site.updater(whole).check() is not None
    assert seen[-1][1] == "bytes=1000-"
    assert site.in_use() == 2026


def test_a_part_that_is_longer_than_the_bundle_begins_again(site):
    site.install(2025)
    done = site.publish(2026)
    site.folder.part(sha256_hex(done.bundle)).write_bytes(bytes(1 << 20))
    assert site.updater().check() is not None


def test_a_slow_answer_ends_at_the_deadline(site, serve):
    site.install(2025)
    site.publish(2026)
    url, _ = serve(site.place)

    class Hurrying(HandClock):
        def monotonic(self):
            self.seconds += 700.0
            return self.seconds

    site.clock = Hurrying()
    updater = site.updater(url)
    assert updater.check() is None
    assert "it took longer than 600 s" in updater.problem


def test_a_server_that_is_not_there(site):
    site.install(2025)
    updater = site.updater("http://127.0.0.1:9")
    assert updater.check() is None
    assert "cannot be fetched" in updater.problem


def test_redirects_are_followed_to_the_web_alone(site, serve):
    site.install(2025)
    site.publish(2026)
    url, _ = serve(site.place)
    redirecting, _ = serve(site.place, redirect=url)
    assert site.updater(redirecting).check() is not None
    to_disk, _ = serve(site.place, redirect=f"file://{site.place}")
    updater = site.updater(to_disk)
    assert updater.check() is None
    assert "cannot be fetched" in updater.problem


def test_a_disk_without_room_is_told_before_the_download(site, monkeypatch):
    site.install(2025)
    site.publish(2026)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(bundle_folder.shutil, "disk_usage", lambda path: usage(9, 9, 5 << 20))
    updater = site.updater()
    assert updater.check() is None
    assert "has 5 MB free" in updater.problem
    assert site.in_use() == 2025


def test_a_disk_that_fills_in_the_midst_leaves_the_old_bundle(site):
    site.install(2025)
    site.publish(2026)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    reaction = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        updater = site.updater()
        assert updater.check() is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, reaction)
    assert "The update cannot be written: File too large" in updater.problem
    assert site.in_use() == 2025
    assert site.updater().check() is not None


# -- trial and the way back ------------------------------------------------------------------


def test_a_new_bundle_is_on_trial_until_it_has_run_well(site):
    site.install(2025)
    site.publish(2026)
    updater = site.updater()
    updater.start()
    updater.check()
    assert site.folder.history().trial is not None
    site.clock.seconds += HEALTHY_S - 1
    updater.check()
    assert site.folder.history().trial is not None
    site.clock.seconds += 1
    updater.check()
    assert site.folder.history().trial is None
    assert site.events()[-1] == "kept"


def test_a_bundle_that_is_started_again_and_again_is_given_up(site):
    site.install(2025)
    site.publish(2026)
    site.updater().check()
    for _ in range(MOST_STARTS):
        assert site.updater().start().manifest.created.startswith("2026")
    assert site.updater().start().manifest.created.startswith("2025")
    assert site.in_use() == 2025
    assert site.events() == ["installed", "switched", "rolled_back"]
    assert site.updater().check() is None, "the same publication is not taken again"
    assert len(list(site.box.glob("*.zip"))) == 1


def test_a_watch_goes_back_when_the_new_bundle_fails_it(site):
    site.install(2025)
    site.publish(2026)
    updater = site.updater()
    updater.check()
    back = updater.roll_back("the flows lack a column")
    assert back.bundle.manifest.created.startswith("2025")
    assert "was given up for" in back.told[0]
    assert site.in_use() == 2025
    assert updater.roll_back("again") is None


def test_a_bundle_damaged_on_disk_is_left_for_the_one_before(site):
    site.install(2025)
    site.publish(2026)
    site.updater().check()
    file = site.folder.current.resolve()
    file.write_bytes(file.read_bytes()[:-50])
    assert site.updater().start().manifest.created.startswith("2025")


def test_a_box_whose_only_bundle_is_damaged_says_so(site):
    site.install(2025)
    site.folder.current.resolve().write_bytes(b"")
    with pytest.raises(BundleError, match="is not a bundle"):
        site.updater().start()


def test_a_box_without_a_bundle_says_so(site):
    with pytest.raises(BundleError, match=r"There is no bundle in .*: install one"):
        site.updater().start()


def test_a_bundle_under_another_name_is_refused(site):
    site.install(2025)
    site.publish(2026)
    shutil.copy(site.publish(2026).bundle, site.folder.current.resolve())
    with pytest.raises(BundleError, match="is another bundle than its name says"):
        site.updater().start()


def test_a_damaged_history_is_begun_anew(site):
    site.install(2025)
    for content in ("", "{}", "[]", '{"format": 1}', '{"format": 1, "trial": 3}'):
        (site.box / "history.json").write_text(content)
        assert site.folder.history() == History()
    site.publish(2026)
    assert site.updater().check() is not None


def test_thresholds_of_another_model_are_told_of(site, bundles, tmp_path):
    state = tmp_path / "state"
    other = bundles[2025]
    version = StateFolder(state).add(
        other, other.threshold, who="me", when=NOON, why="test", on_what="nothing"
    )
    file = state / "threshold-0001.json"
    document = json.loads(file.read_text())
    assert version.number == 1
    site.install(2025)
    site.publish(2026)
    assert site.updater(state=state).check().told == ()  # the same model: it still counts
    from edgeguard_core.bundle import strict_json
    from edgeguard_core.bundle.state import sealed

    body = {k: v for k, v in document.items() if k != "sha256"} | {"model_sha256": "0" * 64}
    file.write_bytes(strict_json.dump(sealed(body)))
    site.publish(2027)
    [told] = site.updater(state=state).check().told
    assert "1 threshold in" in told
    assert "was made for another model" in told


# -- power lost at any moment ----------------------------------------------------------------

STEPS = ("replace", "rename", "symlink", "unlink", "fsync")


def dies_at(number, deed):
    """How a child ends that runs the deed and is killed at its n-th change of the disk."""
    with warnings.catch_warnings():
        # A test runner has threads; the child uses none of what they hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        left = [number]

        def counted(call):
            def wrapper(*arguments, **named):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return wrapper

        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        try:
            deed()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_kill_at_any_step_leaves_a_box_that_starts_and_updates(site):
    site.install(2025)
    site.publish(2026)
    shutil.copytree(site.box, site.root / "before", symlinks=True)
    years = set()
    for number in range(100):
        shutil.rmtree(site.box)
        shutil.copytree(site.root / "before", site.box, symlinks=True)
        if dies_at(number, lambda: site.updater().check()) == 0:
            break
        updater = site.updater()
        years.add(int(updater.start().manifest.created[:4]))
        updater.check()
        assert site.in_use() == 2026, number
        assert len(list(site.box.glob("*.zip"))) == 2
        assert set(site.names()) == {"current", "history.json"}, number
    assert 8 <= number < 100
    assert years == {2025, 2026}


def test_a_process_killed_in_the_midst_of_a_download_is_gone_on_with(site, tmp_path):
    site.install(2025)
    done = site.publish(2026)
    program = (
        "import os, signal, sys\n"
        "from edgeguard_core.watch.download import Source\n"
        "from pathlib import Path\n"
        "class Dying:\n"
        "    looks = 0\n"
        "    def monotonic(self):\n"
        "        self.looks += 1\n"
        "        if self.looks == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return 0.0\n"
        "Source.of(sys.argv[1], Dying()).fetch(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))\n"
    )
    part = site.folder.part(sha256_hex(done.bundle))
    size = done.bundle.stat().st_size
    command = [sys.executable, "-c", program, site.place, done.bundle.name, str(size), part]
    ended = subprocess.run(list(map(str, command)), check=False)
    assert ended.returncode == -signal.SIGKILL
    assert part.exists()
    assert site.updater().check() is not None
    assert site.in_use() == 2026


# -- the first bundle ------------------------------------------------------------------------


def test_the_installer_proves_and_says_which_bundle(site, capsys):
    done = site.publish(2026)
    arguments = [done.bundle, "--folder", site.box, "--keys", site.keys["ours"].public]
    assert main([str(argument) for argument in arguments]) == 0
    assert f"signed by key {done.key_id}" in capsys.readouterr().out
    assert site.in_use() == 2026
    # Once more changes nothing, and an older package does not undo an update.
    assert main([str(argument) for argument in arguments]) == 0
    older = site.publish(2025).bundle
    assert main([str(older), "--folder", str(site.box)]) == 0
    assert site.in_use() == 2026
    assert main([str(older), "--folder", str(site.box), "--force"]) == 0
    assert site.in_use() == 2025


def test_the_installer_refuses_in_one_line(site, capsys, bundles):
    done = site.publish(2026, key="theirs")
    arguments = [done.bundle, "--folder", site.box, "--keys", site.keys["ours"].public]
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("edgeguard: Bundle ")
    assert main([str(bundles[2026].path), "--folder", str(site.box)]) == 2
    assert "carries no golden.npz" in capsys.readouterr().err
    assert site.names() == []


def test_a_folder_that_cannot_be_made_is_told(site, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="give the box a folder for its bundles"):
        install(site.publish(2026).bundle, tmp_path / "file" / "box", None, NOON, prove=believed)


# -- the child -------------------------------------------------------------------------------


def test_a_child_that_crashes_or_hangs_refuses_the_bundle(site, monkeypatch):
    from edgeguard_core.watch import proving

    done = site.publish(2026)
    monkeypatch.setattr(proving, "_CHILD", "import os; os.abort()")
    with pytest.raises(BundleError, match="crashes its runtime"):
        prove_in_child(done.bundle, site.trusted)
    monkeypatch.setattr(proving, "_CHILD", "import time; time.sleep(60)")
    with pytest.raises(BundleError, match="takes longer than"):
        prove_in_child(done.bundle, site.trusted, time_limit_s=0.2)


def test_a_zip_repacked_is_the_same_bundle(site):
    """What a bundle is does not depend on how it was packed."""
    done = site.publish(2026)
    files = read_bundle_files(done.bundle)
    assert zip_files(files) == done.bundle.read_bytes()
    assert bundle_id(sha256_hex(files[SUMS])) in done.bundle.name
