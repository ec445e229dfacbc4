"""
Measure frames through Redis: the CPU time of relay, Redis and consumers, and the latency.

A relay gets frames of 25 tickers at a given pace, without a socket; 1, 4 and 16 consumers, each a
process, read them with ``WebSocketClient(source=…)``. Everything shares the machine, so latencies
are pessimistic. Needs the extra ``redis`` and a redis-server. Takes two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List

CONSUMERS = (1, 4, 16)
PACES = (300, 1_000, 3_000)
STREAMS = 25
BLOCKS_PER_S = 50

#: Position of the daily high in a ticker, which has the time of sending here.
TIME_INDEX = 8


def cpu_s() -> float:
    """Return the CPU time of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def symbols() -> List[str]:
    """Return the names of as many pairs as there are streams."""
    return [f"tA{chr(65 + number)}CUSD" for number in range(STREAMS)]


class Feed:
    """Stands for the relay's connection to the exchange."""

    failure = None

    def __init__(self, tap: Any) -> None:
        self.tap = tap
        self.seq = 0

    def relay(self, identities: Any) -> None:
        """Acknowledge all channels, and send their snapshots."""
        events: List[bytes] = [b'{"event":"conf","status":"OK","flags":196608}']
        for number, symbol in enumerate(symbols(), 1):
            body = {"event": "subscribed", "channel": "ticker", "chanId": number}
            events.append(json.dumps({**body, "symbol": symbol}).encode())
        self.tap.opened(1, "ws://127.0.0.1")
        self.tap.received(1, events)
        self.send(range(STREAMS))

    def send(self, numbers: Any) -> None:
        """Pass one block on, with a frame for each of these channels."""
        messages = []
        now = time.time()
        for number in numbers:
            self.seq += 1
            messages.append(
                b"[%d,[%d.5,10.25,%d,12.5,-3.5,-0.001,64250,512.75,%.6f,63999],%d]"
                % (number % STREAMS + 1, 64_000 + number, 64_100, now, self.seq)
            )
        self.tap.received(1, messages)

    def refused(self) -> Dict[str, Any]:
        """Return nothing, as no channel is refused."""
        return {}

    def relay_again(self) -> None:
        """Do the same as at the start."""
        self.relay(())

    def end(self, timeout_s: float) -> None:
        """End."""


def publish(url: str, pace: int, seconds: float) -> None:
    """Relay frames at a pace, from a line on the input on; print the CPU time."""
    from threading import Thread

    from bfxsync._base.redis_urls import redis_url
    from bfxsync.relay.shard_writer import ShardWriter
    from bfxsync.relay.stream_store import StreamStore
    from bfxsync.streams.keys import ShardKeys

    names = [f"ticker|{symbol}" for symbol in symbols()]
    store = StreamStore(
        redis_url(url, name="redis"),
        ShardKeys("main"),
        names,
        ttl_s=2.0,
        max_entries=10_000,
        timeout_s=1.0,
    )
    store.prepare()
    writer = ShardWriter(
        names, store, Feed, max_waiting_bytes=2**26, renewal=1_000, ttl_s=2.0
    )
    thread = Thread(target=writer.run, daemon=True)
    thread.start()
    while writer.feed is None:
        time.sleep(0.01)
    print("{}", flush=True)
    sys.stdin.readline()
    feed, per_block = writer.feed, max(1, pace // BLOCKS_PER_S)
    sent, start, used = 0, time.monotonic(), cpu_s()
    while time.monotonic() - start < seconds:
        feed.send(range(sent, sent + per_block))
        sent += per_block
        left_s = start + sent / pace - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)
    elapsed = time.monotonic() - start
    while writer.tap.waiting_bytes:
        time.sleep(0.01)
    result = {"frames": sent, "seconds": elapsed, "cpu_s": cpu_s() - used}
    print(json.dumps(result), flush=True)
    sys.stdin.readline()
    writer.stop()
    thread.join()


def consume(url: str) -> None:
    """Read all tickers until a line on the input; print counts, CPU time and latencies."""
    from bfxsync import WebSocketClient

    latencies: List[float] = []
    append, now = latencies.append, time.time

    def receive(ticker: Any) -> None:
        append(now() - ticker.high)

    with WebSocketClient(source=url, dispatch_threads=0, timeout=60) as client:
        requests = [
            {"channel": "ticker", "symbol": symbol, "callback": receive}
            for symbol in symbols()
        ]
        client.subscribe_many(requests)
        # The first tickers are those of the snapshots.
        client.wait_for(lambda: len(latencies) >= STREAMS, 60)
        print("{}", flush=True)
        sys.stdin.readline()
        latencies.clear()
        used = cpu_s()
        print("{}", flush=True)
        sys.stdin.readline()
        used = cpu_s() - used
        gaps = client.stats()["gaps"]
    found = sorted(latencies)
    result = {
        "frames": len(found),
        "cpu_s": used,
        "p50_ms": 1_000 * found[len(found) // 2],
        "p99_ms": 1_000 * found[len(found) * 99 // 100],
        "gaps": gaps,
    }
    print(json.dumps(result), flush=True)


class Child:
    """A process of this program, which answers lines with JSON."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, __file__, *map(str, arguments)]
        self._process: Any = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self) -> Dict[str, Any]:
        """Return the next answer."""
        return dict(json.loads(self._process.stdout.readline()))

    def send(self) -> None:
        """Send a line."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Wait for its end."""
        self._process.stdin.close()
        self._process.wait(30)


class Server:
    """A redis-server in a temporary folder."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise SystemExit("there is no redis-server")
        self._folder = tempfile.TemporaryDirectory()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        options = ["--bind", "127.0.0.1", "--save", "", "--dir", self._folder.name]
        self._process = subprocess.Popen(
            [program, "--port", str(port), *options], stdout=subprocess.DEVNULL
        )
        import redis

        self.client = redis.Redis(port=port)
        for _ in range(200):
            try:
                self.client.ping()
                return
            except redis.RedisError:
                time.sleep(0.05)
        raise SystemExit("redis-server did not start")

    def cpu_s(self) -> float:
        """Return the CPU time of the server."""
        info = self.client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def end(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


def measure(consumers: int, pace: int, seconds: float, pause_ms: int) -> Dict[str, Any]:
    """Return one row of the table."""
    server = Server()
    children: List[Child] = []
    try:
        publisher = Child("--publish", server.url, pace, seconds)
        children.append(publisher)
        publisher.read()
        readers = []
        for _ in range(consumers):
            readers.append(Child("--consume", f"{server.url}?pause_ms={pause_ms}"))
            children.append(readers[-1])
        for reader in readers:
            reader.read()
        for reader in readers:
            reader.send()
            reader.read()
        used, start = server.cpu_s(), time.monotonic()
        publisher.send()
        sent = publisher.read()
        redis_s, elapsed = server.cpu_s() - used, time.monotonic() - start
        time.sleep(1.0)
        for reader in readers:
            reader.send()
        found = [reader.read() for reader in readers]
        publisher.send()
    finally:
        for child in children:
            child.end()
        server.end()
    frames = sent["frames"]
    return {
        "consumers": consumers,
        "pace": pace,
        "frames/s": frames / sent["seconds"],
        "lost": sum(frames - one["frames"] for one in found),
        "gaps": sum(one["gaps"] for one in found),
        "relay µs": 1e6 * sent["cpu_s"] / frames,
        "redis µs": 1e6 * redis_s / frames,
        "redis %": 100 * redis_s / elapsed,
        "consumer µs": 1e6 * sum(one["cpu_s"] for one in found) / frames / consumers,
        "p50 ms": max(one["p50_ms"] for one in found),
        "p99 ms": max(one["p99_ms"] for one in found),
    }


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row")
    parser.add_argument("--pause-ms", type=int, default=2, help="of the consumers")
    parser.add_argument("--consumers", type=int, nargs="+", default=CONSUMERS)
    parser.add_argument("--paces", type=int, nargs="+", default=PACES, help="frames/s")
    parser.add_argument("--publish", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--consume", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.publish:
        url, pace, seconds = options.publish
        publish(url, int(pace), float(seconds))
        return
    if options.consume:
        consume(options.consume)
        return
    version = platform.python_version()
    print(f"Python {version}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    header = ""
    for pace in options.paces:
        for consumers in options.consumers:
            row = measure(consumers, pace, options.seconds, options.pause_ms)
            if not header:
                header = "  ".join(row)
                print(header)
            cells = (f"{row[name]:>{len(name)}.4g}" for name in row)
            print("  ".join(cells), flush=True)


if __name__ == "__main__":
    main()
