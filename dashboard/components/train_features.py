"""Which features a model reads: all, until some are taken out of their group."""

import streamlit as st

from dashboard import training
from dashboard.keys import TrainKey
from dashboard.wording import train as words
from edgeguard_core.flows.schema import Schema


def choose(schema: Schema) -> tuple[tuple[str, ...], bool]:
    """Draw the groups; the features that are left out, and whether context is learned."""
    context = True
    if schema.context:
        context = st.toggle(
            words.CONTEXT, value=True, key=TrainKey.CONTEXT, help=words.CONTEXT_HELP
        )
    groups = training.feature_groups(schema)
    if schema.context and context:
        groups |= {"history of hosts": schema.context}
    # The heading counts what is chosen below it, so it is read before that is drawn.
    chosen = {group: _chosen(schema, group, names) for group, names in groups.items()}
    of = sum(len(names) for names in groups.values())
    heading = words.features(sum(len(names) for names in chosen.values()), of)
    with st.expander(heading, icon=":material/checklist:"):
        for group, names in groups.items():
            chosen[group] = st.multiselect(
                words.group(group), names, default=names, key=_key(schema, group)
            )
    left_out = (
        name for group, names in groups.items() for name in names if name not in chosen[group]
    )
    return tuple(left_out), context


def _chosen(schema: Schema, group: str, names: tuple[str, ...]) -> list[str]:
    return list(st.session_state.get(_key(schema, group), names))


def _key(schema: Schema, group: str) -> str:
    return f"{TrainKey.FEATURES}_{schema.name}_{group}"
