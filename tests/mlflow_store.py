"""Tests that read MLflow back: skipped without it, unless it is said to be there."""

import importlib.util
import os

import pytest

IS_THERE = importlib.util.find_spec("mlflow") is not None

needs_mlflow = pytest.mark.skipif(
    not IS_THERE and os.environ.get("EDGEGUARD_NEEDS_MLFLOW") != "1",
    reason="needs MLflow: make test-mlops, or pip install -r requirements-mlops.txt",
)


def client_of(store: str):
    """MLflow's own client of a store."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=store, registry_uri=store)
