from __future__ import annotations

import inspect
import re
import sys
from datetime import datetime, timezone
from decimal import Decimal
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from bfxsync.errors import RateLimited, RemoteError, UsageError
from bfxsync.models.market import FundingTrade, Trade
from bfxsync.models.public import FundingStatistic, Statistic, TickersHistory
from bfxsync.models.status import (
    Candle,
    DerivativesStatus,
    Liquidation,
    OpenInterest,
)
from bfxsync.rest.history.options import iterator
from bfxsync.rest.public import PublicEndpoints

MINUTE = 60_000
T0 = 1_678_465_320_000  # the first row of the documentation's example of candles


class Transport:
    """
    Stands for `RestTransport`: histories by path, answered as the exchange does.

    A row's time is at `mts_index`; `wrapped` puts each into a list of its own.
    """

    def __init__(
        self, path: str, rows: List[Any], mts_index: int = 0, wrapped: bool = False
    ) -> None:
        self.requests: List[Dict[str, Any]] = []
        self.groups: List[Tuple[Any, Any]] = []
        self.before: Callable[[], None] = lambda: None
        self._path = path
        self._rows = rows
        self._mts_index = mts_index
        self._wrapped = wrapped
        self.maximum = 10**9

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        group: Optional[str] = None,
        per_minute: Optional[int] = None,
    ) -> Any:
        assert (method, path) == ("GET", self._path)
        self.before()
        asked = {name: value for name, value in params.items() if value is not None}
        self.requests.append(asked)
        self.groups.append((group, per_minute))
        descending = asked.get("sort", -1) == -1

        def mts_of(row: Any) -> Any:
            return row[self._mts_index]

        chosen = [
            row
            for row in sorted(self._rows, key=mts_of, reverse=descending)
            if asked.get("start", 0) <= mts_of(row) <= asked.get("end", 10**14)
        ]
        page = chosen[: min(asked["limit"], self.maximum)]
        return [[row] for row in page] if self._wrapped else page


def candle_row(minute: int) -> List[Any]:
    return [T0 + minute * MINUTE, 20097, 20114.5, 20125, 20094, 1.43504645]


def candles(*minutes: int) -> Tuple[Transport, PublicEndpoints]:
    transport = Transport(
        "candles/trade:1m:tBTCUSD/hist", list(map(candle_row, minutes))
    )
    return transport, endpoints(transport)


def endpoints(transport: Transport, numbers: Any = float) -> PublicEndpoints:
    return PublicEndpoints(transport, numbers=numbers)  # type: ignore[arg-type]


def minutes(found: Iterator[Candle]) -> List[int]:
    return [(candle.mts - T0) // MINUTE for candle in found]


def trade_row(id: int, mts: int) -> List[Any]:
    return [id, mts, 1.918524, 10682]


# Rows from the exchange's documentation, but for the times.
def funding_trade_row(mts: int) -> List[Any]:
    return [mts - T0 + 133_323_072, mts, -59.84, 0.00023647, 2]


def ticker_row(symbol: str, mts: int) -> List[Any]:
    return [symbol, 643.57, None, 648.82, *[None] * 8, mts]


def deriv_row(mts: int) -> List[Any]:
    # fmt: off
    return [
        mts, None, 8194.95, 8196.95, None, 101120.80328179, None, 1570579200000,
        0.00021817, 9379, None, 0, None, None, 8192.823333333334, None, None,
        5174.01444474, None, None, None, 0.0005, 0.0025,
    ]
    # fmt: on


def liquidation_row(pos_id: int, mts: float, is_match: int = 0) -> List[Any]:
    # fmt: off
    return [
        "pos", pos_id, mts, None, "tAMPF0:USTF0", 1e-08, 1.0093, None, is_match, 1, None,
        1.0098,
    ]
    # fmt: on


def funding_stat_row(mts: int) -> List[Any]:
    # fmt: off
    return [
        mts, None, None, 1.87e-06, 68.88, None, None, 3230660371.4429536,
        2988430006.4623938, None, None, 1447938775.5708046,
    ]
    # fmt: on


TIMES = [T0 + n * 1000 for n in range(7)]

# Name of the method, its arguments, path, rows, index of the time, model, largest page, budget.
KINDS: List[Any] = [
    pytest.param(
        "iter_candles",
        ("tBTCUSD", "1m"),
        Transport("candles/trade:1m:tBTCUSD/hist", [candle_row(n) for n in range(7)]),
        Candle,
        10_000,
        ("candles", 30),
        id="candles",
    ),
    pytest.param(
        "iter_candles",
        ("fUSD:a30:p2:p30", "1W"),
        Transport(
            "candles/trade:7D:fUSD:a30:p2:p30/hist", [candle_row(n) for n in range(7)]
        ),
        Candle,
        10_000,
        ("candles", 30),
        id="funding candles",
    ),
    pytest.param(
        "iter_trades",
        ("tBTCUSD",),
        Transport("trades/tBTCUSD/hist", [trade_row(n, T0) for n in range(7)], 1),
        Trade,
        10_000,
        ("trades", 15),
        id="trades",
    ),
    pytest.param(
        "iter_t_trades",
        ("tBTCUSD",),
        Transport("trades/tBTCUSD/hist", [trade_row(n, T0) for n in range(7)], 1),
        Trade,
        10_000,
        ("trades", 15),
        id="trades of a pair",
    ),
    pytest.param(
        "iter_trades",
        ("fUSD",),
        Transport("trades/fUSD/hist", [funding_trade_row(mts) for mts in TIMES], 1),
        FundingTrade,
        10_000,
        ("trades", 15),
        id="funding trades",
    ),
    pytest.param(
        "iter_f_trades",
        ("fUSD",),
        Transport("trades/fUSD/hist", [funding_trade_row(mts) for mts in TIMES], 1),
        FundingTrade,
        10_000,
        ("trades", 15),
        id="trades of a currency",
    ),
    pytest.param(
        "iter_tickers_history",
        (["tBTCUSD", "tETHUSD"],),
        Transport(
            "tickers/hist",
            [ticker_row(s, mts) for mts in TIMES for s in ("tBTCUSD", "tETHUSD")],
            12,
        ),
        TickersHistory,
        250,
        None,
        id="tickers",
    ),
    pytest.param(
        "iter_derivatives_status",
        ("tBTCF0:USTF0",),
        Transport("status/deriv/tBTCF0:USTF0/hist", [deriv_row(mts) for mts in TIMES]),
        DerivativesStatus,
        5_000,
        None,
        id="derivatives status",
    ),
    pytest.param(
        "iter_open_interest",
        ("tBTCF0:USTF0",),
        Transport("status/deriv/tBTCF0:USTF0/hist", [deriv_row(mts) for mts in TIMES]),
        OpenInterest,
        5_000,
        None,
        id="open interest",
    ),
    pytest.param(
        "iter_liquidations",
        (),
        Transport(
            "liquidations/hist",
            [liquidation_row(158793100, T0 + n // 2 + 0.25, n % 2) for n in range(6)],
            2,
            wrapped=True,
        ),
        Liquidation,
        500,
        ("liquidations", 3),
        id="liquidations",
    ),
    pytest.param(
        "iter_stats",
        ("pos.size:1m:tBTCUSD:long",),
        Transport(
            "stats1/pos.size:1m:tBTCUSD:long/hist",
            [[mts, 369005353.5945115] for mts in TIMES],
        ),
        Statistic,
        10_000,
        ("stats1", 15),
        id="statistics",
    ),
    pytest.param(
        "iter_funding_stats",
        ("fUSD",),
        Transport("funding/stats/fUSD/hist", [funding_stat_row(mts) for mts in TIMES]),
        FundingStatistic,
        250,
        None,
        id="funding statistics",
    ),
]

EACH_KIND = pytest.mark.parametrize(
    "name, arguments, transport, model, largest, budget", KINDS
)


@pytest.mark.parametrize("numbers", [float, Decimal])
@EACH_KIND
def test_every_row_comes_once_in_both_directions(
    name: str,
    arguments: Any,
    transport: Transport,
    model: Any,
    largest: int,
    budget: Any,
    numbers: Any,
) -> None:
    iterate = getattr(endpoints(transport, numbers), name)
    del transport.requests[:]
    whole = list(iterate(*arguments))
    assert {type(row) for row in whole} == {model}
    assert len(whole) == len({str(row) for row in whole}) == len(transport._rows)
    assert transport.requests[0]["limit"] == largest
    if budget is not None:
        assert set(transport.groups) == {budget}
    for limit in (1, 2, 3):
        assert list(iterate(*arguments, limit=limit)) == whole
    if name == "iter_funding_stats":
        assert "sort" not in transport.requests[0]
        assert whole == sorted(whole, key=lambda row: -row.mts)
    else:
        assert transport.requests[0]["sort"] == 1
        assert list(iterate(*arguments, sort=-1, limit=2)) == whole[::-1]


@EACH_KIND
def test_each_resumes_after_any_row(
    name: str,
    arguments: Any,
    transport: Transport,
    model: Any,
    largest: int,
    budget: Any,
) -> None:
    iterate = getattr(endpoints(transport), name)
    whole = list(iterate(*arguments))
    for count, row in enumerate(whole, 1):
        rest = list(iterate(*arguments, limit=2, resume_after=row))
        assert rest == whole[count:]


@EACH_KIND
def test_each_checks_its_options_when_it_is_called(
    name: str,
    arguments: Any,
    transport: Transport,
    model: Any,
    largest: int,
    budget: Any,
) -> None:
    iterate = getattr(endpoints(transport), name)
    del transport.requests[:]
    wrong: List[Dict[str, Any]] = [
        {"limit": largest + 1},
        {"limit": 0},
        {"start": datetime(2024, 1, 1)},
        {"start": T0, "end": T0 - 1},
        {"resume_after": transport._rows[0]},
    ]
    if name != "iter_funding_stats":
        wrong += [{"sort": 0}, {"sort": None}]
    for options in wrong:
        with pytest.raises(UsageError, match=f"^{'|'.join(options)}"):
            iterate(*arguments, **options)
    if arguments:
        with pytest.raises(UsageError):
            iterate("?")
    assert transport.requests == []


def test_an_unknown_timeframe_is_refused_when_called() -> None:
    with pytest.raises(UsageError, match="tf must be one of"):
        candles()[1].iter_candles("tBTCUSD", "2m")


def test_nothing_is_asked_for_before_a_row_is_wanted() -> None:
    transport, public = candles(*range(10))
    found = public.iter_candles("tBTCUSD", limit=3)
    assert transport.requests == []
    assert next(found).mts == T0
    assert len(transport.requests) == 1


def test_times_may_be_dates() -> None:
    transport, public = candles(*range(10))
    start = datetime.fromtimestamp(T0 / 1000 + 60, timezone.utc)
    assert minutes(
        public.iter_candles("tBTCUSD", start=start, end=T0 + 3 * MINUTE)
    ) == [
        1,
        2,
        3,
    ]
    assert transport.requests == [
        {"start": T0 + MINUTE, "end": T0 + 3 * MINUTE, "limit": 10_000, "sort": 1}
    ]


def test_rate_limit_is_raised_and_iteration_resumes_later() -> None:
    transport, public = candles(*range(10))
    got = []

    def limited() -> None:
        raise RateLimited("too many")

    found = public.iter_candles("tBTCUSD", limit=4)
    for _ in range(4):
        got.append(next(found))
    transport.before = limited
    with pytest.raises(RateLimited):
        next(found)
    transport.before = lambda: None
    assert minutes(public.iter_candles("tBTCUSD", resume_after=got[-1])) == list(
        range(4, 10)
    )


def test_too_many_tickers_of_one_time_raise() -> None:
    rows = [ticker_row(f"tA{n:03}USD", T0) for n in range(600)]
    public = endpoints(Transport("tickers/hist", rows, 12))
    with pytest.raises(RemoteError, match="request a narrower filter"):
        list(public.iter_tickers_history("ALL"))


def test_empty_minutes_are_filled() -> None:
    transport, public = candles(0, 1, 4)
    found = list(public.iter_candles("tBTCUSD", fill=True))
    assert minutes(iter(found)) == [0, 1, 2, 3, 4]
    assert found[2] == Candle(T0 + 2 * MINUTE, 20114.5, 20114.5, 20114.5, 20114.5, 0.0)
    # Also beyond the last candle, as a page may be shorter than it was asked for.
    assert len(transport.requests) == 2


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_a_range_is_filled_from_its_begin_to_its_end(sort: int) -> None:
    transport, public = candles(0, 5, 20)
    found = public.iter_candles(
        "tBTCUSD", start=T0 + 3 * MINUTE, end=T0 + 7 * MINUTE, sort=sort, fill=True
    )
    assert minutes(found) == [3, 4, 5, 6, 7][::sort]
    # The candle before the range gives the price to fill with.
    before = {"end": T0 + 3 * MINUTE - 1, "limit": 1, "sort": -1}
    assert before in transport.requests
    assert len(transport.requests) == 3


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_filling_ends_with_the_last_interval_that_is_over(sort: int) -> None:
    _, public = candles(0, 1)
    public._clock = lambda: (T0 + 5 * MINUTE + 30_000) / 1000
    found = public.iter_candles(
        "tBTCUSD", start=T0, end=T0 + 60 * MINUTE, sort=sort, fill=True
    )
    assert minutes(found) == [0, 1, 2, 3, 4][::sort]


@pytest.mark.parametrize("end, count", [(T0 + 8 * MINUTE, 9), (None, 7)])
@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_filling_resumes_after_any_candle(
    sort: int, end: Optional[int], count: int
) -> None:
    _, public = candles(0, 2, 5, 6)
    options: Dict[str, Any] = dict(
        start=T0 - 2 * MINUTE, end=end, sort=sort, fill=True, limit=2
    )
    whole = list(public.iter_candles("tBTCUSD", **options))
    assert minutes(iter(whole)) == list(range(count))[::sort]
    for behind, candle in enumerate(whole, 1):
        rest = list(public.iter_candles("tBTCUSD", resume_after=candle, **options))
        assert rest == whole[behind:]


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_filling_resumes_also_where_this_clock_is_slow(sort: int) -> None:
    _, public = candles(0, 2, 5, 9)
    public._clock = lambda: (T0 + 3 * MINUTE) / 1000
    options: Dict[str, Any] = dict(start=T0, end=T0 + 20 * MINUTE, sort=sort, fill=True)
    whole = list(public.iter_candles("tBTCUSD", **options))
    assert minutes(iter(whole)) == list(range(10))[::sort]
    for count, candle in enumerate(whole, 1):
        rest = list(public.iter_candles("tBTCUSD", resume_after=candle, **options))
        assert rest == whole[count:]


def test_filling_needs_no_price_from_before_the_begin_of_time() -> None:
    transport, public = candles(0, 2)
    found = public.iter_candles("tBTCUSD", start=0, fill=True)
    assert minutes(found) == [0, 1, 2]
    assert all("start" in asked for asked in transport.requests)


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_no_candle_is_made_up_where_a_page_is_short(sort: int) -> None:
    transport, public = candles(*range(1000))
    transport.maximum = 120
    found = public.iter_candles(
        "tBTCUSD", start=T0, end=T0 + 999 * MINUTE, sort=sort, fill=True
    )
    assert [candle.volume for candle in found] == [1.43504645] * 1000


def test_unreadable_candle_is_not_filled() -> None:
    transport, _ = candles(0, 1, 2, 3)
    transport._rows[1][1] = "?"
    public = PublicEndpoints(transport, strict=False)  # type: ignore[arg-type]
    assert minutes(public.iter_candles("tBTCUSD")) == [0, 2, 3]
    found = public.iter_candles("tBTCUSD", fill=True)
    assert next(found).mts == T0
    with pytest.raises(RemoteError, match="1 of 4 rows cannot be read"):
        list(found)


def test_filled_candles_have_the_clients_numbers() -> None:
    transport = Transport(
        "candles/trade:1m:tBTCUSD/hist", [candle_row(0), candle_row(2)]
    )
    found = list(endpoints(transport, Decimal).iter_candles("tBTCUSD", fill=True))
    assert all(isinstance(value, Decimal) for value in (found[1].volume, found[1].open))


class Bar:
    """Stands for tqdm's bar."""

    made: List[Bar] = []

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.n = 0.0
        self.notes: List[str] = []
        self.is_open = True
        self.made.append(self)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False

    def update(self, n: float) -> None:
        self.n += n

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        self.notes.append(text)


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> List[Bar]:
    module = ModuleType("tqdm.auto")
    module.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", module)
    monkeypatch.setattr(Bar, "made", [])
    return Bar.made


@pytest.mark.parametrize("sort", [1, -1], ids=["ascending", "descending"])
def test_progress_is_the_part_of_the_range(bars: List[Bar], sort: int) -> None:
    _, public = candles(*range(10))
    found = public.iter_candles(
        "tBTCUSD",
        start=T0,
        end=T0 + 9 * MINUTE,
        limit=4,
        sort=sort,
        progress=True,
    )
    seen = []
    for _ in found:
        seen.append((bars[0].n, bars[0].is_open))
    assert bars[0].options["desc"] == "trade:1m:tBTCUSD"
    assert bars[0].options["total"] == 9 * MINUTE
    assert seen == [(n * MINUTE, True) for n in [3] * 4 + [7] * 4 + [9] * 2]
    assert bars[0].n == 9 * MINUTE and not bars[0].is_open
    assert bars[0].notes[0] == "4 rows, 2023-03-10 16:" + ("25" if sort == 1 else "28")


def test_progress_to_the_present_is_a_part_as_well(bars: List[Bar]) -> None:
    _, public = candles(0, 1)
    public._clock = lambda: T0 / 1000 + 120
    list(public.iter_candles("tBTCUSD", start=T0, progress=True))
    assert bars[0].options["total"] == bars[0].n == 2 * MINUTE


def test_progress_without_a_begin_is_the_number_of_rows(bars: List[Bar]) -> None:
    _, public = candles(*range(10))
    list(public.iter_candles("tBTCUSD", sort=-1, limit=4, progress=True))
    assert bars[0].options == {"desc": "trade:1m:tBTCUSD", "unit": " rows"}
    assert bars[0].n == 10 and not bars[0].is_open


def test_a_bar_is_closed_when_the_iteration_is_given_up(bars: List[Bar]) -> None:
    _, public = candles(*range(10))
    found = public.iter_candles("tBTCUSD", progress=True)
    next(found)
    assert bars[0].is_open
    del found
    assert not bars[0].is_open


def test_a_missing_extra_is_named_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    transport, public = candles(1)
    with pytest.raises(UsageError, match=r"bfxsync\[progress\]"):
        public.iter_candles("tBTCUSD", progress=True)
    assert transport.requests == []


@EACH_KIND
def test_signature_and_help_list_every_option(
    name: str,
    arguments: Any,
    transport: Transport,
    model: Any,
    largest: int,
    budget: Any,
) -> None:
    method = getattr(PublicEndpoints, name)
    parameters = inspect.signature(method).parameters
    options = ["start", "end", "sort", "limit", "resume_after", "progress"]
    if name == "iter_funding_stats":
        options.remove("sort")
    assert list(parameters)[-len(options) :] == options
    assert model.__name__ in parameters["resume_after"].annotation
    text = inspect.getdoc(method) or ""
    for option in options:
        assert re.search(rf"^(start, )?{option}(, end)? : ", text, re.MULTILINE)
    assert text.count("Parameters\n") == 1


def test_unknown_option_is_an_error_of_the_call() -> None:
    with pytest.raises(TypeError, match="'strat'; did you mean start or sort"):
        candles()[1].iter_candles("tBTCUSD", strat=1)  # type: ignore[call-arg]
    public: Any = candles()[1]
    with pytest.raises(TypeError, match="keyword argument 'sort'"):
        public.iter_funding_stats("fUSD", sort=1)


def test_iterator_without_declared_options_is_refused() -> None:
    def iter_rows(self: Any, **options: Any) -> None:
        """Iterate."""

    with pytest.raises(TypeError, match="iter_rows: no .*options"):
        iterator(iter_rows)
