"""The accounts of one exchange, with their keys and their matching engine."""

from __future__ import annotations

from typing import Callable, Sequence

from bfxsync.paper.engine.account import Account, IdSequences
from bfxsync.paper.engine.matching import MatchingEngine
from bfxsync.paper.server.keys import KeyStore
from bfxsync.paper.settings import PaperAccount

_FIRST_USER = 1_000_001


class AccountRegistry:
    """The accounts in the order of the settings, their keys, and the matching engine."""

    def __init__(
        self,
        settings: Sequence[PaperAccount],
        now_mts: Callable[[], int],
        engine: MatchingEngine,
    ) -> None:
        ids = IdSequences()
        self.accounts: list[Account] = [
            Account(each.balances, user_id, ids, now_mts)
            for user_id, each in enumerate(settings, _FIRST_USER)
        ]
        self.keys: KeyStore = KeyStore(zip(settings, self.accounts), now_mts)
        self.engine = engine
