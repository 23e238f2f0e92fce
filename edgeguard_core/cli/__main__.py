"""``python -m edgeguard_core.cli``."""

import sys

from edgeguard_core.cli import run

sys.exit(run())
