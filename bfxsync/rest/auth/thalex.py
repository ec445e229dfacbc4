"""Transfers to and from Thalex, a derivatives exchange."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from bfxsync._base.aliases import AnyNumber
from bfxsync._base.hidden import hide
from bfxsync.checks.containers import check_tfa
from bfxsync.checks.numbers import check_positive
from bfxsync.checks.texts import check_choice
from bfxsync.models.thalex import ThalexFreeTransferCount, ThalexTransfer
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

_DEPOSITS = Budget("auth/w/ext/wallets/deposits/request")
_WITHDRAWALS = Budget("auth/w/ext/wallets/withdrawals/request")
_FREE = Budget("auth/r/ext/wallets/transfers/free/count")

_PROVIDER = "thalex"
_CURRENCIES = ("USE", "ETH", "BTC")

_HINT = "check the wallets, the movements and Thalex before sending it again"


class ThalexEndpoints(SignedEndpoints):
    """Transfers to and from Thalex, a derivatives exchange."""

    def request_thalex_deposit(
        self, amount: AnyNumber, ccy: str, tfa_token: Mapping[str, Any]
    ) -> ThalexTransfer:
        """
        Deposit funds with Thalex, at most once.

        ``POST auth/w/ext/wallets/deposits/request``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/thalex-deposit-request

        Parameters
        ----------
        amount : str, int, Decimal or float
            Above zero.
        ccy : str
            ``"USE"``, ``"ETH"`` or ``"BTC"``.
        tfa_token : dict
            Second factor. Messages and errors never contain it.

        Raises
        ------
        OutcomeUnknown
            The transfer may have been executed; there is no `resolve`.
        """
        tfa_token = hide(tfa_token)
        body = _body(amount, ccy, tfa_token)
        return self._write(
            Write(_DEPOSITS, ThalexTransfer.from_object, body, hint=_HINT)
        )

    def request_thalex_withdrawal(
        self, amount: AnyNumber, ccy: str, tfa_token: Mapping[str, Any]
    ) -> ThalexTransfer:
        """
        Withdraw funds from Thalex, at most once.

        ``POST auth/w/ext/wallets/withdrawals/request``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/thalex-withdrawal-request

        Arguments as for `request_thalex_deposit`.

        Raises
        ------
        OutcomeUnknown
            The transfer may have been executed; there is no `resolve`.
        """
        tfa_token = hide(tfa_token)
        body = _body(amount, ccy, tfa_token)
        return self._write(
            Write(_WITHDRAWALS, ThalexTransfer.from_object, body, hint=_HINT)
        )

    def get_thalex_free_transfer_count(self) -> ThalexFreeTransferCount:
        """
        Return how many free transfers to and from Thalex are left.

        ``POST auth/r/ext/wallets/transfers/free/count``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/thalex-free-transfer-count
        """
        # The page of this endpoint has "Provider"; all other pages have "provider".
        body = {"provider": _PROVIDER, "Provider": _PROVIDER}
        return self._read(_FREE, ThalexFreeTransferCount.from_object, body)


def _body(amount: object, ccy: object, tfa_token: object) -> Dict[str, Any]:
    return {
        "provider": _PROVIDER,
        "amount": check_positive("amount", amount),
        "ccy": check_choice("ccy", ccy, _CURRENCIES),
        "tfaToken": check_tfa("tfa_token", tfa_token),
    }
