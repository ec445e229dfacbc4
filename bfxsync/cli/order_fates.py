"""What became of an order, in the words of docs/explanation/orders.rst, and its exit code."""

from __future__ import annotations

from typing import Any, Optional

import attrs

from bfxsync import BfxError, NotExecuted, OutcomeUnknown
from bfxsync._base.numbers import decimal_of
from bfxsync.cli.exit_codes import FAILED, OK, REFUSED, UNKNOWN, code_of
from bfxsync.cli.rows import json_text
from bfxsync.cli.tables import digits


@attrs.frozen
class Fate:
    """
    What became of an order.

    Attributes
    ----------
    word : str
        ``placed``, ``executed``, ``executed in part``, ``cancelled``, ``refused``, ``not sent``,
        ``absent`` or ``unknown``; ``not placed`` for anything else.
    text : str
        A sentence about it.
    code : int
        Exit code.
    order : Order, optional
        Its last state.
    """

    word: str
    text: str
    code: int
    order: Optional[Any] = None

    def json(self, cid: int | None) -> str:
        """Return it as a line of JSON."""
        order = None if self.order is None else self.order.to_dict()
        fields = {"fate": self.word, "text": self.text, "cid": cid, "order": order}
        return json_text(fields)


def fate_of_order(order: Any) -> Fate:
    """Return the fate of an order that the exchange has listed."""
    name, status = f"order {order.id}", order.status
    executed = decimal_of(order.amount_orig or 0) - decimal_of(order.amount or 0)
    done = ""
    if executed:
        verb = "bought" if executed > 0 else "sold"
        done = f"{verb} {digits(abs(executed))} of {digits(abs(order.amount_orig))}"
        if order.price_avg:
            done += f", at {digits(order.price_avg)} on average"
    if status.is_open:
        note = f"; {done}" if done else ""
        return Fate("placed", f"{name} is in the book: {status.word}{note}", OK, order)
    if status.is_executed:
        return Fate(
            "executed", f"{name} was executed: {done or status.word}", OK, order
        )
    if executed:
        text = f"{name} was executed in part, the rest was cancelled: {done}; {status.word}"
        return Fate("executed in part", text, OK, order)
    text = f"{name} was cancelled, nothing was executed: {status.word}"
    return Fate("cancelled", text, REFUSED, order)


def fate_of_error(error: BfxError, cid: int | None) -> Fate:
    """Return the fate of an order whose reply has failed."""
    if isinstance(error, OutcomeUnknown):
        return unknown(cid, str(error))
    if isinstance(error, NotExecuted):
        if error.proof == "never_sent":
            text = f"it was not sent: {error}"
            return Fate("not sent", text, code_of(error))
        if error.proof == "refused":
            return Fate("refused", f"refused: {error}", REFUSED)
        text = (
            f"there is no trace of it: {error}; look at the account (bfxsync orders --history) "
            "before it is sent again"
        )
        return Fate("absent", text, FAILED)
    code = code_of(error)
    word = "refused" if code == REFUSED else "not placed"
    return Fate(word, f"{word}: {error}", code)


def unknown(cid: int | None, reason: str) -> Fate:
    """Return the fate of an order that may or may not exist."""
    text = (
        f"UNKNOWN: the order with cid {cid} may or may not be placed: {reason}; do not send it "
        f"again: bfxsync orders --cid {cid} finds it, if it exists"
    )
    return Fate("unknown", text, UNKNOWN)
