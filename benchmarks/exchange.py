"""
Measure the local exchange: orders matched by its engine, and book updates sent to one client.

Both are counted: each taker must have filled its maker, and the client must receive as many rows as
the exchange has sent. CPU time is that of the process, user and system, of the engine or of the
exchange; the client is a process of its own that only counts.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import subprocess
import sys
import time
from itertools import count
from statistics import median
from typing import Any, Callable, Dict, List, NamedTuple, Sequence

from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.engine.venue import Fill
from bfxsync.paper.markets.random import RandomMarket
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.server.registry import AccountRegistry

MTS = 1_700_000_000_000
SYMBOL = "tBTCUSD"


class Measured(NamedTuple):
    """How many in which time."""

    number: int
    wall_s: float
    cpu_s: float


class Venue:
    """A market for the engine alone: nobody is told what happens."""

    def __init__(self, symbol: str) -> None:
        self.market = RandomMarket(RECIPES[symbol], 1, MTS)

    def publish_fills(self, fills: Sequence[Fill] = ()) -> None:
        """There are no subscribers."""

    def set_active(self, is_active: bool) -> None:
        """It has no events of its own."""


def match_orders(number: int) -> Measured:
    """Match pairs of a resting order and one that takes it, of two accounts."""
    rich = {"exchange": {"USD": 10**9, "BTC": 10**5}}
    accounts = [PaperAccount(api_key=f"paper-{n}", balances=rich) for n in range(2)]
    venue = Venue(SYMBOL)
    now = count(MTS)
    registry = AccountRegistry(
        accounts, {SYMBOL: venue}, lambda: next(now), lambda delay_s, call: None
    )
    maker, taker = registry.accounts
    ask = venue.market.book.depth("R0").asks.best().price // 10**12 - 1
    sell = {"type": "EXCHANGE LIMIT", "symbol": SYMBOL, "amount": "-0.01"}
    buy = {**sell, "amount": "0.01", "price": str(ask)}
    sell["price"] = str(ask)
    venue.market.trades.clear()
    for bid in list(venue.market.book.depth("R0").bids):
        if bid.price // 10**12 >= ask:
            venue.market.book.remove_order(bid.order_id)
    submit = registry.engine.submit
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(number // 2):
        submit(maker, sell)
        submit(taker, buy)
    measured = Measured(number, time.perf_counter() - wall, time.process_time() - cpu)
    for account in (maker, taker):
        if len(account.closed) != number // 2 or account.orders:
            raise SystemExit("not every order was filled")
    return measured


def send_updates(number: int) -> Measured:
    """Send the updates of a raw book to one client, as fast as it reads."""
    with PaperExchange(
        paused=True, begin_mts=MTS, rate=1_000.0, heartbeat_s=3_600, stall_s=60
    ) as exchange:
        command = [sys.executable, __file__, "--count", exchange.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            client.stdout.readline()  # it has its snapshot
            sent = exchange.frames_sent
            wall, cpu = time.perf_counter(), time.process_time()
            while exchange.frames_sent - sent < number:
                exchange.step(0.25)
            cpu_s = time.process_time() - cpu
            exchange.drop_connections(1000)
            got = json.loads(client.stdout.readline())
        wall_s = got["ended"] - wall
        sent = exchange.frames_sent - sent
        if got["frames"] != sent:
            raise SystemExit(f"of {sent} updates the client got {got['frames']}")
        return Measured(sent, wall_s, cpu_s)


def count_frames(url: str) -> None:
    """Subscribe, and count the frames until the exchange closes the connection."""
    host, port = url.split("/")[2].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as sock:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            "GET /ws/2 HTTP/1.1",
            f"Host: {host}:{port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        )
        sock.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        request = {"event": "subscribe", "channel": "book", "symbol": SYMBOL}
        request.update(prec="R0", len="100")
        text = json.dumps(request).encode()
        sock.sendall(
            bytes((0x81, 0xFE)) + len(text).to_bytes(2, "big") + bytes(4) + text
        )
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(1 << 16)
        buffer = bytearray(data.partition(b"\r\n\r\n")[2])
        frames, is_ready = -3, False  # greeting, acknowledgement, snapshot
        while True:
            at, size = 0, len(buffer)
            while size - at >= 2:
                head, length = 2, buffer[at + 1]
                if length >= 126:
                    head = 4 if length == 126 else 10
                    if size - at < head:
                        break
                    length = int.from_bytes(buffer[at + 2 : at + head], "big")
                if size - at < head + length:
                    break
                if buffer[at] == 0x88:
                    print(json.dumps({"frames": frames, "ended": time.perf_counter()}))
                    return
                frames += 1
                at += head + length
            del buffer[:at]
            if frames == 0 and not is_ready:
                is_ready = True
                print("ready", flush=True)
            buffer += sock.recv(1 << 20)


def main() -> None:
    """Print the medians and the best of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.count:
        count_frames(arguments.count)
        return
    work: Dict[str, Callable[[], Any]] = {
        "orders matched by the engine": lambda: match_orders(arguments.orders),
        "book updates to one client": lambda: send_updates(arguments.updates),
    }
    found: Dict[str, List[Measured]] = {name: [] for name in work}
    for _ in range(arguments.rounds):
        for name, measure in work.items():
            found[name].append(measure())
    print(f"{'per second':30} {'of time':>10} {'of CPU':>10} {'best':>10}")
    for name, runs in found.items():
        by_wall = [run.number / run.wall_s for run in runs]
        by_cpu = [run.number / run.cpu_s for run in runs]
        print(
            f"{name:30} {median(by_wall):10,.0f} {median(by_cpu):10,.0f} {max(by_cpu):10,.0f}"
        )


if __name__ == "__main__":
    main()
