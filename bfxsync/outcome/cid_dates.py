"""
The UTC dates on which orders with client ids were created, as far as a client knows them.

Strategy: the exchange finds an order by its client id only together with the date of its creation,
by its own clock. An order that is sent around midnight may be created on either of two dates: both
are kept until an answer shows which. A date is never guessed: where several orders may have the
same client id, the caller has to name one. Any thread writes, without a lock that an interrupted
one could keep: each access is a single atomic call of a dict.
"""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from itertools import product
from typing import TYPE_CHECKING, Dict, Iterable, List, Tuple

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


class CidDates:
    """The dates of the client ids that a client sent or saw last."""

    def __init__(self) -> None:
        # Oldest first.
        self._states: Dict[Key, _State] = {}

    def mark_sent(self, cids: Iterable[int], dates: Iterable[str]) -> List[Key]:
        """
        Keep orders that are sent now and may be created on any of these dates.

        Returns what was not known before, for `forget_sent`.
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
        """Forget dates on which an order was certainly not created."""
        for key in keys:
            if self._states.get(key) is _State.SENT:
                self._states.pop(key, None)

    def see(self, order: AnyOrder, is_closed: bool = False) -> bool:
        """Keep an order that the exchange shows; False if it has no client id or time."""
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

    def mark_closed(self, cid: int, date: str) -> None:
        """Note that an order is closed; other orders with its client id come first."""
        if (cid, date) in self._states:
            self._states[cid, date] = _State.CLOSED

    def date_for(self, cid: int) -> str:
        """
        Return the date of an order, of a closed one only if there is no other.

        Raises `UsageError` if the date is not known, or if there are several.
        """
        kept = list(self._states.items())
        found = {date: state for (known, date), state in kept if known == cid}
        dates = [date for date in found if found[date] is not _State.CLOSED]
        if not dates:
            dates = sorted(found)[-1:]
        if len(dates) == 1:
            return dates[0]
        if not dates:
            raise UsageError(
                f"cid_date must be given: this client has neither sent nor seen an order with cid "
                f"{cid}"
            )
        raise UsageError(
            f"cid_date must be given: orders with cid {cid} may have been created on each of "
            f"{', '.join(sorted(dates))}"
        )

    def _keep(self, key: Key, state: _State) -> None:
        self._states[key] = state
        if len(self._states) > MOST_KEPT:
            # Another thread may have removed it.
            with suppress(KeyError, RuntimeError, StopIteration):
                del self._states[next(iter(self._states))]
