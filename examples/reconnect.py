"""
Restart the exchange, and show how three subscriptions recover.

Each gets a gap, then a snapshot, then updates. Stop it with Ctrl-C.
"""

import threading

from bfxsync import Backoff
from bfxsync.paper import PaperExchange

exchange = PaperExchange()
exchange.start()


def show(name):
    """Return a callback that prints the type of an item when it changes."""
    last = None

    def on_item(item):
        nonlocal last
        kind = type(item).__name__
        if kind != last:
            print(f"{name:8} {kind}", flush=True)
        last = kind

    return on_item


def restart():
    print("the exchange stops", flush=True)
    exchange.stop()
    print("the exchange starts", flush=True)
    exchange.start()


with exchange.client(backoff=Backoff(first_s=0.2)) as bfx:
    for channel in ("ticker", "trades", "book"):
        on_item = show(channel)
        bfx.wss.subscribe(channel, symbol="tBTCUSD", callback=on_item, on_event=on_item)
    threading.Timer(1.0, restart).start()
    try:
        bfx.wss.run()
    except KeyboardInterrupt:
        pass
exchange.stop()
left = [thread.name for thread in threading.enumerate() if "bfxsync" in thread.name]
print(f"threads left: {left}")
