"""``edgeguard bundle``: what is in a bundle, whether it is intact, and who vouches for it."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, print_warnings, say, table
from edgeguard_core.errors import BundleError, BundleSignatureError

if TYPE_CHECKING:
    from edgeguard_core.bundle import SigningKey

app = typer.Typer(
    help="Look into a bundle, verify, sign or publish it.",
    epilog="Example: edgeguard bundle show office.bundle",
)

PASSPHRASE_VARIABLE = "EDGEGUARD_KEY_PASSPHRASE"

KeyPath = Annotated[
    Path, typer.Option("--key", help="The secret key that keygen wrote.", show_default=False)
]
PublicKeys = Annotated[
    Path | None,
    typer.Option("--key", help="Public keys, one of which must have signed it: a file or folder."),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help=f"File whose first line opens the key. Default: ${PASSPHRASE_VARIABLE}.",
    ),
]


def read_passphrase(file: Path | None) -> bytes | None:
    """What opens the key: the first line of the file, else of the environment; None without.

    Raises
    ------
    BundleSignatureError
        If the file cannot be read, or its first line is empty.
    """
    if file is None:
        return os.environ.get(PASSPHRASE_VARIABLE, "").encode() or None
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise BundleSignatureError(
            f"The passphrase file {file} cannot be read ({error.strerror}); check the path."
        ) from error
    if not lines or not lines[0]:
        raise BundleSignatureError(f"The first line of passphrase file {file} is empty.")
    return lines[0]


@app.command("show", epilog="Example: edgeguard bundle show office.bundle")
def show(
    bundle: options.BundlePath, state: options.State = None, json: options.Json = False
) -> None:
    """Show what a bundle was made from, its figures, its signer and the threshold in force."""
    from edgeguard_core.bundle import Bundle, StateFolder

    loaded = Bundle.load(bundle)
    current = StateFolder.of(loaded, state).current(loaded)
    manifest = loaded.manifest.to_json()
    number = manifest.pop("format")
    if json:
        manifest.pop("preprocessor")
        print_json(
            {
                "bundle": loaded.path,
                "bundle_format": number,
                **manifest,
                "features": list(loaded.preprocessor.features),
                "absent_features": list(loaded.preprocessor.absent),
                "duplicate_features": dict(loaded.preprocessor.duplicates),
                "signature": loaded.signature.to_json(),
                "threshold": {**current.threshold.to_json(), "origin": current.origin},
                "warnings": list(current.warnings),
            }
        )
        return
    say(loaded.card)
    versions = [
        ("signature", loaded.signature.sentence),
        ("threshold in force", f"{current.threshold.value:.6g} ({current.origin})"),
    ]
    pairs(versions)


@app.command("verify", epilog="Example: edgeguard bundle verify office.bundle --key team.key.pub")
def verify(bundle: options.BundlePath, key: PublicKeys = None, json: options.Json = False) -> None:
    """Hold every file of a bundle against SHA256SUMS, and its signature against a key.

    Exit 2 if a file differs, or with --key if none of these keys signed it.
    """
    from edgeguard_core.bundle import Bundle, TrustedKeys, verify_bundle

    trusted = None if key is None else TrustedKeys.read(key)
    report = verify_bundle(bundle, trusted)
    if report.problems:
        raise BundleError(report.problems[0].sentence(str(bundle)))
    if report.signature.problem:
        raise BundleSignatureError(report.signature.problem)
    # Intact files may still not hold what they should.
    Bundle.load(bundle, require_signature=trusted)
    if json:
        print_json(report.to_json())
        return
    rows = [(name, entry.bytes, entry.sha256[:16]) for name, entry in report.files.items()]
    table("Intact", ("file", "bytes", "sha256"), rows)
    pairs([("signature", report.signature.sentence)])


@app.command("keygen", epilog="Example: edgeguard bundle keygen --out team.key")
def keygen(
    out: Annotated[
        Path, typer.Option("--out", help="The secret key to write.", show_default=False)
    ],
    passphrase_file: PassphraseFile = None,
    json: options.Json = False,
) -> None:
    """Make an Ed25519 key: the secret in --out, what boxes need beside it with .pub added."""
    from edgeguard_core.bundle import generate_key

    made = generate_key(out, read_passphrase(passphrase_file))
    if json:
        print_json(made.to_json())
        return
    pairs([("secret key, keep it", made.private), ("public key, for boxes", made.public)])
    pairs([("key id", made.key_id)])


@app.command("sign", epilog="Example: edgeguard bundle sign office.bundle --key team.key")
def sign(
    bundle: options.BundlePath,
    key: KeyPath,
    passphrase_file: PassphraseFile = None,
    json: options.Json = False,
) -> None:
    """Sign a bundle: SHA256SUMS.sig is put into it, and nothing else changes."""
    from edgeguard_core.bundle import Bundle, sign_bundle

    secret = read_key(key, passphrase_file)
    Bundle.load(bundle)  # what nobody could load is not worth a name
    signature = sign_bundle(bundle, secret)
    if json:
        print_json({"bundle": bundle, "key_id": signature.key_id})
        return
    pairs([("bundle", bundle), ("signed by key", signature.key_id)])


@app.command(
    "publish", epilog="Example: edgeguard bundle publish office.bundle --to updates --key team.key"
)
def publish(
    bundle: options.BundlePath,
    to: Annotated[
        Path,
        typer.Option("--to", help="Folder that boxes look into or a web server serves."),
    ],
    key: KeyPath,
    passphrase_file: PassphraseFile = None,
    allow_older: Annotated[
        bool,
        typer.Option("--allow-older", help="Boxes shall take it although theirs is newer."),
    ] = False,
    keep_rows: options.KeepRows = False,
    json: options.Json = False,
) -> None:
    """Put a signed bundle where boxes that run with --updates look for it."""
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.pipeline.publish import publish_bundle

    done = publish_bundle(
        Bundle.load(bundle),
        to,
        read_key(key, passphrase_file),
        now=datetime.now(UTC),
        allow_older=allow_older,
        keep_rows=keep_rows,
    )
    if json:
        print_json(done.to_json())
        return
    pairs([("bundle", done.bundle), ("index", done.index), ("serial", done.serial)])
    pairs([("signed by key", done.key_id)])


def read_key(key: Path, passphrase_file: Path | None) -> "SigningKey":
    """The secret key, with a warning where others of this machine can read it.

    Raises
    ------
    BundleSignatureError
        If it cannot be read.
    """
    from edgeguard_core.bundle import SigningKey
    from edgeguard_core.bundle.keys import readable_by_others

    if readable_by_others(key):
        print_warnings([f"Others can read key {key}; run chmod 600 {key}."])
    return SigningKey.read(key, read_passphrase(passphrase_file))
