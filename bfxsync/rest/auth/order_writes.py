"""The base of order writes: they overtake other calls, and their client ids are recorded."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple, TypeVar

from bfxsync._base.error_codes import error_from_code
from bfxsync.errors import ApiError, BfxError, OrderRejected, OutcomeUnknown
from bfxsync.models.notification import DRY_RUN, Notification
from bfxsync.outcome.cid_dates import CidDates, Key
from bfxsync.outcome.clocks import creation_dates
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.rest.auth.base import SignedEndpoints, Write
from bfxsync.rest.http.retry_policy import RequestKind
from bfxsync.wire.inputs import OrderInputs

N = TypeVar("N", bound="Notification[Any]")

SEVERAL = "ox_multi"
"""The operation that consists of other operations."""


class OrderWrites(SignedEndpoints):
    """Base of the endpoints that write orders."""

    _find_orders: OrderFinder
    _inputs: OrderInputs
    _cid_dates: CidDates

    def _write_order(self, operation: str, write: Write[N]) -> N:
        """
        Send a write before all reads; a rejection raises `OrderRejected`.

        `operation` is ``on``, ``ou``, ``oc``, ``oc_multi`` or ``ox_multi``.
        """
        body = write.body or {}
        ops = body["ops"] if operation == SEVERAL else [(operation, body)]
        cids = [inner["cid"] for name, inner in ops if name == "on"]
        sent: List[Key] = []

        def before_send() -> None:
            skew_s = self._transport.clock.skew_s or 0.0
            dates = creation_dates(self._clock() - skew_s, self._transport.absence_s)
            sent.extend(self._cid_dates.mark_sent(cids, dates))

        try:
            note = self._write(write, RequestKind.ORDER, before_send)
        except OutcomeUnknown:
            raise
        except BfxError as error:
            self._cid_dates.forget_sent(sent)
            if type(error) is not ApiError:
                raise
            rejected = error_from_code(
                error.code, error.message, error.raw, OrderRejected
            )
            rejected.endpoint, rejected.http_status = error.endpoint, error.http_status
            rejected.call = error.call
        else:
            if note.is_success:
                notes = note.data if operation == SEVERAL else [note]
                for op, answer in zip(ops, notes):
                    self._remember(op, answer, sent)
            elif note.status == DRY_RUN:
                # The program can continue and cancel it by its client id.
                before_send()
            else:
                self._cid_dates.forget_sent(sent)
            return note
        raise rejected

    def _remember(
        self,
        op: Tuple[str, Mapping[str, Any]],
        note: Notification[Any],
        sent: List[Key],
    ) -> None:
        """Record the client ids and dates in the response to an operation."""
        name, body = op
        mine = [key for key in sent if name == "on" and key[0] == body["cid"]]
        if not note.is_success:
            self._cid_dates.forget_sent(mine)
            return
        data = note.data if isinstance(note.data, list) else [note.data]
        for order in (*data, *note.more):
            # After an accepted cancellation there is nothing to cancel.
            was_dated = self._cid_dates.see(order, is_closed=name in ("oc", "oc_multi"))
            if was_dated and name == "on" and order.cid == body["cid"]:
                # The other dates are ruled out.
                self._cid_dates.forget_sent(mine)
        if name == "oc" and body.get("cid") is not None:
            self._cid_dates.mark_closed(body["cid"], body["cid_date"])
