"""The four steps of the Data page, and where the visitor is."""

import streamlit as st

STEPS = ("Choose", "Understood", "Learn or score", "Results")


def show(reached: int) -> None:
    """Draw the steps; ``reached`` counts from 1."""
    said = []
    for number, name in enumerate(STEPS, start=1):
        if number < reached:
            said.append(f":green-badge[:material/check: {name}]")
        elif number == reached:
            said.append(f":blue-badge[**{number}** {name}]")
        else:
            said.append(f":gray-badge[{number} {name}]")
    st.markdown("  ".join(said))
