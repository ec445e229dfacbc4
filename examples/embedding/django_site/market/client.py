"""The client of the process."""

from functools import lru_cache

from bfxsync import Client

bfx = Client()


@lru_cache(maxsize=None)
def book(symbol):
    """Return a book that is kept current; the first call connects and waits for it."""
    # If two threads call at the same time, both get the same channel of the exchange.
    return bfx.wss.subscribe_book(symbol).book
