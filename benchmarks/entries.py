"""
A row of the table, and who takes part in it.

Each entry of a row measures one contestant once and returns its figures by unit.
"""

from __future__ import annotations

from typing import Callable, Dict, List, NamedTuple, Optional

from targets import FLOOR

BARE = ("websockets", "websocket-client")

#: Clients without a target, which take part in fewer rounds: their processes start slowly.
PEERS = (*BARE, "ccxt", "cryptofeed")
PEER_ROUNDS = 3

Figures = Dict[str, float]


class Size(NamedTuple):
    """How much is measured."""

    frames: int
    paced_s: float
    calls: int
    orders: int
    micro_frames: int
    idle_s: float


class Entry(NamedTuple):
    label: str
    contestant: str
    measure: Callable[[str], Figures]
    #: Compares every update, before the rounds.
    check: Optional[Callable[[str], object]] = None

    @property
    def is_peer(self) -> bool:
        """Whether it is left out of a row in which it fails."""
        return self.contestant in PEERS

    @property
    def most_rounds(self) -> int:
        return PEER_ROUNDS if self.is_peer else 1_000


class Row(NamedTuple):
    """
    One row.

    Attributes
    ----------
    most_rounds : int
        Where more rounds would show the same.
    is_together : bool
        All entries at the same time.
    reference : str
        The entry that ratios refer to.
    """

    name: str
    title: str
    entries: List[Entry]
    most_rounds: int = 1_000
    is_together: bool = False
    reference: str = FLOOR
