"""How flows must be read for a bundle: as those that it was trained on."""

from dataclasses import replace

from edgeguard_core.detection.detector import Detector
from edgeguard_core.flows.schema import Schema, shipped_schemas
from edgeguard_core.sources.base import ReadOptions
from edgeguard_core.sources.timeouts import Timeouts


def reading_for(detector: Detector, read: ReadOptions | None) -> ReadOptions:
    """Options to read flows as the bundle's training flows were read.

    A bundle trained on one's own schema brings that schema, its own local networks, and the
    timeouts that its packets were metered with.
    """
    options = read or ReadOptions()
    if options.schema is None and _is_ones_own(detector.bundle.schema):
        options = replace(options, schema=detector.bundle.schema)
    known = detector.bundle.manifest.data.get("local_networks")
    if known and options.local_networks == ReadOptions().local_networks:
        options = replace(options, local_networks=tuple(known))
    if options.timeouts == Timeouts():
        options = replace(options, timeouts=Timeouts.of(detector.bundle.manifest.meter.timeouts))
    return options


def _is_ones_own(schema: Schema) -> bool:
    """Whether a schema is not one that ships, or an edited copy of one.

    A shipped one may grow by columns that older bundles do not know, and still serves them.
    """
    if schema.name not in shipped_schemas():
        return True
    shipped = Schema.named(schema.name)
    known = all(column in shipped.columns for column in schema.columns)
    return not known or schema.label != shipped.label
