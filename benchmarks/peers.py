"""
The other clients as contestants, each as its documentation says, and what each leaves out.

Bare libraries (websockets, websocket-client) decode with orjson and route by channel as the floor
does; they maintain no books and check no sequence.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import Any, Callable, Dict, List, Optional

from counting import GRACE_S, Run
from ours import ACCOUNT_EVENTS, read_ticker, read_trade
from traffic import ACCOUNT, BOOK_LEN, values


async def watch(run: Run, client: Any, ends: Callable[[], Any]) -> None:
    """Let a client's task run until the goal is reached or the time is over, then end it."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    run.on_done = lambda: loop.call_soon_threadsafe(done.set)
    task = asyncio.ensure_future(client)
    waiting = asyncio.ensure_future(done.wait())
    if run.mode == "idle":
        loop.call_later(run.timeout_s, run.finish)
    timeout_s = run.timeout_s + (1 if run.mode == "idle" else 0)
    await asyncio.wait(
        {task, waiting}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
    )
    if not task.done():
        if run.mode != "connect":
            await asyncio.sleep(GRACE_S)
        await ends()
    waiting.cancel()
    task.cancel()
    await asyncio.gather(task, waiting, return_exceptions=True)


def run_official(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """bitfinex-api-py: no books, no checksums, no sequence numbers, no order after a reconnect."""
    if ca_bundle is not None:
        # The client has no parameter for it; this variable of OpenSSL has the same effect.
        os.environ["SSL_CERT_FILE"] = ca_bundle

    from bfxapi import Client

    keys = dict(api_key="benchmark-key", api_secret="benchmark-secret")
    is_account = run.wanted == [ACCOUNT]
    wss = Client(wss_host=url, **(keys if is_account else {})).wss
    subscribed = 0

    async def on_open() -> None:
        for each in run.wanted:
            book = {"prec": "P0", "len": str(BOOK_LEN)} if each.name == "book" else {}
            await wss.subscribe(each.name, symbol=each.symbol, **book)

    def on_subscribed(_subscription: object) -> None:
        nonlocal subscribed
        subscribed += 1
        if subscribed == len(run.wanted):
            run.start()

    def read_level(level: Any) -> List[float]:
        return [level.price, level.count, level.amount]

    if is_account:
        wss.on("funding_loan_snapshot", lambda _: run.start())
        for event, read in ACCOUNT_EVENTS.items():
            wss.on(event, run.callback(ACCOUNT.symbol, read))
        return asyncio.run(watch(run, wss.start(), wss.close))
    wss.on("open", on_open)
    wss.on("subscribed", on_subscribed)
    wss.on("t_ticker_update", run.handler("", read_ticker))
    wss.on("t_trade_execution", run.handler("te", read_trade))
    wss.on("t_trade_execution_update", run.handler("tu", read_trade))
    wss.on("t_book_update", run.handler("", read_level))
    asyncio.run(watch(run, wss.start(), wss.close))


def run_ccxt(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """
    ccxt: a loop of watch calls for each channel, which skips what came in between; tu are ignored.

    It keeps books and verifies their checksums, and checks no sequence.
    """
    import ccxt.pro

    options = {} if ca_bundle is None else {"cafile": ca_bundle}
    exchange = ccxt.pro.bitfinex(options)
    exchange.urls["api"]["ws"]["public"] = url
    # What it would load from the exchange first.
    exchange.set_markets(
        [
            {
                "id": each.symbol,
                "symbol": name_of(each.symbol, "/"),
                "base": each.symbol[1:4],
                "quote": "USD",
                "spot": True,
                "type": "spot",
            }
            for each in run.wanted
        ]
    )
    calls = {
        "ticker": exchange.watch_ticker,
        "trades": exchange.watch_trades,
        "book": partial(exchange.watch_order_book, limit=BOOK_LEN),
    }

    async def follow(each: Any, is_subscribed: asyncio.Event) -> None:
        call, symbol = calls[each.name], name_of(each.symbol, "/")
        while True:
            await call(symbol)
            run.count += 1
            is_subscribed.set()

    async def client() -> None:
        events = [asyncio.Event() for _ in run.wanted]
        tasks = [
            asyncio.ensure_future(follow(each, event))
            for each, event in zip(run.wanted, events)
        ]
        await asyncio.gather(*(event.wait() for event in events))
        run.start()
        if run.mode != "idle":
            await asyncio.get_running_loop().run_in_executor(None, run.await_quiet)
        await asyncio.gather(*tasks)

    asyncio.run(watch(run, client(), exchange.close))
    # Its state: what came between two calls of watch is not returned.
    run.result["books"] = {}
    for each in run.wanted:
        symbol = name_of(each.symbol, "/")
        if each.name == "book":
            book = exchange.orderbooks[symbol]
            levels = [*book["bids"], *book["asks"]]
            run.result["books"][each.symbol] = [[row[0], row[1]] for row in levels]
        elif each.name == "ticker":
            ticker = exchange.tickers[symbol]
            row = [ticker["bid"], ticker["ask"], ticker["baseVolume"]]
            run.keep(each.symbol, row)
        else:
            trade = exchange.trades[symbol][-1]
            sign = 1 if trade["side"] == "buy" else -1
            row = [int(trade["id"]), trade["timestamp"], sign * trade["amount"]]
            run.keep(f"{each.symbol} te", [*row, trade["price"]])


def run_cryptofeed(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """
    cryptofeed: keeps books and checks the sequence, no checksums; tu are ignored; TLS only.

    Numbers are Decimal, as it always has them. It cannot read the present layout of tickers.
    """
    assert ca_bundle is not None
    os.environ["SSL_CERT_FILE"] = ca_bundle

    from cryptofeed import FeedHandler
    from cryptofeed.connection import WebsocketEndpoint
    from cryptofeed.defines import L2_BOOK, TRADES
    from cryptofeed.exchanges import Bitfinex
    from cryptofeed.symbols import Symbols

    names = {name_of(each.symbol, "-"): each.symbol for each in run.wanted}
    # What it would load from the exchange first.
    Symbols.set(Bitfinex.id, names, {"instrument_type": dict.fromkeys(names, "spot")})
    Bitfinex.websocket_endpoints = [WebsocketEndpoint(url)]
    # Of trades it delivers the first ones too, but no tu; of books the snapshot.
    left = 1
    if run.wanted[0].name == "trades":
        left, run.goal = 30, (run.goal + 1) // 2
    counts = {
        name: run.callback(
            symbol if run.wanted[0].name == "book" else f"{symbol} te", read_feed
        )
        for name, symbol in names.items()
    }
    books: Dict[str, Any] = {}

    async def on_data(data: Any, _at: float) -> None:
        nonlocal left
        if left:
            left -= 1
            if not left:
                run.start()
            return
        counts[data.symbol](data)

    async def on_book(book: Any, at: float) -> None:
        books[names[book.symbol]] = book
        await on_data(book, at)

    kind, callback = (
        (L2_BOOK, on_book) if run.wanted[0].name == "book" else (TRADES, on_data)
    )
    feed = Bitfinex(
        symbols=list(names),
        channels=[kind],
        callbacks={kind: callback},
        number_of_price_points=BOOK_LEN,
    )
    handler = FeedHandler({"log": {"disabled": True}, "uvloop": True})
    handler.add_feed(feed)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def ends() -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def main() -> None:
        handler.run(start_loop=False, install_signal_handlers=False)
        await watch(run, asyncio.sleep(run.timeout_s), ends)

    loop.run_until_complete(main())
    run.result["books"] = {
        symbol: [[float(price), float(amount)] for price, amount in levels_of(book)]
        for symbol, book in books.items()
    }


def levels_of(book: Any) -> List[Any]:
    sides = book.book.to_dict()
    return [*sides["bid"].items(), *sides["ask"].items()]


def read_feed(data: Any) -> List[float]:
    if hasattr(data, "book"):
        return []
    amount = float(data.amount) * (1 if data.side == "buy" else -1)
    return [int(data.id), round(data.timestamp * 1000), amount, float(data.price)]


def name_of(symbol: str, separator: str) -> str:
    return symbol[1:4] + separator + symbol[4:]


class Routes:
    """What a program around a bare WebSocket library does, as short as possible."""

    def __init__(self, run: Run) -> None:
        from orjson import loads

        self._run = run
        self._loads = loads
        self._callbacks = {
            each.chan_id: run.callback(each.symbol, partial(values, each.name))
            for each in run.wanted
        }
        self._left = len(run.wanted)

    def requests(self) -> List[str]:
        from orjson import dumps

        return [
            dumps(
                {"event": "subscribe", "channel": each.name, "symbol": each.symbol}
            ).decode()
            for each in self._run.wanted
        ]

    def handle(self, message: Any) -> None:
        value = self._loads(message)
        if type(value) is dict:
            return
        row = value[1]
        if type(row) is str:
            if row == "hb" or row == "cs":
                return
            row = value[2]
        elif self._left:
            self._left -= 1
            if not self._left:
                self._run.start()
            if type(row[0]) is list:
                return
        self._callbacks[value[0]](row)


def run_websockets(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """websockets: ``async for message in websocket``."""
    import ssl

    from websockets.asyncio.client import connect

    options: Dict[str, Any] = {}
    if ca_bundle is not None:
        options["ssl"] = ssl.create_default_context(cafile=ca_bundle)
    routes = Routes(run)

    async def client() -> None:
        async with connect(url, **options) as websocket:
            for request in routes.requests():
                await websocket.send(request)
            async for message in websocket:
                routes.handle(message)

    async def main() -> None:
        ended = asyncio.Event()
        task = asyncio.ensure_future(client())

        async def ends() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            ended.set()

        await watch(run, ended.wait(), ends)

    asyncio.run(main())


def run_websocket_client(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """websocket-client: ``WebSocketApp`` with ``on_message``, in a thread of its own."""
    import threading

    import websocket

    routes, done = Routes(run), run.done_event()

    def on_open(app: Any) -> None:
        for request in routes.requests():
            app.send(request)

    app = websocket.WebSocketApp(
        url, on_open=on_open, on_message=lambda _, message: routes.handle(message)
    )
    options = {} if ca_bundle is None else {"sslopt": {"ca_certs": ca_bundle}}
    thread = threading.Thread(target=app.run_forever, kwargs=options, daemon=True)
    thread.start()
    if run.mode == "idle":
        return run.stay()
    done.wait(run.timeout_s)
    if run.mode != "connect":
        done.wait(0)
        threading.Event().wait(GRACE_S)
    app.close()
    # Over TLS it does not always end.
    thread.join(1)
