"""
Measure the stages between the bytes of a read and the user's callback, without a network.

Strategy: a real client with ``dispatch_threads=0``, so that all is done on one thread; its socket
is a stand-in that returns prepared blocks. A round of its loop is measured whole, the wait for the
socket included, and again with the calls in `STAGES` timed; "rest" is what is spent between them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import socket
import sys
import threading
import time
import zlib
from functools import wraps
from statistics import median
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence

import floor
from environments import FOLDER, ROOT, Environments
from load_server import Peer, frame
from report import markdown
from traffic import (
    BookSource,
    Traffic,
    channels,
    is_checksum,
    number_text,
)

#: The stages: a name, and the module, class and method whose calls are timed.
STAGES = (
    ("split", "bfxsync.wire.websocket", "Splitter", "feed"),
    ("decode, check, models, books", "bfxsync.wire.session", "Session", "feed"),
    ("deliver", "bfxsync.ws.io.link", "Link", "perform"),
    (
        "dispatch, callback",
        "bfxsync.ws.dispatch.dispatcher",
        "Dispatcher",
        "run_ready",
    ),
)

#: Frames of a block in a flood, less than the client reads at once.
FLOOD_BLOCK = 500


class Tape:
    """
    The stand-in for a socket: it answers the opening, then returns blocks, in passes.

    The CPU time of the reading thread is taken from the first block of a pass to the read that
    follows the last one.
    """

    def __init__(self, flood: str, passes: Sequence[Sequence[bytes]]) -> None:
        self._wanted = {each.symbol: each for each in channels(flood)}
        self._first = Traffic(flood, 0).first
        self._passes = iter(passes)
        self._blocks: Iterator[bytes] = iter(())
        self._started = 0.0
        self._seq = 0
        # Level-triggered: as long as nobody reads this byte, there is something to read.
        self._watched, other = socket.socketpair()
        other.send(b"\0")
        self._peer = Peer(other)
        self._answers = self._rest = b""
        self._put({"event": "info", "version": 2, "platform": {"status": 1}})
        self.costs_s: List[float] = []
        self.go, self.done = threading.Event(), threading.Event()

    def setblocking(self, _value: bool) -> None:
        pass

    def shutdown(self, _how: int) -> None:
        self.done.set()

    def fileno(self) -> int:
        return self._watched.fileno()

    def close(self) -> None:
        self._watched.close()
        self._peer.sock.close()

    def send(self, data: bytes) -> int:
        for text in self._peer.messages(bytes(data)):
            request = json.loads(text or b"{}")
            if request.get("event") == "conf":
                self._put({**request, "status": "OK"})
            elif request.get("event") == "subscribe":
                chan_id = self._wanted[request["symbol"]].chan_id
                self._put({**request, "event": "subscribed", "chanId": chan_id})
                self._seq += 1
                first = f"{self._first[chan_id]},{self._seq}]"
                self._answers += frame(first.encode())
        return len(data)

    def _put(self, value: Dict[str, Any]) -> None:
        self._answers += frame(json.dumps(value).encode())

    def recv_into(self, buffer: memoryview) -> int:
        data = self._rest or self.recv(len(buffer))
        data, self._rest = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def recv(self, _size: int) -> bytes:
        """Return the next bytes, also for releases that do not read into a buffer."""
        block = next(self._blocks, None)
        if block is not None:
            return block
        if self._started:
            self.costs_s.append(time.thread_time() - self._started)
            self._started = 0.0
        data, self._answers = self._answers, b""
        if data:
            return data
        blocks = next(self._passes, None) if self.go.is_set() else None
        if blocks is None:
            if self.go.is_set():
                self.done.set()
            time.sleep(0.001)
            raise BlockingIOError
        self._blocks = iter(blocks)
        self._started = time.thread_time()
        return next(self._blocks)


class Load(NamedTuple):
    """
    What a client reads.

    Attributes
    ----------
    flood : str
        One of `traffic.FLOODS`.
    updates : int
        In each pass.
    per_block : int
        Frames in a block.
    """

    flood: str
    updates: int
    per_block: int
    passes: int = 5

    def blocks(self, texts: Sequence[str], groups: Sequence[int]) -> List[List[bytes]]:
        """Return the blocks of each pass; the groups are the numbers of frames in a block."""
        seq, start, found = len(channels(self.flood)), 0, []
        for size in groups:
            block = b""
            for text in texts[start : start + size]:
                seq += 1
                block += frame(f"{text},{seq}]".encode())
            start += size
            found.append(block)
        size = len(found) // self.passes
        return [found[n * size : (n + 1) * size] for n in range(self.passes)]

    def prepared(self) -> List[List[bytes]]:
        count = self.updates * self.passes
        texts = Traffic(self.flood, count).texts
        return self.blocks(texts, [self.per_block] * (count // self.per_block))


def cost_s(load: Load, passes: Sequence[Sequence[bytes]]) -> float:
    """Return the CPU time of the fastest pass, from read to read."""
    from bfxsync import WebSocketClient
    from bfxsync.ws.io.transport import Transport

    tape = Tape(load.flood, passes)

    def connect(*_: object, traffic: Any = None, **__: object) -> Transport:
        return Transport(tape, traffic=traffic)

    real = Transport.__dict__["connect"]
    Transport.connect = connect  # type: ignore[method-assign, assignment]
    count = 0

    def on_data(_data: object) -> None:
        nonlocal count
        count += 1

    try:
        with WebSocketClient("ws://127.0.0.1:1", dispatch_threads=0) as client:
            if any(each.name == "trades" for each in channels(load.flood)):
                client.on("t_trade_execution_update", lambda _, data: on_data(data))
            client.subscribe_many(
                [
                    {"channel": each.name, "symbol": each.symbol, "callback": on_data}
                    for each in channels(load.flood)
                ]
            )
            tape.go.set()
            assert tape.done.wait(120), "the client has not read everything"
    finally:
        Transport.connect = real  # type: ignore[method-assign]
    assert count >= load.updates * load.passes * 0.99, f"only {count} updates came"
    return min(tape.costs_s)


def floor_s(load: Load, passes: Sequence[Sequence[bytes]]) -> float:
    """Return the CPU time of the floor for the same blocks."""
    loads = floor.decoder("orjson")
    count = 0

    def on_data(_data: object) -> None:
        nonlocal count
        count += 1

    callbacks = {each.chan_id: on_data for each in channels(load.flood)}
    costs = []
    for blocks in passes:
        started = time.thread_time()
        for block in blocks:
            floor.feed(block, loads, callbacks)
        costs.append(time.thread_time() - started)
    return min(costs)


class Stages:
    """Times each call of the stages, while it is entered."""

    def __init__(self) -> None:
        self.times_s: Dict[str, List[float]] = {name: [] for name, *_ in STAGES}
        self._real: List[Any] = []
        self._is_inside = False

    def __enter__(self) -> Stages:
        for name, module, owner, method in STAGES:
            cls = getattr(importlib.import_module(module), owner)
            real = getattr(cls, method)
            self._real.append((cls, method, real))
            setattr(cls, method, self._timed(name, real))
        return self

    def __exit__(self, *_: object) -> None:
        for cls, method, real in self._real:
            setattr(cls, method, real)

    def _timed(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        clock, times_s = time.perf_counter, self.times_s[name]

        @wraps(real)
        def timed(*arguments: Any) -> Any:
            if self._is_inside:
                return real(*arguments)
            self._is_inside = True
            started = clock()
            try:
                return real(*arguments)
            finally:
                times_s.append(clock() - started)
                self._is_inside = False

        return timed


def stages(load: Load) -> Dict[str, float]:
    """Return µs per frame by stage, and of the whole and the floor."""
    passes = load.prepared()
    us = 1e6 / load.updates
    whole = cost_s(load, passes) * us
    found = {"floor-callback": floor_s(load, passes) * us, "whole": whole}
    with Stages() as timed:
        cost_s(load, passes)
    for name, times_s in timed.times_s.items():
        # The median, as a call may be interrupted by other processes; there are few other calls.
        found[name] = median(times_s) * 1e6 / load.per_block
    found["rest"] = whole - sum(found[name] for name in timed.times_s)
    return found


def checksum_us(steps: int, passes: int = 7) -> Dict[str, float]:
    """
    Return µs per checksum after 1 or 2 changed levels of a P0 book of 25 levels a side.

    The same frames are read with and without checksums; the difference is their cost.
    """
    texts = Traffic("checksums", steps * passes, checksum_every=1).texts
    sizes, size = [], 0
    for text in texts:
        size += 1
        if is_checksum(text):
            sizes.append(size)
            size = 0
    texts = texts[: sum(sizes)]
    load = Load("checksums", 0, 0, passes)
    with_them = load.blocks(texts, sizes)
    without = load.blocks(
        [text for text in texts if not is_checksum(text)], [n - 1 for n in sizes]
    )
    difference = cost_s(load, with_them) - cost_s(load, without)
    return {
        "bfxsync": difference * 1e6 / len(with_them[0]),
        "from scratch": checksum_from_scratch_us(),
    }


def checksum_from_scratch_us() -> float:
    """Return the cost of sorting two dicts, formatting 25 levels of each, and CRC-32."""
    import random

    source = BookSource(1, random.Random(1))
    levels = source.levels()
    bids, asks = dict(levels[:25]), dict(levels[25:])
    best = 1.0
    for _ in range(200):
        started = time.thread_time()
        texts = []
        for bid, ask in zip(sorted(bids, reverse=True), sorted(asks)):
            texts += [repr(bid), number_text(bids[bid])]
            texts += [repr(ask), number_text(asks[ask])]
        zlib.crc32(":".join(texts).encode())
        best = min(best, time.thread_time() - started)
    return best * 1e6


def row(name: str, frames: int) -> Dict[str, Dict[str, float]]:
    """Return the figures of a row of run.py, by entry and unit."""
    if name == "checksum":
        costs = checksum_us(frames // 7)
        return {label: {"CPU µs": cost} for label, cost in costs.items()}
    found: Dict[str, Dict[str, float]] = {"bfxsync": {}, "floor-callback": {}}
    for flood, unit in (("ticker", "CPU µs, ticker"), ("mixed", "CPU µs, 25 mixed")):
        load = Load(flood, frames // 4, 1)
        passes = load.prepared()
        for label, measured in (("bfxsync", cost_s), ("floor-callback", floor_s)):
            found[label][unit] = measured(load, passes) * 1e6 / load.updates
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=14_000, help="of a pass")
    parser.add_argument(
        "--row", choices=["one-frame", "checksum"], help="a row of run.py, as JSON"
    )
    parser.add_argument("--here", action="store_true", help="in this environment")
    options = parser.parse_args()
    if options.row:
        print(json.dumps(row(options.row, options.frames)))
        return
    if not options.here:
        python = Environments(FOLDER).python("bfxsync")
        assert python is not None, "the environment could not be made"
        command = [str(python), __file__, "--here", *sys.argv[1:]]
        os.execve(python, command, {**os.environ, "PYTHONPATH": str(ROOT)})
    floods = ("ticker", "trades", "book", "mixed")
    sizes = {"one frame": 1, "a flood": FLOOD_BLOCK}
    found = {}
    for label, size in sizes.items():
        frames = options.frames if size > 1 else options.frames // 4
        frames -= frames % size
        for flood in floods:
            found[f"{flood}, {label}"] = stages(Load(flood, frames, size))
    names = ["floor-callback", *(name for name, *_ in STAGES), "rest", "whole"]
    rows = [
        [key, *(f"{costs[name]:.2f}" for name in names)] for key, costs in found.items()
    ]
    print("CPU µs per frame, fastest pass; blocks of one frame or of a flood\n")
    print(markdown(["block", *names], rows))
    costs = checksum_us(options.frames // 7)
    print(f"\none checksum: {costs['bfxsync']:.1f} µs", end=", ")
    print(f"from scratch {costs['from scratch']:.1f} µs")


if __name__ == "__main__":
    main()
