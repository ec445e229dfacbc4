"""
One contestant in a process of its own: subscribe, count one flood, print its cost.

It prints ``ready`` when everything is subscribed and the flood may start, and one JSON line at the
end. CPU time is that of the whole process with all its threads, user and system, from ``ready`` to
the last update.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import sys
import tempfile
import threading
import time
from functools import partial
from typing import Any, Callable, Dict, Optional

from counting import GRACE_S, Run
from floor import run_floor
from traffic import BOOK_LEN, FLOODS


def run_bfxsync(
    run: Run,
    url: str,
    ca_bundle: Optional[str],
    *,
    blocked: bool = False,
    **options: Any,
) -> None:
    from bfxsync import Gap, WebSocketClient

    on_data, on_event = run.callbacks()
    done = threading.Event()
    run.on_done = done.set

    def on_change(change: object) -> None:
        if isinstance(change, Gap):
            run.result["gaps"] += 1
            run.result["dropped"] += change.dropped

    client = WebSocketClient(url, ca_bundle=ca_bundle, **options)
    try:
        if any(each.name == "trades" for each in run.wanted):
            # The callback gets each trade once, at its te. The handler is called at its tu, so
            # that there is one call per frame, as with the other clients.
            client.on("t_trade_execution_update", on_event)
        client.start()
        books = {}
        for each in run.wanted:
            if each.name == "ticker":
                client.subscribe_ticker(each.symbol, on_data, on_event=on_change)
            elif each.name == "trades":
                client.subscribe_trades(each.symbol, on_data, on_event=on_change)
            else:
                books[each.symbol] = client.subscribe_book(
                    each.symbol, on_data, prec="P0", len=BOOK_LEN, on_event=on_change
                ).book
        if blocked:
            # A second consumer of the first channel, which changes nothing on the wire.
            client.subscribe_ticker(
                run.wanted[0].symbol, lambda _: time.sleep(run.timeout_s)
            )
        run.start()
        done.wait(run.timeout_s)
        time.sleep(GRACE_S)
        run.result["books"] = {
            symbol: [
                (level.price, level.amount)
                for level in (*book.bids(BOOK_LEN), *book.asks(BOOK_LEN))
            ]
            for symbol, book in books.items()
        }
    finally:
        client.close()


def run_bfxsync_json(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    # None makes the import fail, as if orjson were not installed.
    sys.modules["orjson"] = None  # type: ignore[assignment]
    run_bfxsync(run, url, ca_bundle)


def run_recording(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run_bfxsync(run, url, ca_bundle, record=os.path.join(folder, "run.jsonl.gz"))


def run_official(run: Run, url: str, ca_bundle: Optional[str]) -> None:
    import asyncio

    if ca_bundle is not None:
        # The client has no parameter for it; this variable of OpenSSL has the same effect.
        os.environ["SSL_CERT_FILE"] = ca_bundle

    from bfxapi import Client

    _, on_event = run.callbacks()
    wss = Client(wss_host=url).wss
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

    async def main() -> None:
        done = asyncio.Event()
        run.on_done = done.set
        client = asyncio.create_task(wss.start())
        ended = asyncio.create_task(done.wait())
        await asyncio.wait(
            {client, ended},
            timeout=run.timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not client.done():
            await asyncio.sleep(GRACE_S)
            await wss.close()
        ended.cancel()
        await client

    wss.on("open", on_open)
    wss.on("subscribed", on_subscribed)
    wss.on("t_ticker_update", on_event)
    wss.on("t_trade_execution", on_event)
    wss.on("t_trade_execution_update", on_event)
    wss.on("t_book_update", on_event)
    asyncio.run(main())


CONTESTANTS: Dict[str, Callable[[Run, str, Optional[str]], None]] = {
    "floor": run_floor,
    "floor-callback": partial(run_floor, calls_back=True),
    "floor-callback-json": partial(run_floor, calls_back=True, decoder="json"),
    "bfxsync": run_bfxsync,
    "bfxsync-json": run_bfxsync_json,
    "bitfinex-api-py": run_official,
    "bfxsync-0": partial(run_bfxsync, dispatch_threads=0),
    "bfxsync-2": partial(run_bfxsync, dispatch_threads=2),
    "bfxsync-record": run_recording,
    "bfxsync-2-blocked": partial(run_bfxsync, dispatch_threads=2, blocked=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("contestant", choices=list(CONTESTANTS))
    parser.add_argument("--url", required=True)
    parser.add_argument("--flood", choices=list(FLOODS), required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--ca-bundle")
    parser.add_argument("--timeout", type=float, required=True)
    options = parser.parse_args()
    # If a contestant hangs, print where and exit.
    faulthandler.dump_traceback_later(options.timeout + 10, exit=True)
    run = Run(options.flood, options.frames, options.timed, options.timeout)
    CONTESTANTS[options.contestant](run, options.url, options.ca_bundle)
    run.report()


if __name__ == "__main__":
    main()
