"""Follow a book that a relay publishes, with the calls that a client of the exchange has."""

import os
import pathlib
import signal
import sys
import threading

from bfxsync import Client

READY = pathlib.Path(os.environ.get("READY_FILE", "/tmp/ready"))


def main(symbol):
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with Client(source=os.environ["BFX_REDIS_URL"]) as bfx:
        # Also before the relay runs.
        book = bfx.wss.subscribe_book(symbol, wait=False).book
        while bfx.health()["is_alive"] and not stopping.wait(1.0):
            if bfx.health()["is_ready"]:
                READY.touch()
                print(symbol, book.best_bid.price, book.best_ask.price, flush=True)
    # By a fatal error the client ends before this program: let the container start it again.
    sys.exit(0 if stopping.is_set() else 1)


if __name__ == "__main__":
    main(sys.argv[1])
