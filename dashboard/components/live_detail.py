"""The drawer of an alert: why it is odd, where to find it elsewhere, and what it is."""

import math
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import explaining, live_review, live_tail, wording
from dashboard.components import boundary, deciding, flow_page
from dashboard.components.live_source import Opened
from dashboard.keys import LiveKey
from dashboard.live_tail import part
from dashboard.live_view import number
from dashboard.wording import live as words
from dashboard.wording.review import blast_radius
from edgeguard_core.detection.review import Verdict
from edgeguard_core.errors import EdgeGuardError
from edgeguard_core.outputs.store_reading import StoredAlert

_NS_PER_MS = 1e6


def show(opened: Opened) -> None:
    """Draw the alert that was selected."""
    with boundary.boundary(), st.container(border=True):
        alert = _alert(opened, str(st.session_state[LiveKey.SELECTED]))
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            if alert is not None:
                st.markdown(f"**{words.title(alert.severity, alert.time_ms, alert.sensor)}**")
            st.button(
                words.CLOSE, key=LiveKey.CLOSE, icon=":material/close:", type="tertiary",
                on_click=close,
            )  # fmt: skip
        if alert is None:
            st.info(words.GONE, icon=":material/history:")
            return
        st.markdown(f"`{wording.plain(words.ends(vars(alert)))}`")
        deciding.note()
        _decide(alert)
        told = dict(part(alert.body, "edgeguard"))
        threshold = number(part(told, "threshold").get("value"))
        flow_page.show_told(
            facts(alert),
            told_of(alert),
            None if math.isnan(threshold) else threshold,
        )


def close() -> None:
    """Select no alert."""
    st.session_state.pop(LiveKey.SELECTED, None)


def _alert(opened: Opened, alert_id: str) -> StoredAlert | None:
    """The alert; kept for this visit, so that it stays when the store is away."""
    kept = st.session_state.get(LiveKey.SELECTED_ALERT)
    if isinstance(kept, StoredAlert) and kept.id == alert_id:
        return kept
    found = live_tail.tail_of(opened.source.url).store.alert(alert_id)
    st.session_state[LiveKey.SELECTED_ALERT] = found
    return found


def _decide(alert: StoredAlert) -> None:
    deciding.ask_actor()
    try:
        decided = live_review.row_of(alert.id) in live_review.verdicts(alert.sensor)
    except EdgeGuardError as error:
        boundary.say(str(error))
        return
    about = words.ends(vars(alert))

    def judge(verdict: Verdict, actor: str, reason: str) -> int:
        return live_review.judge(alert, verdict, actor=actor, reason=reason, about=about)

    deciding.buttons(
        judge, about=about, says=blast_radius(1, 0, 1), can_decide=True, can_undo=decided
    )


def facts(alert: StoredAlert) -> explaining.FlowFacts:
    """An alert as the page of a flow knows flows."""
    told, network = part(alert.body, "edgeguard"), part(alert.body, "network")
    columns: dict[str, Any] = {
        "src_ip": alert.src_ip,
        "src_port": alert.src_port,
        "dst_ip": alert.dst_ip,
        "dst_port": alert.dst_port,
        "protocol": alert.protocol,
        "severity": alert.severity,
        "p_value": alert.p_value,
        "p_extrapolated": told.get("p_extrapolated", False),
        "community_id": network.get("community_id"),
        "uid": part(alert.body, "zeek").get("session_id"),
        "flow_id": part(alert.body, "suricata").get("flow_id"),
        "bidirectional_duration_ms": _duration_ms(alert),
    }
    return explaining.FlowFacts(
        row=0,
        score=alert.score,
        kind="unlabelled",
        class_name="",
        lower=math.nan,
        time_ms=alert.time_ms,
        columns=columns,
    )


def told_of(alert: StoredAlert) -> dict[str, Any]:
    """What the alert says of itself, as ``explain --json`` names it."""
    features = part(alert.body, "edgeguard").get("features")
    wanted = ("name", "actual", "reconstructed", "usual_low", "usual_high", "share")
    return {
        "sentence": alert.body.get("message"),
        "features": [
            {name: one.get(name) for name in wanted} | one
            for one in (features if isinstance(features, list) else [])
            if isinstance(one, dict)
        ],
    }


def _duration_ms(alert: StoredAlert) -> float | None:
    event = part(alert.body, "event")
    duration = number(event.get("duration"))
    if not math.isnan(duration):
        return duration / _NS_PER_MS
    try:
        end = datetime.fromisoformat(str(event.get("end")))
    except ValueError:
        return None
    return max(end.timestamp() * 1000.0 - alert.time_ms, 0.0)
