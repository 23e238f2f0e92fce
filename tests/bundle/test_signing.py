import json
import shutil
import stat
import subprocess
import sys

import pytest

from edgeguard_core.bundle import (
    Bundle,
    SigningKey,
    TrustedKeys,
    generate_key,
    save_bundle,
    sign_bundle,
    signing,
    verify_bundle,
)
from edgeguard_core.bundle.files import SIGNATURE, SUMS, read_bundle_files, sums_of
from edgeguard_core.bundle.golden import make_golden
from edgeguard_core.bundle.keys import key_id, public_pem, readable_by_others
from edgeguard_core.bundle.lean import lean_files
from edgeguard_core.bundle.saving import write_files
from edgeguard_core.bundle.signing import Signature, signature_of
from edgeguard_core.errors import BundleError, BundleSignatureError, OutputError

# RFC 8032, section 7.1, test 2.
RFC_SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
RFC_PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
RFC_SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two key pairs, ``ours`` and ``theirs``."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: generate_key(folder / name) for name in ("ours", "theirs")}


@pytest.fixture(scope="module")
def ours(keys):
    return SigningKey.read(keys["ours"].private)


@pytest.fixture
def signed(copy, ours):
    sign_bundle(copy, ours)
    return copy


def seal(folder):
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / SUMS).write_bytes(sums_of(files))


# -- keys ------------------------------------------------------------------------------------


def test_a_known_vector_of_the_standard_is_accepted_and_its_neighbours_are_not():
    trusted = TrustedKeys({key_id(RFC_PUBLIC): RFC_PUBLIC}, "RFC 8032")
    assert trusted.accepts(key_id(RFC_PUBLIC), RFC_SIGNATURE, b"\x72")
    assert not trusted.accepts(key_id(RFC_PUBLIC), RFC_SIGNATURE, b"\x73")
    assert not trusted.accepts(key_id(RFC_PUBLIC), bytes(64), b"\x72")
    assert not trusted.accepts("0" * 16, RFC_SIGNATURE, b"\x72")


def test_a_new_key_is_private_and_never_replaced(tmp_path):
    made = generate_key(tmp_path / "K")
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    assert not readable_by_others(made.private)
    assert made.public == tmp_path / "K.pub"
    before = made.private.read_bytes()
    with pytest.raises(OutputError, match=r"K exists already, and a key is never replaced"):
        generate_key(tmp_path / "K")
    made.private.rename(tmp_path / "moved")
    with pytest.raises(OutputError, match=r"K\.pub exists already"):
        generate_key(tmp_path / "K")
    assert (tmp_path / "moved").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["K.pub", "moved"]


def test_a_key_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="Cannot write"):
        generate_key(tmp_path / "nowhere" / "K")
    assert list(tmp_path.iterdir()) == []


def test_a_key_with_a_passphrase_opens_only_with_it(tmp_path):
    made = generate_key(tmp_path / "K", b"open sesame")
    assert b"ENCRYPTED" in made.private.read_bytes()
    assert SigningKey.read(made.private, b"open sesame").key_id == made.key_id
    with pytest.raises(BundleSignatureError, match="does not open key"):
        SigningKey.read(made.private, b"open barley")
    with pytest.raises(BundleSignatureError, match="is locked with a passphrase; give it in"):
        SigningKey.read(made.private)


def test_a_passphrase_for_a_key_without_one_is_told(keys):
    with pytest.raises(BundleSignatureError, match="has no passphrase, and one was given"):
        SigningKey.read(keys["ours"].private, b"x")


def test_a_key_of_another_kind_is_none(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    other = ec.generate_private_key(ec.SECP256R1())
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "K").write_bytes(other.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (tmp_path / "K.pub").write_bytes(other.public_key().public_bytes(pem, public))
    with pytest.raises(BundleSignatureError, match="no Ed25519 secret key"):
        SigningKey.read(tmp_path / "K")
    with pytest.raises(BundleSignatureError, match="no Ed25519 public key"):
        TrustedKeys.read(tmp_path / "K.pub")


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"x" * (1 << 17)])
def test_what_is_no_key_is_told(tmp_path, content):
    (tmp_path / "K").write_bytes(content)
    with pytest.raises(BundleSignatureError, match="no Ed25519 secret key; give one"):
        SigningKey.read(tmp_path / "K")
    with pytest.raises(BundleSignatureError, match="no Ed25519 public key"):
        TrustedKeys.read(tmp_path / "K")


def test_a_missing_key_is_told(tmp_path):
    with pytest.raises(BundleSignatureError, match=r"The secret key .* cannot be read"):
        SigningKey.read(tmp_path / "K")
    with pytest.raises(BundleSignatureError, match=r"The public key .* cannot be read"):
        TrustedKeys.read(tmp_path / "K.pub")


def test_a_secret_key_is_refused_where_public_ones_belong(keys):
    with pytest.raises(BundleSignatureError, match="is a secret key, which no box may hold"):
        TrustedKeys.read(keys["ours"].private)


def test_trust_in_several_keys_is_a_folder_or_one_file(keys, tmp_path):
    names = {pair.key_id for pair in keys.values()}
    assert set(TrustedKeys.read(keys["ours"].public.parent).keys) == names
    both = tmp_path / "both.pub"
    both.write_bytes(b"old and new\n" + b"".join(k.public.read_bytes() for k in keys.values()))
    assert set(TrustedKeys.read(both).keys) == names
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleSignatureError, match="There is no public key in"):
        TrustedKeys.read(tmp_path / "empty")


def test_a_public_key_reads_back_from_its_text(keys, tmp_path):
    [(name, raw)] = TrustedKeys.read(keys["ours"].public).keys.items()
    assert public_pem(raw) == keys["ours"].public.read_bytes()
    assert name == keys["ours"].key_id == key_id(raw)


def test_a_key_that_others_can_read_is_noticed(tmp_path):
    made = generate_key(tmp_path / "K")
    made.private.chmod(0o644)
    assert readable_by_others(made.private)
    assert not readable_by_others(tmp_path / "absent")


# -- signatures ------------------------------------------------------------------------------


def test_a_signed_bundle_loads_and_says_by_whom(signed, keys):
    loaded = Bundle.load(signed, require_signature=keys["ours"].public)
    assert loaded.verified_by == keys["ours"].key_id
    assert loaded.signature.sentence == f"signed by key {keys['ours'].key_id}"
    unchecked = Bundle.load(signed)
    assert (unchecked.verified_by, unchecked.signature.verified) == (None, None)
    assert "not checked, give --key PUB" in unchecked.signature.sentence


def test_signing_changes_no_other_file_and_sha256sum_still_agrees(copy, ours):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    sign_bundle(copy, ours)
    after = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert after.pop(SIGNATURE)
    assert after == before
    check = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    assert subprocess.run(check, cwd=copy, check=False).returncode == 0


def test_openssl_agrees(signed, keys, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to ask")
    signature = Signature.from_bytes((signed / SIGNATURE).read_bytes())
    (tmp_path / "raw").write_bytes(signature.value)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys["ours"].public, "-rawin"]
    command += ["-in", signed / SUMS, "-sigfile", tmp_path / "raw"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_zip_is_signed_too(bundle, ours, keys, tmp_path):
    path = save_bundle(tmp_path / "B", bundle.parts(), as_zip=True)
    unsigned = read_bundle_files(path)
    sign_bundle(path, ours)
    assert {k: v for k, v in read_bundle_files(path).items() if k != SIGNATURE} == unsigned
    loaded = Bundle.load(path, require_signature=keys["ours"].public)
    assert loaded.verified_by == keys["ours"].key_id


def test_an_unsigned_bundle_is_refused_when_a_signature_is_demanded(copy, keys):
    with pytest.raises(BundleSignatureError, match=r"B1 is not signed, .*edgeguard bundle sign"):
        Bundle.load(copy, require_signature=keys["ours"].public)
    assert Bundle.load(copy).signature.sentence == "not signed"


def test_another_key_is_refused_by_name(signed, keys):
    expected = rf"signed by key {keys['ours'].key_id}, and only {keys['theirs'].key_id} is trusted"
    with pytest.raises(BundleSignatureError, match=expected):
        Bundle.load(signed, require_signature=keys["theirs"].public)
    both = keys["ours"].public.parent
    assert Bundle.load(signed, require_signature=both).verified_by == keys["ours"].key_id


def test_a_signature_under_a_borrowed_name_is_refused(copy, keys):
    theirs = SigningKey.read(keys["theirs"].private)
    forged = Signature(keys["ours"].key_id, theirs.sign((copy / SUMS).read_bytes()))
    (copy / SIGNATURE).write_bytes(forged.to_bytes())
    with pytest.raises(BundleSignatureError, match="is not of this bundle, although it names key"):
        Bundle.load(copy, require_signature=keys["ours"].public)


@pytest.mark.parametrize("name", ["model.tflite", "threshold.json", "manifest.json"])
def test_a_changed_file_with_sums_made_to_fit_is_refused(signed, keys, name):
    content = bytearray((signed / name).read_bytes())
    content[-2] ^= 1
    (signed / name).write_bytes(bytes(content))
    with pytest.raises(BundleError, match=name):
        Bundle.load(signed, require_signature=keys["ours"].public)
    seal(signed)
    with pytest.raises(BundleSignatureError, match="is not of this bundle"):
        Bundle.load(signed, require_signature=keys["ours"].public)


def test_nothing_of_an_unsigned_bundle_is_read_before_it_is_refused(copy, keys):
    (copy / "manifest.json").write_text("{")
    with pytest.raises(BundleSignatureError, match="is not signed"):
        Bundle.load(copy, require_signature=keys["ours"].public)


def test_every_byte_of_a_signature_counts(signed, keys):
    file = signed / SIGNATURE
    whole = file.read_bytes()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        file.write_bytes(bytes(damaged))
        with pytest.raises(BundleSignatureError):
            Bundle.load(signed, require_signature=keys["ours"].public)
    for damaged in (b"", whole[:-1], whole + b" ", whole * 2):
        file.write_bytes(damaged)
        with pytest.raises(BundleSignatureError, match=r"SHA256SUMS\.sig of bundle .* is damaged"):
            Bundle.load(signed)


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "rsa"},
        {"format": 2},
        {"key_id": "../../etc/shadow"},
        {"key_id": None},
        {"signature": "Zm9v"},
        {"signature": "é"},
        {"signature": 7},
        {"more": 1},
    ],
)
def test_a_signature_of_another_form_is_damage(signed, change):
    document = json.loads((signed / SIGNATURE).read_text()) | change
    (signed / SIGNATURE).write_text(json.dumps(document, indent=2) + "\n")
    with pytest.raises(BundleSignatureError, match="is damaged"):
        Bundle.load(signed)


def test_a_damaged_bundle_is_not_signed(copy, ours):
    (copy / "card.md").write_text("changed")
    with pytest.raises(BundleError, match=r"card\.md"):
        sign_bundle(copy, ours)
    assert not (copy / SIGNATURE).exists()


def test_a_signature_can_be_replaced_by_that_of_a_new_key(signed, keys):
    sign_bundle(signed, SigningKey.read(keys["theirs"].private))
    loaded = Bundle.load(signed, require_signature=keys["theirs"].public)
    assert loaded.verified_by == keys["theirs"].key_id


def test_what_is_verified_is_what_is_loaded(signed, keys, monkeypatch):
    original = (signed / "model.tflite").read_bytes()
    check = signing.TrustedKeys.accepts

    def swap_then_check(*arguments):
        (signed / "model.tflite").write_bytes(b"somebody else's")
        return check(*arguments)

    monkeypatch.setattr(signing.TrustedKeys, "accepts", swap_then_check)
    loaded = Bundle.load(signed, require_signature=keys["ours"].public)
    assert loaded.model == original
    assert (signed / "model.tflite").read_bytes() == b"somebody else's"


def test_verify_tells_signed_unsigned_and_wrong(copy, ours, keys):
    assert verify_bundle(copy).signature.to_json() == {
        "signed": False,
        "key_id": None,
        "verified": None,
    }
    assert verify_bundle(copy, keys["ours"].public).signature.verified is False
    sign_bundle(copy, ours)
    assert verify_bundle(copy).signature.to_json() == {
        "signed": True,
        "key_id": ours.key_id,
        "verified": None,
    }
    assert verify_bundle(copy, keys["ours"].public).signature.verified is True
    wrong = verify_bundle(copy, keys["theirs"].public).signature
    assert (wrong.verified, "is trusted" in wrong.sentence) == (False, True)
    (copy / SIGNATURE).write_bytes(b"{}")
    assert "is damaged" in verify_bundle(copy).signature.sentence


def test_the_sums_never_list_the_signature(signed):
    assert SIGNATURE not in (signed / SUMS).read_text()
    listed = (signed / SUMS).read_text() + f"{'0' * 64}  {SIGNATURE}\n"
    (signed / SUMS).write_text(listed)
    with pytest.raises(BundleError, match=r"SHA256SUMS\.sig of bundle .* is missing although"):
        Bundle.load(signed)


def test_force_replaces_a_signed_bundle(signed, bundle):
    assert Bundle.load(save_bundle(signed, bundle.parts(), force=True)).verified_by is None
    assert not (signed / SIGNATURE).exists()


def test_a_bundle_without_a_demand_loads_without_cryptography(signed):
    program = (
        "import sys\n"
        "from edgeguard_core.bundle import Bundle\n"
        "signed = Bundle.load(sys.argv[1]).signature.to_json()['signed']\n"
        "print(signed, 'cryptography' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(signed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


# -- the lean bundle -------------------------------------------------------------------------


def test_a_lean_bundle_is_whole_signed_and_carries_golden_vectors(bundle, ours, keys, tmp_path):
    files = lean_files(bundle, make_golden(bundle), ours)
    assert {"weights.npz", "parity.npz"}.isdisjoint(files)
    for kept in ("model.tflite", "schema.yaml", "threshold.json", "calibration.npz", "card.md"):
        assert files[kept] == bundle.files[kept]
    out = write_files(tmp_path / "lean", files, force=False, as_zip=False)
    lean = Bundle.load(out, require_signature=keys["ours"].public)
    assert lean.model_sha256 == bundle.model_sha256
    assert lean.sums_sha256 != bundle.sums_sha256
    assert lean.manifest.created == bundle.manifest.created
    assert lean.arrays("golden.npz")["scores"].shape == (96,)


def test_the_signature_of_the_whole_bundle_is_not_put_into_the_lean_one(signed):
    whole = Bundle.load(signed)
    assert SIGNATURE not in lean_files(whole, make_golden(whole))


def test_signature_of_is_the_same_each_time(ours):
    assert signature_of(b"x", ours) == signature_of(b"x", ours)
