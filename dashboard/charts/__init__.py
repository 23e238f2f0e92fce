"""Charts as pure functions: data in, a chart out. Nothing here knows Streamlit."""

from dashboard.charts.palette import DARK, LIGHT, Palette, palette
from dashboard.charts.scores import feature_shares, score_histogram
from dashboard.charts.training import loss_curve

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "feature_shares",
    "loss_curve",
    "palette",
    "score_histogram",
]
