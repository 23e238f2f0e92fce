"""MLflow as an extra: a registered version as a run and a model version there.

The registry needs none of it and stays the one that decides; MLflow gets a copy to look at.
"""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.registry_version import Version

EXPERIMENT: Final = "edgeguard"
MODEL: Final = "edgeguard"
DEFAULT_STORE: Final = "sqlite:///mlflow.db"
ARTIFACTS: Final = "bundle"
FINGERPRINT: Final = "edgeguard.fingerprint"
_LONGEST_PARAMETER: Final = 500  # characters; MLflow refuses longer ones on some stores
_CHATTY: Final = ("alembic", "mlflow")


@dataclass(frozen=True)
class Tracked:
    """Where MLflow keeps a version."""

    store: str
    run_id: str
    model: str
    model_version: str

    def to_json(self) -> dict[str, Any]:
        """The keys of ``models mlflow --json``."""
        return vars(self).copy()


def log_version(
    version: Version, aliases: tuple[str, ...] = (), store: str = DEFAULT_STORE
) -> Tracked:
    """The run and model version in MLflow that hold a version of the registry.

    Parameters are the training's settings, metrics every finite number of the version's metrics,
    artifacts the bundle's files. A version that is there already is not logged again; its
    aliases are set anew.

    Parameters
    ----------
    aliases
        Of the version, such as ``champion``.
    store
        Tracking URI of MLflow; artifacts of an SQLite file lie beside it.

    Raises
    ------
    OutputError
        If MLflow is not installed, or cannot write there.
    BundleError, RegistryError
        If the version's bundle is damaged.
    """
    bundle = version.load()
    parameters = {
        **_flat(bundle.manifest.training.get("config", {})),
        "schema": version.schema,
        "variant": version.variant,
    }
    database = _database(store)
    with _client(store) as client:
        experiment = _experiment(client, database)
        known = client.search_runs(
            [experiment],
            f"tags.`{FINGERPRINT}` = '{version.fingerprint}' and attributes.status = 'FINISHED'",
        )
        if known:
            run_id = known[0].info.run_id
        else:
            run_id = _log_run(client, experiment, version, parameters)
        number = _model_version(client, run_id)
        for alias in aliases:
            client.set_registered_model_alias(MODEL, alias, number)
        return Tracked(store, run_id, MODEL, number)


@contextmanager
def _client(store: str) -> Iterator[Any]:
    """MLflow's own client; what goes wrong there is one sentence."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise OutputError(
            "MLflow is not installed here; run pip install -r requirements-mlops.txt, or "
            'pip install "edgeguard[mlops]".'
        ) from error
    # It says on stderr which tables it makes; it sets these levels itself when imported.
    levels = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield MlflowClient(tracking_uri=store, registry_uri=store)
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise OutputError(
            f"MLflow cannot write {store}: {reason[:300]}; give another --store."
        ) from error
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _database(store: str) -> Path | None:
    """The SQLite file of a store; None where it is another kind of store."""
    if not store.startswith("sqlite:///"):
        return None
    database = Path(store.removeprefix("sqlite:///")).absolute()
    if not database.parent.is_dir():  # MLflow would try for two minutes, or make it
        raise OutputError(
            f"MLflow cannot write {store}: there is no folder {database.parent}; give another "
            "--store."
        )
    return database


def _experiment(client: Any, database: Path | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    # By default artifacts would land in the folder that the command happens to run in.
    place = database and database.with_name(f"{database.stem}-artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _log_run(client: Any, experiment: str, version: Version, parameters: dict[str, Any]) -> str:
    tags = {
        FINGERPRINT: version.fingerprint,
        "edgeguard.version": str(version.number),
        "edgeguard.registered_by": version.who,
        "edgeguard.data": str(version.data.get("fingerprint", "")),
        "edgeguard.run": version.run_id or "",
        "mlflow.note.content": version.note,
    }
    run = client.create_run(experiment, tags=tags, run_name=f"version {version.number:04d}")
    run_id = str(run.info.run_id)
    for name, value in parameters.items():
        client.log_param(run_id, name, str(value)[:_LONGEST_PARAMETER])
    for name, value in _flat(version.metrics).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            client.log_metric(run_id, name, value)
    client.log_artifacts(run_id, str(version.bundle_path), ARTIFACTS)
    client.set_terminated(run_id)
    return run_id


def _model_version(client: Any, run_id: str) -> str:
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    known = [
        found for found in client.search_model_versions(f"name = '{MODEL}'")
        if found.run_id == run_id
    ]  # fmt: skip
    if known:
        return str(known[0].version)
    source = f"{client.get_run(run_id).info.artifact_uri}/{ARTIFACTS}"
    return str(client.create_model_version(MODEL, source, run_id).version)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values under one name each.

    >>> _flat({"roc_auc": 0.9, "tpr_at_fpr": {"0.01": 0.5}})
    {'roc_auc': 0.9, 'tpr_at_fpr.0.01': 0.5}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = before + "".join(x if x.isalnum() or x in "_-. /" else "_" for x in str(key))
        if isinstance(value, Mapping):
            found |= _flat(value, f"{name}.")
        else:
            found[name] = value
    return found
