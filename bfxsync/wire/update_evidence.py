"""
What a later state of an order proves about an update of it that was not answered.

Strategy: the state is compared with the one before the update, field by field. An update is
executed as a whole, so one field that has the requested value, and none that has kept its former
one, shows that it was executed; the reverse shows that it was not. Fills change the remaining
amount as well, so amounts are compared as what remains and what the status lists as executed
together: no fill changes that sum, and every update of the amount does. What a trigger hides, or
another change has overwritten, proves nothing.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set

import attrs

from bfxsync._base.enums import OrderFlag
from bfxsync._base.numbers import EXACT, approximately, decimal_of
from bfxsync.models.orders import Order

NEAR_MS = 5_000
"""Tolerance for times of the exchange's servers."""

MOST_LISTED = 10
"""A status that lists as many fills may have left out others."""

_NAMING = ("id", "cid", "cid_date")
_PRICES = ("price", "price_aux_limit", "price_trailing")
_LEVERAGE = "$F33"
_STOP = "STOP"
_TRAILING = "TRAILING STOP"
# Rounding of the fills in a status.
_ROUNDING = Decimal("1e-7")
_NONE = Decimal(0)


class Shown(Enum):
    """How a requested value compares with the order."""

    NEW = "the order has it, and had another one before"
    OLD = "the order has kept its former value"
    SAME = "the order has it, and had it before"
    OTHER = "the order has neither this value nor its former one"
    HIDDEN = "the order does not show it"


class Verdict(Enum):
    """What a state proves about an update."""

    EXECUTED = "it was executed"
    ABSENT = "it was not executed"
    UNCLEAR = "it may or may not have been executed"


@attrs.frozen
class Evidence:
    """
    The comparison of an order with an update of it.

    Attributes
    ----------
    fields : dict
        How each requested value compares, by its name.
    is_untouched : bool
        Nothing has changed the order since the update was sent.
    has_other_changes : bool
        Another update has changed the order, or may have restored a value.
    was_known : bool
        Its state was known when the update was sent.
    was_triggered : bool
        The order was a stop, whose trigger price is no longer known.
    """

    fields: Dict[str, Shown]
    is_untouched: bool = False
    has_other_changes: bool = False
    was_known: bool = True
    was_triggered: bool = False

    @property
    def verdict(self) -> Verdict:
        """What this proves."""
        if self.is_untouched:
            return Verdict.ABSENT
        shown = set(self.fields.values())
        if Shown.OTHER in shown or {Shown.NEW, Shown.OLD} <= shown:
            return Verdict.UNCLEAR
        if Shown.OLD in shown:
            # Another update may have restored the former value.
            return Verdict.UNCLEAR if self.has_other_changes else Verdict.ABSENT
        if Shown.NEW in shown or shown == {Shown.SAME}:
            return Verdict.EXECUTED
        return Verdict.UNCLEAR

    @property
    def is_hidden(self) -> bool:
        """Whether the order shows none of the requested values."""
        return set(self.fields.values()) <= {Shown.HIDDEN, Shown.SAME}

    @property
    def reason(self) -> str:
        """Why nothing is proven."""
        if self.was_triggered:
            return "its stop was triggered since, which hides the former price"
        if not self.was_known:
            return "its state before the update was not known"
        if self.has_other_changes or Shown.OTHER in self.fields.values():
            return "another program has changed it since"
        return "the order does not show whether it has the requested values"


def compare(
    order: Order,
    body: Mapping[str, Any],
    before: Order | None,
    latest_mts: int,
    earlier: Sequence[Mapping[str, Any]] = (),
    later: Sequence[Mapping[str, Any]] = (),
) -> Evidence:
    """
    Compare a state of an order with an update of it.

    Parameters
    ----------
    before : Order or None
        Its state when the update was sent, if it was known.
    latest_mts : int
        Latest time of the exchange that was known then.
    earlier, later : list of dict
        Bodies of other updates of this client. The values of an earlier one say that this one was
        not executed.
    """
    change = AmountChange.between(before, order)
    fields = _shown(order, body, before, change)
    others = [_shown(order, other, before, change) for other in earlier]
    for name, shown in fields.items():
        if shown is Shown.OTHER and any(
            other.get(name) is Shown.NEW for other in others
        ):
            fields[name] = Shown.OLD
    own = {name for each in (body, *earlier, *later) for name in _names_in(each)}
    changed = _changed(order, before, change)
    is_changed = bool(changed) or (change is not None and len(change.executed) > 1)
    is_closed = not order.status.is_open
    was_triggered = _was_triggered(order, before)
    is_untouched = order.mts_update < latest_mts - NEAR_MS
    # Without a reason that can be seen, another update has changed it, and one has restored it.
    is_restored = False
    if before is not None:
        is_restored = not (is_changed or is_closed or was_triggered)
        is_untouched |= order.mts_update < before.mts_update
        is_untouched |= order.mts_update == before.mts_update and is_restored
    return Evidence(
        fields,
        is_untouched=is_untouched,
        has_other_changes=is_restored or bool(changed - own),
        was_known=before is not None,
        was_triggered=was_triggered,
    )


def is_replaced(
    order: Order,
    body: Mapping[str, Any],
    before: Order | None,
    later: Iterable[Mapping[str, Any]],
) -> bool:
    """Return whether the order has the values of a later update that replaces all of this one."""
    change = AmountChange.between(before, order)
    own = _shown(order, body, before, change)
    left = {name for name, shown in own.items() if shown in (Shown.OLD, Shown.OTHER)}
    for other in later:
        shown = _shown(order, other, before, change)
        if left <= shown.keys() and set(shown.values()) <= {Shown.NEW, Shown.SAME}:
            return bool(left)
    return False


class AmountChange(NamedTuple):
    """
    How updates have changed the amount of an order between two states.

    Attributes
    ----------
    by_updates : Decimal or None
        Change of what remains and is executed together; None if it is not certain.
    whole : Decimal
        That sum before.
    executed : list of Decimal
        The executed amount before, and after each fill since.
    """

    by_updates: Decimal | None
    whole: Decimal
    executed: List[Decimal]

    @classmethod
    def between(cls, before: Order | None, after: Order) -> AmountChange | None:
        """Compare two states; None without the first."""
        if before is None:
            return None
        left, left_after = decimal_of(before.amount), decimal_of(after.amount)
        orig, orig_after = decimal_of(before.amount_orig), decimal_of(after.amount_orig)
        fills, fills_after = before.status.fills, after.status.fills
        # Newest first.
        new = fills_after[: max(0, len(fills_after) - len(fills))]
        by_updates: Decimal | None = EXACT.subtract(orig_after, orig)
        if by_updates:
            # Fills never change the original amount, so what it lacks is executed.
            executed = [EXACT.subtract(orig, left)]
        else:
            executed = [_sum_of(fills)]
        whole = EXACT.add(left, executed[0])
        for fill in reversed(new):
            executed.append(EXACT.add(executed[-1], decimal_of(fill.amount)))
        if not by_updates:
            by_updates = EXACT.subtract(EXACT.add(left_after, executed[-1]), whole)
            is_whole = len(fills_after) < MOST_LISTED
            if not is_whole or fills_after[len(new) :] != fills:
                by_updates = None
        return cls(by_updates, whole, executed)

    def of_delta(self, delta: Decimal) -> Shown:
        """Return what this shows of an update by `delta`."""
        if self.by_updates is None:
            return Shown.HIDDEN
        if _is_near(self.by_updates, _NONE):
            return Shown.OLD
        return Shown.NEW if _is_near(self.by_updates, delta) else Shown.OTHER

    def of_amount(self, amount: Decimal) -> Shown:
        """
        Return what this shows of an update to `amount`.

        It is what should remain at that moment, or the whole: the documentation does not say.
        """
        if self.by_updates is None:
            return Shown.HIDDEN
        whole = EXACT.add(self.whole, self.by_updates)
        left = [whole, *(EXACT.subtract(whole, each) for each in self.executed)]
        is_result = any(_is_near(each, amount) for each in left)
        if not _is_near(self.by_updates, _NONE):
            return Shown.NEW if is_result else Shown.OTHER
        if not is_result:
            return Shown.OLD
        # It has changed nothing, or would have changed nothing at a certain fill.
        return Shown.HIDDEN if len(self.executed) > 1 else Shown.SAME


def _shown(
    order: Order,
    body: Mapping[str, Any],
    before: Order | None,
    change: AmountChange | None,
) -> Dict[str, Shown]:
    """Return how each value of an update compares with an order."""
    found: Dict[str, Shown] = {}
    for name, wanted in body.items():
        if name in ("amount", "delta"):
            found["amount"] = _amount_shown(order, name, wanted, change)
        elif name == "meta":
            for key, value in wanted.items():
                found[key] = _meta_shown(order, before, key, value)
        elif name == "lev":
            found[_LEVERAGE] = _meta_shown(order, before, _LEVERAGE, wanted)
        elif name not in _NAMING:
            found[name] = _field_shown(order, before, name, wanted)
    return found


def _names_in(body: Mapping[str, Any]) -> Set[str]:
    """Return the names of the values that an update changes, as in `Evidence.fields`."""
    names = set(body) - {*_NAMING, "delta", "lev", "meta"}
    if "delta" in body:
        names.add("amount")
    if "lev" in body:
        names.add(_LEVERAGE)
    return names | set(body.get("meta") or ())


def _changed(
    order: Order, before: Order | None, change: AmountChange | None
) -> Set[str]:
    """Return the names of the values that updates have changed."""
    if before is None or change is None:
        return set()
    names = ["gid", "flags", "mts_tif"]
    if not _was_triggered(order, before):
        names += _PRICES[1:] if _TRAILING in order.order_type else _PRICES
    found = {each for each in names if getattr(order, each) != getattr(before, each)}
    if "mts_tif" in found:
        found.add("tif")
        found.remove("mts_tif")
    if change.by_updates is not None and not _is_near(change.by_updates, _NONE):
        found.add("amount")
    meta, former = order.meta or {}, before.meta or {}
    return found | {key for key in meta if key in former and meta[key] != former[key]}


def _amount_shown(
    order: Order, name: str, wanted: str, change: AmountChange | None
) -> Shown:
    if change is None:
        values = (order.amount, order.amount_orig) if name == "amount" else ()
        has_it = any(approximately(value, wanted) for value in values)
        return Shown.NEW if has_it else Shown.HIDDEN
    number = decimal_of(wanted)
    return change.of_delta(number) if name == "delta" else change.of_amount(number)


def _field_shown(order: Order, before: Order | None, name: str, wanted: Any) -> Shown:
    values: List[Any] = [None if before is None else getattr(before, name, None)]
    values.append(getattr(order, name, None))
    if name == "tif":
        wanted = _mts_of(wanted)
        values = [None if before is None else before.mts_tif, order.mts_tif]
    elif name == "flags":
        wanted = OrderFlag(wanted)
    elif name in _PRICES and _was_triggered(order, before):
        is_trailing = name == "price_trailing"
        if name == "price" or (is_trailing and not order.price_trailing):
            # The trigger price is gone.
            return Shown.HIDDEN
        if not (is_trailing or _equals(values[1], wanted, name)):
            # A stop limit order has become a limit order at this price.
            values[1] = order.price
    elif name == "price" and _TRAILING in order.order_type:
        # It follows the market.
        return Shown.HIDDEN
    has_it = [_equals(value, wanted, name) for value in values]
    if has_it[1]:
        return Shown.SAME if has_it[0] else Shown.NEW
    if before is None:
        return Shown.OTHER
    return Shown.OLD if values[0] == values[1] else Shown.OTHER


def _meta_shown(order: Order, before: Order | None, key: str, wanted: Any) -> Shown:
    # A missing key proves nothing, as the exchange may not repeat it.
    meta = order.meta or {}
    if key not in meta:
        return Shown.HIDDEN
    former = ((before.meta if before is not None else None) or {}).get(key)
    if meta[key] == wanted:
        return Shown.SAME if former == wanted else Shown.NEW
    return Shown.OLD if before is not None and meta[key] == former else Shown.OTHER


def _equals(value: Any, wanted: Any, name: str) -> bool:
    if name in _PRICES:
        return value is not None and approximately(value, wanted)
    return bool(value == wanted)


def _was_triggered(order: Order, before: Order | None) -> bool:
    former = order.type_prev if before is None else before.order_type
    return _STOP in (former or "") and _STOP not in order.order_type


def _mts_of(tif: str) -> int:
    moment = datetime.fromisoformat(tif).replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000)


def _sum_of(fills: Iterable[Any]) -> Decimal:
    total = _NONE
    for fill in fills:
        total = EXACT.add(total, decimal_of(fill.amount))
    return total


def _is_near(one: Decimal, other: Decimal) -> bool:
    return EXACT.subtract(one, other).copy_abs() <= _ROUNDING
