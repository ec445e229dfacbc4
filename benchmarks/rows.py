"""
The rows of the table: who takes part in each, what is measured, and the targets.

Each entry of a row measures one contestant once and returns its figures by unit.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import orders
from entries import BARE, Entry, Figures, Row, Size
from processes import CHECK_FRAMES, HERE, Arena, Failure, Job, ServerProcess, piped
from rest_rows import run_rest, start_rest_server
from targets import CPU, CPU_MS, FLOOR, OFFICIAL, OURS, P50, RSS

#: By how much shorter the floods of slow clients are; their cost per frame does not depend on it.
_SHARES = {
    OFFICIAL: 4,
    "websockets": 4,
    "websocket-client": 10,
    "cryptofeed": 10,
    "ccxt": 20,
}

_NOT_QUICK = "gc record threads latest-1 many trips trips-tls rest-wallets".split()

#: The delay of the proxy that counts round trips, one way.
DELAY_S = 0.05


class Rows:
    """Makes the rows for one arena."""

    def __init__(
        self,
        arena: Optional[Arena],
        size: Size,
        *,
        has_base: bool,
        is_quick: bool,
    ) -> None:
        self._kept_arena = arena
        self._size = size
        self._has_base = has_base
        self._is_quick = is_quick
        self._rest: Optional[ServerProcess] = None
        self._exchange: Optional[ServerProcess] = None

    @property
    def _arena(self) -> Arena:
        assert self._kept_arena is not None, "these rows are only shown"
        return self._kept_arena

    def close(self) -> None:
        for server in (self._rest, self._exchange):
            if server is not None:
                server.close()

    def all(self) -> List[Row]:
        """Return the rows, all but a few that are short of time in a quick run."""
        rows = self._all()
        return [row for row in rows if not (self._is_quick and row.name in _NOT_QUICK)]

    def _all(self) -> List[Row]:
        most = (FLOOR, OURS, OFFICIAL, *BARE, "ccxt")
        every = (*most, "cryptofeed")
        paced = self._paced
        flood = self._flood
        ours_0, latest = f"{OURS}-0", f"{OURS}-latest"
        ours_gc, ours_record = (OURS, f"{OURS}-gc"), (OURS, f"{OURS}-record")
        return [
            flood("ticker", "flood of one ticker", "ticker", most),
            flood("trades", "flood of trades, te and tu", "trades", every),
            flood("book", "flood of one book", "book", every),
            flood("mixed", "flood of 25 mixed channels", "mixed", most),
            flood("account", "flood of account events", "account", most[:3]),
            flood("tls", "flood of one ticker over TLS", "ticker", most, is_tls=True),
            flood(
                "checksums",
                "book with a checksum every 10 updates",
                "checksums",
                (FLOOR, OURS, OFFICIAL, "ccxt"),
            ),
            self._row(
                "checksum",
                "one checksum, 1–2 levels changed",
                self._micro("checksum", (OURS, "from scratch")),
                reference="from scratch",
            ),
            flood("gc", "25 mixed channels, garbage collector tuned", "mixed", ours_gc),
            flood("record", "25 mixed channels, recorded", "mixed", ours_record),
            paced(
                "paced",
                "one ticker, 1,000 updates a second",
                (FLOOR, OURS, ours_0, OFFICIAL, *BARE),
            ),
            paced(
                "threads",
                "the same, threads and recording",
                (OURS, ours_0, f"{OURS}-2", f"{OURS}-2-blocked", f"{OURS}-record"),
                most_rounds=3,
            ),
            self._row(
                "one-frame",
                "a block of one frame, offline",
                self._micro("one-frame", (FLOOR, OURS)),
            ),
            flood("latest-1", "policy=latest, 1 ticker", "ticker", (FLOOR, latest)),
            flood(
                "latest-25", "policy=latest, 25 tickers", "tickers-25", (FLOOR, latest)
            ),
            flood(
                "json",
                "standard library's json, and Decimal",
                "ticker",
                (
                    FLOOR,
                    f"{FLOOR}-json",
                    f"{OURS}-json",
                    f"{FLOOR}-decimal",
                    f"{OURS}-decimal",
                ),
            ),
            self._many(),
            self._imports(),
            self._connect("connect", "connect to first update", False),
            self._connect("connect-tls", "connect to first update over TLS", True),
            self._trips("trips", "round trips to first update", False),
            self._trips("trips-tls", "round trips to first update, TLS 1.3", True),
            self._idle(),
            self._rest_row("rest-ticker", "REST, GET", "ticker"),
            self._rest_row("rest-wallets", "REST, signed POST", "wallets"),
            self._orders(),
        ]

    def _row(
        self, name: str, title: str, entries: Sequence[Entry], **options: object
    ) -> Row:
        kept = []
        for entry in entries:
            if self._is_quick and entry.is_peer:
                continue
            if self._is_quick:
                # Every run still compares counts, gaps, checksums and books.
                entry = entry._replace(check=None)
            kept.append(entry)
            is_ours = (
                entry.contestant.startswith(OURS) and entry.label != "dependencies"
            )
            if self._has_base and is_ours:
                base = f"{entry.label}@base"
                kept.append(
                    entry._replace(label=base, contestant=f"{entry.contestant}@base")
                )
        return Row(name, title, kept, **options)  # type: ignore[arg-type]

    # --- live ---------------------------------------------------------------------------------

    def _cost(self, name: str, job: Job) -> Figures:
        result = self._arena.run(name, job)
        found = {CPU: result["cpu_s"] * 1e6 / job.frames}
        if job.rate is not None:
            found[P50] = result["p50_us"]
        if job.flood == "mixed":
            found[RSS] = result["rss_mb"]
        return found

    def _flood(
        self,
        name: str,
        title: str,
        flood: str,
        contestants: Sequence[str],
        is_tls: bool = False,
    ) -> Row:
        entries = [self._flooded(each, each, flood, is_tls) for each in contestants]
        return self._row(name, title, entries, reference=contestants[0])

    def _flooded(
        self, label: str, contestant: str, flood: str, is_tls: bool = False
    ) -> Entry:
        frames = self._size.frames // _SHARES.get(contestant, 1)
        job = Job(flood, frames, is_tls=is_tls)
        check = job._replace(frames=CHECK_FRAMES, mode="check")
        return Entry(
            label,
            contestant,
            lambda name: self._cost(name, job),
            lambda name: self._arena.run(name, check),
        )

    def _many(self) -> Row:
        entries = [
            self._flooded(f"{count} tickers", OURS, f"tickers-{count}")
            for count in (25, 250)
        ]
        return self._row(
            "many",
            "25 and 250 tickers, 1 and 10 connections",
            entries,
            reference="25 tickers",
        )

    def _paced(
        self, name: str, title: str, contestants: Sequence[str], **options: object
    ) -> Row:
        rate = 1000.0
        job = Job("ticker", int(rate * self._size.paced_s), mode="paced", rate=rate)
        entries = [
            Entry(each, each, lambda name: self._cost(name, job))
            for each in contestants
        ]
        return self._row(name, title, entries, reference=contestants[0], **options)

    def _connect(self, name: str, title: str, is_tls: bool) -> Row:
        job = Job("ticker", 0, "connect", is_tls=is_tls)

        def measure(contestant: str) -> Figures:
            result = self._arena.run(contestant, job)
            return {"first ms": result["first_ms"], "later ms": result["later_ms"]}

        contestants = (FLOOR, OURS, OFFICIAL, "websockets")
        entries = [Entry(each, each, measure) for each in contestants]
        return self._row(name, title, entries)

    def _trips(self, name: str, title: str, is_tls: bool) -> Row:
        job = Job("ticker", 0, "connect", is_tls=is_tls)

        def measure(contestant: str) -> Figures:
            plain = self._arena.run(contestant, job)["later_ms"]
            server = self._arena.server(contestant, job)
            python, variables = self._arena.python(OURS)
            command = [python, str(HERE / "delay.py"), str(server.port), str(DELAY_S)]
            with piped(command, variables) as proxy:
                assert proxy.stdout is not None and proxy.stdin is not None
                port = int(proxy.stdout.readline())
                delayed = self._arena.run(contestant, job, port)["later_ms"]
                proxy.stdin.close()
            # The proxy itself accepts connections at once.
            return {"round trips": 1 + (delayed - plain) / (2000 * DELAY_S)}

        contestants = (FLOOR, OURS, OFFICIAL, "websockets")
        entries = [Entry(each, each, measure) for each in contestants]
        return self._row(name, title, entries, most_rounds=1)

    def _idle(self) -> Row:
        seconds = self._size.idle_s
        job = Job("ticker", 0, "idle", timeout_s=seconds)

        def measure(contestant: str) -> Figures:
            result = self._arena.run(contestant, job)
            return {
                "CPU %": 100 * result["cpu_s"] / seconds,
                "wake-ups/min": result["wakeups"] * 60 / seconds,
                RSS: result["rss_mb"],
            }

        contestants = (FLOOR, OURS, OFFICIAL, *BARE, "ccxt")
        entries = [Entry(each, each, measure) for each in contestants]
        title = "idle: one ticker, a heartbeat every 5 s"
        return self._row("idle", title, entries, most_rounds=1, is_together=True)

    # --- processes of their own ---------------------------------------------------------------

    def _output(self, contestant: str, *arguments: str) -> str:
        python, variables = self._arena.python(contestant)
        done = subprocess.run(
            [python, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
            # Not the current folder, in which Python would look for modules first.
            cwd=Path(python).parent,
            timeout=300,
        )
        if done.returncode != 0:
            raise Failure(f"{contestant}: {arguments[0]} ended with {done.returncode}")
        return done.stdout

    def _micro(self, row: str, labels: Sequence[str]) -> List[Entry]:
        """Return the entries of a row of micro.py, which measures all of them at once."""
        kept: Dict[str, Any] = {}

        def measure(label: str, contestant: str) -> Figures:
            if label in kept and "@" not in contestant:
                return kept.pop(label)  # type: ignore[no-any-return]
            frames = str(self._size.micro_frames)
            arguments = [str(HERE / "micro.py"), "--row", row, "--frames", frames]
            found = json.loads(self._output(contestant, *arguments))
            if "@" not in contestant:
                kept.update(found)
            kept.pop(label, None)
            return found[label]  # type: ignore[no-any-return]

        return [
            Entry(
                label,
                OURS if label == OURS else FLOOR,
                lambda name, label=label: measure(label, name),  # type: ignore[misc]
            )
            for label in labels
        ]

    def _imports(self) -> Row:
        modules = {
            OURS: "bfxsync",
            # Most is imported here.
            f"{OURS}.Client()": "bfxsync; bfxsync.Client().close()",
            "dependencies": "websocket, orjson, attrs",
            OFFICIAL: "bfxapi",
            "ccxt": "ccxt.pro",
            "cryptofeed": "cryptofeed",
        }

        def measure(label: str, contestant: str) -> Figures:
            code = (
                f"import time; a = time.process_time(); import {modules[label]}\n"
                "print(time.process_time() - a)"
            )
            # The first may have to compile.
            times = [float(self._output(contestant, "-c", code)) for _ in "12"]
            return {CPU_MS: 1000 * min(times)}

        entries = [
            Entry(
                label,
                label if label in (OFFICIAL, "ccxt", "cryptofeed") else OURS,
                lambda name, label=label: measure(label, name),  # type: ignore[misc]
            )
            for label in modules
        ]
        return self._row("import", "import", entries, reference="dependencies")

    def _rest_row(self, name: str, title: str, request: str) -> Row:
        def measure(contestant: str) -> Figures:
            if self._rest is None:
                self._rest = start_rest_server(self._arena.certificate)
            calls = self._size.calls // (4 if contestant == OFFICIAL else 1)
            return run_rest(self._arena, self._rest, contestant, request, calls)

        contestants = (OURS, "requests.Session", OFFICIAL)
        entries = [Entry(each, each, measure) for each in contestants]
        return self._row(name, title, entries, reference=contestants[1])

    def _orders(self) -> Row:
        def measure(contestant: str) -> Figures:
            if self._exchange is None:
                self._exchange = orders.start_exchange(self._arena)
            found = orders.run(
                self._arena, self._exchange, contestant, self._size.orders
            )
            return {P50: found["p50_us"], CPU: found["cpu_us"]}

        entries = [Entry(each, each, measure) for each in orders.CONTESTANTS]
        title = "an order and its cancellation"
        return self._row("orders", title, entries, reference=orders.FLOOR)
