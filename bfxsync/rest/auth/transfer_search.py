"""
What became of transfers and withdrawals whose outcome is not known: looking into the books.

Strategy: neither has an id of ours, so one is known by what it moved and when. The books have whole
seconds, and how far the clocks are apart is known to about one: what happened so near to the call
is taken for it if it is the only one. What fits and is a little further off may be it or may not;
so it is a candidate, and never proof that nothing was executed. Where this process has sent another
one that looks the same at about the same time, both are no more than candidates.
"""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation, localcontext
from typing import Any, Callable, Hashable, List, TypeVar

from bfxsync.models.movements import Movement
from bfxsync.models.wallets import Ledger
from bfxsync.rest.auth.movements import MovementEndpoints
from bfxsync.rest.auth.resolving import Attempt, Candidates, Find, Found
from bfxsync.rest.auth.transfer_bodies import Body, wallet_name
from bfxsync.rest.auth.wallets import WalletEndpoints
from bfxsync.types import Mts

T = TypeVar("T")

TRANSFERS, WITHDRAWALS = 51, 104
"""Categories of ledgers."""

NEAR_S = 2.5
FAR_S = 30.0

# What the exchange rounds to, and what a float cannot tell apart.
_PLACE = Decimal("1e-8")
_PRECISION = Decimal("1e-15")

# Independent of the precision and the traps that an application has set for its own decimals.
_EXACT = Context(prec=100, traps=[InvalidOperation])


class TransferSearch(WalletEndpoints, MovementEndpoints):
    """What looks for transfers and withdrawals, for `OutcomeUnknown.resolve`."""

    def _find_transfer(self, body: Body) -> Find[Ledger]:
        """Return what looks for the booking by which the amount left its wallet."""
        change, wallet = "-" + body["amount"], wallet_name(body["from"])
        # Nobody has written down as what a conversion is booked.
        is_conversion = body["currency_to"] not in (None, body["currency"])
        category = None if is_conversion else TRANSFERS

        def is_it(row: Ledger) -> bool:
            return is_about(row.amount, change) and row.wallet in (None, wallet)

        def find(attempt: Attempt) -> Found[Ledger]:
            self._learn_clock()
            times = times_of(attempt, FAR_S)
            rows = self.iter_ledgers(
                body["currency"], category=category, start=times[0], end=times[-1]
            )
            return told_apart(list(filter(is_it, rows)), _mts, attempt)

        return find

    def _transfer_likeness(self, body: Body) -> Hashable:
        """Return what `_find_transfer` goes by."""
        amount = Decimal(body["amount"])
        return "transfer", body["currency"], wallet_name(body["from"]), amount

    def _withdrawal_likeness(self, body: Body) -> Hashable:
        """Return what `_find_withdrawal` goes by; fees may make different amounts look alike."""
        goal = body["address"] or body["invoice"]
        return "withdrawal", body["method"].lower(), goal

    def _find_withdrawal(self, body: Body) -> Find[Movement]:
        """Return what looks for the withdrawal, by the way that it takes, its goal and amount."""
        goals = (body["address"], body["invoice"])

        def is_it(row: Movement) -> bool:
            return (
                row.currency_name.lower() == body["method"].lower()
                and row.destination_address in goals
                and row.destination_address is not None
                and (body["amount"] is None or _is_paid(row, body["amount"]))
            )

        def find(attempt: Attempt) -> Found[Any]:
            self._learn_clock()
            times = times_of(attempt, FAR_S)
            # Without an end, as it is asked by the last change.
            moved = self.iter_movements(start=times[0])
            rows = [row for row in moved if row.amount < 0]
            found = told_apart(rows, _mts_start, attempt, is_it)
            if found is not None:
                return found
            # Money that has left is as good a sign, and would be costly to overlook.
            booked = self.iter_ledgers(
                category=WITHDRAWALS, start=times[0], end=times[-1]
            )
            return told_apart(list(booked), _mts, attempt, lambda row: False)

        return find

    def _learn_clock(self) -> None:
        """Let an answer come, as only that tells how far the clocks are apart."""
        if self._transport.clock_skew_s is None:
            self.get_ledgers(limit=1)


def told_apart(
    rows: List[T],
    mts_of: Callable[[T], Mts],
    attempt: Attempt,
    is_it: Callable[[T], bool] = lambda row: True,
) -> Found[T]:
    """
    Return the only row that must be it, or those of which each may be it.

    Parameters
    ----------
    rows : list
        What it may be.
    mts_of : callable
        Returns when it happened.
    attempt : Attempt
    is_it : callable
        Tells whether it must be it, if the time fits.
    """
    far = times_of(attempt, FAR_S)
    # Where the clock was set nobody knows well enough when it left, and of two that this process
    # has sent at about the same time nobody knows which one it is.
    is_known = attempt.is_clock_steady and attempt.is_alone(2 * NEAR_S)
    near = times_of(attempt, NEAR_S) if is_known else range(0)
    possible = [row for row in rows if mts_of(row) in far]
    sure = [row for row in possible if is_it(row) and mts_of(row) in near]
    if len(sure) == 1:
        return sure[0]
    return Candidates(sure or possible) if possible else None


def times_of(attempt: Attempt, margin_s: float) -> range:
    """Return the times, in milliseconds, at which it can have been executed."""
    return range(attempt.since_mts(margin_s), attempt.until_mts(margin_s) + 1)


def is_about(found: Any, amount: str) -> bool:
    """Tell whether a number of the books is the amount that was sent as this text."""
    with localcontext(_EXACT):
        wanted = Decimal(amount)
        return abs(Decimal(str(found)) - wanted) <= _PLACE + abs(wanted) * _PRECISION


def _is_paid(row: Movement, amount: str) -> bool:
    """Tell whether a withdrawal is of this amount, with its fee or without."""
    with localcontext(_EXACT):
        paid, fees = abs(Decimal(str(row.amount))), abs(Decimal(str(row.fees or 0)))
        sums = paid, paid + fees, paid - fees
    return any(is_about(sum_, amount) for sum_ in sums)


def _mts(row: Ledger) -> Mts:
    return row.mts


def _mts_start(row: Movement) -> Mts:
    return row.mts_start
