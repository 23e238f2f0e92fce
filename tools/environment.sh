#!/usr/bin/env bash
# Make .venv hold what LOCK names, and the project itself in editable form.
# usage: tools/environment.sh LOCK          (run again at no cost: a stamp says what is there)
set -euo pipefail
cd -P "$(dirname "$0")/.."

lock="$1"
environment=.venv
source tools/virtualenv.sh

# What the stamp of a lock must say. The path is part of it because an environment that was
# copied or moved still points at the old place.
fingerprint() {
    {
        pwd
        cat "$1"
        sed -n '/^\[build-system\]/,/^\[tool/p' pyproject.toml
    } | cksum
}

stamp() {
    echo ".venv/.installed-$(basename "$1")"
}

installed() {
    [ -x "$python" ] && [ "$(cat "$(stamp "$1")" 2>/dev/null)" = "$(fingerprint "$1")" ]
}

# The test lock holds all of the other.
if installed "$lock" || installed requirements-dev.lock; then
    exit 0
fi
make_environment
echo "installing what $lock names into .venv (about two minutes and 2.5 GB the first time)"
install --require-hashes -r "$lock" ||
    stop "could not install what $lock names (reason above). Check the network or pip's configuration, and run make again."
install --no-deps -e . || stop "could not install the project itself (reason above)."
fingerprint "$lock" >"$(stamp "$lock")"
