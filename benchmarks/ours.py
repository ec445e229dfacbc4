"""bfxsync as a contestant."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from decimal import Decimal
from typing import Any, Callable, List, Optional

from counting import GRACE_S, Run
from traffic import ACCOUNT, BOOK_LEN, Channel


def read_ticker(ticker: Any) -> List[float]:
    return [ticker.bid, ticker.ask, ticker.volume]


def read_trade(trade: Any) -> List[float]:
    return [trade.id, trade.mts, trade.amount, trade.price]


def read_level(update: Any) -> List[float]:
    return [update.price, update.count, update.amount]


def read_order(order: Any) -> List[float]:
    return [order.id, order.amount, order.price]


def read_account_trade(trade: Any) -> List[float]:
    return [trade.id, trade.exec_amount, trade.exec_price]


def read_wallet(wallet: Any) -> List[float]:
    return [wallet.balance]


#: The events of the flood of the account, the same in the official client.
ACCOUNT_EVENTS = {
    "order_new": read_order,
    "order_update": read_order,
    "order_cancel": read_order,
    "trade_execution": read_account_trade,
    "trade_execution_update": read_account_trade,
    "wallet_update": read_wallet,
}

READS = {"ticker": read_ticker, "trades": read_trade, "book": read_level}


def run_bfxsync(
    run: Run,
    url: str,
    ca_bundle: Optional[str],
    *,
    policy: str = "resync",
    blocked: bool = False,
    tunes_gc: bool = False,
    **options: Any,
) -> None:
    if run.wanted == [ACCOUNT]:
        return run_account(run, url, ca_bundle)

    from bfxsync import BookSubscription, Gap, WebSocketClient

    done = run.done_event()

    def on_change(change: object) -> None:
        if isinstance(change, Gap):
            run.result["gaps"] += 1
            run.result["dropped"] += change.dropped
            run.result["reason"] = change.reason

    def callback(each: Channel) -> Callable[[Any], None]:
        read = READS[each.name]
        if policy == "latest":
            return lambda data: run.keep(each.symbol, read(data))
        # The callback gets each trade once, at its te. The handler is called at its tu, so that
        # there is one call per frame, as with the other clients.
        te = " te" if each.name == "trades" else ""
        return run.callback(each.symbol + te, read)

    client = WebSocketClient(url, ca_bundle=ca_bundle, **options)
    try:
        if any(each.name == "trades" for each in run.wanted):
            on_event = run.handler("tu", read_trade)
            client.on("t_trade_execution_update", on_event)
        requests = []
        for each in run.wanted:
            request = {
                "channel": each.name,
                "symbol": each.symbol,
                "callback": callback(each),
                "on_event": on_change,
                "policy": policy,
            }
            if each.name == "book":
                request.update(prec="P0", len=BOOK_LEN)
            requests.append(request)
        subscriptions = client.subscribe_many(requests)
        books = {
            each.symbol: subscription.book
            for each, subscription in zip(run.wanted, subscriptions)
            if isinstance(subscription, BookSubscription)
        }
        if blocked:
            # A second consumer of the first channel, which changes nothing on the wire.
            client.subscribe_ticker(
                run.wanted[0].symbol, lambda _: time.sleep(run.timeout_s)
            )
        if run.mode == "connect":
            done.wait(run.timeout_s)
            return
        if tunes_gc:
            # The tip of docs/explanation/performance.rst.
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 50, 100)
        run.start()
        if run.mode == "idle":
            return run.stay()
        if policy == "latest":
            run.await_quiet()
        done.wait(run.timeout_s)
        time.sleep(GRACE_S)
        run.result["books"] = {
            symbol: [
                [level.price, level.amount]
                for level in (*book.bids(BOOK_LEN), *book.asks(BOOK_LEN))
            ]
            for symbol, book in books.items()
        }
        run.result["checksums"] = sum(book.verified_count for book in books.values())
    finally:
        client.close()


def run_account(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    """Receive the account channel; its callback is called with te and tu, too."""
    from bfxsync import Client, Gap

    done = run.done_event()

    def on_change(change: object) -> None:
        if isinstance(change, Gap):
            run.result["gaps"] += 1
            run.result["reason"] = change.reason

    def read(update: Any) -> List[float]:
        return ACCOUNT_EVENTS[update.event](update.data)

    with Client("benchmark-key", "benchmark-secret", wss_host=url) as bfx:
        callback = run.callback(ACCOUNT.symbol, read)
        bfx.wss.subscribe_account(callback, on_event=on_change)
        run.start()
        done.wait(run.timeout_s)
        time.sleep(GRACE_S)


def run_json(run: Run, url: str, ca_bundle: Optional[str], **options: Any) -> None:
    # None makes the import fail, as if orjson were not installed.
    sys.modules["orjson"] = None  # type: ignore[assignment]
    run_bfxsync(run, url, ca_bundle, **options)


def run_decimal(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    run_bfxsync(run, url, ca_bundle, numbers=Decimal)


def run_recording(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_bfxsync(run, url, ca_bundle, record=os.path.join(folder, "run.jsonl.gz"))
