"""The addresses, counters, time and books of a local exchange."""

from __future__ import annotations

import json
from collections import Counter

from bfxsync.errors import UsageError
from bfxsync.paper.account_view import AccountView
from bfxsync.paper.server_thread import ServerThread
from bfxsync.paper.settings import ExchangeSettings


class ExchangeStatus:
    """Addresses, counters, time and books of `bfxsync.paper.PaperExchange`, running or not."""

    accounts: tuple[AccountView, ...]
    _settings: ExchangeSettings
    _thread: ServerThread

    @property
    def port(self) -> int:
        """The port of the current or last run; 0 before the first start with port 0."""
        return self._thread.port

    @property
    def url(self) -> str:
        """The URL for WebSocket clients."""
        return f"ws{self._origin}/ws/2"

    @property
    def rest_url(self) -> str:
        """The base URL of REST endpoints, such as ``http://127.0.0.1:40123/v2``."""
        return f"http{self._origin}/v2"

    @property
    def _origin(self) -> str:
        if self._settings.ssl_context is not None:
            return f"s://localhost:{self.port}"
        host = self._settings.host
        return f"://[{host}]:{self.port}" if ":" in host else f"://{host}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """
        Environment variables that point `bfxsync.Client` at this exchange, with its first account.

        For programs in other processes: ``env={**os.environ, **exchange.environment}``.
        """
        return {
            "BFX_WSS_HOST": self.url,
            "BFX_REST_HOST": self.rest_url,
            "BFX_API_KEY": self.account.api_key,
            "BFX_API_SECRET": self.account.api_secret,
        }

    @property
    def connections(self) -> int:
        """Open WebSocket connections."""
        server = self._thread.server
        return 0 if server is None else len(server.connections)

    @property
    def connections_opened(self) -> int:
        """WebSocket connections opened since the last start."""
        return self._thread.counters.connections_opened

    @property
    def frames_sent(self) -> int:
        """Messages sent to clients since the last start, events included."""
        return self._thread.counters.frames_sent

    @property
    def rest_requests(self) -> int:
        """REST requests since the last start, refused ones included."""
        return self._thread.counters.rest_requests

    @property
    def rest_refusals(self) -> int:
        """REST requests since the last start that exceeded a rate limit (429)."""
        return self._thread.counters.rest_refusals

    @property
    def fault_counts(self) -> dict[str, int]:
        """
        Number of times that each fault has happened since the last start; missing names count 0.

        Also ``drop``, ``close_1012`` and so on for each connection ended by `drop_connections`, and
        ``info_20051`` and so on for each connection that got an info event.
        """
        return Counter(dict(self._thread.counters.faults))

    @property
    def now_mts(self) -> int:
        """The time of the exchange, in ms since 1970; `UsageError` if it is not running."""
        return self._thread.call(lambda server: server.clock.now_mts())

    @property
    def account(self) -> AccountView:
        """The first account: its key and secret, balances, orders, trades; see `AccountView`."""
        if not self.accounts:
            raise UsageError("this exchange was created without accounts")
        return self.accounts[0]

    def book(
        self, symbol: str, prec: str = "P0", len: int | str = 25, freq: str = "F0"
    ) -> tuple[list[list[float]], list[list[float]]]:
        """
        Return bids and asks of a book as its subscribers, or the next one, should have it.

        It includes updates that are still in transit or were lost (``lost_book_update``). Rows are
        those of a snapshot, best first; amounts have the sign of the wire.

        Raises
        ------
        UsageError
            No such book, or the exchange is not running.
        """
        bids, asks = self._thread.call(
            lambda server: server.window(symbol, prec, len, freq).sides()
        )
        return [json.loads(row) for row in bids], [json.loads(row) for row in asks]

    def checksum(
        self, symbol: str, prec: str = "P0", len: int | str = 25, freq: str = "F0"
    ) -> int:
        """
        Return the correct checksum of `book`, a signed 32-bit integer.

        It is also defined for funding books, although their subscribers get no checksums.
        """
        return self._thread.call(
            lambda server: server.window(symbol, prec, len, freq).checksum()
        )
