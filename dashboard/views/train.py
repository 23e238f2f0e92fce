"""Train page: not built yet; says what will stand here."""

from dashboard.components import to_come

to_come.show("train", "Train")
