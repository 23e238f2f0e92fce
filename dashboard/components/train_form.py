"""The form of a training: labels, features, size, length, what ships; and Start."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import jobs, state, training, wording, workspace
from dashboard.components import train_features, what_next
from dashboard.keys import TrainKey
from dashboard.wording import train as words
from edgeguard_core.flows.schema import Schema
from edgeguard_core.thresholds import MINIMUM_BENIGN_ROWS

_MOST_STEPS = 500_000
_MOST_EPOCHS = 10_000.0
_LONGEST_SEED = 2**31 - 1


def show(given: workspace.GivenFile, found: Mapping[str, Any], busy: jobs.Job | None) -> None:
    """Draw the form for a file and what an inspection found in it.

    Raises
    ------
    SchemaError
        If the schema it was read by is gone.
    """
    schema = training.schema_of(given, str(found.get("schema")))
    what, how = st.columns(2, gap="large")
    with what:
        labels = _labels(found)
        understood = training.understood(found, labels[0])
        learned = understood.learned(labels[1])
        if learned:
            st.caption(words.learned(learned))
        left_out, context = train_features.choose(schema)
        size = _size(schema, left_out, context)
        promise, seed = _promise_and_seed()
    with how:
        steps, epochs = _length(learned)
        variant = _variant(training.estimated_size(
            schema, size=size, left_out=left_out, context=context
        ))  # fmt: skip
        name = _name(given)
    settings = training.Settings(
        name=name,
        benign_words=labels[0],
        take_unlabelled=labels[1],
        left_out=left_out,
        context=context,
        size=size,
        steps=steps,
        epochs=epochs,
        seed=seed,
        variant=variant,
        promise=promise,
    )
    _start(given, settings, _reason(settings, schema, learned, busy))


def _labels(found: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Further words that mean benign, and whether unlabelled flows count as benign."""
    plain = training.understood(found)
    chosen: tuple[str, ...] = ()
    if plain.classes:
        chosen = tuple(st.multiselect(words.ALSO_BENIGN, plain.classes, key=TrainKey.BENIGN))
    understood = training.understood(found, chosen)
    st.markdown(words.understood(found, understood))
    if not understood.has_labels:
        st.caption(words.NO_LABELS)
        return chosen, False
    if not understood.unlabelled:
        return chosen, False
    return chosen, st.toggle(words.TAKE_UNLABELLED, key=TrainKey.UNLABELLED)


def _size(schema: Schema, left_out: tuple[str, ...], context: bool) -> str:
    size = st.segmented_control(
        "Size of the network",
        list(words.SIZES),
        format_func=words.SIZES.__getitem__,
        default=training.DEFAULT_SIZE,
        required=True,
        key=TrainKey.SIZE,
        help=words.SIZE_HELP,
    )
    estimate = training.estimated_size(schema, size=size, left_out=left_out, context=context)
    st.caption(words.weights(estimate.parameters))
    return str(size)


def _length(learned: int) -> tuple[int | None, float | None]:
    """Steps or epochs, one of them; None where it is the recommended number of steps."""
    how, number = st.columns([1, 1], vertical_alignment="bottom")
    with how:
        unit = st.segmented_control(
            "How long",
            (words.STEPS, words.EPOCHS),
            default=words.STEPS,
            required=True,
            key=TrainKey.LENGTH,
            help=words.LENGTH_HELP,
        )
    if unit == words.EPOCHS:
        epochs = number.number_input(
            words.EPOCHS, 0.1, _MOST_EPOCHS, 20.0, 1.0, key=TrainKey.EPOCHS
        )
        st.caption(words.steps(training.steps(epochs, learned)))
        return None, float(epochs)
    steps = number.number_input(
        words.STEPS, 50, _MOST_STEPS, training.DEFAULT_STEPS, 500, key=TrainKey.STEPS
    )
    st.caption(words.passes(training.passes(steps, learned)))
    return (None if steps == training.DEFAULT_STEPS else int(steps)), None


def _variant(size: Any) -> str:
    return str(
        st.radio(
            words.VARIANT,
            list(words.VARIANTS),
            format_func=lambda name: words.variant(name, size.bytes[name]),
            captions=[consequence for _, consequence in words.VARIANTS.values()],
            key=TrainKey.VARIANT,
        )
    )


def _promise_and_seed() -> tuple[float, int]:
    promised, drawn = st.columns([2, 1], vertical_alignment="bottom")
    with promised:
        percent = st.number_input(
            words.PROMISE, 0.001, 50.0, 100 * training.DEFAULT_PROMISE, 0.1,
            format="%g", key=TrainKey.PROMISE, help=words.PROMISE_HELP,
        )  # fmt: skip
    with drawn:
        seed = st.number_input(
            "Seed", 0, _LONGEST_SEED, 0, 1, key=TrainKey.SEED, help=words.SEED_HELP
        )
    return round(percent / 100, 8), int(seed)


def _name(given: workspace.GivenFile) -> str:
    stem = workspace.bundle_stem(given.name)
    typed = st.text_input("Name of the bundle", stem, key=f"{TrainKey.NAME}_{given.id}")
    name = training.bundle_name(typed)
    if name:
        free = workspace.free_bundle_path(name).name
        if said := words.taken(typed, free):
            st.caption(said)
    return name


def _reason(
    settings: training.Settings, schema: Schema, learned: int, busy: jobs.Job | None
) -> str | None:
    """Why this training cannot start; None when it can."""
    if not training.can_train():
        return wording.NO_TRAINING
    if busy is not None:
        return words.busy(busy.title)
    if learned < MINIMUM_BENIGN_ROWS:
        return words.too_few(learned, MINIMUM_BENIGN_ROWS)
    unused = {*settings.left_out, *(() if settings.context else schema.context)}
    if not set(schema.features) - unused:
        return words.NO_FEATURE
    return None if settings.name else words.NO_NAME


def _start(given: workspace.GivenFile, settings: training.Settings, reason: str | None) -> None:
    if reason is not None:
        st.info(reason, icon=":material/info:")
    if st.button(
        words.START,
        key=TrainKey.START,
        type="primary",
        icon=":material/model_training:",
        disabled=reason is not None,
    ):
        state.show_training(what_next.learn(given, settings))
        st.rerun()
