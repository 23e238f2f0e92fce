"""``edgeguard deploy``: a package for a box."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.bundle import PassphraseFile, read_key
from edgeguard_core.cli.output import pairs, print_json, print_warnings

SUMMARY = "Export a bundle with all that a box needs to run it."
EXAMPLE = "Example: edgeguard deploy office.bundle --out box --key team.key"

UNSIGNED = (
    "The package is not signed, so the box will run any bundle it is given; make a key with "
    "edgeguard bundle keygen and give it with --key."
)


def command(
    bundle: options.BundlePath,
    out: Annotated[
        Path, typer.Option("--out", help="The package: a folder or .zip.", show_default=False)
    ],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="Secret key that signs it; the box then trusts no other."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    keep_rows: options.KeepRows = False,
    as_zip: Annotated[bool, typer.Option("--zip", help="Write one .zip, not a folder.")] = False,
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Write a package for a box: signed bundle, program, hashed requirements, service, installer.

    Copy it to the box and run sh install.sh there; its README says the rest.
    """
    from edgeguard_core.bundle import Bundle
    from edgeguard_core.pipeline.deploy import deploy_bundle

    secret = None if key is None else read_key(key, passphrase_file)
    done = deploy_bundle(
        Bundle.load(bundle),
        out,
        now=datetime.now(UTC),
        key=secret,
        keep_rows=keep_rows,
        as_zip=as_zip,
        force=force,
    )
    print_warnings([] if secret else [UNSIGNED])
    if json:
        print_json(done.to_json())
        return
    pairs(
        [
            ("package", done.out),
            ("kB", f"{done.bytes / 1000:.0f}"),
            ("signed by key", done.key_id),
            ("on the box", "sh install.sh (see its README.md)"),
        ]
    )
