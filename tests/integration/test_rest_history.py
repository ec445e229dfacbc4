"""Histories of the local exchange, over HTTP and with its limits in force."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from itertools import groupby, islice
from typing import Any, Callable, Iterator, List

import pytest

from bfxsync.errors import RateLimited, UsageError
from bfxsync.models.market import Trade
from bfxsync.paper import PaperExchange
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.public import PublicEndpoints
from bfxsync.symbols import Symbols

DAY = 86_400_000
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
START_MTS = int(START.timestamp()) * 1000

SORTS = pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])


Connect = Callable[..., PublicEndpoints]


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rest_limits=True) as exchange:
        yield exchange


@pytest.fixture
def connect(exchange: PaperExchange) -> Iterator[Connect]:
    """Make clients that count for themselves, and close them after the test."""
    clients: List[RestClient] = []

    def make(exchange: PaperExchange, **options: Any) -> PublicEndpoints:
        options.setdefault("limits", RequestRateLimiter())
        clients.append(RestClient(exchange.rest_url, numbers=Decimal, **options))
        return clients[-1].public

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def public(exchange: PaperExchange, connect: Connect) -> PublicEndpoints:
    return connect(exchange)


@pytest.mark.once
def test_a_hundred_thousand_candles_are_ten_requests_and_complete(
    exchange: PaperExchange, public: PublicEndpoints
) -> None:
    candles = list(
        islice(public.iter_candles("tBTCUSD", tf="1m", start=START), 100_000)
    )
    assert exchange.rest_requests == 10
    assert len(candles) == 100_000
    times = [candle.mts for candle in candles]
    assert times[0] == START_MTS
    assert all(one < other for one, other in zip(times, times[1:]))
    # Each day's own candle says what its minutes must add up to.
    end = times[-1] // DAY * DAY
    days = {day.mts: day for day in public.iter_candles("tBTCUSD", "1D", end=end - 1)}
    minutes = {
        day: list(group)
        for day, group in groupby(candles, lambda c: c.mts // DAY * DAY)
    }
    assert len(minutes) > 60
    for begin in range(START_MTS, end, DAY):
        parts, whole = minutes[begin], days[begin]
        assert sum(part.volume for part in parts) == whole.volume
        assert max(part.high for part in parts) == whole.high
        assert min(part.low for part in parts) == whole.low
        assert (parts[0].open, parts[-1].close) == (whole.open, whole.close)


@SORTS
def test_a_filled_day_has_every_minute(public: PublicEndpoints, sort: int) -> None:
    options: Any = dict(start=START, end=START_MTS + DAY - 1, sort=sort)
    traded = list(public.iter_candles("tBTCUSD", **options, limit=100))
    filled = list(public.iter_candles("tBTCUSD", **options, fill=True))
    every_minute = range(START_MTS, START_MTS + DAY, 60_000)
    assert [candle.mts for candle in filled] == list(every_minute)[::sort]
    assert len(traded) < len(filled)
    assert [candle for candle in filled if candle.volume] == traded


@SORTS
def test_trades_of_the_same_time_come_once(public: PublicEndpoints, sort: int) -> None:
    options: Any = dict(start=START, end=START_MTS + 600_000, sort=sort)
    whole = list(public.iter_t_trades("tBTCUSD", **options))
    times = [trade.mts for trade in whole]
    assert len(whole) == len({trade.id for trade in whole}) > len(set(times))
    assert times == sorted(times, reverse=sort == -1)
    by_pages = list(public.iter_t_trades("tBTCUSD", **options, limit=10))
    assert by_pages == whole


@pytest.mark.parametrize("ours", [True, False], ids=["our count", "a refusal"])
def test_an_iteration_over_the_limit_is_resumed(
    exchange: PaperExchange, connect: Connect, ours: bool
) -> None:
    options: Any = dict(start=START, end=START_MTS + 3_600_000)
    limited = connect(
        exchange, on_limit="raise", limits=RequestRateLimiter(exempt_loopback=not ours)
    )
    got: List[Trade] = []
    with pytest.raises(RateLimited):
        for trade in limited.iter_t_trades("tBTCUSD", **options, limit=10):
            got.append(trade)
    assert exchange.rest_requests == (15 if ours else 16)
    assert exchange.rest_refusals == (0 if ours else 1)
    assert got
    exchange.stop()
    exchange.start()  # which forgets what it counted
    public = connect(exchange)
    got += public.iter_t_trades("tBTCUSD", **options, resume_after=got[-1])
    assert got == list(public.iter_t_trades("tBTCUSD", **options))


DAY_ONE: Any = dict(start=START, end=START_MTS + DAY)

# Name, arguments, range and a small page.
OTHERS: Any = [
    ("iter_trades", ("fUSD",), DAY_ONE, 50),
    ("iter_candles", ("fUSD:a30:p2:p30", "1h"), DAY_ONE, 5),
    ("iter_tickers_history", ("ALL",), {}, 200),
    ("iter_stats", ("pos.size:1m:tBTCUSD:long",), DAY_ONE, 100),
    ("iter_liquidations", (), {}, 3),
    ("iter_derivatives_status", ("tBTCF0:USTF0",), DAY_ONE, 100),
    ("iter_open_interest", ("tBTCF0:USTF0",), DAY_ONE, 100),
]


@pytest.mark.parametrize(
    "name, arguments, span, limit", OTHERS, ids=[other[0] for other in OTHERS]
)
def test_small_pages_give_what_one_page_gives(
    connect: Connect, name: str, arguments: Any, span: Any, limit: int
) -> None:
    # The last liquidation has no price before its position is matched.
    with PaperExchange(rate=0.001) as exchange:
        public = connect(exchange, limits=RequestRateLimiter(exempt_loopback=True))
        iterate = getattr(public, name)
        whole = list(islice(iterate(*arguments, **span, sort=-1), 1000))
        assert whole
        paged = iterate(*arguments, **span, sort=-1, limit=limit)
        assert list(islice(paged, 1000)) == whole
        bounds: Any = dict(start=int(whole[-1].mts), end=int(whole[0].mts) + 1)
        ascending = list(iterate(*arguments, **bounds, limit=limit))
        assert {str(row) for row in whole} <= {str(row) for row in ascending}
        assert [row.mts for row in ascending] == sorted(row.mts for row in ascending)


def test_funding_statistics_come_newest_first(connect: Connect) -> None:
    with PaperExchange() as exchange:
        public = connect(exchange, limits=RequestRateLimiter(exempt_loopback=True))
        paged = list(islice(public.iter_funding_stats("fUSD", limit=20), 100))
        assert paged == list(islice(public.iter_funding_stats("fUSD"), 100))
        assert paged == sorted(paged, key=lambda row: -row.mts)
        assert len({row.mts for row in paged}) == 100


def test_symbols_are_those_of_the_exchange(public: PublicEndpoints) -> None:
    symbols = Symbols(public)
    assert symbols.check("tBTCUSD") == "tBTCUSD"
    assert symbols.check("fUSD") == "fUSD"
    assert "tBTCF0:USTF0" in symbols.futures_pairs
    assert symbols.alias("UST") == "USDt"
    smallest = symbols.min_order_size("tBTCUSD")
    largest = symbols.max_order_size("tBTCUSD")
    assert smallest is not None and largest is not None
    assert 0 < smallest < largest
    with pytest.raises(UsageError, match="did you mean 'tBTCUSD'"):
        symbols.check("tBTCUSDD")
