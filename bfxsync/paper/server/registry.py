"""The accounts of one exchange, with their keys and their engines."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.funding import FundingEngine
from bfxsync.paper.engine.ids import IdSequences
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.engine.position_funding import PositionFunding
from bfxsync.paper.engine.venue import Venue
from bfxsync.paper.server.keys import KeyStore
from bfxsync.paper.settings import PaperAccount

_FIRST_USER = 1_000_001


class AccountRegistry:
    """
    The accounts in the order of the settings, their keys, and the engines that they use.

    Parameters
    ----------
    venues : mapping
        The markets by symbol, those of funding included.

    Attributes
    ----------
    engine : MatchingEngine
        Orders.
    funding : FundingEngine
        Offers and loans.
    """

    def __init__(
        self,
        settings: Sequence[PaperAccount],
        venues: Mapping[str, Venue],
        now_mts: Callable[[], int],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        ids = IdSequences()
        self.accounts: list[Account] = [
            Account(each.balances, user_id, ids, now_mts)
            for user_id, each in enumerate(settings, _FIRST_USER)
        ]
        self.keys: KeyStore = KeyStore(zip(settings, self.accounts), now_mts)
        self.engine: MatchingEngine = MatchingEngine(venues, now_mts, call_later)
        self.funding: FundingEngine = FundingEngine(venues, now_mts, call_later)
        borrowing = PositionFunding(self.funding, venues, now_mts)
        for account in self.accounts:
            borrowing.add(account)

    def market_moved(self, symbol: str) -> None:
        """Let the engines react to an event of a market."""
        self.engine.market_moved(symbol)
        self.funding.market_moved(symbol)
