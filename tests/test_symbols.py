from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from decimal import Decimal
from typing import Any, Callable, Dict, List, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interrupts import interrupted

from bfxsync._base.latch import Latch
from bfxsync.errors import NetworkError, RemoteError, UsageError
from bfxsync.symbols import CONF_KEYS, Symbols

# Items as the exchange's documentation has them (reference/rest-public-conf).
VALUES: Dict[str, Any] = {
    "pub:list:pair:exchange": ["ADAUSD", "BTC:CNHT", "BTCUSD", "BTCUST", "DOGE:USD"],
    "pub:list:pair:margin": ["ADAUSD", "BTCUSD"],
    "pub:list:pair:futures": ["BTCF0:USTF0", "AMPF0:USTF0"],
    "pub:list:currency": ["ADA", "BTC", "USD", "UST"],
    "pub:list:currency:margin": ["USD", "UST"],
    "pub:map:currency:sym": [["DSH", "DASH"], ["UST", "USDt"]],
    "pub:info:pair": [
        [
            "ADAUSD",
            [None, None, None, "4.0", "250000.0", None, None, None, 0.3, 0.15, None],
        ],
        ["BTC:CNHT", [None, None, None, None, "5.0"]],
    ],
    "pub:info:pair:futures": [
        ["AMPF0:USTF0", [None, None, None, "36.0", "100000.0", None, None, None, 1, 1]]
    ],
}


class Public:
    """Stands for ``rest.public``; counts what is asked."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.values = dict(VALUES)
        self.count = 0
        self._before = before

    def conf_many(self, configs: Sequence[str]) -> Dict[str, Any]:
        self.count += 1
        self._before()
        return {key: self.values[key] for key in configs}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def changed(key: str, value: Any) -> Symbols:
    public = Public()
    public.values[key] = value
    return Symbols(public)


def test_lists_are_symbols_with_their_prefix() -> None:
    symbols = Symbols(Public())
    assert symbols.exchange_pairs[1:3] == ("tBTC:CNHT", "tBTCUSD")
    assert symbols.margin_pairs == ("tADAUSD", "tBTCUSD")
    assert symbols.futures_pairs == ("tBTCF0:USTF0", "tAMPF0:USTF0")
    assert symbols.currencies == ("ADA", "BTC", "USD", "UST")
    assert symbols.fundable == ("fUSD", "fUST")
    assert dict(symbols.aliases) == {"DSH": "DASH", "UST": "USDt"}


def test_an_alias_is_what_others_call_a_currency() -> None:
    symbols = Symbols(Public())
    assert symbols.alias("UST") == "USDt"
    assert symbols.alias("BTC") == "BTC"


@pytest.mark.parametrize(
    "symbol", ["tBTCUSD", "tBTC:CNHT", "tBTCF0:USTF0", "fUSD", "fUST"]
)
def test_known_symbols_are_returned(symbol: str) -> None:
    assert Symbols(Public()).check(symbol) == symbol


@pytest.mark.parametrize(
    "symbol, meant",
    [
        ("tBTCUSDT", "tBTCUST"),
        ("BTC-USD", "tBTCUSD"),
        ("BTC/USDT", "tBTCUST"),
        ("tbtcusd", "tBTCUSD"),
        ("tDOGEUSD", "tDOGE:USD"),
        ("tBTCF0USTF0", "tBTCF0:USTF0"),
        ("fUSDt", "fUST"),
        ("USD", "fUSD"),
    ],
)
def test_unknown_symbols_are_refused_with_a_suggestion(symbol: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        Symbols(Public()).check(symbol)
    assert repr(symbol) in str(caught.value)
    assert f"did you mean {meant!r}" in str(caught.value)


@pytest.mark.parametrize(
    "symbol, known",
    [("BTC/USD", "tBTCUSD"), ("adausd", "tADAUSD"), ("BTC/CNHT", "tBTC:CNHT")],
)
def test_other_spellings_are_checked_as_symbols(symbol: str, known: str) -> None:
    symbols = Symbols(Public())
    assert symbols.check(symbol) == known


def test_currency_without_funding_market_is_refused() -> None:
    with pytest.raises(UsageError, match="no symbol 'fADA': ADA has no funding market"):
        Symbols(Public()).check("fADA")


def test_what_is_like_nothing_gets_no_suggestion() -> None:
    with pytest.raises(UsageError, match="^there is no symbol 'tXXXYYY'$"):
        Symbols(Public()).check("tXXXYYY")


@pytest.mark.parametrize("symbol", [None, 5, ["tBTCUSD"]], ids=repr)
def test_what_is_no_text_is_refused(symbol: Any) -> None:
    with pytest.raises(UsageError, match="symbol must be text"):
        Symbols(Public()).check(symbol)


def test_order_sizes_are_those_of_the_pair() -> None:
    symbols = Symbols(Public())
    assert symbols.min_order_size("tADAUSD") == Decimal("4.0")
    assert symbols.max_order_size("tADAUSD") == Decimal("250000.0")
    assert symbols.min_order_size("tAMPF0:USTF0") == Decimal(36)


def test_order_sizes_are_none_where_the_exchange_has_none() -> None:
    symbols = Symbols(Public())
    assert symbols.min_order_size("tBTCUSD") is None
    assert symbols.max_order_size("tBTCUSD") is None


def test_an_unreadable_row_concerns_its_pair_only() -> None:
    symbols = Symbols(Public())
    with pytest.raises(RemoteError, match="min_order_size"):
        symbols.max_order_size("tBTC:CNHT")
    assert symbols.max_order_size("tADAUSD") == 250_000


def test_funding_has_no_order_size() -> None:
    with pytest.raises(UsageError, match="'fUSD' has no order size"):
        Symbols(Public()).min_order_size("fUSD")


def test_an_unknown_pair_has_no_order_size() -> None:
    with pytest.raises(UsageError, match="did you mean 'tADAUSD'"):
        Symbols(Public()).max_order_size("tADAUSDT")


def test_prices_and_amounts_are_rounded() -> None:
    symbols = Symbols(Public())
    assert symbols.round_price("tBTCUSD", 12345.678) == Decimal(12346)
    assert symbols.round_amount("0.123456789") == Decimal("0.12345678")
    with pytest.raises(UsageError, match="no symbol"):
        symbols.round_price("tBTCUSDX", 1)


@pytest.mark.parametrize(
    "price, direction, expected",
    [
        (64123.45, "down", "64123"),
        (64123.45, "up", "64124"),
        ("64123.5", None, "64124"),
        ("99999.5", "up", "1E+5"),
        ("0.00001234567", "up", "0.00001235"),
        ("0.00001234567", "down", "0.00001234"),
        ("1e-9", "up", "1E-8"),
        ("1e-9", "down", "0"),
        ("-1.00001", "down", "-1.0001"),
        ("-1.00001", "up", "-1"),
        ("64123", "up", "64123"),
    ],
)
def test_prices_are_rounded_in_one_direction(
    price: Any, direction: Any, expected: str
) -> None:
    found = Symbols(Public()).round_price("tBTCUSD", price, direction=direction)
    assert found == Decimal(expected)


SYMBOLS = Symbols(Public())


@given(st.decimals(-(10**12), 10**12, places=12))
def test_rounding_never_passes_the_price(price: Decimal) -> None:
    low, high = (
        SYMBOLS.round_price("tBTCUSD", price, direction=each) for each in ("down", "up")
    )
    assert low <= price <= high
    assert SYMBOLS.round_price("tBTCUSD", price) in (low, high)


@pytest.mark.parametrize("direction", ["DOWN", "floor", 1, True, ""])
def test_unknown_direction_is_refused_before_any_request(direction: Any) -> None:
    public = Public()
    with pytest.raises(UsageError, match="direction must be one of down, up, not"):
        Symbols(public).round_price("tBTCUSD", 1, direction=direction)
    assert public.count == 0


@pytest.mark.parametrize(
    "symbol, base, quote",
    [
        ("tBTCUSD", "BTC", "USD"),
        ("tBTCUST", "BTC", "UST"),
        ("BTC/USD", "BTC", "USD"),
        ("btcusd", "BTC", "USD"),
        ("tDUSK:USD", "DUSK", "USD"),
        ("tBTCF0:USTF0", "BTCF0", "USTF0"),
        ("tTESTBTC:TESTUSD", "TESTBTC", "TESTUSD"),
    ],
)
def test_pair_has_two_currencies(symbol: str, base: str, quote: str) -> None:
    pair = Symbols.split(symbol)
    assert pair == (base, quote) == (pair.base, pair.quote)


@pytest.mark.parametrize("symbol", ["fUSD", "tBTC", "tDUSKUSD", "USD", None, 5])
def test_what_is_no_pair_is_not_split(symbol: Any) -> None:
    with pytest.raises(UsageError, match="symbol must be"):
        Symbols.split(symbol)


def test_lists_are_asked_for_once_and_when_they_are_needed() -> None:
    public = Public()
    symbols = Symbols(public)
    assert public.count == 0
    for _ in range(3):
        symbols.check("tBTCUSD")
    assert public.count == 1


def test_lists_are_asked_for_anew_when_they_are_too_old() -> None:
    public, clock = Public(), Clock()
    symbols = Symbols(public, ttl_s=60.0, clock=clock)
    symbols.check("tBTCUSD")
    clock.now += 59.9
    symbols.check("tBTCUSD")
    assert public.count == 1
    clock.now += 0.2
    public.values["pub:list:pair:exchange"] = ["NEWUSD"]
    assert symbols.check("tNEWUSD") == "tNEWUSD"
    assert public.count == 2


def test_refresh_asks_at_once() -> None:
    public = Public()
    symbols = Symbols(public)
    symbols.refresh()
    symbols.refresh()
    assert public.count == 2


@pytest.mark.parametrize("key", CONF_KEYS)
@pytest.mark.parametrize("value", [None, 5, "text", [5], [[5, 6]], [["a"]]], ids=repr)
def test_unreadable_lists_are_the_exchanges_fault(key: str, value: Any) -> None:
    with pytest.raises(RemoteError, match=key):
        changed(key, value).check("tBTCUSD")


def test_a_failure_is_raised_and_the_next_call_asks_again() -> None:
    failures: List[Exception] = [NetworkError("cut", phase="receive")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()

    public = Public(fail_once)
    symbols = Symbols(public)
    with pytest.raises(NetworkError):
        symbols.check("tBTCUSD")
    assert symbols.check("tBTCUSD") == "tBTCUSD"
    assert public.count == 2


class Crowd:
    """Eight threads that want the lists; one asks, and is answered when all others wait."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, fail: Callable[[int], None]
    ) -> None:
        waiting = threading.Semaphore(0)

        wait = Latch.wait_in_naps

        def watched(latch: Latch) -> None:
            waiting.release()
            wait(latch)

        def answer() -> None:
            if self.public.count == 1:
                for _ in range(7):
                    assert waiting.acquire(timeout=10)
            fail(self.public.count)

        monkeypatch.setattr(Latch, "wait_in_naps", watched)
        self.public = Public(answer)
        self._symbols = Symbols(self.public)
        self._outcomes: List[object] = []

    def _want(self) -> None:
        try:
            self._outcomes.append(self._symbols.check("tBTCUSD"))
        except BaseException as exc:
            self._outcomes.append(type(exc))

    def run(self) -> List[object]:
        threads = [threading.Thread(target=self._want) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        return self._outcomes


def test_many_threads_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd(monkeypatch, lambda count: None)
    assert crowd.run() == ["tBTCUSD"] * 8
    assert crowd.public.count == 1


def test_a_failure_reaches_all_who_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(count: int) -> None:
        raise NetworkError("cut", phase="receive")

    crowd = Crowd(monkeypatch, fail)
    assert crowd.run() == [NetworkError] * 8
    assert crowd.public.count == 1


def test_an_interrupted_thread_leaves_the_fetching_to_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(count: int) -> None:
        if count == 1:
            raise KeyboardInterrupt

    crowd = Crowd(monkeypatch, interrupt)
    outcomes = crowd.run()
    assert outcomes.count(KeyboardInterrupt) == 1
    assert outcomes.count("tBTCUSD") == 7
    assert crowd.public.count == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_process_does_not_wait_for_a_thread_of_its_parent() -> None:
    may_answer, is_asked = threading.Event(), threading.Event()
    parent = os.getpid()

    def answer() -> None:
        is_asked.set()
        assert os.getpid() != parent or may_answer.wait(10)

    public = Public(answer)
    symbols = Symbols(public)
    thread = threading.Thread(target=symbols.check, args=("tBTCUSD",))
    thread.start()
    assert is_asked.wait(10)
    with warnings.catch_warnings():
        # From CPython 3.12 on: there are threads. That is the point here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(30)
                status = 0 if symbols.check("tBTCUSD") == "tBTCUSD" else 2
            finally:
                os._exit(status)
    may_answer.set()
    thread.join(10)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "times",
    [pytest.param(500, id="short"), pytest.param(20_000, marks=pytest.mark.long)],
)
def test_interrupts_keep_no_other_thread_from_fetching(times: int) -> None:
    public = Public(lambda: None)
    symbols, over = Symbols(public), threading.Event()
    count = 0

    def work() -> None:
        nonlocal count
        while not over.is_set():
            symbols.refresh()
            count += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        interrupted(symbols.refresh, times, longest_s=0.001)
        done = count
        while count < done + 2 and thread.is_alive():
            time.sleep(0.001)
    finally:
        over.set()
        thread.join(10)
    assert not thread.is_alive()
    assert symbols.check("tBTCUSD") == "tBTCUSD"
    assert symbols._state.get().fetching is None
