"""The search for the outcome of an operation of the account channel, and its error meanwhile."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable

import attrs

from bfxsync._base.hidden import PRIVATE
from bfxsync.errors import NotExecuted, OrderNotPlaced, OutcomeUnknown
from bfxsync.outcome.clocks import date_of
from bfxsync.outcome.find_offers import OfferFinder
from bfxsync.outcome.find_orders import OrderFinder
from bfxsync.outcome.resolve import Search
from bfxsync.wire.operations import METHODS, Operation

_HINT = "resolve() queries the exchange; do not send it again before that"


@attrs.frozen
class OperationFinder:
    """Builds the searches for operations; those for REST are built by its methods."""

    _orders: OrderFinder
    _offers: OfferFinder

    def search_for(self, operation: Operation) -> Search[Any]:
        """Search for the outcome of an operation that may have been executed."""
        name, body = operation.name, operation.body
        if name == "on":
            return self._orders.submitted(body, operation.is_random)
        if name == "oc_multi":
            return self._orders.still_open(body)
        if name == "fon":
            return self._offers.submitted(body)
        if name == "foc":
            return self._offers.by_id(body["id"])
        if "id" in body:
            return self._orders.by_id(body["id"])
        return self._orders.by_cid(body["cid"], body["cid_date"])


def not_executed(operation: Operation) -> Callable[..., NotExecuted]:
    """Return the class of its error if it was not executed, with details."""
    if operation.name == "on":
        return partial(OrderNotPlaced, cid=operation.body["cid"])
    return NotExecuted


def outcome_unknown(
    operation: Operation, sent_s: float, why: str = "it was not answered"
) -> OutcomeUnknown:
    """
    Build the error of an operation that was sent and may have been executed.

    `sent_s` is the time of sending, in seconds since 1970 by this machine's clock.
    """
    body = operation.body
    method = METHODS[operation.name]
    error = OutcomeUnknown(
        f"{method} may or may not have been executed: {why}",
        phase="receive",
        cid=body.get("cid") if operation.name != "oc_multi" else None,
        cid_date=body.get("cid_date"),
        known={name: value for name, value in body.items() if name not in PRIVATE},
        hint=_HINT,
    )
    if operation.name == "on":
        error.cid_date = date_of(sent_s * 1000)
    error.endpoint = method
    return error
