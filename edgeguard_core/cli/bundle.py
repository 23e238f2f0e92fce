"""``edgeguard bundle``: what is in a bundle, and whether it is intact."""

import typer

from edgeguard_core.cli import options
from edgeguard_core.cli.output import pairs, print_json, say, table
from edgeguard_core.errors import BundleError

app = typer.Typer(
    help="Look into a bundle, or verify that it is as it was written.",
    epilog="Example: edgeguard bundle show office.bundle",
)


@app.command("show", epilog="Example: edgeguard bundle show office.bundle")
def show(
    bundle: options.BundlePath, state: options.State = None, json: options.Json = False
) -> None:
    """Show what a bundle was made from, its figures, and the threshold in force."""
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
                "threshold": {**current.threshold.to_json(), "origin": current.origin},
                "warnings": list(current.warnings),
            }
        )
        return
    say(loaded.card)
    versions = [("threshold in force", f"{current.threshold.value:.6g} ({current.origin})")]
    pairs(versions)


@app.command("verify", epilog="Example: edgeguard bundle verify office.bundle")
def verify(bundle: options.BundlePath, json: options.Json = False) -> None:
    """Hold every file of a bundle against SHA256SUMS; exit 2 if one differs."""
    from edgeguard_core.bundle import Bundle, verify_bundle

    report = verify_bundle(bundle)
    if report.problems:
        raise BundleError(report.problems[0].sentence(str(bundle)))
    Bundle.load(bundle)  # intact files may still not hold what they should
    if json:
        print_json(report.to_json())
        return
    rows = [(name, entry.bytes, entry.sha256[:16]) for name, entry in report.files.items()]
    table("Intact", ("file", "bytes", "sha256"), rows)
