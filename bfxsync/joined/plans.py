"""What a history of candles or trades consists of: channel, requests, and seam."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Union

import attrs

from bfxsync._base.aliases import Mts, NumberType
from bfxsync.checks.candles import check_candle_symbol
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.options import check_bool
from bfxsync.checks.symbols import check_symbol
from bfxsync.checks.times import check_seconds_or_zero, check_time
from bfxsync.errors import UsageError
from bfxsync.joined.access import ServerClock
from bfxsync.joined.candle_seam import CandleSeam
from bfxsync.joined.closing import CandleRules
from bfxsync.joined.past import PastRange
from bfxsync.joined.timeframes import check_joined_timeframe
from bfxsync.joined.trade_seam import TradeSeam
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.status import Candle
from bfxsync.rest.public import PublicEndpoints
from bfxsync.rest.public.candles import MOST_CANDLES
from bfxsync.rest.public.trades import MOST_TRADES

if TYPE_CHECKING:
    Since = Union[Mts, datetime, timedelta, str]

# So long after its end a range is in REST for sure, and needs no stream.
_PAST_MS = 10_000.0

_LONGEST = timedelta(days=50 * 365)


@attrs.frozen(kw_only=True)
class Plan:
    """
    What one history consists of.

    Attributes
    ----------
    model : type
        Class of the rows.
    channel, arguments : str and dict
        Of the subscription.
    read : callable
        ``read(public, range)`` iterates over the rows of a range, oldest first.
    before : callable, optional
        Returns the last row before the start, or None, if that is needed.
    is_plain : bool
        Whether the rows of REST are those of the history, as nothing is made of them.
    wants_clock : bool
        Whether the exchange's time matters.
    over_mts : float, optional
        Time from which on the whole range is in REST.
    """

    model: Any
    numbers: NumberType
    symbol: str
    start: Mts
    channel: str
    arguments: Dict[str, str]
    timeframe: Optional[str] = None
    make_seam: Callable[[], Union[CandleSeam, TradeSeam]]
    read: Callable[[PublicEndpoints, PastRange], Iterator[Any]]
    before: Optional[Callable[[PublicEndpoints], Any]] = None
    is_strict: bool = False
    is_plain: bool = True
    wants_clock: bool = False
    over_mts: Optional[float] = None

    def is_over(self, clock: ServerClock) -> bool:
        """Return whether the whole range is in REST."""
        return self.over_mts is not None and clock.now_mts() >= self.over_mts

    @property
    def title(self) -> str:
        """For messages."""
        return " ".join(("history of", self.channel, *self.arguments.values()))


def check_range(since: Any, until: Any) -> tuple[Mts, Mts | None]:
    """Return the first and last time of a history."""
    if isinstance(since, timedelta):
        if not timedelta(0) < since <= _LONGEST:
            raise UsageError(f"since must be a positive time before now, not {since!r}")
        age_ms = since / timedelta(milliseconds=1)
        start: Mts | None = int(time.time() * 1000 - age_ms)
    else:
        start = check_time("since", since)
    if start is None:
        raise UsageError(
            "since must be an int of milliseconds, a datetime with a time zone, or a timedelta "
            "before now, not None"
        )
    last = check_time("until", until)
    if last is not None and start > last:
        raise UsageError(f"since ({start}) must not be after until ({last})")
    return start, last


def check_limit(limit: object, maximum: int) -> int:
    """Return the number of rows per request; by default the exchange's maximum."""
    return (
        maximum
        if limit is None
        else check_integer("limit", limit, range(1, maximum + 1))
    )


def candle_plan(
    symbol: object,
    timeframe: object,
    start: Mts,
    last: Mts | None,
    *,
    fill: object,
    grace_s: object,
    limit: object,
    numbers: NumberType,
    wants_states: bool,
    wants_closes: bool,
) -> Plan:
    """Check the arguments of a history of candles."""
    symbol = check_candle_symbol(symbol)
    frame = check_joined_timeframe("timeframe", timeframe)
    rules = CandleRules(
        timeframe=frame,
        start=frame.first_from(start),
        until=last,
        grace_ms=check_seconds_or_zero("grace_s", grace_s) * 1000,
        wants_states=wants_states,
        wants_closes=wants_closes,
        fills=check_bool("fill", fill),
        zero=numbers(0),
    )
    size = check_limit(limit, MOST_CANDLES)

    def read(public: PublicEndpoints, wanted: PastRange) -> Iterator[Candle]:
        return public.iter_candles(
            symbol, frame.base, start=wanted.start, end=wanted.end, limit=size
        )

    def before(public: PublicEndpoints) -> Candle | None:
        found = public.get_candles_hist(
            symbol, frame.base, end=rules.start - 1, limit=1, sort=-1
        )
        return found[0] if found else None

    over_mts: float | None = None
    if last is not None:
        over_mts = frame.following(frame.floor(last)) + max(rules.grace_ms, _PAST_MS)
    return Plan(
        model=Candle,
        numbers=numbers,
        symbol=symbol,
        start=rules.start,
        channel="candles",
        arguments={"key": f"trade:{frame.base}:{symbol}"},
        timeframe=frame.name,
        make_seam=partial(CandleSeam, rules),
        read=read,
        before=before if rules.fills and rules.start else None,
        is_strict=rules.fills,
        is_plain=frame.is_native and not rules.fills,
        wants_clock=True,
        over_mts=over_mts,
    )


def trade_plan(
    symbol: object,
    start: Mts,
    last: Mts | None,
    *,
    grace_s: object,
    limit: object,
    numbers: NumberType,
) -> Plan:
    """Check the arguments of a history of trades."""
    symbol = check_symbol(symbol)
    grace_ms = check_seconds_or_zero("grace_s", grace_s) * 1000
    size = check_limit(limit, MOST_TRADES)

    def read(public: PublicEndpoints, wanted: PastRange) -> Iterator[Any]:
        return public.iter_trades(
            symbol, start=wanted.start, end=wanted.end, limit=size
        )

    return Plan(
        model=FundingTrade if symbol.startswith("f") else Trade,
        numbers=numbers,
        symbol=symbol,
        start=start,
        channel="trades",
        arguments={"symbol": symbol},
        make_seam=partial(TradeSeam, start, last, grace_ms),
        read=read,
        over_mts=None if last is None else last + max(grace_ms, _PAST_MS),
    )


def in_the_past(plan: Plan) -> Plan:
    """Return a plan that reads what there is now, without a stream."""
    return attrs.evolve(plan, over_mts=float("-inf"))
