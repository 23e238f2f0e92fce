"""What may go wrong, and reach a person as one sentence.

::

    EdgeGuardError
    ├── SourceError              a file, capture or stream cannot be read
    ├── SchemaError              columns or labels are not what they must be
    ├── NotEnoughDataError       too few rows for what was asked
    ├── TrainingError            training could not finish
    │   └── TrainingCancelled    … because somebody stopped it
    ├── ConversionError          no TFLite file could be made
    ├── ParityError              a variant does not answer like the reference
    ├── BundleError              a bundle is damaged, or is none
    │   ├── BundleVersionError   … or was written by a newer EdgeGuard
    │   └── BundleSignatureError … or is not signed as demanded
    ├── RegistryError            a registry lacks what was asked for, or is damaged
    ├── OutputError              a result cannot be written where it was asked for
    └── GateRefused              a quality gate said no

Each message names the wrong value and the remedy. Anything outside this tree is a bug.
"""


class EdgeGuardError(Exception):
    """One sentence for a person: what is wrong, where, and what to do about it."""


class SourceError(EdgeGuardError):
    """A file, capture or stream that cannot be read."""


class SchemaError(EdgeGuardError):
    """Columns or labels that are not what they must be."""


class NotEnoughDataError(EdgeGuardError):
    """Too few rows for what was asked."""


class TrainingError(EdgeGuardError):
    """Training that could not finish."""


class TrainingCancelled(TrainingError):
    """Training that somebody stopped; nothing is left behind."""


class ConversionError(EdgeGuardError):
    """A graph for which no TFLite file could be made."""


class ParityError(EdgeGuardError):
    """A model variant whose verdicts differ from the reference by too much."""


class BundleError(EdgeGuardError):
    """A bundle that is damaged, incomplete, or none at all."""


class BundleVersionError(BundleError):
    """A bundle in a format that this version cannot read."""


class BundleSignatureError(BundleError):
    """A bundle that is not signed as demanded."""


class RegistryError(EdgeGuardError):
    """A registry that lacks the version asked for, forbids the step, or is damaged."""


class OutputError(EdgeGuardError):
    """A result that cannot be written where it was asked for."""


class GateRefused(EdgeGuardError):
    """A quality gate that said no; the message gives the figure and the limit."""
