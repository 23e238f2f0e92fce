"""Synthesised traffic: an office or a smart home, and attacks laid into it or into one's own."""

from edgeguard_core.sources.synthesis.attacks import ATTACKS, STRENGTHS
from edgeguard_core.sources.synthesis.capture import Written, write_pcap
from edgeguard_core.sources.synthesis.inject import Injected, inject
from edgeguard_core.sources.synthesis.profiles import PROFILES
from edgeguard_core.sources.synthesis.request import SynthesisRequest, synthesise
from edgeguard_core.sources.synthesis.table_file import write_flows_csv

__all__ = [
    "ATTACKS",
    "PROFILES",
    "STRENGTHS",
    "Injected",
    "SynthesisRequest",
    "Written",
    "inject",
    "synthesise",
    "write_flows_csv",
    "write_pcap",
]
