"""
What the fixtures of bfxsync's pytest plugin return: a local exchange for each test, and more.

pytest loads the plugin, `pytest_bfxsync`, automatically; see ``docs/howto/testing.rst``. These
names are for annotations, and for tests without pytest.

>>> from bfxsync import Client
>>> from bfxsync.testing import AccountView, FaultInjector
>>> def test_fill(bfx_client: Client, bfx_account: AccountView, bfx_fault: FaultInjector): ...
"""

from __future__ import annotations

from bfxsync.paper import AccountView, InjectedFault, PaperAccount, PaperExchange
from bfxsync.testing.faults import FaultInjector
from bfxsync.testing.frozen_market import FrozenMarket
from bfxsync.testing.replayer import Replayer
from bfxsync.testing.settle import settle

__all__ = [
    "AccountView",
    "FaultInjector",
    "FrozenMarket",
    "InjectedFault",
    "PaperAccount",
    "PaperExchange",
    "Replayer",
    "settle",
]
