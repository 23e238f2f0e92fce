"""Exclusions: a form that is filled in from a group, and the list of all there are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import reviewing, wording
from dashboard.components import boundary, deciding, tables
from dashboard.keys import ReviewKey
from dashboard.wording import review as words
from edgeguard_core.detection.exclusion import (
    DEFAULT_DAYS,
    LONGEST_DAYS,
    Conditions,
    Exclusion,
    default_expiry,
)
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.flows.table import ATTACK

_ASKED = ("host", "src_ip", "dst_ip", "dst_port", "protocol", "cause")


def show_form(now: reviewing.Triage, alerts: NDArray[np.int64], about: str) -> None:
    """Draw the form for alerts like those at some positions, with what it would hide."""
    with st.expander(words.EXCLUDE, icon=":material/visibility_off:"):
        st.caption(words.EXCLUDE_HELP)
        shared = reviewing.common_conditions(now, alerts)
        try:
            conditions = _conditions(_ask(now, shared, about))
        except EdgeGuardError as error:
            boundary.say(str(error))
            return
        hides = conditions.match(now.material.columns)
        alerted = hides & now.alerts
        attacks = int((alerted & (now.evaluated.label == ATTACK)).sum())
        said = words.exclusion_effect(
            int(alerted.sum()), attacks, int((hides & ~now.alerts).sum()), now.evaluated.has_labels
        )
        if attacks:
            st.warning(said, icon=":material/warning:")
        else:
            st.info(said, icon=":material/visibility_off:")
        _save(conditions, about)


def _ask(now: reviewing.Triage, shared: dict[str, Any], about: str) -> dict[str, str]:
    """The conditions as they were typed, filled in with what the alerts share."""
    asked = [name for name in _ASKED if name in now.material.columns]
    answers = {}
    for place, name in zip(st.columns(max(len(asked), 1)), asked, strict=False):
        answers[name] = place.text_input(
            words.CONDITION_LABELS[name],
            value=str(shared.get(name, "")),
            key=f"{ReviewKey.CONDITION}_{name}_{about}",
            help=words.CONDITION_HELP if name in ("host", "src_ip", "dst_ip") else None,
            live=True,
        ).strip()
    return answers


def _conditions(answers: dict[str, str]) -> Conditions:
    given: dict[str, Any] = {name: text for name, text in answers.items() if text}
    for name in {"dst_port", "protocol"} & set(given):
        try:
            given[name] = int(given[name])
        except ValueError:
            raise EdgeGuardError(
                f"{given[name]!r} is no {words.CONDITION_LABELS[name].lower()}: give a whole "
                "number, or leave it empty."
            ) from None
    return Conditions(**given)


def _save(conditions: Conditions, about: str) -> None:
    today = reviewing.clock()
    why, until = st.columns([3, 1])
    reason = why.text_input(
        words.EXCLUDE_REASON,
        key=f"{ReviewKey.EXCLUDE_REASON}_{about}",
        placeholder=words.REASON_HINT,
        max_chars=500,
        live=True,
    )
    ends = until.date_input(
        "Ends on",
        value=default_expiry(today).date(),
        min_value=today.date() + timedelta(days=1),
        max_value=today.date() + timedelta(days=LONGEST_DAYS - 1),
        key=f"{ReviewKey.EXPIRES}_{about}",
        help=f"After {DEFAULT_DAYS} days unless you say otherwise; a year at most.",
    )
    actor = deciding.current_actor()
    missing = words.NO_ACTOR if not actor else None if reason.strip() else words.REASON_MISSING
    if st.button(
        "Exclude",
        key=ReviewKey.EXCLUDE,
        icon=":material/visibility_off:",
        disabled=missing is not None,
        help=missing,
    ):
        expires = datetime(ends.year, ends.month, ends.day, tzinfo=UTC)
        try:
            made = reviewing.store().exclude(
                conditions, actor=actor, reason=reason, now=today, expires=expires
            )
        except EdgeGuardError as error:
            boundary.say(str(error))
            return
        said = wording.plain(made.conditions.sentence)
        st.session_state[ReviewKey.NOTE] = f"Excluded until {expires.date()}: {said}."
        st.rerun()


def show_list(now: reviewing.Triage) -> None:
    """Draw every exclusion with what it hides here, and a way to end it."""
    active = [one for one in now.exclusions if one.is_active(reviewing.clock())]
    title = f"Exclusions ({len(active)} active)" if active else "Exclusions"
    with st.expander(title, icon=":material/visibility_off:"):
        if not now.exclusions:
            st.caption(words.NO_EXCLUSIONS)
            return
        rows = [_row(now, one) for one in now.exclusions]
        event = st.dataframe(
            pd.DataFrame(rows),
            key=ReviewKey.EXCLUSIONS,
            hide_index=True,
            height=tables.height(len(rows), most=6),
            lazy=False,
            on_select="rerun",
            selection_mode="single-row",
            column_config={
                "Hides": st.column_config.NumberColumn(
                    "Hides", help="Alerts of this evaluation, at this threshold", format="localized"
                ),
                "Attacks": st.column_config.NumberColumn(
                    "Of them attacks", help="By the labels", format="localized"
                ),
            },
            alt="Exclusions with what they hide, who made them, and until when they run",
        )
        _revoke([now.exclusions[row] for row in event.selection.rows if row < len(rows)])


def _row(now: reviewing.Triage, one: Exclusion) -> dict[str, Any]:
    clock = reviewing.clock()
    hides = one.matches(now.material.columns, clock) & now.alerts
    attacks = (hides & (now.evaluated.label == ATTACK)).sum()
    return {
        "Conditions": one.conditions.sentence,
        "Hides": int(hides.sum()),
        "Attacks": int(attacks) if now.evaluated.has_labels else None,
        "Runs": words.exclusion_row(one.state(clock), one.expires),
        "Reason": one.reason,
        "By": one.actor,
        "Since": one.created.date().isoformat(),
    }


def _revoke(selected: list[Exclusion]) -> None:
    actor = deciding.current_actor()
    active = [one for one in selected if one.is_active(reviewing.clock())]
    if st.button(
        "Revoke",
        key=ReviewKey.REVOKE,
        icon=":material/visibility:",
        disabled=not active or not actor,
        help=words.NO_ACTOR if active and not actor else "Select an active exclusion first.",
    ):
        for one in active:
            try:
                reviewing.store().revoke(one.number, actor=actor, reason="", now=reviewing.clock())
            except EdgeGuardError as error:
                boundary.say(str(error))
                return
            said = wording.plain(one.conditions.sentence)
            st.session_state[ReviewKey.NOTE] = f"Revoked: {said}. Its alerts are back."
        st.rerun()
