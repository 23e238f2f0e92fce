"""MLflow as an extra: a registered version as a run and a model version there, a refused run alone.

The registry needs none of it and stays the one that decides; MLflow gets a copy to look at.
"""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from edgeguard_core.errors import OutputError
from edgeguard_core.pipeline.registry_version import Version

EXPERIMENT: Final = "edgeguard"
MODEL: Final = "edgeguard"
DEFAULT_STORE: Final = "sqlite:///mlflow.db"
ARTIFACTS: Final = "bundle"
FINGERPRINT: Final = "edgeguard.fingerprint"
REPORTS: Final = "run"
GATE: Final = "edgeguard.gate."
_LONGEST_PARAMETER: Final = 500  # characters; MLflow refuses longer ones on some stores
_LONGEST_TAG: Final = 4_000
# A server that does not answer must not hold up a run that is done; MLflow tries for minutes.
_PATIENCE: Final = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_NOT_INSTALLED: Final = (
    "MLflow is not installed here; run pip install -r requirements-mlops.txt, or "
    'pip install "edgeguard[mlops]".'
)
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


@dataclass(frozen=True)
class Account:
    """What a run of the pipeline adds to its version, or is told of without one.

    Attributes
    ----------
    begun
        When, ISO 8601: two folders of runs may each have one of the same id.
    settings
        Keys of its config with their values, as plain JSON.
    gates
        Gate → what it said.
    files
        Name there → file.
    """

    run_id: str
    begun: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    gates: Mapping[str, str]
    files: Mapping[str, Path]

    @property
    def tags(self) -> dict[str, str]:
        """Its tags in MLflow."""
        about = {"edgeguard.run": self.run_id, "edgeguard.begun": self.begun}
        return about | {f"{GATE}{name}": told[:_LONGEST_TAG] for name, told in self.gates.items()}


def require_store(store: str) -> None:
    """Nothing, when MLflow is installed and its SQLite file has a folder to lie in.

    It is not imported, and a server not asked.

    Raises
    ------
    OutputError
        If not.
    """
    if find_spec("mlflow") is None:
        raise OutputError(_NOT_INSTALLED)
    _database(store)


def log_version(
    version: Version,
    aliases: tuple[str, ...] = (),
    store: str = DEFAULT_STORE,
    account: Account | None = None,
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
    account
        Of the pipeline's run that made it: its settings, what gates said, and its reports.

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
            run_id = _log_run(client, experiment, version, parameters, account)
        number = _model_version(client, run_id)
        for alias in aliases:
            client.set_registered_model_alias(MODEL, alias, number)
        return Tracked(store, run_id, MODEL, number)


def log_refused(account: Account, why: str, store: str = DEFAULT_STORE) -> str:
    """The id of a failed run in MLflow that tells of a run which a gate refused.

    It has no model version. The same refusal of the same run is not logged again.

    Parameters
    ----------
    why
        What the gates said.

    Raises
    ------
    OutputError
        If MLflow is not installed, or cannot write there.
    """
    database = _database(store)
    tags = account.tags | {"edgeguard.refused": why[:_LONGEST_TAG], "mlflow.note.content": why}
    with _client(store) as client:
        experiment = _experiment(client, database)
        begun = f"tags.`edgeguard.begun` = '{account.begun}' and attributes.status = 'FAILED'"
        for known in client.search_runs([experiment], begun):
            if tags.items() <= known.data.tags.items():
                return str(known.info.run_id)
        run = client.create_run(experiment, tags=tags, run_name=account.run_id)
        run_id = str(run.info.run_id)
        _add(client, run_id, {}, {}, account)
        client.set_terminated(run_id, "FAILED")
        return run_id


@contextmanager
def _client(store: str) -> Iterator[Any]:
    """MLflow's own client; what goes wrong there is one sentence."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when it is imported
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise OutputError(_NOT_INSTALLED) from error
    # It says on stderr which tables it makes; it sets these levels itself when imported.
    levels = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in levels:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield MlflowClient(tracking_uri=store, registry_uri=store)
    # ImportError: the driver of a database that MLflow would keep its runs in.
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise OutputError(
            f"MLflow cannot write {store}: {reason[:300]}; name another store."
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
            f"MLflow cannot write {store}: there is no folder {database.parent}; name another "
            "store."
        )
    return database


def _experiment(client: Any, database: Path | None) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    # By default artifacts would land in the folder that the command happens to run in.
    place = database and database.with_name(f"{database.stem}-artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def _log_run(
    client: Any,
    experiment: str,
    version: Version,
    parameters: dict[str, Any],
    account: Account | None,
) -> str:
    tags = {
        FINGERPRINT: version.fingerprint,
        "edgeguard.version": str(version.number),
        "edgeguard.registered_by": version.who,
        "edgeguard.data": str(version.data.get("fingerprint", "")),
        "edgeguard.run": version.run_id or "",
        "mlflow.note.content": version.note,
        **({} if account is None else account.tags),
    }
    run = client.create_run(experiment, tags=tags, run_name=f"version {version.number:04d}")
    run_id = str(run.info.run_id)
    _add(client, run_id, parameters, version.metrics, account)
    client.log_artifacts(run_id, str(version.bundle_path), ARTIFACTS)
    client.set_terminated(run_id)
    return run_id


def _add(
    client: Any,
    run_id: str,
    parameters: Mapping[str, Any],
    metrics: Mapping[str, Any],
    account: Account | None,
) -> None:
    """Parameters, figures and reports of a run, its account's beside its version's."""
    if account is not None:
        parameters = {**account.settings, **parameters}
        metrics = {**account.metrics, **metrics}
    for name, value in parameters.items():
        client.log_param(run_id, name, str(value)[:_LONGEST_PARAMETER])
    for name, value in _flat(metrics).items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            client.log_metric(run_id, name, value)
    for name, path in ({} if account is None else account.files).items():
        below = str(Path(REPORTS, name).parent)
        client.log_artifact(run_id, str(path), below)


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
