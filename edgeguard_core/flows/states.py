"""How a connection ended, in EdgeGuard's words, from the TCP flags that each end set.

Meters that tell their own words (Zeek, ``CON`` of Argus) translate these by the table in their
YAML; those that tell flags share this one reading of them.
"""

import numpy as np
from numpy.typing import NDArray

FIN, SYN, RST, ACK = 1, 2, 4, 16
_KNOWN_FLAGS = {"F": FIN, "S": SYN, "R": RST, "P": 8, "A": ACK, "U": 32, "E": 64, "C": 128}

STATES = ("done", "noreply", "rejected", "reset", "half", "open", "mid")
"""The words of column ``state``; a flow that failed is noreply, rejected or half."""


def flags_of(letters: str) -> int:
    """The flag byte that letters such as ``FSPA`` or ``.AP.SF`` spell.

    >>> flags_of("FSPA"), flags_of(".AP.SF"), flags_of("......")
    (27, 27, 0)
    """
    flags = 0
    for letter in letters:
        flags |= _KNOWN_FLAGS.get(letter, 0)
    return flags


def tcp_states(src: NDArray[np.integer], dst: NDArray[np.integer]) -> NDArray[np.object_]:
    """The state of each connection, shape ``(n,)``, from the flags that either end ever set.

    Parameters
    ----------
    src, dst
        Flag bytes, shape ``(n,)``; 0 is an end that sent nothing.

    Examples
    --------
    A whole connection, a scan that nobody answers, a closed port, a reset, a stream met midway:

    >>> ends = ["FSPA_FSPA", "S_", "S_RA", "FSPA_SRPA", "PA_PA"]
    >>> pairs = [end.split("_") for end in ends]
    >>> src, dst = (np.array([flags_of(pair[side]) for pair in pairs]) for side in (0, 1))
    >>> tcp_states(src, dst).tolist()
    ['done', 'noreply', 'rejected', 'reset', 'mid']
    """
    src_fin, src_syn, src_rst = ((src & flag) > 0 for flag in (FIN, SYN, RST))
    dst_fin, dst_syn, dst_rst = ((dst & flag) > 0 for flag in (FIN, SYN, RST))
    dst_silent, src_silent = dst == 0, src == 0
    rules = (
        (dst_silent & src_fin, "half"),
        (dst_silent & src_syn & src_rst, "rejected"),
        (dst_silent & src_syn, "noreply"),
        (src_silent & dst_syn & dst_fin, "half"),
        (src_silent & dst_syn & dst_rst, "rejected"),
        (dst_silent | src_silent, "mid"),
        (src_syn & dst_rst & ~dst_syn & ~dst_fin, "rejected"),
        (src_fin & dst_fin, "done"),
        (src_rst | dst_rst, "reset"),
        (src_syn | dst_syn, "open"),
    )
    return _first_that_holds(rules, len(src), otherwise="mid")


def one_way_states(flags: NDArray[np.integer]) -> NDArray[np.object_]:
    """The state as far as one direction shows it, shape ``(n,)``; ``""`` without any flag.

    A client whose SYN is answered goes on to acknowledge, so a SYN alone had no reply; a reset
    from an end that never sent a SYN refuses a connection.

    >>> one_way_states(np.array([flags_of(f) for f in ("S", "RA", "FSPA", "SRPA", "")])).tolist()
    ['noreply', 'rejected', 'done', 'reset', '']
    """
    fin, syn, rst, ack = ((flags & flag) > 0 for flag in (FIN, SYN, RST, ACK))
    rules = (
        (flags == 0, ""),
        (syn & fin, "done"),
        (syn & rst, "reset"),
        (rst, "rejected"),
        (syn & ack, "open"),
        (syn, "noreply"),
    )
    return _first_that_holds(rules, len(flags), otherwise="mid")


def _first_that_holds(
    rules: tuple[tuple[NDArray[np.bool_], str], ...], n: int, otherwise: str
) -> NDArray[np.object_]:
    words = np.full(n, otherwise, object)
    for holds, word in reversed(rules):
        words[holds] = word
    return words
