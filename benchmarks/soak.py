"""
Use a client hard for hours while everything goes wrong, and fail if anything stays wrong.

A local market runs behind a proxy, and both misbehave at random. A client in another process has
250 subscriptions with consumers of all kinds, and an account that trades on both transports. Once a
minute there is a calm, in which everything must become live again, and is compared: books with the
exchange's, trades with its history, orders with its journal. The program exits with 1 if something
differed, memory, threads or descriptors grew, or something was left after the close.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, TextIO

ROOT = Path(__file__).resolve().parent.parent
# The tests' proxy and judge, also for the client's process.
sys.path.insert(0, str(ROOT))

from environments import machine  # noqa: E402
from soak_channels import requests  # noqa: E402
from soak_checks import Books, Orders, Trades, until  # noqa: E402
from soak_market import CHECKSUM_S, HEARTBEAT_S, Market  # noqa: E402
from soak_processes import Gone, UserProcess  # noqa: E402
from soak_trend import ALLOWED, Trend, trend  # noqa: E402
from soak_user import BREAKS, Settings  # noqa: E402

from bfxsync import BfxError  # noqa: E402

#: Until all is live again: resubscriptions are delayed, and unanswered ones repeated, by up to a
#: minute, and the machine is shared.
LIVE_S = 300.0

#: Until a difference counts.
CHECK_S = 60.0

#: ``close()`` promises two seconds; the machine is shared.
CLOSE_S = 4.0

#: A silent connection or channel is noticed after this time.
STALE_S = 12.0


class Soak:
    """One run."""

    def __init__(self, options: argparse.Namespace, market: Market) -> None:
        self._options = options
        self._market = market
        exchange = market.exchange
        self._user = UserProcess(
            Settings(
                url=market.proxy.url(exchange.url),
                rest_url=market.proxy.url(exchange.rest_url),
                api_key=exchange.account.api_key,
                api_secret=exchange.account.api_secret,
                subscriptions=options.subscriptions,
                order_interval_s=options.orders_every,
                sample_s=options.sample_every,
                stale_s=STALE_S,
                seed=options.seed,
                broken=frozenset(options.broken),
            )
        )
        channels = requests(options.subscriptions)
        self._books = Books(exchange, self._user.ask, channels)
        self._trades = Trades(exchange, self._user.ask)
        self._orders = Orders(exchange, self._user.ask)
        self._rounds = 0
        self._is_complete = False
        self._printed_at = self._cpu_s = 0.0
        self._log: Optional[TextIO] = None
        if options.json is not None:
            self._log = open(options.json, "w", encoding="utf-8")  # noqa: SIM115

    def run(self) -> int:
        """Run to the end, or to Ctrl-C; return the exit code."""
        user, options = self._user, self._options
        try:
            self._round()
            end = time.monotonic() + options.seconds
            while (left := end - time.monotonic()) > 0:
                user.ask("resume")
                self._market.spoil()
                self._wait(min(options.round, left))
                self._round()
            self._is_complete = True
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        except Gone as gone:
            user.fail(str(gone))
        except BfxError as error:
            user.fail(f"the exchange of the soak does not answer: {error!r}")
        self._end()
        for text in self._books.neglected() if self._is_complete else ():
            user.fail(text)
        for error in self._market.errors:
            user.fail(f"a thread of the soak itself died: {error!r}")
        self._report()
        if self._log is not None:
            self._log.close()
        return 1 if user.failures else 0

    def _wait(self, seconds: float) -> None:
        """Let things go wrong for a while, and print a line a minute."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            if self._user.elapsed_s() >= self._printed_at + self._options.print_every:
                self._print_line()

    def _round(self) -> None:
        """Wait until all is live, and compare everything."""
        user = self._user
        self._market.calm()
        user.ask("pause")
        deadline = time.monotonic() + LIVE_S
        # What was lost is noticed by the next checksum, or the next number of a heartbeat.
        time.sleep(2.5 * max(CHECKSUM_S, HEARTBEAT_S))
        unready = until(deadline, lambda: ", ".join(user.ask("not_live")) or None)
        if unready is not None:
            user.fail(f"not live after {LIVE_S:g} s: {unready}"[:1000])
        for text in (
            *self._books.check(CHECK_S),
            *self._trades.check(),
            *self._orders.check(CHECK_S),
        ):
            user.fail(text)
        self._rounds += 1

    def _end(self) -> None:
        """Close the client, and look at what is left."""
        user = self._user
        try:
            left = user.ask("end")
        except Gone as gone:
            user.fail(str(gone))
            left = None
        user.close()
        self._trades.close()
        if left is None:
            return
        if left["not_live"] and self._is_complete:
            user.fail(f"not live at the end: {', '.join(left['not_live'])}"[:1000])
        if left["closed_in_s"] > CLOSE_S:
            user.fail(f"close() took {left['closed_in_s']:.1f} s")
        if left["threads"]:
            user.fail(f"threads left after close(): {', '.join(left['threads'])}")
        if left["descriptors"] > 0:
            user.fail(
                f"{left['descriptors']} descriptors left after close(): {left['open']}"
            )

    # --- reports ------------------------------------------------------------------------------

    def _print_line(self) -> None:
        user = self._user
        if not user.samples:
            return
        sample, before = user.samples[-1], self._sample_before()
        passed_s = max(1e-9, sample["at_s"] - before["at_s"])
        cpu_s = time.process_time()
        exchange = (cpu_s - self._cpu_s) / (user.elapsed_s() - self._printed_at)
        row = {
            **sample,
            "load": os.getloadavg()[0],
            "cpu": (sample["cpu_s"] - before["cpu_s"]) / passed_s,
            "exchange_cpu": exchange,
            "faults": self._market.counts(),
            "orders": dict(self._orders.totals()),
            "books_compared": self._books.compared_count,
            "books_skipped": self._books.skipped_count,
            "trades_compared": self._trades.count,
            "rounds": self._rounds,
            "failures": len(user.failures),
        }
        self._printed_at, self._cpu_s = user.elapsed_s(), cpu_s
        self._write(row)
        print(line_of(row), flush=True)

    def _sample_before(self) -> Dict[str, Any]:
        """Return the sample at the last line."""
        earlier = [s for s in self._user.samples if s["at_s"] <= self._printed_at]
        return earlier[-1] if earlier else self._user.samples[0]

    def _report(self) -> None:
        user, options = self._user, self._options
        if not user.samples:
            user.fail("no sample was taken")
            return
        warm_up_s = options.warm_up
        if warm_up_s is None:
            warm_up_s = options.seconds / 4
        used = [sample for sample in user.samples if sample["at_s"] >= warm_up_s]
        found = {name: trend_of(used, name) for name in ALLOWED}
        for name, each in found.items():
            if each is not None and each.is_leak(ALLOWED[name]):
                user.fail(f"{name} grows by {each.low:,.1f} to {each.high:,.1f}")
        self._print_line()
        lines = [
            *("", f"- {machine()}", f"- command: {command_of(options)}"),
            f"- {user.elapsed_s():,.0f} s, {self._rounds} rounds, "
            f"{self._books.compared_count:,} books compared, "
            f"{self._books.skipped_count:,} not comparable, "
            f"{self._trades.count:,} trades compared",
            f"- growth after {warm_up_s:,.0f} s, with 99 % interval:",
            *(
                f"  {name:12} {trend_text(each)}, allowed {ALLOWED[name]:,.1f}"
                for name, each in found.items()
            ),
            f"- faults: {listing(self._market.counts())}",
            f"- errors: {listing(user.samples[-1]['errors'])}",
            "- orders by fate:",
            *(
                f"  {name:32} {n:6,}"
                for name, n in sorted(self._orders.totals().items())
            ),
            *(f"FAILED after {at_s:,.0f} s: {text}" for at_s, text in user.failures),
            f"{len(user.failures)} failures" if user.failures else "no failure",
        ]
        print("\n".join(lines), flush=True)
        self._write(
            {
                "at_s": user.elapsed_s(),
                "trends": {k: v and v._asdict() for k, v in found.items()},
                "allowed": ALLOWED,
                "failures": [failure._asdict() for failure in user.failures],
            }
        )

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._log is not None:
            self._log.write(json.dumps(row) + "\n")
            self._log.flush()


def trend_of(samples: Sequence[Mapping[str, Any]], name: str) -> Optional[Trend]:
    """Return the growth of a value of samples."""
    return trend([s["at_s"] for s in samples], [s[name] for s in samples])


def trend_text(found: Optional[Trend]) -> str:
    if found is None:
        return "too few samples"
    start, growth, low, high = found
    return f"{start:10,.1f} {growth:+10,.1f} ({low:+,.1f} to {high:+,.1f})"


def line_of(row: Mapping[str, Any]) -> str:
    """Return a line of the log."""
    reconnects = listing(row["reconnects"])
    return (
        f"{row['at_s']:8,.0f} s  RSS {row['rss_kb'] / 1024:.1f} MB, "
        f"{row['threads']} threads, {row['descriptors']} descriptors, "
        f"{row['connections']} connections, CPU {row['cpu']:.1%}, "
        f"exchange {row['exchange_cpu']:.1%}, load {row['load']:.1f}; {row['frames']:,} frames, "
        f"{row['gaps']:,} gaps, {row['heals']:,} heals, {row['degraded']} degraded, "
        f"{row['drops']:,} drops; reconnects: {reconnects}; "
        f"{sum(row['orders'].values()):,} inputs, {row['failures']} failures"
    )


def listing(counts: Mapping[str, int]) -> str:
    """Return counts as text."""
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def command_of(options: argparse.Namespace) -> str:
    names = ("seconds", "seed", "subscriptions", "rate")
    return "python benchmarks/soak.py " + " ".join(
        f"--{name} {getattr(options, name):g}" for name in names
    )


def parse(arguments: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").strip().partition("\n\n")[0]
    )

    def add(name: str, default: Any, help: str, kind: Any = float) -> None:
        parser.add_argument(
            name, type=kind, default=default, help=f"{help}; {default} by default"
        )

    add("--seconds", 3600.0, "how long; Ctrl-C ends it earlier, with the report")
    add("--seed", 1, "of the market, its faults and the traders", int)
    add("--subscriptions", 250, "channels of the client", int)
    add("--rate", 2.0, "events per second of each of 14 markets")
    add("--fault-every", 3.0, "mean seconds between two faults")
    add("--orders-every", 1.0, "mean seconds between two inputs")
    add("--round", 60.0, "seconds of faults between two comparisons")
    add("--sample-every", 5.0, "seconds between two samples")
    add("--print-every", 60.0, "seconds between two lines")
    parser.add_argument(
        "--warm-up",
        type=float,
        help="seconds after which nothing may grow; by default a quarter of the time",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="a line of JSON for each one printed"
    )
    parser.add_argument(
        "--broken", nargs="+", default=[], choices=BREAKS, help=argparse.SUPPRESS
    )
    return parser.parse_args(arguments)


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse(arguments)
    with Market(options.rate, options.fault_every, options.seed) as market:
        return Soak(options, market).run()


if __name__ == "__main__":
    # As Ctrl-C, also in the background, where that is ignored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
