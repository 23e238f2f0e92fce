#!/usr/bin/env bash
# How an environment is made and filled: for the scripts that do so, which name it beforehand
# as $environment and then say: source tools/virtualenv.sh
# shellcheck disable=SC2154

python="$environment/bin/python"

stop() {
    echo "EdgeGuard: $1" >&2
    exit 2
}

# TensorFlow has no wheel past 3.13 yet; Airflow is held to the same.
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
    if [ "$("$python" -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/$environment" ] &&
        "$python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    found="$(find_python)"
    need_ensurepip "$found"
    echo "making $environment with $("$found" --version)"
    rm -rf "$environment"
    "$found" -m venv "$environment"
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
