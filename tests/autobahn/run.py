"""
Run the Autobahn test suite's cases against `bfxsync.ws.io.transport.Transport`.

The suite's fuzzing server, which needs CPython 2.7, is started on a free port of the loopback
interface. Each case is one connection: the transport is read and written as the I/O thread does
it, and what comes is sent back, text as text and binary as binary. Then the server writes its
report, and this prints the result of each group. It fails unless every case that the server
offers was run and passed; see docs/reference/autobahn.rst.

Usage: python tests/autobahn/run.py PYTHON [--reports FOLDER] [--table FILE]
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional

import bfxsync.ws.io.transport
from bfxsync.wire.websocket import MAX_MESSAGE_SIZE, Binary
from bfxsync.ws.io.transport import Transport

AGENT = "bfxsync"

GROUPS = {
    "1": "whole messages",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "unknown opcodes",
    "5": "fragments",
    "6": "UTF-8",
    "7": "close frames",
    "9": "long messages, and many",
    "10": "automatic fragments",
}
"""There is no group 8; 12 and 13 are compression, which is not offered."""

PASSED = ("OK", "INFORMATIONAL")
"""Results that count; the suite gives the second one where it only reports what it saw."""

CASE_TIMEOUT_S = 60.0

TOTAL_TIMEOUT_S = 300.0

CONNECT_TIMEOUT_S = 30.0
"""The first connection waits for the server to start."""


class Deadline(Exception):
    """Something took too long."""


class Case(NamedTuple):
    """The result of a case: how it went, and how the connection ended."""

    number: str
    behavior: str
    close_behavior: str

    @property
    def group(self) -> str:
        return self.number.partition(".")[0]

    @property
    def has_passed(self) -> bool:
        return self.behavior in PASSED and self.close_behavior in PASSED

    @property
    def is_informational(self) -> bool:
        return "INFORMATIONAL" in (self.behavior, self.close_behavior)


# --- the client ---------------------------------------------------------------------------------


def messages(transport: Transport, deadline: float) -> Iterator[bytes]:
    """Read, and write what waits, as the I/O thread does, until the connection ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(transport, transport.events)
        while transport.lost is None:
            if not transport.has_pending:
                selector.modify(transport, transport.events)
                ready = selector.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise Deadline("no end of the connection in time")
                if ready[0][1] & selectors.EVENT_WRITE:
                    transport.flush()
            yield from transport.read()


def talk(url: str, deadline: float, *, echo: bool = False) -> list[bytes]:
    """Connect, and until the end keep what comes and return it, or send it back."""
    kept: list[bytes] = []
    transport = Transport.connect(url, timeout_s=CONNECT_TIMEOUT_S)
    try:
        for message in messages(transport, deadline):
            if not echo:
                kept.append(message)
            elif isinstance(message, Binary):
                transport.send(message)
            else:
                transport.send(message.decode())
    finally:
        transport.close()
    return kept


def run_cases(url: str, deadline: float) -> int:
    """Run all cases and have the report written; return how many the server offers."""
    (answer,) = talk(f"{url}/getCaseCount", deadline)
    count = int(answer)
    for number in range(1, count + 1):
        until = min(deadline, time.monotonic() + CASE_TIMEOUT_S)
        try:
            talk(f"{url}/runCase?case={number}&agent={AGENT}", until, echo=True)
        except Deadline as exc:
            # The report has it as failed.
            print(f"case {number} of {count}: {exc}", file=sys.stderr)
            if time.monotonic() > deadline:
                raise
    talk(f"{url}/updateReports?agent={AGENT}", deadline)
    return count


# --- the server ---------------------------------------------------------------------------------


class Server:
    """
    The fuzzing server, in a process of its own.

    It gets a socket that is listening already: a client need not wait until it is ready.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.log = folder / "server.log"
        self.index = folder / "reports" / "index.json"
        # Of a run before this one.
        self.index.unlink(missing_ok=True)
        spec = folder / "spec.json"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            descriptor = listener.fileno()
            self.url = f"ws://127.0.0.1:{listener.getsockname()[1]}"
            wanted = {
                "url": self.url,
                "outdir": str(self.index.parent),
                "cases": [f"{group}.*" for group in GROUPS],
            }
            spec.write_text(json.dumps(wanted))
            script = str(Path(__file__).with_name("fuzzing_server.py"))
            with open(self.log, "wb") as log:
                self._process = subprocess.Popen(
                    [python, "-u", script, str(spec), str(descriptor)],
                    pass_fds=[descriptor],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# --- the report ---------------------------------------------------------------------------------


def read_index(text: str) -> list[Case]:
    """Read the report's index."""
    index: dict[str, dict[str, Any]] = json.loads(text).get(AGENT, {})
    return [
        Case(number, result["behavior"], result["behaviorClose"])
        for number, result in index.items()
    ]


def complaints(cases: list[Case], count: int) -> list[str]:
    """Say what keeps the run from being a success."""
    wrong = [
        f"case {case.number}: {case.behavior}, its end {case.close_behavior}"
        for case in sorted(cases, key=lambda case: _order(case.number))
        if not case.has_passed
    ]
    ran = {case.group for case in cases}
    wrong += [f"group {group}: no case was run" for group in GROUPS if group not in ran]
    if len(cases) < count:
        wrong.append(f"{len(cases)} of {count} cases were run")
    return wrong


def table(cases: list[Case]) -> list[list[str]]:
    """Count the results of each group; the last row is their sum."""
    rows = [["group", "about", "cases", "OK", "informational", "failed"]]
    for group, title in {**GROUPS, "all": ""}.items():
        own = [case for case in cases if group in ("all", case.group)]
        failed = sum(not case.has_passed for case in own)
        informational = sum(case.has_passed and case.is_informational for case in own)
        counts = (len(own), len(own) - failed - informational, informational, failed)
        rows.append([group, title, *map(str, counts)])
    return rows


def rst(rows: list[list[str]]) -> str:
    """Write rows as a table of reStructuredText; the first is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    rule = "  ".join("=" * width for width in widths)
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule]) + "\n"


def _order(number: str) -> list[int]:
    return [int(part) for part in number.split(".")]


def main(arguments: Optional[list[str]] = None) -> int:
    """Run everything; return the exit status."""
    parser = argparse.ArgumentParser(description="Autobahn against bfxsync's transport")
    parser.add_argument("python", help="a CPython 2.7 with autobahntestsuite")
    parser.add_argument("--reports", type=Path, help="keep the reports in this folder")
    parser.add_argument("--table", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    # The exchange is never sent much; the suite wants to have its longest messages back.
    bfxsync.ws.io.transport.MAX_UNSENT = 2 * MAX_MESSAGE_SIZE
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.reports or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        server = Server(options.python, folder)
        try:
            count = run_cases(server.url, begin + TOTAL_TIMEOUT_S)
            cases = read_index(server.index.read_text("utf-8"))
        except Exception:
            print(server.log.read_text("utf-8", "replace")[-4000:], file=sys.stderr)
            raise
        finally:
            server.stop()
    report = rst(table(cases))
    print(report)
    print(f"{len(cases)} cases in {time.monotonic() - begin:.0f} s")
    if options.table is not None:
        options.table.write_text(report, "utf-8")
    wrong = complaints(cases, count)
    for line in wrong:
        print(f"failed: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
