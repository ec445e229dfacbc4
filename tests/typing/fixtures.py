"""
The types of the pytest fixtures, for type checkers alone: nothing here is ever run.

An expected error is marked for both checkers, which report a mark that is not needed.
"""

from __future__ import annotations

from typing import Any, Dict, List

from typing_extensions import assert_type

from bfxsync import Client
from bfxsync.testing import (
    AccountView,
    FaultInjector,
    FrozenMarket,
    InjectedFault,
    PaperExchange,
    Replayer,
    settle,
)


def test_order(
    bfx_client: Client,
    bfx_account: AccountView,
    bfx_fault: FaultInjector,
    bfx_frozen_market: FrozenMarket,
    bfx_replay: Replayer,
) -> None:
    fault = bfx_fault("lost_answer", path="auth/w/order/submit", optional=True)
    assert_type(fault, InjectedFault)
    assert_type(fault.count, int)
    assert_type(bfx_account.trades, List[Dict[str, Any]])
    assert_type(bfx_frozen_market.exchange, PaperExchange)
    assert_type(bfx_frozen_market.exchange.environment, Dict[str, str])
    assert_type(bfx_replay("recording.jsonl.gz", speed=10), Client)
    bfx_frozen_market.step("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    settle(bfx_client, timeout=1)
    settle(bfx_account)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
