"""
A Bitfinex on this machine, for demonstrations and for tests without network.

>>> from bfxsync.paper import PaperExchange
"""

from __future__ import annotations

from bfxsync.paper.engine.account_settings import PaperAccount
from bfxsync.paper.exchange import PaperExchange

__all__ = ["PaperAccount", "PaperExchange"]
