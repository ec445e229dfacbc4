"""Deposits of Bitfinex Pay, with or without an invoice."""

from __future__ import annotations

from bfxsync.checks.containers import optional
from bfxsync.checks.ids import check_id
from bfxsync.checks.options import check_switch_as_bool
from bfxsync.checks.symbols import check_pay_currency
from bfxsync.checks.times import Time, check_time
from bfxsync.errors import UsageError
from bfxsync.models.merchant_account import MerchantDeposit, MerchantUnlinkedDeposit
from bfxsync.models.model_list import ModelList
from bfxsync.rest.auth.base import Budget, SignedEndpoints

_DEPOSITS = Budget("auth/r/ext/pay/deposits")
_UNLINKED = Budget("auth/r/ext/pay/deposits/unlinked")

_FIRST_MTS = 1_614_758_400_000
_LONGEST_MS = 2 * 24 * 60 * 60 * 1000


class MerchantDepositEndpoints(SignedEndpoints):
    """Deposits, with or without an invoice."""

    def get_deposits(
        self,
        start: Time = None,
        to: Time = None,
        *,
        id: int | None = None,
        ccy: str | None = None,
        unlinked: bool | None = None,
    ) -> ModelList[MerchantDeposit]:
        """
        Return deposits and ledger entries that may belong to invoices.

        ``POST auth/r/ext/pay/deposits``, 10 requests per minute (undocumented); dropped by the
        official Node client.
        https://docs.bitfinex.com/reference/complete-invoice

        Parameters
        ----------
        start, to : int or datetime, optional
            First and last time: Unix milliseconds, or an aware datetime.
        id : int, optional
            Only the deposit with this id; excludes the times.
        ccy : str, optional
            Only deposits in this currency, such as ``BTC`` or ``UST-ETH``.
        unlinked : bool, optional
            True: only deposits without an invoice.
        """
        first, last = check_time("start", start), check_time("to", to)
        if first is not None and last is not None and first > last:
            raise UsageError(f"start ({first}) must not be after to ({last})")
        if id is not None and (first, last) != (None, None):
            raise UsageError("id excludes start and to")
        body = {
            "from": first,
            "to": last,
            "id": optional(check_id, "id", id),
            "ccy": optional(check_pay_currency, "ccy", ccy),
            "unlinked": optional(check_switch_as_bool, "unlinked", unlinked),
        }
        return self._read_many(_DEPOSITS, MerchantDeposit.from_object, body)

    def get_unlinked_deposits(
        self, ccy: str, *, start: Time = None, end: Time = None
    ) -> ModelList[MerchantUnlinkedDeposit]:
        """
        Return deposits in a currency that have no invoice.

        ``POST auth/r/ext/pay/deposits/unlinked``, 10 requests per minute (undocumented); dropped by
        the official Node client.
        https://docs.bitfinex.com/reference/complete-invoice

        Parameters
        ----------
        ccy : str
            Currency, such as ``BTC`` or ``UST-ETH``.
        start, end : int or datetime, optional
            First and last time: Unix milliseconds, or an aware datetime; not before 2021-03-03
            08:00 UTC, and at most two days apart. Default: the last day; with one time, the day
            that starts or ends there.
        """
        first, last = check_time("start", start), check_time("end", end)
        if first is not None and first < _FIRST_MTS:
            raise UsageError(f"start must not be before {_FIRST_MTS}, and is {first}")
        if first is not None and last is not None:
            if not 0 <= last - first <= _LONGEST_MS:
                raise UsageError("end must be at most two days after start")
        body = {"ccy": check_pay_currency("ccy", ccy), "start": first, "end": last}
        return self._read_many(_UNLINKED, MerchantUnlinkedDeposit.from_object, body)
