"""The bundles that can be scored with, in a table."""

import pandas as pd
import streamlit as st

from dashboard import workspace


def show() -> None:
    """Draw the table, or the sentence that there are none."""
    at_hand = workspace.bundles()
    if not at_hand:
        st.caption("None yet. Learning a file makes the first one.")
        return
    st.dataframe(
        pd.DataFrame(
            {
                "Name": [bundle.name for bundle in at_hand],
                "Reads": [bundle.schema for bundle in at_hand],
                "From": [bundle.origin for bundle in at_hand],
                "Made": [bundle.created[:16].replace("T", " ") for bundle in at_hand],
            }
        ),
        hide_index=True,
        alt="Bundles that can be scored with",
    )
