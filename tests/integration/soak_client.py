"""
A client in a process of its own, used hard: fast, slow, raising and coming-and-going consumers.

It prints one JSON line a second with what it holds of the machine, until its input ends, and a
last one with its statistics.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from typing import Any

import bfxsync
from bfxsync import Backoff, WebSocketClient

CHANNELS: list[dict[str, Any]] = [
    {"channel": "ticker", "symbol": "tBTCUSD"},
    {"channel": "trades", "symbol": "tBTCUSD"},
    {"channel": "trades", "symbol": "fUSD"},
    {"channel": "book", "symbol": "tBTCUSD", "prec": "P0", "len": "25"},
    {"channel": "book", "symbol": "tETHUSD", "prec": "R0", "len": "100"},
    {"channel": "book", "symbol": "fUSD", "prec": "P0", "len": "25"},
    {"channel": "candles", "key": "trade:1m:tBTCUSD"},
    {"channel": "status", "key": "deriv:tBTCF0:USTF0"},
]

MAILBOX_SIZE = 200


def use(url: str) -> None:
    over = threading.Event()
    client = WebSocketClient(
        url,
        backoff=Backoff(first_s=0.05, cap_s=0.5),
        ping_after=1.0,
        stale_after=2.0,
        timeout=5.0,
        mailbox_size=MAILBOX_SIZE,
        dispatch_threads=2,
        # So that there are further connections.
        channels_per_connection=5,
    )

    def raise_always(_: object) -> None:
        raise ValueError("a callback that always raises")

    def be_slow(_: object) -> None:
        over.wait(0.02)

    policies = ("resync", "latest", "drop_oldest")
    for number, channel in enumerate(CHANNELS):
        client.subscribe(**channel, callback=lambda _: None, wait=False)
        slow = be_slow if number % 2 else raise_always
        policy = policies[number % len(policies)]
        client.subscribe(**channel, callback=slow, policy=policy, wait=False)
    # Read now and then, so that its reader is always full.
    neglected = client.subscribe("trades", symbol="tETHUSD", wait=False)
    iter(neglected)

    def come_and_go() -> None:
        turn = 0
        while not over.wait(0.1):
            turn += 1
            key = f"trade:{('1m', '5m', '15m')[turn % 3]}:tETHUSD"
            try:
                client.subscribe("candles", key=key, timeout=1.0).unsubscribe()
            except bfxsync.BfxError:
                pass  # the link is down more often than not

    churn = threading.Thread(target=come_and_go, name="churn")
    churn.start()
    asked = threading.Thread(target=lambda: (sys.stdin.read(), over.set()), name="end")
    asked.start()
    while not over.wait(1.0):
        stats = client.stats()
        sample = {
            "rss_kb": _rss_kb(),
            "threads": threading.active_count(),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "queued": max(row["queued"] for row in stats["subscriptions"]),
            "frames": stats["frames"],
        }
        print(json.dumps(sample), flush=True)
    churn.join()
    stats = client.stats()
    begin = time.monotonic()
    client.close()
    stats["closed_in_s"] = time.monotonic() - begin
    stats["left"] = [t.name for t in threading.enumerate() if "bfxsync" in t.name]
    print(json.dumps(stats), flush=True)


def _rss_kb() -> int:
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    use(sys.argv[1])
