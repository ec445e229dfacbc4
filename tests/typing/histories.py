"""
The types of iterators over histories, for type checkers alone: nothing here is ever run.

An expected error is marked for both checkers, which report a mark that is not needed.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Union

from typing_extensions import assert_type

from bfxsync import Candle, Client, FundingTrade, JoinedHistory, Ticker, Trade
from bfxsync.models.model_list import ModelList
from bfxsync.models.public import FundingStatistic
from bfxsync.models.wallets import Ledger, Wallet
from bfxsync.rest.history.history_rows import HistoryRows


def iterators_yield_their_model(bfx: Client, candle: Candle, ledger: Ledger) -> None:
    public, auth = bfx.rest.public, bfx.rest.auth
    assert_type(public.iter_candles("tBTCUSD", fill=True), HistoryRows[Candle])
    assert_type(
        public.iter_candles("tBTCUSD", "1h", resume_after=candle, progress=True),
        HistoryRows[Candle],
    )
    assert_type(public.iter_t_trades("tBTCUSD", sort=-1, limit=10), HistoryRows[Trade])
    assert_type(
        public.iter_trades("fUSD", start=datetime.now(timezone.utc)),
        Union[HistoryRows[Trade], HistoryRows[FundingTrade]],
    )
    assert_type(
        public.iter_funding_stats("fUSD", end=1_700_000_000_000),
        HistoryRows[FundingStatistic],
    )
    assert_type(auth.iter_ledgers("USD", resume_after=ledger), HistoryRows[Ledger])
    assert_type(next(public.iter_t_trades("tBTCUSD")), Trade)


def lists_have_their_model(bfx: Client) -> None:
    wallets = bfx.rest.auth.get_wallets()
    assert_type(wallets, ModelList[Wallet])
    assert_type(wallets[0], Wallet)
    assert_type(wallets[1:], ModelList[Wallet])
    assert_type(bfx.rest.public.get_t_tickers("ALL")["tBTCUSD"], Ticker)
    plain: list[Wallet] = wallets
    plain += wallets.copy()


def joined_histories_have_their_model(bfx: Client) -> None:
    since = timedelta(days=1)
    assert_type(bfx.candles("tBTCUSD", since=since), JoinedHistory[Candle])
    assert_type(bfx.trades("tBTCUSD", since=since), JoinedHistory[Trade])
    assert_type(bfx.trades("fUSD", since=since), JoinedHistory[FundingTrade])
    assert_type(bfx.trades("tBTCUSD", since=0).collect(), ModelList[Trade])
    assert_type(next(iter(bfx.candles("tBTCUSD", since=0))), Candle)
    bfx.candles("tBTCUSD", "1m", since=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    bfx.candles("tBTCUSD", "1m")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def options_have_types(bfx: Client, candle: Candle) -> None:
    public = bfx.rest.public
    public.iter_candles(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    public.iter_candles("tBTCUSD", limit="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    public.iter_t_trades("tBTCUSD", resume_after=candle)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    public.iter_t_trades("tBTCUSD", strat=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    # The exchange sorts these one way only.
    public.iter_funding_stats("fUSD", sort=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    bfx.rest.auth.iter_ledgers("USD", sort=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
