"""The operations of one admission whose fate is not known yet."""

from __future__ import annotations

from typing import List

from bfxsync._base.error_bases import BfxError
from bfxsync.errors import OutcomeUnknown
from bfxsync.guards.guard import Admission, OrderGuard


class OutstandingOperations:
    """
    Ends an admission when all its operations have settled.

    Parameters
    ----------
    count : int
        Number of operations, those about no order included.
    """

    def __init__(self, guard: OrderGuard, admission: Admission, count: int) -> None:
        self.admission = admission
        self._guard = guard
        # Each is removed in one step, by whichever thread settles it.
        self._left: List[None] = [None] * count

    def settle(
        self, cid: int | None, id: int | None = None, error: BfxError | None = None
    ) -> None:
        """
        Record the fate of an operation.

        Parameters
        ----------
        cid : int or None
            Client id of a new order; None for any other operation.
        id : int or None
            Id of the order, if it was placed.
        error : BfxError or None
            Why it was not; with `OutcomeUnknown` it may have been.
        """
        placed = self._guard.placed
        if placed is not None and cid is not None:
            if id is not None:
                placed.confirm(cid, id)
            elif error is not None and not isinstance(error, OutcomeUnknown):
                placed.forget([cid])
        self._left.pop()
        if not self._left:
            self.end()

    def end(self) -> None:
        """End the admission."""
        self._guard.end(self.admission)
