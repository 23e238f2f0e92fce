import dataclasses

from edgeguard_core.bundle.card import model_card


def test_the_card_tells_what_a_person_must_know(bundle):
    card = model_card(bundle.manifest, bundle.threshold.to_json())
    for heading in ("Trained on", "Promise", "Figures", "Intended use", "Limits"):
        assert f"\n## {heading}\n" in card
    assert "schema tiny (version 1)" in card
    assert "at most 5 % are expected to alert" in card
    assert "- rows: 600\n" in card
    assert "- meter: zeek\n" in card
    assert "Nothing is promised about recall." in card


def test_an_undefined_figure_is_a_dash(bundle):
    assert "- roc auc: –\n" in model_card(bundle.manifest, bundle.threshold.to_json())


def test_a_threshold_without_a_promise_says_so(bundle):
    manifest = dataclasses.replace(bundle.manifest, promised_false_positive_rate=None)
    card = model_card(manifest, {"value": 1.0, "method": "fixed"})
    assert "promises no false-alarm rate" in card


def test_text_from_the_data_cannot_become_markup(bundle):
    data = {"files": ["<script>alert(1)</script>\n# Heading"]}
    card = model_card(dataclasses.replace(bundle.manifest, data=data), {})
    assert "<script>" not in card
    assert "\n# Heading" not in card
