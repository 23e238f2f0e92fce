"""How well do we detect, beside every peer, on every data set? Writes docs/benchmarks/quality.md.

usage: python benchmarks/bench_quality.py [--sets SET …] [--models MODEL …] [--workers 2]

Needs the network data (``EDGEGUARD_DATA``) and the packages of ``edgeguard[bench]``. What was run
once is kept under artifacts/, so a run that was cut off goes on where it stopped.
"""

import sys

from quality.run import main

if __name__ == "__main__":
    sys.exit(main())
