"""
Record a session, then play it twice: the same calls with the same values.

The second part needs no exchange. Ends by itself.
"""

import tempfile
import threading
from pathlib import Path

from bfxsync import Backoff, Client, replay
from bfxsync.paper import PaperExchange

path = Path(tempfile.mkdtemp()) / "run.jsonl.gz"

with PaperExchange(rate=200) as exchange:
    with Client(
        wss_host=exchange.url, backoff=Backoff(first_s=0.1), record=path
    ) as bfx:
        trades = bfx.wss.subscribe_trades("tBTCUSD")
        book = bfx.wss.subscribe_book("tBTCUSD", len=25)
        for number, trade in enumerate(trades):
            if number == 20:
                # What is lost now will be lost in each replay, at the same place.
                exchange.drop_connections()
            if number == 60:
                break
print(f"recorded {path.stat().st_size} bytes")


def play():
    """Return what a callback sees: each trade or event, and the best bid at that moment."""
    seen = []
    with replay(path) as recording:
        book = recording.subscribe_book("tBTCUSD", len=25).book

        def note(item):
            seen.append((item, book.best_bid))

        recording.subscribe_trades("tBTCUSD", note, on_event=note)
        recording.run()
    return seen


first, second = play(), play()
print(f"played {len(first)} items, {[type(item).__name__ for item, _ in first[:3]]}, …")
print(f"the same once more: {first == second}")
print(f"threads left: {[t.name for t in threading.enumerate() if 'bfxsync' in t.name]}")
