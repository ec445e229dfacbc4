"""Cancels the orders that a client has placed, when it is closed or the program ends."""

from __future__ import annotations

import atexit
from _thread import get_ident
from typing import TYPE_CHECKING, Callable, Dict, List

import attrs

from bfxsync._base.describe import type_name
from bfxsync._base.forks import reset_after_fork
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.errors import BfxError, RemoteError
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.placed import PlacedOrders

if TYPE_CHECKING:
    from bfxsync.rest.client import RestClient

CALL_S = 4.0
"""Timeout of each of the two calls, in seconds."""

LIMIT_S = 1.0
"""Maximum wait of each call for rate limits, in seconds."""

MOST_UNREAD = 500
"""Orders that are cancelled by id, the newest ones, if the open orders cannot be requested."""

_log = get_logger(__name__)


@attrs.define(eq=False)
class _Run:
    thread: int = attrs.field(factory=get_ident)
    over: Latch = attrs.field(factory=Latch)


class CancelOnExit:
    """
    Requests the open orders and cancels those of the client; has no effect after a success.

    Strategy: the guard is closed first, so that no order can follow. Signed calls of a key are sent
    one by one, so an order on the wire is answered before. Where the open orders cannot be
    requested, for example because the program has used up their rate limit, the newest orders are
    cancelled anyway.

    Parameters
    ----------
    guard : OrderGuard
    placed : PlacedOrders
    connect : callable
        Returns a `RestClient` of the account; takes options that replace the client's.
    """

    def __init__(
        self,
        guard: OrderGuard,
        placed: PlacedOrders,
        connect: Callable[..., RestClient],
    ) -> None:
        self._guard = guard
        self._placed = placed
        self._connect = connect
        self._runs: Dict[str, _Run] = {}
        # In a forked child the orders belong to the parent.
        reset_after_fork(placed)
        reset_after_fork(self)
        # Also for a client that is never closed.
        atexit.register(self.run)

    def run(self) -> None:
        """
        Cancel the orders that are still open; a failure is logged as an error.

        If another thread is cancelling already, wait for it. After a failure or an interrupt the
        next call tries again.
        """
        mine = _Run()
        is_done = False
        try:
            first = self._runs.setdefault("first", mine)
            if first is mine:
                self._guard.close()
                is_done = self._cancel()
            elif first.thread != get_ident():
                # A signal handler must not wait for the code that it interrupts.
                first.over.wait(2 * (CALL_S + LIMIT_S))
        except BaseException:
            if self._runs.get("first") is mine:
                _log.error(
                    "cancel_on_exit was interrupted, orders of this client may still be open"
                )
            raise
        finally:
            if is_done:
                atexit.unregister(self.run)
            elif self._runs.get("first") is mine:
                del self._runs["first"]
            mine.over.set()

    def _cancel(self) -> bool:
        """Cancel the orders; return whether that was accepted, or there is nothing to cancel."""
        if not self._placed:
            return True
        ids: List[int] = []
        which = "orders of this client"
        try:
            # Short timeouts, as the program is about to end.
            with self._connect(
                timeout=CALL_S,
                on_limit="wait",
                max_wait_s=LIMIT_S,
                strict=True,
                guard=None,
            ) as rest:
                unread = None
                try:
                    ids = self._placed.among(rest.auth.get_orders())
                    which = f"the orders {ids}"
                except BfxError as error:
                    unread, ids = error, self._without_answer(error)
                    if not ids:
                        raise
                if ids:
                    rest.auth.cancel_order_multi(id=ids).raise_for_status()
        except Exception as error:
            reason = error if isinstance(error, BfxError) else type_name(error)
            _log.error("cancel_on_exit failed, %s may still be open: %s", which, reason)
            return False
        if unread is None:
            _log.info("cancel_on_exit: %s orders cancelled", len(ids))
        else:
            _log.error(
                "cancel_on_exit: the open orders could not be requested; the last %s orders were "
                "cancelled, older ones and those without a response may still be open: %s",
                len(ids),
                unread,
            )
        return unread is None

    def _without_answer(self, error: BfxError) -> List[int]:
        """Return the ids of orders that may be open, if not all open orders could be read."""
        readable = error.rows if isinstance(error, RemoteError) else []
        newest = self._placed.newest(MOST_UNREAD)
        return list(dict.fromkeys([*self._placed.among(readable), *newest]))

    def _reset_after_fork(self) -> None:
        self._runs.clear()
