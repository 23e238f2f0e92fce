"""Airflow DAGs: EdgeGuard's pipeline as one task a stage, and a daily look for drift.

Airflow lives in an environment of its own, so each task is an ``edgeguard`` command in another
process. This one file is all that a DAG folder needs; docs/airflow.md tells its settings.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    TriggerRule,
    Variable,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

# The stages of edgeguard_core.pipeline.runs, which this environment cannot import; a test
# compares them.
STAGES = (
    "ingest",
    "validate",
    "drift",
    "transform",
    "train",
    "evaluate",
    "convert",
    "register",
)
REFUSED = 3  # how the command ends where a gate refuses

FLOWS = Asset("edgeguard_flows")  # whoever writes new flows says so, and training begins
BUNDLE = Asset("edgeguard_bundle")  # a new version in the registry

DEFAULTS = {
    "home": str(Path(__file__).resolve().parents[1]),
    "command": "",
    "config": "pipeline.yaml",
    "bundle": "models@champion",
    "drift_files": "",
}


def of_environment(name: str, default: str) -> str:
    """A setting that Airflow needs when it reads this file: from the environment alone."""
    return os.environ.get(f"EDGEGUARD_{name.upper()}") or default


RETRIES = {
    "retries": int(of_environment("retries", "2")),
    "retry_delay": timedelta(seconds=int(of_environment("retry_delay_s", "300"))),
    "execution_timeout": timedelta(hours=float(of_environment("timeout_h", "6"))),
}
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def setting(name: str) -> str:
    """A setting of a task: the Airflow variable, else the environment, else the default."""
    return str(Variable.get(f"edgeguard_{name}", of_environment(name, DEFAULTS[name])))


def command_line() -> list[str]:
    """How ``edgeguard`` is called: as set, else from the checkout's .venv, else from PATH."""
    if chosen := setting("command"):
        return shlex.split(chosen)
    installed = Path(setting("home")) / ".venv" / "bin" / "edgeguard"
    return [str(installed)] if installed.is_file() else ["edgeguard"]


def edgeguard(*arguments: str) -> tuple[int, str, str]:
    """What the command ends with, prints and says, the last also line by line in the log.

    A task that is stopped or runs out of time ends the command, which then leaves nothing
    half-written.
    """
    line = [*command_line(), *arguments]
    print("$", shlex.join(line), flush=True)
    # Airflow's own interpreter settings are no business of another environment.
    known = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,
        subprocess.Popen(
            line,
            cwd=setting("home"),
            env=known,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        said = []
        try:
            for told in process.stderr or ():
                print(told, end="", flush=True)
                said.append(told)
            code = process.wait()
        finally:
            process.terminate()  # nothing where it has ended
        out.seek(0)
        return code, out.read(), "".join(said)


def sentence_of(said: str) -> str:
    """The one sentence with which the command ends, or all that it said."""
    last = said.strip().rpartition("\n")[2]
    return last.removeprefix("edgeguard: ") if last.startswith("edgeguard: ") else said.strip()


def gates_of(sentence: str) -> list[str]:
    """The gates that a refusal names, as in ``Run monday: [benign_rows] 12 benign flows …``."""
    return list(dict.fromkeys(re.findall(r"(?:^|\s)\[(\w+)\] ", sentence)))


def run_id_of(dag_run_id: str) -> str:
    """The pipeline's run of a DAG run: the same for every task and every retry of it."""
    return "airflow-" + re.sub(r"[^A-Za-z0-9-]+", "-", dag_run_id)[-90:].strip("-")


def run_stage(name: str) -> str:
    """The run's id after a stage that went well; what a gate refuses is not tried again."""
    context = get_current_context()
    run_id = run_id_of(context["run_id"])
    arguments = ["pipeline", "run", setting("config"), "--run-id", run_id, "--stage", name]
    if name == STAGES[0]:  # kept in the run from there on
        for gate in context["params"]["accept"]:
            arguments += ["--accept", gate, "--because", context["params"]["because"]]
    code, out, said = edgeguard(*arguments)
    print(out)
    if code == REFUSED:
        sentence = sentence_of(said)
        context["ti"].xcom_push(key="refusal", value={"stage": name, "sentence": sentence})
        raise AirflowFailException(f"A gate refused: {sentence}")
    if code:
        raise AirflowException(f"Stage {name} ended with {code}: {sentence_of(said)}")
    return run_id


def refusal() -> dict[str, str] | None:
    """What a stage of this DAG run refused, or nothing."""
    ti = get_current_context()["ti"]
    found = (ti.xcom_pull(task_ids=name, key="refusal") for name in STAGES)
    return next((each for each in found if each), None)


@dag(
    dag_id="edgeguard_training",
    description="From files of flows to a registered bundle, with gates that can say no.",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(of_environment("schedule", "0 3 * * 1"), timezone="UTC"),
        assets=FLOWS,
    ),
    start_date=BEGINNING,
    catchup=False,
    max_active_runs=1,
    params={
        "accept": Param([], type="array", description="Gates whose refusal is all right."),
        "because": Param("", type="string", description="Why, kept in the run and the registry."),
    },
    tags=["edgeguard"],
)
def training() -> None:
    """One task a stage. A gate that refuses ends the run, and ``refused`` tells why."""
    *before, last = (
        task(
            task_id=name,
            outlets=[BUNDLE] if name == STAGES[-1] else [],
            **RETRIES,
        )(run_stage)(name)
        for name in STAGES
    )

    @task.branch(trigger_rule=TriggerRule.ALL_DONE)
    def gates() -> str:
        """The way on: to the registry, or to what tells of the refusal."""
        if refusal():
            return "refused"
        if get_current_context()["ti"].xcom_pull(task_ids=STAGES[-2]) is None:
            raise AirflowFailException("A stage failed, and no gate refused: see its log.")
        return STAGES[-1]

    @task
    def refused() -> None:
        """Fail, so that whatever tells people of failed runs tells them of this one."""
        found = refusal() or {}
        which = ", ".join(gates_of(found["sentence"])) or found["stage"]
        raise AirflowFailException(
            f"Nothing was registered. Refused at {found['stage']} by {which}: {found['sentence']}"
        )

    way = gates()
    for earlier, later in zip(before, [*before[1:], way], strict=True):
        earlier >> later
    way >> [last, refused()]


@dag(
    dag_id="edgeguard_drift",
    description="Whether today's traffic is still what the champion learned.",
    schedule=CronTriggerTimetable(of_environment("drift_schedule", "0 6 * * *"), timezone="UTC"),
    start_date=BEGINNING,
    catchup=False,
    max_active_runs=1,
    tags=["edgeguard"],
)
def drift() -> None:
    """Judge the files, then fail where there is drift; nothing is trained on it by itself."""

    @task(**RETRIES)
    def judge() -> dict[str, object]:
        """The verdict, what moved, and the evidence."""
        files = drift_files()
        if not files:
            raise AirflowSkipException(
                "No file to judge: set edgeguard_drift_files to files or patterns that exist."
            )
        code, out, said = edgeguard("drift", setting("bundle"), *files, "--json")
        if code:
            raise AirflowException(f"edgeguard drift ended with {code}: {sentence_of(said)}")
        found = json.loads(out)
        print(out)
        return {
            "drifted": found["drifted"],
            "verdict": found["verdict"],
            "evidence": found["diagnosis"]["evidence"],
            "features_drifted": found["features_drifted"],
        }

    @task
    def tell(found: dict[str, object]) -> None:
        """Fail with the verdict where there is drift, so that people are told."""
        told = " ".join([str(found["verdict"]), *found["evidence"]])  # type: ignore[misc]
        if found["drifted"]:
            raise AirflowFailException(told)
        print(told)

    tell(judge())


def drift_files() -> list[str]:
    """The files to judge; ``{date}`` in a pattern is the day of the DAG run."""
    context = get_current_context()
    when = context["dag_run"].logical_date or context["dag_run"].run_after
    home, found = Path(setting("home")), []
    for pattern in shlex.split(setting("drift_files").replace("{date}", f"{when:%Y-%m-%d}")):
        path = Path(pattern)
        start = Path(path.anchor) if path.is_absolute() else home
        relative = path.relative_to(path.anchor) if path.is_absolute() else path
        found += sorted(str(each) for each in start.glob(str(relative)))
    return found


training()
drift()
