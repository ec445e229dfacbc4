"""
A local Bitfinex exchange, for demonstrations and for tests without network.

>>> from bfxsync.paper import PaperExchange
"""

from __future__ import annotations

from bfxsync.paper.account_view import AccountView
from bfxsync.paper.exchange import PaperExchange
from bfxsync.paper.faults import InjectedFault
from bfxsync.paper.journal import Journal, JournalEntry
from bfxsync.paper.settings import PaperAccount

__all__ = [
    "AccountView",
    "InjectedFault",
    "Journal",
    "JournalEntry",
    "PaperAccount",
    "PaperExchange",
]
