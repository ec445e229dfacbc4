"""
Fixtures for pytest: a local exchange for each test, with a client, faults and a stepped market.

The plugin ``pytest_bfxsync`` is found by pytest itself and provides the fixtures; this package has
their types, for the annotations of tests, and works without pytest, too. See ``docs/testing.rst``.

>>> from bfxsync.testing import FaultInjector, FrozenMarket, Replayer
"""

from __future__ import annotations

from bfxsync.testing.faults import FaultInjector
from bfxsync.testing.frozen_market import FrozenMarket
from bfxsync.testing.replayer import Replayer
from bfxsync.testing.settle import settle

__all__ = ["FaultInjector", "FrozenMarket", "Replayer", "settle"]
