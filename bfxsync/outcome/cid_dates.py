"""
Known creation dates (UTC) of orders with client ids.

Strategy: the exchange finds an order by its client id only together with the date of its creation,
by the exchange's clock. An order that is sent around midnight may be created on either of two
dates: both are kept until a response shows which. A date is never guessed: if several orders may
have the same client id, the caller has to pass the date. Any thread may write: each access is a
single atomic call of a dict, so no lock is needed that an interrupted thread could hold.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Tuple

from bfxsync.errors import UsageError
from bfxsync.outcome.clocks import date_of

if TYPE_CHECKING:
    from bfxsync.models.orders import AnyOrder

MOST_KEPT = 10_000

Key = Tuple[int, str]
"""A client id and a date."""


class _State(Enum):
    SENT = "it may have been created on this date"
    OPEN = "it was created on this date"
    CLOSED = "it was created on this date, and is closed"


def client_ids(body: Mapping[str, Any]) -> List[int]:
    """Return the client ids that a new order uses: its own, and that of its OCO stop."""
    cid_oco = body.get("cid_oco")
    return [body["cid"]] if cid_oco is None else [body["cid"], cid_oco]


class CidDates:
    """Creation dates of the orders that a client has sent or received most recently."""

    def __init__(self) -> None:
        # Oldest first.
        self._states: Dict[Key, _State] = {}

    def check_unused(
        self, body: Mapping[str, Any], is_random: bool, dates: Iterable[str]
    ) -> None:
        """
        Raise `UsageError` if an order with a client id of a new one was sent on any of these dates.

        A random one (`is_random`) is not checked.
        """
        chosen = client_ids(body)[1 if is_random else 0 :]
        for cid, date in product(chosen, dates):
            state = self._states.get((cid, date))
            if state is not None:
                has = "may have" if state is _State.SENT else "has"
                raise UsageError(
                    f"cid must be unique within a UTC day, not {cid}: an order of {date} {has} it"
                )

    def mark_sent(self, cids: Iterable[int], dates: Iterable[str]) -> List[Key]:
        """
        Record orders that are being sent and may be created on any of these dates.

        Returns the keys that were not known before, for `forget_sent`.
        """
        new = [
            key
            for key in product(cids, dates)
            if self._states.get(key) not in (_State.SENT, _State.OPEN)
        ]
        for key in new:
            self._keep(key, _State.SENT)
        return new

    def forget_sent(self, keys: Iterable[Key]) -> None:
        """Drop dates on which an order was certainly not created."""
        for key in keys:
            if self._states.get(key) is _State.SENT:
                self._states.pop(key, None)

    def see(self, order: AnyOrder, is_closed: bool = False) -> bool:
        """Record an order received; return False if it has no client id or creation time."""
        cid, mts = order.cid, order.mts_create
        if cid is None or mts is None:
            return False
        try:
            date = date_of(mts)
        except (OverflowError, OSError, ValueError):  # beyond the calendar
            return False
        if is_closed or (order.order_status and not order.status.is_open):
            self.mark_closed(cid, date)
        else:
            self._keep((cid, date), _State.OPEN)
        return True

    def clear(self) -> None:
        """Forget all orders, as those of another account follow."""
        self._states.clear()

    def mark_closed(self, cid: int, date: str) -> None:
        """Record that an order is closed; other orders with its client id take precedence."""
        if (cid, date) in self._states:
            self._states[cid, date] = _State.CLOSED

    def date_for(self, cid: int) -> str:
        """
        Return the date of the open order with this client id, or else of the latest closed one.

        Raises `UsageError` if no date is known, or if several orders with this client id may be
        open.
        """
        # A copy is one step; items would be changed by other threads meanwhile.
        kept = self._states.copy().items()
        found = {date: state for (known, date), state in kept if known == cid}
        dates = [date for date in found if found[date] is not _State.CLOSED]
        if not dates:
            dates = sorted(found)[-1:]
        if len(dates) == 1:
            return dates[0]
        if not dates:
            raise UsageError(
                f"cid_date must be given: this client has neither sent nor received an order with "
                f"cid {cid}"
            )
        raise UsageError(
            f"cid_date must be given: orders with cid {cid} may have been created on "
            f"{', '.join(sorted(dates))}"
        )

    def _keep(self, key: Key, state: _State) -> None:
        self._states[key] = state
        if len(self._states) > MOST_KEPT:
            # Another thread may have removed it.
            with suppress(KeyError, RuntimeError, StopIteration):
                del self._states[next(iter(self._states))]
