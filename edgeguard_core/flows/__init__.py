"""What a flow is: schemas, validation, labels and the validated table."""

from edgeguard_core.flows.schema import Column, LabelSpec, Role, Schema, shipped_schemas
from edgeguard_core.flows.table import ATTACK, BENIGN, LABEL_WORDS, UNLABELLED, Flows, Labels

__all__ = [
    "ATTACK",
    "BENIGN",
    "LABEL_WORDS",
    "UNLABELLED",
    "Column",
    "Flows",
    "LabelSpec",
    "Labels",
    "Role",
    "Schema",
    "shipped_schemas",
]
