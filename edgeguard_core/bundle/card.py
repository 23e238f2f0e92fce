"""``card.md``: what a person should know before trusting a bundle, made from its manifest."""

from collections.abc import Mapping
from typing import Any

from edgeguard_core.bundle.manifest import Manifest

_LIMITS = """\
- It knows the network it was trained on. On another network, after a large change of this one,
  or with another flow meter, calibrate on local benign flows or train again.
- The promise holds for flows like the held-out ones. It breaks under shift; evaluate and the live
  audit compare it with what is realised.
- Nothing is promised about recall. Attacks that look like normal traffic flow by flow are not
  found flow by flow.
- Benign rows that hold unnoticed attacks teach the model that these attacks are normal.
"""


def model_card(manifest: Manifest, threshold: Mapping[str, Any]) -> str:
    """The card as Markdown; ``threshold`` is the content of ``threshold.json``."""
    sections = {
        "What it is": _what_it_is(manifest),
        "Trained on": _bullets(_trained_on(manifest)),
        "Promise": _promise(manifest, threshold),
        "Figures": _bullets(_flat(manifest.metrics)) or "None were measured.\n",
        "Training": _bullets(_flat(manifest.training)),
        "Model file": _bullets(_flat(manifest.runtime)),
        "Intended use": (
            "Finding unusual flows for a person to look at, on the network whose normal it "
            "learned. Not for blocking traffic without a person.\n"
        ),
        "Limits": _LIMITS,
    }
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    return f"# Model card\n\n{body}"


def _what_it_is(manifest: Manifest) -> str:
    unwanted = manifest.training.get("left_out") or []
    lacking = [n for n in manifest.preprocessor.get("absent") or [] if n not in unwanted]
    left_out = f" Left out, as the training file lacks them: {_text(lacking)}." if lacking else ""
    left_out += f" Left out, as asked: {_text(unwanted)}." if unwanted else ""
    return (
        f"An autoencoder that gives each flow of schema {manifest.schema.name} (version "
        f"{manifest.schema.version}) a score of how badly it fits what was normal in training; "
        f"higher is odder.{left_out} Made {manifest.created} by EdgeGuard "
        f"{manifest.code_version}.\n"
    )


def _trained_on(manifest: Manifest) -> dict[str, str]:
    facts = _flat(manifest.data)
    facts["meter"] = manifest.meter.format
    facts["bytes counted at layer"] = manifest.meter.bytes_layer or "unknown"
    if manifest.meter.timeouts:
        facts["flow timeouts (s)"] = _text(manifest.meter.timeouts)
    return facts


def _promise(manifest: Manifest, threshold: Mapping[str, Any]) -> str:
    rate = manifest.promised_false_positive_rate
    chosen = f"The threshold is {_text(threshold.get('value'))} ({threshold.get('method')})"
    if rate is None:
        return f"{chosen}. This way of choosing promises no false-alarm rate.\n"
    return (
        f"{chosen}. Of benign flows like those it was calibrated on ("
        f"{threshold.get('calibrated_on')}), at most {100 * rate:.3g} % are expected to "
        f"alert: {rate * 1e4:.3g} in 10,000.\n"
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested figures as one level: ``{"tpr_at_fpr": {"0.01": 0.2}}`` → "tpr at fpr 0.01"."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{name} ")
        else:
            flat[name] = _text(value)
    return flat


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    # One line, and nothing that Markdown or a browser would take for markup.
    return " ".join(str(value).split()).replace("<", "&lt;").replace("|", "\\|")


def _bullets(facts: Mapping[str, str]) -> str:
    return "".join(f"- {name}: {text}\n" for name, text in facts.items())
