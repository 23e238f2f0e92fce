"""Train by pipeline.yaml, or by another config: ``python start_training.py CONFIG``."""

import sys

from edgeguard_core.cli.main import main

sys.exit(main(["pipeline", "run", *(sys.argv[1:] or ["pipeline.yaml"])]))
