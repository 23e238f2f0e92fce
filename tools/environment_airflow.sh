#!/usr/bin/env bash
# Make .venv-airflow hold Airflow as dags/requirements.txt names it, without the project: the
# DAGs call its command in another process.
# usage: tools/environment_airflow.sh          (run again at no cost: a stamp says what is there)
set -euo pipefail
cd -P "$(dirname "$0")/.."

environment=.venv-airflow
source tools/virtualenv.sh

stamp="$environment/.installed"

fingerprint() {
    {
        pwd
        cat dags/requirements.txt dags/constraints.txt
    } | cksum
}

if [ -x "$python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
    exit 0
fi
make_environment
echo "installing Airflow into $environment (about a minute and 300 MB the first time)"
install -r dags/requirements.txt ||
    stop "could not install Airflow (reason above). Check the network or pip's configuration, and run make again."
fingerprint >"$stamp"
