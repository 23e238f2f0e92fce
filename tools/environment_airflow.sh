#!/usr/bin/env bash
# Make .venv-airflow hold Airflow as dags/requirements.txt names it, without the project: the
# DAGs call its command in another process.
# usage: tools/environment_airflow.sh          (run again at no cost: a stamp says what is there)
set -euo pipefail
cd -P "$(dirname "$0")/.."

environment=.venv-airflow
source tools/environment_apart.sh

depends_on() { cat dags/requirements.txt dags/constraints.txt; }
fill() { install -r dags/requirements.txt; }

keep Airflow "about a minute and 300 MB"
