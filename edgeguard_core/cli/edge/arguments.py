"""A parser whose every complaint is one line."""

import argparse
import sys
from typing import NoReturn

from edgeguard_core.cli.output import one_line


class Parser(argparse.ArgumentParser):
    """``argparse``, but what is wrong is one sentence and an exit with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and where to read what is right."""
        said = one_line(message[:1].upper() + message[1:]).rstrip(".")
        print(f"edgeguard: {said}; see {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)
