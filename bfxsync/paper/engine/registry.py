"""Everything about accounts that one exchange has."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bfxsync.paper.engine.account import Account, Ids
from bfxsync.paper.engine.account_settings import PaperAccount
from bfxsync.paper.engine.keys import Keys
from bfxsync.paper.engine.matching import MatchingEngine, Venue
from bfxsync.paper.server.market_data import MarketData

_FIRST_USER = 1_000_001


class AccountRegistry:
    """
    The accounts, their keys, and the desk that takes their orders.

    Parameters
    ----------
    settings : sequence of PaperAccount
    hub : Hub
    venues, later
        As of `MatchingEngine`.

    Attributes
    ----------
    accounts : list of Account
        In the order of the settings.
    keys : Keys
    desk : Desk
    """

    def __init__(
        self,
        settings: Sequence[PaperAccount],
        market_data: MarketData,
        venues: Mapping[str, Venue],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        ids = Ids()
        self.accounts = [
            Account(each, user_id, ids, market_data.now_mts)
            for user_id, each in enumerate(settings, _FIRST_USER)
        ]
        self.keys = Keys(self.accounts, market_data.now_mts)
        self.desk = MatchingEngine(market_data, venues, later)
