"""What the Live page says."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dashboard.live_drift import LiveVerdict
from dashboard.live_view import Figures, Promise, Standing
from dashboard.wording.formats import (
    UNDEFINED,
    count,
    is_undefined,
    number,
    percent,
    plain,
    plural,
    size,
)

WHAT = "What a watch finds while it runs: its store is read here, nothing is written to it."
NO_SOURCE = (
    "Nothing is being watched. Start the demo: a synthesised office is replayed through the real "
    "loop, and you lay attacks into it. Or open the store that an `edgeguard watch` writes."
)
START_DEMO = "Start the demo"
STOP_DEMO = "Stop the demo"
DEMO_TITLE = "Demo replay"
DEMO_HELP = (
    "An office's working days, replayed faster than they pass, judged by the demo bundle. It runs "
    "on this machine, needs no network, and ends by itself once nobody has looked for half an hour."
)
DEMO_STARTING = "The demo is starting; its first flows come in a few seconds."
DEMO_STOPPING = "The demo is stopping …"
DEMO_ENDED = "The demo has ended. What it found last stands below."
DEMO_FAILED = "The demo ended by itself, which it should not; what it wrote last is in"
OWN = "Your own"
URL = "Store of a watch"
URL_HINT = "/var/lib/edgeguard/alerts.sqlite or postgresql://user@host/database"
URL_HELP = (
    "A SQLite file on this server, or a PostgreSQL database that many sensors write to. A password "
    "is kept in the server's memory only; the address of this page never holds it."
)
OPEN = "Open"
TO_THRESHOLD = "Threshold"
LEAVE = "Another source"
CONFIRM = "Open this store"
SENSORS = "Sensors"
ALL_SENSORS = "All sensors"
SEVERITY = "Severity"
HOST = "Host"
ALL_HOSTS = "All hosts"
PAUSE, RESUME = "Pause", "Resume"
PAUSE_HELP = "Space. While paused nothing is asked of the server and nothing is sent here."
COUNT_NEW = "Count what is new"
WAITING = "No sensor has told anything yet. A watch tells the first heartbeat within a minute."
EMPTY = (
    "The store is there and empty: no watch has written to it yet. Put it among the `sinks` of a "
    "box's edgeguard.yaml, as `store:`, and start the watch."
)
NO_ALERTS = "No alerts yet. What alerts stands here within a second or two."
NO_MATCH = "No alert matches; the filters above decide."
NO_INCIDENTS = "No incidents in the last hour."
NO_LANES = "No host had an alert in the last half hour."
NO_EVENTS = "Nothing out of the ordinary was told by any sensor."
NO_STRIP = "No flows in the last three minutes."
STRIP = "Highest score each second"
STRIP_HELP = "◆ marks seconds with alerts; the line is the threshold in force."
MINUTES = "Alerts each minute"
MINUTES_HELP = (
    "The line is what the threshold promises at most: its false-alarm rate times the flows of the "
    "last minute. What rises above it is an attack, or a promise that does not hold."
)
BUDGET_HELP = "Incidents of the last hour beside what the budget allows in one."
PROMISE_HELP = (
    "The false-alarm rate that the threshold promises, and how the audit of the running watch "
    "finds it."
)
LANES = "Hosts over time"
LANES_HELP = "Select a mark to see its alerts below. Of a flood the first twenty alerts are marks."
INCIDENTS = "Incidents"
INCIDENTS_HELP = "What a person is called for, the latest first. Select one to see its alerts."
ALERTS = "Alerts"
ALERTS_HELP = (
    "The newest 60 first, paused 200. Select one to see why; it stays while the feed goes on."
)
BOXES = "Boxes"
EVENTS = "What the sensors told"
CLEAR = "Show all alerts"
CLOSE = "Close"
GONE = "This alert is no longer in the store: it was older than what the store keeps."
STRENGTH = "Lay an attack in"
STRENGTH_HELP = "Low is slow, small and near the normal; high is what a tool does at full speed."
SPEED = "The office passes"
SPEED_HELP = "60, 150 or 300 seconds of the office in one: so many more flows, all else the same."
ONE_OF = "Only the first six sensors are drawn; choose which above."

SEVERITIES = {0: "All", 50: "◇ medium and up", 75: "△ high and up", 100: "⬟ critical"}
ATTACKS = {
    "syn_flood": ("SYN flood", ":material/waves:"),
    "horizontal_scan": ("Host scan", ":material/lan:"),
    "vertical_scan": ("Port scan", ":material/door_open:"),
    "brute_force": ("Password guessing", ":material/password:"),
    "beaconing": ("Beaconing", ":material/cell_tower:"),
    "exfiltration": ("Exfiltration", ":material/outbox:"),
    "amplification": ("Amplification", ":material/campaign:"),
}
_STANDINGS = {
    Standing.RUNNING: ":green-badge[:material/play_circle: running]",
    Standing.STALLED: ":orange-badge[:material/warning: stalled]",
    Standing.SILENT: ":gray-badge[:material/do_not_disturb_on: silent]",
}
PAUSED_BADGE = ":blue-badge[:material/pause_circle: paused]"
ENDED_BADGE = ":gray-badge[:material/stop_circle: ended]"
AWAY_BADGE = ":red-badge[:material/cloud_off: store away]"
_EVENT_ICONS = {"audit": "⚖ audit", "drift": "≈ drift", "sensor": "◉ sensor"}
_TRANSPORTS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}


def clock(time_ms: float, *, tenths: bool = False) -> str:
    """A time of day, UTC.

    >>> clock(3_723_250.0), clock(3_723_250.0, tenths=True)
    ('01:02:03', '01:02:03.2')
    """
    text = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S.%f")
    return text[:10] if tenths else text[:8]


def when(time_ms: float, now_ms: float) -> str:
    """A time of today, or with its day.

    >>> when(0.0, 60_000.0), when(0.0, 1e9)
    ('00:00:00', '01-01 00:00')
    """
    same_day = time_ms // 86_400_000 == now_ms // 86_400_000
    stamp = datetime.fromtimestamp(time_ms / 1000, UTC)
    return clock(time_ms) if same_day else stamp.strftime("%m-%d %H:%M")


def ago(seconds: float) -> str:
    """How long ago, in the unit that fits.

    >>> ago(4.2), ago(200), ago(7300), ago(200_000), ago(float("nan"))
    ('4 s', '3 min', '2 h', '2 days', '–')
    """
    if is_undefined(seconds):
        return UNDEFINED
    for limit, width, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3_600, "h")):
        if seconds < limit:
            return f"{seconds / width:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def badge(standing: Standing, silent_s: float) -> str:
    """The state as a badge; of one that does not run, for how long."""
    text = _STANDINGS[standing]
    return text if standing is Standing.RUNNING else text.replace("]", f" {ago(silent_s)}]")


def standing(word: Standing, silent_s: float) -> str:
    """The state as a cell of a table.

    >>> standing(Standing.RUNNING, 1.0), standing(Standing.STALLED, 15.0)
    ('● running', '▲ stalled 15 s')
    """
    if word is Standing.RUNNING:
        return "● running"
    return f"{'▲' if word is Standing.STALLED else '○'} {word.value} {ago(silent_s)}"


def lag(seconds: float) -> str:
    """How far verdicts are behind.

    >>> lag(0.04), lag(12.3), lag(float("nan"))
    ('40 ms', '12.3 s', '–')
    """
    if is_undefined(seconds):
        return UNDEFINED
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def alerts_title(figures: Figures) -> str:
    """The title of the alerts of the last minute, with what the threshold promises."""
    if is_undefined(figures.promised_per_minute):
        return "Alerts in the last minute"
    return f"Alerts in the last minute (promised ≤ {number(figures.promised_per_minute)})"


def incidents_title(figures: Figures) -> str:
    """The title of the incidents of the last hour, with the budget."""
    if is_undefined(figures.budget_per_hour):
        return "Incidents in the last hour (no budget)"
    return f"Incidents in the last hour (budget {number(figures.budget_per_hour)})"


def threshold_chip(figures: Figures) -> str:
    """The threshold in force and where it comes from."""
    if not figures.thresholds:
        return f"θ {UNDEFINED}"
    if len(figures.thresholds) > 1:
        return f"{len(figures.thresholds)} thresholds, see Boxes"
    value, method, origin = figures.thresholds[0]
    said = ", ".join(word.replace("_", " ") for word in (method, origin) if word)
    return f"θ **{number(value)}**" + (f" ({plain(said)})" if said else "")


def stalled(seconds: float) -> str:
    """The amber banner."""
    return (
        f"No heartbeat for {ago(seconds)}: the watch has stopped, hangs, or cannot reach the "
        "store. What it found until then stands below."
    )


def away(error: str, read_ms: float | None, now_ms: float) -> str:
    """The banner of a store that cannot be read."""
    still = "" if read_ms is None else f" Below stands what was there at {when(read_ms, now_ms)}."
    return f"{plain(error)}{still} It is tried again each second."


def dropped(figures: Figures) -> str:
    """What overload cost."""
    return (
        f"{plural(figures.dropped, 'flow')} came faster than they could be judged and were "
        "dropped, the oldest first."
    )


def paused(at_ms: float) -> str:
    """That nothing moves."""
    return f"Paused at {clock(at_ms)} UTC. Nothing is fetched until you resume."


def news(n: int, most: int) -> str:
    """How many alerts came while it was paused.

    >>> news(1, 500), news(500, 500), news(0, 500)
    ('1 new since the pause', '500 or more new since the pause', 'Nothing new since the pause')
    """
    if not n:
        return "Nothing new since the pause"
    return f"{count(n)}{' or more' if n >= most else ''} new since the pause"


def link_names(name: str) -> str:
    """A store in the address that nobody opened here yet."""
    return (
        f"The address names the store `{plain(name)}`, which was not opened on this server yet. "
        "Open it only if you know it."
    )


def sent(attack: str, strength: str, sent_ms: float) -> str:
    """An attack that was asked for."""
    name = ATTACKS.get(attack, (attack.replace("_", " "), ""))[0]
    return f"**{name}**, {strength}: sent {clock(sent_ms)}"


def caught(delay_s: float, n_flows: int) -> str:
    """How quickly it was found.

    >>> caught(2.13, 300)
    'first alert after **2.1 s** (300 flows in all)'
    """
    return f"first alert after **{max(delay_s, 0.0):.1f} s** ({plural(n_flows, 'flow')} in all)"


def joined(delay_s: float, host: str, n_flows: int) -> str:
    """That it went into an incident which is told as a whole.

    >>> joined(1.9, "10.0.0.7", 400)
    'joined the open incident of 10.0.0.7 within **1.9 s** (400 flows in all)'
    """
    return (
        f"joined the open incident of {plain(host)} within **{max(delay_s, 0.0):.1f} s** "
        f"({plural(n_flows, 'flow')} in all)"
    )


def not_caught(waited_s: float, n_flows: int | None) -> str:
    """That it was not found yet."""
    if n_flows is None:
        return "waiting for the replay …"
    return f"no alert yet, {waited_s:.0f} s ({plural(n_flows, 'flow')} in all)"


def ends(alert: Mapping[str, Any]) -> str:
    """From where to where, and by what.

    >>> ends({"src_ip": "10.0.0.1", "dst_ip": "10.0.0.9", "dst_port": 443, "protocol": 6})
    '10.0.0.1 → 10.0.0.9:443 tcp'
    """
    port = f":{alert['dst_port']}" if alert.get("dst_port") is not None else ""
    protocol = _TRANSPORTS.get(alert.get("protocol") or 0, "")
    target = str(alert.get("dst_ip") or UNDEFINED)
    target = f"[{target}]" if port and ":" in target else target
    return f"{alert.get('src_ip') or UNDEFINED} → {target}{port} {protocol}".strip()


def reasons(features: Sequence[Mapping[str, Any]]) -> str:
    """The features that weigh most.

    >>> reasons([{"name": "rate", "share": 0.41}, {"name": "state", "share": None}])
    'rate 41 %; state –'
    """
    return "; ".join(f"{f.get('name')} {percent(f.get('share'), 0)}" for f in features[:2])


def title(severity: int, time_ms: float, sensor: str) -> str:
    """The heading of the drawer."""
    word = "Why this flow is odd"
    return f"{word} · {clock(time_ms)} UTC · {plain(sensor)}" + ("" if severity else " (quiet)")


def filtered(host: str | None, span: tuple[float, float] | None, incident: bool) -> str:
    """What a click narrowed the table to."""
    said = ["one incident"] if incident else []
    said += [plain(host)] if host and not incident else []
    said += [f"{clock(span[0])} to {clock(span[1])}"] if span else []
    return f"Only {', '.join(said)}." if said else ""


def event_kind(kind: str) -> str:
    """The kind of an event, behind its mark."""
    return _EVENT_ICONS.get(kind, kind)


def calibration(origin: str, n: float) -> str:
    """Where a calibration comes from.

    >>> calibration("bundle", 1813.0), calibration("", float("nan"))
    ('bundle, 1,813 flows', '–')
    """
    if not origin and is_undefined(n):
        return UNDEFINED
    return ", ".join(
        [*([origin] if origin else []), *([] if is_undefined(n) else [f"{count(n)} flows"])]
    )


def promise(how: Promise, promised: float) -> str:
    """Whether the promised rate is kept, as far as the audit says.

    >>> promise(Promise.KEPT, 0.01), promise(Promise.NONE, float("nan"))
    ('✓ 1.0 % kept', 'none')
    """
    if how is Promise.NONE:
        return how.value
    mark = {Promise.KEPT: "✓ ", Promise.BROKEN: "✗ "}.get(how, "")
    return f"{mark}{percent(promised)} {how.value}"


def bundle(name: str, signed: object) -> str:
    """A bundle and whether it is signed.

    >>> bundle("gate", True), bundle("", None)
    ('gate ✓ signed', '–')
    """
    if not name:
        return UNDEFINED
    return f"{name} ✓ signed" if signed is True else f"{name}, unsigned"


def room(n_bytes: float) -> str:
    """Bytes, or a dash.

    >>> room(3e6), room(float("nan"))
    ('3.0 MB', '–')
    """
    return UNDEFINED if is_undefined(n_bytes) else size(int(n_bytes))


def open_word(is_open: object) -> str:
    """Whether an incident may still grow."""
    return "growing" if is_open is True else "closed"


def drift(found: LiveVerdict) -> str:
    """Whether traffic is still what the bundle learned, in a line."""
    icon = ":material/show_chart:" if found.has_drifted else ":material/check:"
    moved = ", ".join(f"`{name}`" for name in found.furthest)
    furthest = f" Furthest moved: {moved}." if moved else ""
    return (
        f"{icon} **Traffic of the last {found.hours:g} hours** ({count(found.flows)} flows): "
        f"{plain(found.sentence)}{furthest}"
    )
