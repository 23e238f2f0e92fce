# Two commands do their own set-up on a fresh machine with Python 3.11 and make:
#   make dashboard   the dashboard on http://127.0.0.1:8501
#   make test        everything: linters, floors, doctests, unit tests, the browser
# Everything is installed into .venv, Airflow and MLflow into environments of their own;
# nothing else is touched, save that `make test`
# run as root on Debian installs the system packages the tests need.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
PORT ?= 8501
WORKERS ?= 2
# One file's tests stay on one worker, so what a module trains is trained once.
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist loadfile

.PHONY: help environment environment-dev environment-airflow environment-mlops system dashboard \
	test test-airflow test-mlops \
	check lint format readme demo-bundle bench-quality lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

environment: # what the dashboard and training need
	@bash tools/environment.sh requirements.lock

environment-dev: # the same and what the tests need
	@bash tools/environment.sh requirements-dev.lock

environment-airflow: # Airflow, in .venv-airflow
	@bash tools/environment_airflow.sh

environment-mlops: # the same as for the tests, and MLflow, in .venv-mlops
	@bash tools/environment_mlops.sh

system: # what the tests need beside Python packages
	@bash tools/system_packages.sh

dashboard: environment ## install what is missing, then the dashboard on 127.0.0.1:8501 (PORT=8502 for another)
	@echo "EdgeGuard is on http://127.0.0.1:$(PORT) (Ctrl-C stops it)"
	@exec $(PY) -m streamlit run dashboard/app.py --server.address 127.0.0.1 \
		--server.port $(PORT) --server.headless true --browser.gatherUsageStats false

# The linters' verdict is kept until the tests have spoken, so that one slip in
# formatting does not hide what the tests say; pytest's line stays the last one.
test: environment-dev environment-airflow environment-mlops system ## install what is missing, then every check and every test
	@lint=0; $(MAKE) lint || lint=$$?; \
	if [ $$lint -ne 0 ]; then echo "linters failed (above); running the tests all the same"; fi; \
	tests=0; $(PYTEST) || tests=$$?; \
	exit $$(( tests != 0 ? tests : lint ))

check: environment-dev ## the fast lane, under three minutes: format, lint, types, floors, unit tests
	@$(MAKE) lint
	@$(PYTEST) -m "not e2e and not slow"

test-airflow: environment-dev environment-airflow ## install Airflow beside it, then run the DAGs for real
	@$(PY) -m pytest tests/dags

test-mlops: environment-mlops ## install MLflow beside it, then what is logged there is read back
	@EDGEGUARD_NEEDS_MLFLOW=1 .venv-mlops/bin/python -m pytest tests/pipeline/test_tracking.py \
		tests/pipeline/runs/test_tracked.py

lint: environment-dev # format, lint, types, floors; all of them, whatever the first one says
	@failed=0; \
	$(PY) -m ruff format --check . || failed=1; \
	$(PY) -m ruff check . || failed=1; \
	$(PY) -m mypy || failed=1; \
	$(PY) -c "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_logo=True))" || failed=1; \
	exit $$failed

format: environment-dev ## format the code and mend what ruff can mend
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

readme: environment-dev ## run the README's examples and put what they print beneath them
	@$(PY) tools/readme_examples.py

demo-bundle: environment ## learn models/demo again from sample_data/
	@$(PY) -m edgeguard_core.cli train sample_data/office_day.csv.gz --out models/demo --lean \
		--note demo --force

bench-quality: environment-dev ## how well we detect beside every peer, into docs/benchmarks/quality.md (40 minutes)
	@$(PY) -m pip install --quiet "pyod>=2.0" "torch>=2.5" "tqdm>=4.66"
	@$(PY) benchmarks/bench_quality.py

lock: ## make requirements.lock and requirements-dev.lock again from pyproject.toml
	@bash tools/lock.sh

clean: ## remove the environments and every cache
	@rm -rf .venv .venv-airflow .venv-mlops .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
