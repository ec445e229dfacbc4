"""What tests do to a running exchange: inject faults, and read the true books."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, List, Mapping

from bfxsync.errors import UsageError
from bfxsync.paper.faults import check_fault, is_text
from bfxsync.paper.server.wire_json import to_bytes
from bfxsync.paper.server_thread import ServerThread

if TYPE_CHECKING:
    from bfxsync.paper.server.app import Server
    from bfxsync.paper.server.book_window import Window

BookRow = List[float]

_NO_CODE = 1005
_MAX_REASON_BYTES = 123


class Controls:
    """The controls of one exchange; `bfxsync.paper.PaperExchange` documents them."""

    def __init__(self, thread: ServerThread) -> None:
        self._thread = thread

    def inject(self, name: str, times: int, options: Mapping[str, Any]) -> None:
        """Arm a fault."""
        fault = check_fault(name, times, options)
        self._thread.call(lambda server: server.inject(fault))

    def clear_faults(self) -> None:
        """Disarm all faults."""
        self._thread.call(lambda server: server.faults.clear())

    def drop_connections(self, code: int | None, reason: str, reset: bool) -> int:
        """Disconnect all clients, and return how many."""
        if code is not None and not (type(code) is int and 1000 <= code <= 4999):
            raise UsageError(f"code must be from 1000 to 4999, not {code!r}")
        if reason and code in (None, _NO_CODE):
            raise UsageError("there is no reason without a code")
        if not is_text(reason) or len(to_bytes(reason)) > _MAX_REASON_BYTES:
            raise UsageError(
                f"reason must be text of at most {_MAX_REASON_BYTES} bytes, not {reason!r}"
            )
        if reset and code is not None:
            raise UsageError("a reset has no close frame, and so no code")
        return self._thread.call(
            lambda server: server.drop_connections(code, reason, reset)
        )

    def send_info(self, code: int) -> int:
        """Send an info event to all clients, and return how many."""
        return self._thread.call(lambda server: server.send_info(code))

    def book(
        self, symbol: str, prec: str, length: int | str, freq: str
    ) -> tuple[list[BookRow], list[BookRow]]:
        """Return the bids and asks of a book."""

        def sides(window: Window) -> tuple[list[BookRow], list[BookRow]]:
            bids, asks = window.sides()
            return [json.loads(row) for row in bids], [json.loads(row) for row in asks]

        return self._thread.call(
            lambda server: sides(server.window(symbol, prec, length, freq))
        )

    def checksum(self, symbol: str, prec: str, length: int | str, freq: str) -> int:
        """Return the checksum of a book."""

        def checksum(server: Server) -> int:
            return server.window(symbol, prec, length, freq).checksum()

        return self._thread.call(checksum)
