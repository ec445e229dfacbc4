"""
Append the latest closed candles to a SQLite file, once a minute from cron.

Exit codes: 0 done, 1 failed, 75 try again later (EX_TEMPFAIL), 76 another one is still running::

    * * * * *  cd /srv/market && timeout 50 venv/bin/python snapshot.py candles.db 2>>snapshot.log
"""

import fcntl
import sys
import time

from bfxsync import BfxError, Client
from bfxsync.models import Candle
from bfxsync.sinks import open_sink

MINUTE_MS = 60_000


def main(path):
    # Released by the system, however the process ends.
    lock = open(f"{path}.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another one is running", file=sys.stderr)
        return 76
    # A job that waits for rate limits would overlap with the next one.
    with (
        Client(on_limit="raise", rest_timeout=20) as bfx,
        open_sink(path, Candle) as sink,
    ):
        # The current minute is not over yet.
        end = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS - 1
        start = sink.since(end - 60 * MINUTE_MS)
        candles = bfx.rest.public.iter_candles("tBTCUSD", "1m", start=start, end=end)
        # Rows that it has already are skipped.
        sink.write_all(candles)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except BfxError as exc:
        print(f"{type(exc).__name__}: {exc}", file=sys.stderr)
        sys.exit(75 if exc.retryable else 1)
