"""Cancels what a client has placed, when it is closed or the program ends."""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any, Dict, Mapping

from bfxsync._base.forks import lazily, reset_after_fork
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError
from bfxsync.guards.placed import PlacedOrders

if TYPE_CHECKING:
    from bfxsync.rest.client import RestClient

CALL_S = 4.0
"""Timeout of each of its two calls."""

LIMIT_S = 1.0
"""Longest wait of each call for rate limits."""

_log = get_logger(__name__)


class CancelOnExit:
    """
    Asks for the open orders and cancels those of the client, once.

    Strategy: it runs after the client's own connections are closed, so that no order can follow.
    Signed calls of a key are sent one by one, so an order on the wire is answered before.

    Parameters
    ----------
    placed : PlacedOrders
    rest_options : mapping
        Keyword arguments of the client's `RestClient`.
    """

    def __init__(self, placed: PlacedOrders, rest_options: Mapping[str, Any]) -> None:
        self._placed = placed
        self._rest_options = rest_options
        self._runs: Dict[str, object] = {}
        # In a child they are the parent's.
        reset_after_fork(placed)
        # Also for a client that is never closed.
        atexit.register(self.run)

    def run(self) -> None:
        """Cancel the orders that are still open; a failure is logged as an error."""
        me = object()
        if self._runs.setdefault("first", me) is not me:
            return
        atexit.unregister(self.run)
        if not self._placed:
            return
        ids = None
        try:
            with self._client() as rest:
                ids = self._placed.among(rest.auth.get_orders())
                if ids:
                    rest.auth.cancel_order_multi(id=ids).raise_for_status()
        except BfxError as error:
            which = "orders of this client" if ids is None else f"the orders {ids}"
            _log.error("cancel_on_exit failed, %s may still be open: %s", which, error)
        else:
            _log.info("cancel_on_exit: %s orders cancelled", len(ids))

    def _client(self) -> RestClient:
        """Return a client with short timeouts, which reads what it can."""
        short = {"timeout": CALL_S, "on_limit": "wait", "max_wait_s": LIMIT_S}
        options = {**self._rest_options, **short, "strict": False, "guard": None}
        return lazily(_rest_client)(**options)


def _rest_client() -> type[RestClient]:
    # It is there already, or the client has placed nothing.
    from bfxsync.rest.client import RestClient

    return RestClient
