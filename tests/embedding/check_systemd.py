"""examples/embedding/systemd: what the service tells systemd."""

from __future__ import annotations

import configparser
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any, Callable

from example_programs import DEADLINE_S, EXAMPLES, wait_until

from bfxsync.paper import PaperExchange


class Systemd:
    """The socket that services notify; it is read at once, as systemd does."""

    def __init__(self, address: str) -> None:
        self.told: list[list[str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with self._socket:
            while message := self._socket.recv(4096).decode():
                self.told.append(message.splitlines())

    def was_told(self, *lines: str) -> bool:
        return any({*lines} <= {*each} for each in self.told)

    def close(self, address: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", address)
        self._reader.join(DEADLINE_S)


def test_the_service_reports_ready_watchdog_and_its_end(
    exchange: PaperExchange, start: Callable[..., Any], tmp_path: Path
) -> None:
    address, path = str(tmp_path / "notify"), str(tmp_path / "trades.db")
    systemd = Systemd(address)
    try:
        exchange.inject("refuse_handshake", status=503)
        variables = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "200000"}
        service = start("stream.py", "tBTCUSD", path, folder="systemd", **variables)
        wait_until(lambda: systemd.was_told("READY=1", "STATUS=live"), "ready")
        # Alive from the start, before it was ready.
        assert "WATCHDOG=1" in systemd.told[0] and "READY=1" not in systemd.told[0]
        wait_until(lambda: Path(path).exists() and rows(path) >= 3, "trades")
        assert service.finish() == 0
        wait_until(lambda: systemd.was_told("STOPPING=1"), "the end")
        assert "Traceback" not in service.output
    finally:
        systemd.close(address)


def rows(path: str) -> int:
    with sqlite3.connect(path) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE name='trade'")
        if not tables.fetchall():
            return 0
        return int(database.execute("SELECT count(*) FROM trade").fetchone()[0])


def test_the_unit_starts_the_program_beside_it() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(EXAMPLES / "systemd" / "bfxsync-stream.service")
    service = unit["Service"]
    assert service["Type"] == "notify" and int(service["WatchdogSec"]) >= 2 * 2
    program = service["ExecStart"].split()[1]
    assert (EXAMPLES / "systemd" / program).exists()
