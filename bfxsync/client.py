"""The whole client: composition only."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from bfxsync.errors import ClosedError, UsageError
from bfxsync.hosts import PUB_REST_HOST, PUB_WSS_HOST
from bfxsync.types import NumberType
from bfxsync.ws.client import WebSocketClient

if TYPE_CHECKING:
    from bfxsync.rest.client import RestClient
    from bfxsync.symbols import Symbols

C = TypeVar("C", bound="Client")


class Client:
    """
    One object for everything: ``client.wss``, ``client.rest`` and ``client.symbols``.

    Parameters
    ----------
    wss_host, rest_host : str
        Addresses of the WebSocket and of REST.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    proxy, ca_bundle : str, optional
        For both; see `WebSocketClient`.
    rest_timeout : float, optional
        Seconds for a whole REST call; see `RestTransport` for its parts and its default.
    on_limit : str
        What a REST call does when a limit of the exchange is reached: ``"wait"`` for its turn, or
        ``"raise"`` `RateLimited`.
    **options
        All other keyword arguments of `WebSocketClient`.

    Attributes
    ----------
    wss : WebSocketClient
    """

    def __init__(
        self,
        *,
        wss_host: str = PUB_WSS_HOST,
        rest_host: str = PUB_REST_HOST,
        numbers: NumberType = float,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        rest_timeout: float | None = None,
        on_limit: str = "wait",
        **options: Any,
    ) -> None:
        # Here too, as REST is made when it is used first.
        if on_limit not in ("wait", "raise"):
            raise UsageError(f"on_limit must be 'wait' or 'raise', not {on_limit!r}")
        self.wss = WebSocketClient(
            wss_host, numbers=numbers, proxy=proxy, ca_bundle=ca_bundle, **options
        )
        self._rest_options: dict[str, Any] = {
            "host": rest_host,
            "numbers": numbers,
            "proxy": proxy,
            "ca_bundle": ca_bundle,
            "on_limit": on_limit,
        }
        if rest_timeout is not None:
            self._rest_options["timeout"] = rest_timeout
        # Protects the making of the two below.
        self._lock = Lock()
        self._rest: RestClient | None = None
        self._symbols: Symbols | None = None
        self._is_closed = False

    @property
    def rest(self) -> RestClient:
        """
        The REST side, made when it is used first: who streams only need not load it.

        Raises
        ------
        ClosedError
            The client is closed.
        """
        from bfxsync.rest.client import RestClient

        with self._lock:
            if self._rest is None:
                if self._is_closed:
                    raise ClosedError("the client is closed")
                self._rest = RestClient(**self._rest_options)
            return self._rest

    @property
    def symbols(self) -> Symbols:
        """What can be traded, with its limits and its rounding."""
        from bfxsync.symbols import Symbols

        public = self.rest.public
        with self._lock:
            if self._symbols is None:
                self._symbols = Symbols(public)
            return self._symbols

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; returns within two seconds, from any thread."""
        self._is_closed = True
        rest = self._rest
        if rest is not None:
            rest.close()
        self.wss.close()
