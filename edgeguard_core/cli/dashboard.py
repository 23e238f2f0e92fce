"""``edgeguard dashboard``: the browser interface."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from edgeguard_core.errors import EdgeGuardError

SUMMARY = "Open the dashboard in the browser."
EXAMPLE = "Example: edgeguard dashboard --port 8501"


def command(
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = (
        8501
    ),
    address: Annotated[str, typer.Option("--address", help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Open the dashboard in a server on this machine; stop it with Ctrl-C."""
    spec = importlib.util.find_spec("dashboard")
    if importlib.util.find_spec("streamlit") is None or spec is None or spec.origin is None:
        raise EdgeGuardError(
            'The dashboard is not installed; run: pip install "edgeguard[dashboard]".'
        )
    app = Path(spec.origin).parent / "app.py"
    # Its settings stand beside the package, where Streamlit looks from the working folder.
    os.chdir(app.parent.parent)
    arguments = [sys.executable, "-m", "streamlit", "run", str(app)]
    arguments += ["--server.port", str(port), "--server.address", address]
    os.execv(sys.executable, arguments)
