#!/usr/bin/env bash
# Make .venv-mlops hold what requirements-dev.lock names, MLflow as the extra mlops asks for it,
# and the project itself in editable form.
# usage: tools/environment_mlops.sh          (run again at no cost: a stamp says what is there)
set -euo pipefail
cd -P "$(dirname "$0")/.."

environment=.venv-mlops
source tools/environment_apart.sh

depends_on() { cat requirements-dev.lock requirements-mlops.txt pyproject.toml; }

# The versions of the lock stay where MLflow can live with them, and pip says so where it cannot.
fill() {
    install --require-hashes -r requirements-dev.lock && install -r requirements-mlops.txt
}

keep "MLflow and what requirements-dev.lock names" "about three minutes and 2.6 GB"
