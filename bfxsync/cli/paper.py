"""The command ``bfxsync paper``: a local exchange until Ctrl-C, with addresses, keys and a view."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import contextmanager
from shlex import quote, split
from typing import Any, Callable, Iterable, Iterator, Protocol

from bfxsync import Client, Ticker
from bfxsync.cli.activity import Activity, ExchangeView
from bfxsync.cli.text import price_text, time_text
from bfxsync.paper import PaperAccount, PaperExchange

_SHOWN = ("tBTCUSD", "tETHUSD", "tLTCBTC", "tBTCF0:USTF0")
_MAX_ACCOUNTS = 100
_MARKET_S = 10.0
"""Interval of lines with prices."""


class Show(Protocol):
    """A display of the exchange."""

    interval_s: float
    """Time between two views."""

    def show(self, view: ExchangeView) -> None:
        """Display a view."""


def accounts_of(text: str) -> list[PaperAccount]:
    """
    Return the accounts of the option ``--accounts``: a number, or a JSON file.

    Raises
    ------
    ValueError
        The number is out of range, or the file does not contain accounts.
    OSError
        The file cannot be read.
    """
    if text.isdecimal():
        count = int(text)
        if not 1 <= count <= _MAX_ACCOUNTS:
            raise ValueError(f"expected 1 to {_MAX_ACCOUNTS} accounts, not {text}")
        ends = ["", *(f"-{number}" for number in range(2, count + 1))]
        return [
            PaperAccount(api_key=f"paper-key{end}", api_secret=f"paper-secret{end}")
            for end in ends
        ]
    with open(text, encoding="utf-8") as file:
        listed = json.load(file)
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{text} must contain a list of accounts")
    try:
        return [PaperAccount(**fields) for fields in listed]
    except TypeError as exc:
        raise ValueError(f"{text} is not a list of accounts: {exc}") from None


def fault_of(text: str) -> tuple[str, dict[str, Any]]:
    """
    Return name and options of a fault such as ``lost_answer path=auth/w/order/submit times=2``.

    Values are JSON, or text. Raises `ValueError` if that is not the form of the text.
    """
    name, *pairs = split(text) or [""]
    options: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not (sign and key.isidentifier()) or key in ("self", "fault"):
            raise ValueError(f"expected option=value, not {pair!r}")
        try:
            options[key] = json.loads(value)
        except ValueError:
            options[key] = value
    return name, options


def connect_text(exchange: PaperExchange) -> str:
    """Return instructions to connect: for a shell, bfxsync, the official client, and ccxt."""
    wss, rest = exchange.url, exchange.rest_url
    key, secret = exchange.account.api_key, exchange.account.api_secret
    others = "".join(
        f"\n# also: {account.api_key} {account.api_secret}"
        for account in exchange.accounts[1:]
    )
    return f"""\
# for programs that use bfxsync
export BFX_WSS_HOST={wss}
export BFX_REST_HOST={rest}
export BFX_API_KEY={quote(key)} BFX_API_SECRET={quote(secret)}
# bfxsync and bfxapi, the official client
Client({json.dumps(key)}, {json.dumps(secret)}, wss_host="{wss}",
       rest_host="{rest}")
# ccxt
e = ccxt.pro.bitfinex({{"apiKey": {json.dumps(key)}, "secret": {json.dumps(secret)}}})
both = ("public", "private")
e.urls["api"] = {{**dict.fromkeys(both, "{rest[:-3]}"),
                 "ws": dict.fromkeys(both, "{wss}")}}{others}"""


@contextmanager
def until_stopped() -> Iterator[Callable[[], bool]]:
    """
    Return a function that returns whether SIGINT (Ctrl-C) or SIGTERM was received.

    The handlers only set a flag: nothing is interrupted in the middle.
    """
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [
        signal.signal(number, lambda n, _: received.append(n)) for number in numbers
    ]
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def serve(exchange: PaperExchange, show: Show, is_over: Callable[[], bool]) -> None:
    """
    Display a running exchange until it is over.

    Raises `BfxError` if the view cannot connect.
    """
    # With a key of no account: a view must not use up the nonces of an account.
    with Client("paper-view", "paper-view", wss_host=exchange.url) as bfx:
        activity = Activity(exchange)
        tickers: dict[str, Ticker | None] = dict.fromkeys(_SHOWN)
        bfx.wss.subscribe_many(
            [
                {"channel": "ticker", "symbol": symbol, "callback": _keep_in(tickers)}
                for symbol in _SHOWN
            ],
            wait=False,
        )
        while not is_over():
            if bfx.wss.exception is not None:
                raise bfx.wss.exception
            show.show(activity.view(tickers))
            time.sleep(show.interval_s)


def _keep_in(tickers: dict[str, Ticker | None]) -> Callable[[Ticker], None]:
    def keep(ticker: Ticker) -> None:
        tickers[str(ticker.symbol)] = ticker

    return keep


def run(
    options: dict[str, Any],
    faults: Iterable[tuple[str, dict[str, Any]]] = (),
    *,
    is_plain: bool,
) -> None:
    """
    Run an exchange with the options of `PaperExchange` until Ctrl-C or SIGTERM.

    Raises `UsageError` for invalid options and faults, and `NetworkError` if the port is in use.
    """
    with until_stopped() as is_over, PaperExchange(**options) as exchange:
        for name, fault_options in faults:
            exchange.inject(name, **fault_options)
        text = connect_text(exchange)
        print(text, flush=True)
        if is_plain:
            serve(exchange, Lines(), is_over)
        else:
            from bfxsync.cli.paper_screen import LiveArea

            with LiveArea(text.count("\n") + 1) as area:
                serve(exchange, area, is_over)
        counts = exchange.fault_counts.items()
        happened = "".join(f", {name} {count:,}" for name, count in counts)
        print(
            f"stopped after {exchange.rest_requests:,} requests,"
            f" {exchange.connections_opened - 1:,} connections{happened}",
            flush=True,
        )


class Lines:
    """Prints changes of orders and, at intervals, the prices."""

    interval_s: float = 0.5

    def __init__(self) -> None:
        self._market_at = 0.0

    def show(self, view: ExchangeView) -> None:
        """Print the changes."""
        for line in view.news:
            print(line)
        if time.monotonic() >= self._market_at and all(t for _, t in view.tickers):
            self._market_at = time.monotonic() + _MARKET_S
            prices = "  ".join(
                f"{symbol} {price_text(ticker.last_price)}"
                for symbol, ticker in view.tickers
                if ticker is not None
            )
            print(f"{time_text(view.mts)}  {prices}")
        sys.stdout.flush()
