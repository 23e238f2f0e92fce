"""The command where its packages are missing."""

import sys

from edgeguard_core import cli


def test_an_edge_install_says_what_to_install(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("edgeguard_core.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typer", None)
    assert cli.run() == 2
    assert 'pip install "edgeguard[cli]"' in capsys.readouterr().err
