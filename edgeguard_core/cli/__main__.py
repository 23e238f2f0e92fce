"""``python -m edgeguard_core.cli``."""

import sys

from edgeguard_core.cli.main import main

sys.exit(main())
