"""The command before it is loaded: packages that are missing, an early Ctrl-C."""

import importlib.abc
import sys

from edgeguard_core import cli


def test_an_edge_install_says_what_to_install(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("edgeguard_core.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "typer", None)
    assert cli.run() == 2
    assert 'pip install "edgeguard[cli]"' in capsys.readouterr().err


class _Interrupted(importlib.abc.MetaPathFinder):
    """Where typer would be found, somebody presses Ctrl-C."""

    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt


def test_an_interruption_while_the_command_is_loaded_is_one_line(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("edgeguard_core.cli.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "typer", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Interrupted(), *sys.meta_path])
    assert cli.run() == 130
    assert capsys.readouterr().err == "edgeguard: Cancelled; nothing was written.\n"
