#!/usr/bin/env bash
# Make dags/constraints.txt again from the Airflow that dags/requirements.txt names.
# usage: tools/lock_airflow.sh
set -euo pipefail
cd -P "$(dirname "$0")/.."

root="$PWD"
python="$root/.venv-airflow/bin/python"
[ -x "$python" ] || { echo "EdgeGuard: run make environment-airflow first" >&2; exit 2; }
"$python" -m uv --version >/dev/null 2>&1 || "$python" -m pip install --quiet uv

# Elsewhere, because what pyproject.toml tells uv is about the project's own environment.
elsewhere="$(mktemp -d)"
trap 'rm -rf "$elsewhere"' EXIT
cd "$elsewhere"
{
    echo "# Exactly what Airflow is installed with. Made again by: bash tools/lock_airflow.sh"
    grep '^apache-airflow==' "$root/dags/requirements.txt" |
        UV_SYSTEM_CERTS=1 "$python" -m uv pip compile --quiet --universal --python-version 3.11 \
            --no-header --no-annotate --no-emit-index-url --no-emit-find-links -
} >constraints.txt
mv constraints.txt "$root/dags/constraints.txt"
