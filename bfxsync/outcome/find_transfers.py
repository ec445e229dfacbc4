"""Searches for transfers and withdrawals with an unknown outcome; see `identify`."""

from __future__ import annotations

from decimal import Decimal, localcontext
from operator import attrgetter
from typing import Any, Dict, Hashable

import attrs

from bfxsync._base.numbers import EXACT, approximately
from bfxsync.models.movements import Movement
from bfxsync.models.wallets import Ledger
from bfxsync.outcome.clocks import Clocks
from bfxsync.outcome.identify import edges_of, identify
from bfxsync.outcome.reader import OpenReader
from bfxsync.outcome.resolve import Attempt, Found, Search
from bfxsync.outcome.unread import with_unread

Body = Dict[str, Any]

TRANSFERS, WITHDRAWALS = 51, 104
"""Categories of ledger entries."""

TODAYS_NAMES = {"trading": "margin", "deposit": "funding"}
"""Current names of wallets, by their old names."""

# Index in a ledger row.
_CURRENCY = 1


@attrs.frozen
class TransferFinder:
    """Builds the searches for transfers and withdrawals over an `AccountReader`."""

    _open: OpenReader

    def transfer(self, body: Body) -> Search[Ledger]:
        """Search for the ledger entry that debits the source wallet."""
        change, wallet = "-" + body["amount"], wallet_name(body["from"])
        # It is not documented how a conversion is booked.
        is_conversion = body["currency_to"] not in (None, body["currency"])
        category = None if is_conversion else TRANSFERS

        def is_it(row: Ledger) -> bool:
            return approximately(row.amount, change) and row.wallet in (None, wallet)

        def find(attempt: Attempt) -> Found[Ledger]:
            self._read_clock(attempt)
            here, unread = self._open()
            first, last = edges_of(attempt.span())
            rows = unread.readable(
                here.iter_ledgers(
                    body["currency"], category=category, start=first, end=last
                )
            )
            found = identify(list(filter(is_it, rows)), attrgetter("mts"), attempt)
            return with_unread(found, unread.matching({_CURRENCY: body["currency"]}))

        return Search(find, "the ledger", Clocks.KNOWN)

    def withdrawal(self, body: Body) -> Search[Movement]:
        """Search for a withdrawal by its method, destination and amount."""
        goals = (body["address"], body["invoice"])

        def is_it(row: Movement) -> bool:
            return (
                row.currency_name.lower() == body["method"].lower()
                and row.destination_address in goals
                and row.destination_address is not None
                and (body["amount"] is None or _is_paid(row, body["amount"]))
            )

        def find(attempt: Attempt) -> Found[Any]:
            self._read_clock(attempt)
            here, unread = self._open()
            first, last = edges_of(attempt.span())
            # Without an end, as the filter applies to the last change.
            moved = unread.readable(here.iter_movements(start=first))
            rows = [row for row in moved if row.amount < 0]
            found: Found[Any] = identify(rows, attrgetter("mts_start"), attempt, is_it)
            if found is None:
                # A debit is evidence too, and missing it would be costly.
                booked = unread.readable(
                    here.iter_ledgers(category=WITHDRAWALS, start=first, end=last)
                )
                found = identify(
                    list(booked), attrgetter("mts"), attempt, lambda row: False
                )
            return with_unread(found, unread.matching({}))

        return Search(find, "movements and the ledger", Clocks.KNOWN)

    def _read_clock(self, attempt: Attempt) -> None:
        """Send a request if no response has shown the exchange's clock yet."""
        if not attempt.transport.clock.readings():
            self._open()[0].get_ledgers(limit=1)


def transfer_fingerprint(body: Body) -> Hashable:
    """Return the terms by which `TransferFinder.transfer` identifies a transfer."""
    amount = Decimal(body["amount"])
    return "transfer", body["currency"], wallet_name(body["from"]), amount


def withdrawal_fingerprint(body: Body) -> Hashable:
    """Return the terms that identify a withdrawal; without the amount, which may include a fee."""
    goal = body["address"] or body["invoice"]
    return "withdrawal", body["method"].lower(), goal


def wallet_name(wallet: str) -> str:
    """Return the current name of a wallet."""
    return TODAYS_NAMES.get(wallet, wallet)


def _is_paid(row: Movement, amount: str) -> bool:
    """Return whether a withdrawal has this amount, with or without its fee."""
    with localcontext(EXACT):
        paid, fees = abs(Decimal(str(row.amount))), abs(Decimal(str(row.fees or 0)))
        sums = paid, paid + fees, paid - fees
    return any(approximately(sum_, amount) for sum_ in sums)
