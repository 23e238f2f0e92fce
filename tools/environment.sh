#!/usr/bin/env bash
# Make .venv hold what LOCK names, and the project itself in editable form.
# usage: tools/environment.sh LOCK          (run again at no cost: a stamp says what is there)
set -euo pipefail
cd -P "$(dirname "$0")/.."

lock="$1"
python=.venv/bin/python

stop() {
    echo "EdgeGuard: $1" >&2
    exit 2
}

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

# TensorFlow has no wheel past 3.13 yet.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 python3.13; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    stop "no Python 3.11, 3.12 or 3.13 was found; install one, or name it: make PYTHON=/path/to/python3.11"
}

# Debian keeps the part of venv that brings pip in a package of its own.
need_ensurepip() {
    local found="$1" version
    if "$found" -c 'import ensurepip' 2>/dev/null; then
        return
    fi
    version="$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        bash tools/system_packages.sh "python$version-venv"
    else
        stop "Python's venv module is incomplete here: as root run 'apt-get install python$version-venv', then run make again."
    fi
}

make_environment() {
    local found
    # An environment from elsewhere, or half-made, is made again.
    if [ "$("$python" -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ] &&
        "$python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    found="$(find_python)"
    need_ensurepip "$found"
    echo "making .venv with $("$found" --version)"
    rm -rf .venv
    "$found" -m venv .venv
}

# uv installs the same set faster; where it is not to be had, or cannot reach what pip
# is configured to reach, pip does it and says what went wrong if anything does.
install() {
    if "$python" -m pip install --quiet --disable-pip-version-check uv 2>/dev/null &&
        UV_SYSTEM_CERTS=1 "$python" -m uv pip install --python "$python" --quiet "$@" 2>/dev/null; then
        return
    fi
    echo "uv could not do it here; installing with pip"
    "$python" -m pip install --disable-pip-version-check --quiet "$@"
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
