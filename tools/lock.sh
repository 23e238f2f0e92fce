#!/usr/bin/env bash
# Make the two hashed locks again: requirements.lock is what a user runs,
# requirements-dev.lock the same versions and what the tests need.
# Neither names an address: what is installed is known by its hash, not by its source.
# usage: tools/lock.sh [--upgrade]
set -euo pipefail
cd -P "$(dirname "$0")/.."

python=.venv/bin/python
"$python" -m uv --version >/dev/null 2>&1 || "$python" -m pip install --quiet uv

compile() {
    "$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links --no-annotate \
        --constraints tools/lock-constraints.txt "$@"
}

# uv repeats on every line for which machines it looked. Said once, in pyproject.toml, is
# enough; and without it another machine gets an error instead of an empty environment.
plain() {
    "$python" - "$1" <<'PYTHON'
import re
import sys
from pathlib import Path

lock = Path(sys.argv[1])
text = lock.read_text()
# the marker that stands on most lines is the one that says nothing
markers = re.findall(r" ; (.*?) \\$", text, flags=re.MULTILINE)
usual = max(set(markers), key=markers.count)
lock.write_text(text.replace(f" ; {usual} \\\n", " \\\n"))
PYTHON
}

compile pyproject.toml --extra train --extra dashboard --extra capture \
    --output-file requirements.lock "$@"
compile pyproject.toml --extra train --extra dashboard --extra capture --extra dev \
    --constraints requirements.lock --output-file requirements-dev.lock "$@"
plain requirements.lock
plain requirements-dev.lock

# What a box installs, taken from the second one. The packages themselves say what they need, so
# they must be those of the lock.
"$python" -m uv pip install --quiet --require-hashes -r requirements-dev.lock
"$python" tools/edge_lock.py
