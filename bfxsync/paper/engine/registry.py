"""Everything about accounts that one exchange has."""

from __future__ import annotations

from typing import Callable, Mapping, Sequence

from bfxsync.paper.engine.account import Account, Ids
from bfxsync.paper.engine.account_settings import PaperAccount
from bfxsync.paper.engine.keys import Keys
from bfxsync.paper.engine.matching import Desk, Venue
from bfxsync.paper.server.market_data import Hub

_FIRST_USER = 1_000_001


class Office:
    """
    The accounts, their keys, and the desk that takes their orders.

    Parameters
    ----------
    settings : sequence of PaperAccount
    hub : Hub
    venues, later
        As of `Desk`.

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
        hub: Hub,
        venues: Mapping[str, Venue],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        ids = Ids()
        self.accounts = [
            Account(each, user_id, ids, hub.now_mts)
            for user_id, each in enumerate(settings, _FIRST_USER)
        ]
        self.keys = Keys(self.accounts, hub.now_mts)
        self.desk = Desk(hub, venues, later)
