"""The registry: versions, which of them leads, and the steps that change that."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from dashboard import wording
from dashboard.components import boundary, tables
from dashboard.keys import PipelineKey
from dashboard.wording import pipeline as words
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.pipeline.registry import Registry
from edgeguard_core.pipeline.registry_state import Event, RegistryState
from edgeguard_core.pipeline.registry_version import Version


def show(folder: Path) -> None:
    """Draw what is registered in a folder, and what can be decided about it.

    Raises
    ------
    RegistryError
        If the registry is damaged.
    """
    registry = Registry(folder)
    versions = registry.versions()[::-1] if folder.is_dir() else []
    if not versions:
        st.info(words.NO_VERSIONS, icon=":material/inventory_2:")
        return
    state = registry.state()
    _versions(versions, state)
    _decide(registry, versions, state)
    st.subheader(words.HISTORY)
    _history(registry.history()[::-1])


def _versions(versions: Sequence[Version], state: RegistryState) -> None:
    alarms = [version.metrics.get("held_out_false_alarms") or {} for version in versions]
    frame = pd.DataFrame(
        {
            "version": [version.number for version in versions],
            "is": [", ".join(state.aliases_of(version.number)) for version in versions],
            "registered": [words.when(version.registered) for version in versions],
            "trained": [words.when(version.created) for version in versions],
            "run": [version.run_id or "" for version in versions],
            "roc_auc": [words.area(version.metrics.get("roc_auc")) for version in versions],
            "recall": [wording.percent(version.metrics.get("recall")) for version in versions],
            "alarms": [wording.percent(each.get("rate"), 2) for each in alarms],
            "variant": [version.variant for version in versions],
            "note": [version.note for version in versions],
        }
    )
    st.dataframe(
        frame,
        key=PipelineKey.VERSIONS,
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "version": st.column_config.NumberColumn("Version", format="%d", width="small"),
            "is": "Is",
            "registered": "Registered (UTC)",
            "trained": "Trained (UTC)",
            "run": "Run",
            "roc_auc": "ROC AUC",
            "recall": "Attacks found",
            "alarms": "False alarms",
            "variant": "Variant",
            "note": "Note",
        },
        alt="Registered versions, the newest first",
    )


def _decide(registry: Registry, versions: Sequence[Version], state: RegistryState) -> None:
    st.subheader(words.DECIDE)
    note = st.session_state.pop(PipelineKey.NOTE, None)
    if note:
        st.success(note, icon=":material/check:")
    number = st.selectbox(
        words.CHOOSE_VERSION,
        [version.number for version in versions],
        format_func=words.version_option,
        key=PipelineKey.VERSION,
        width=320,
    )
    leads = number == state.aliases.get("champion")
    with st.form(PipelineKey.DECIDE, border=False):
        st.text_input("Reason", key=_reason_key(), placeholder=words.REASON, max_chars=200)
        st.text_input("Author", key=PipelineKey.AUTHOR, placeholder=words.AUTHOR, max_chars=80)
        with st.container(horizontal=True):
            asked = _asked(number, leads=leads, has_shadow="shadow" in state.aliases)
    steps: dict[str, Callable[[str, str], str]] = {
        PipelineKey.PROMOTE: lambda why, who: words.promoted(
            registry.promote(number, why=why, who=who).number
        ),
        PipelineKey.ROLL_BACK: lambda why, who: words.rolled_back(
            registry.rollback(why=why, who=who).number
        ),
        PipelineKey.SHADOW: lambda why, who: _shadow(registry, number, why, who),
        PipelineKey.END_SHADOW: lambda why, who: _shadow(registry, None, why, who),
    }
    if asked is not None:
        _step(steps[asked])


def _asked(number: int, *, leads: bool, has_shadow: bool) -> str | None:
    """Draw the buttons; the key of the one that was pressed."""
    buttons = (
        (PipelineKey.PROMOTE, words.promote(number), ":material/trophy:", leads, None),
        (PipelineKey.ROLL_BACK, words.ROLL_BACK, ":material/undo:", False, words.ROLL_BACK_HELP),
        (PipelineKey.SHADOW, words.shadow(number), ":material/tonality:", leads, words.SHADOW_HELP),
        (PipelineKey.END_SHADOW, words.END_SHADOW, ":material/close:", not has_shadow, None),
    )
    pressed = [
        key
        for key, label, icon, disabled, told in buttons
        if st.form_submit_button(
            label,
            key=key,
            icon=icon,
            disabled=disabled,
            help=told,
            type="primary" if key == PipelineKey.PROMOTE else "secondary",
        )
    ]
    return pressed[0] if pressed else None


def _shadow(registry: Registry, number: int | None, why: str, who: str) -> str:
    registry.set_shadow(number, why=why, who=who)
    return words.shadowed(number)


def _reason_key() -> str:
    """A field of its own for each step: a reason is not meant for the next one, too."""
    return f"{PipelineKey.REASON}_{st.session_state.get(PipelineKey.ROUND, 0)}"


def _step(act: Callable[[str, str], str]) -> None:
    who = str(st.session_state.get(PipelineKey.AUTHOR, "")).strip()
    why = str(st.session_state.get(_reason_key(), "")).strip()
    if not (who and why):
        boundary.say(words.INCOMPLETE)
        return
    try:
        said = act(why, who)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    st.session_state[PipelineKey.NOTE] = said
    st.session_state[PipelineKey.ROUND] = st.session_state.get(PipelineKey.ROUND, 0) + 1
    st.rerun()


def _history(events: Sequence[Event]) -> None:
    frame = pd.DataFrame(
        {
            "when": [words.when(event.when) for event in events],
            "who": [event.who for event in events],
            "action": [words.ACTIONS.get(event.action, event.action) for event in events],
            "version": [event.version for event in events],
            "moved": [words.moved_from(event.before, event.after) for event in events],
            "why": [event.why for event in events],
        }
    )
    st.dataframe(
        frame,
        key=PipelineKey.HISTORY,
        hide_index=True,
        height=tables.height(len(frame), most=8),
        column_config={
            "when": "When (UTC)",
            "who": "Author",
            "action": "Step",
            "version": st.column_config.NumberColumn("Version", format="%d", width="small"),
            "moved": "From → to",
            "why": st.column_config.TextColumn("Reason", width="large"),
        },
        alt="Steps of the registry, the latest first",
    )
