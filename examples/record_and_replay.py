"""
Record a session, then replay it twice: the same trades, with the same gap.

The replay needs no exchange.
"""

import tempfile
import threading
from pathlib import Path

from bfxsync import Backoff, Gap, replay
from bfxsync.paper import PaperExchange

path = Path(tempfile.mkdtemp()) / "run.jsonl.gz"

with PaperExchange(rate=200) as exchange:
    with exchange.client(backoff=Backoff(first_s=0.1), record=path) as bfx:
        trades = bfx.wss.subscribe_trades("tBTCUSD")
        for number, trade in enumerate(trades):
            if number == 20:
                # Each replay has the same gap in the same place.
                exchange.drop_connections()
            if number == 60:
                break
print(f"recorded {path.stat().st_size} bytes")


def play():
    """Return everything that the subscription receives: trades, the gap, snapshots."""
    with replay(path) as recording:
        return list(recording.subscribe_trades("tBTCUSD").events())


first, second = play(), play()
print(f"replayed {len(first)} items, {sum(isinstance(i, Gap) for i in first)} gap")
print(f"both replays are equal: {first == second}")
print(f"threads left: {[t.name for t in threading.enumerate() if 'bfxsync' in t.name]}")
