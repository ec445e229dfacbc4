"""The REST calls by which the WebSocket reconciles orders."""

from __future__ import annotations

import time

import pytest

from bfxsync.errors import ClosedError, RateLimited
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.paper import PaperExchange
from bfxsync.rest.account_access import AccountAccess
from bfxsync.rest.http.rate_limiter import RequestRateLimiter


def test_access_shares_dates_and_clock_but_no_connection() -> None:
    dates, clock = CidDates(), ExchangeClock()
    with PaperExchange(rate=1e-3) as exchange, exchange.client() as bfx:
        terms = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "1000")
        order = bfx.rest.auth.submit_order(*terms, cid=5).raise_for_status().data
        access = AccountAccess.of(bfx._rest._options, dates, clock)
        reader, unread = access.open_reader()
        assert [each.id for each in reader.get_orders()] == [order.id]
        assert unread.rows == []
        assert dates.date_for(5) and len(clock.readings()) == 1
        access.close()
        with pytest.raises(ClosedError):
            reader.get_orders()
        assert len(bfx.rest.auth.get_orders()) == 1


def test_access_does_not_wait_for_rate_limits() -> None:
    with PaperExchange(rate=1e-3) as exchange, exchange.client() as bfx:
        limits = RequestRateLimiter(exempt_loopback=True)
        options = {**bfx._rest._options, "limits": limits, "on_limit": "wait"}
        access = AccountAccess.of(options, CidDates())
        port = int(exchange.rest_url.split(":")[2].split("/")[0])
        limits.refuse("127.0.0.1", "auth/r/orders", 30.0, port=port)
        began = time.monotonic()
        with pytest.raises(RateLimited):
            access.open_reader()[0].get_orders()
        assert time.monotonic() - began < 15.0
        access.close()
