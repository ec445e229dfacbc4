"""
What became of transfers and withdrawals whose outcome is not known: looking into the books.

Strategy: neither has an id of ours, so one is known by what it moved and when. The books have whole
seconds, and how far the clocks are apart is known to about one, if at all: what happened so near to
the call is taken for it if it is the only one. What fits and is a little further off may be it or
may not; so it is a candidate, and never a sign that nothing was executed. Where this process has
sent another one that looks the same at about the same time, both are no more than candidates; and
so is everything where the clocks are not known, and then nothing counts as absent.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, Callable, Hashable, List, Tuple, TypeVar

from bfxsync._base.numbers import EXACT
from bfxsync.models.movements import Movement
from bfxsync.models.wallets import Ledger
from bfxsync.outcome.clocks import Clocks, Span
from bfxsync.rest.auth.movements import MovementEndpoints
from bfxsync.rest.auth.resolving import Attempt, Candidates, Found, Search
from bfxsync.rest.auth.transfer_bodies import Body, wallet_name
from bfxsync.rest.auth.unread import UnreadRows, with_unread
from bfxsync.rest.auth.wallets import WalletEndpoints
from bfxsync.types import Mts

T = TypeVar("T")

TRANSFERS, WITHDRAWALS = 51, 104
"""Categories of ledgers."""

# Where a ledger's row has it.
_CURRENCY = 1

NEAR_S = 2.5
FAR_S = 30.0

# What the exchange rounds to, and what a float cannot tell apart.
_PLACE = Decimal("1e-8")
_PRECISION = Decimal("1e-15")


class TransferSearch(WalletEndpoints, MovementEndpoints):
    """What looks for transfers and withdrawals, for `OutcomeUnknown.resolve`."""

    def _search_transfer(self, body: Body) -> Search[Ledger]:
        """Return what looks for the booking by which the amount left its wallet."""
        change, wallet = "-" + body["amount"], wallet_name(body["from"])
        # Nobody has written down as what a conversion is booked.
        is_conversion = body["currency_to"] not in (None, body["currency"])
        category = None if is_conversion else TRANSFERS

        def is_it(row: Ledger) -> bool:
            return approximately(row.amount, change) and row.wallet in (None, wallet)

        def find(attempt: Attempt) -> Found[Ledger]:
            self._learn_clock()
            unread = UnreadRows()
            first, last = edges_of(attempt.span())
            rows = unread.around(
                self._around(unread).iter_ledgers(
                    body["currency"], category=category, start=first, end=last
                )
            )
            found = identify(list(filter(is_it, rows)), _mts, attempt)
            return with_unread(found, unread.like({_CURRENCY: body["currency"]}))

        return Search(find, "the ledger", Clocks.KNOWN)

    def _transfer_likeness(self, body: Body) -> Hashable:
        """Return what `_search_transfer` goes by."""
        amount = Decimal(body["amount"])
        return "transfer", body["currency"], wallet_name(body["from"]), amount

    def _withdrawal_likeness(self, body: Body) -> Hashable:
        """Return what `_search_withdrawal` goes by; fees may make different amounts look alike."""
        goal = body["address"] or body["invoice"]
        return "withdrawal", body["method"].lower(), goal

    def _search_withdrawal(self, body: Body) -> Search[Movement]:
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
            unread = UnreadRows()
            here = self._around(unread)
            first, last = edges_of(attempt.span())
            # Without an end, as it is asked by the last change.
            moved = unread.around(here.iter_movements(start=first))
            rows = [row for row in moved if row.amount < 0]
            found: Found[Any] = identify(rows, _mts_start, attempt, is_it)
            if found is None:
                # Money that has left is as good a sign, and would be costly to overlook.
                booked = unread.around(
                    here.iter_ledgers(category=WITHDRAWALS, start=first, end=last)
                )
                found = identify(list(booked), _mts, attempt, lambda row: False)
            return with_unread(found, unread.like({}))

        return Search(find, "movements and the ledger", Clocks.KNOWN)

    def _learn_clock(self) -> None:
        """Let an answer come, as only that tells how far the clocks are apart."""
        if not self._transport.clock.readings():
            self._around(UnreadRows()).get_ledgers(limit=1)


def identify(
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
    span = attempt.span()
    # Where the clocks are not known nobody knows well enough when it left, and of two that this
    # process has sent at about the same time nobody knows which one it is.
    is_known = span.clocks is Clocks.KNOWN and attempt.is_alone(2 * NEAR_S)
    possible = [row for row in rows if span.is_possible(mts_of(row), FAR_S)]
    sure = [
        row
        for row in possible
        if is_known and is_it(row) and span.is_likely(mts_of(row), NEAR_S)
    ]
    if len(sure) == 1:
        return sure[0]
    return Candidates(sure or possible) if possible else None


def edges_of(span: Span) -> Tuple[Mts, Mts]:
    """Return the first and last time of what may be it."""
    return span.since_mts(FAR_S), span.until_mts(FAR_S)


def approximately(found: Any, amount: str) -> bool:
    """Tell whether a number of the books is the amount that was sent as this text."""
    with localcontext(EXACT):
        wanted = Decimal(amount)
        return abs(Decimal(str(found)) - wanted) <= _PLACE + abs(wanted) * _PRECISION


def _is_paid(row: Movement, amount: str) -> bool:
    """Tell whether a withdrawal is of this amount, with its fee or without."""
    with localcontext(EXACT):
        paid, fees = abs(Decimal(str(row.amount))), abs(Decimal(str(row.fees or 0)))
        sums = paid, paid + fees, paid - fees
    return any(approximately(sum_, amount) for sum_ in sums)


def _mts(row: Ledger) -> Mts:
    return row.mts


def _mts_start(row: Movement) -> Mts:
    return row.mts_start
