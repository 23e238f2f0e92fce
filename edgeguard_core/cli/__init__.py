"""The ``edgeguard`` command: parse, call the library, print."""

import sys


def run() -> int:
    """Run the command, or say what to install where its packages are missing."""
    try:
        from edgeguard_core.cli import edge

        if sys.argv[1:2] and sys.argv[1] in edge.VERBS:
            return edge.main(sys.argv[1:])
        from edgeguard_core.cli.main import main
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        verbs = ", ".join(edge.VERBS)
        print(
            f"edgeguard: this install knows {verbs} and scores bundles from Python; for the whole "
            'command run: pip install "edgeguard[cli]".',
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        # As early as this, while the command is being loaded, main cannot answer yet.
        print("edgeguard: Cancelled; nothing was written.", file=sys.stderr)
        return 130
    return main()
