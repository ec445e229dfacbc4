"""Money that moves: between wallets, out of the exchange, and into it."""

from __future__ import annotations

from typing import Any, Mapping

from bfxsync._base.aliases import AnyNumber, NumberType, Row
from bfxsync._base.hidden import hide
from bfxsync.checks.arguments import check_currency
from bfxsync.checks.order_arguments import check_positive, check_switch, check_wallet
from bfxsync.errors import RemoteError, error_from_code
from bfxsync.models.notification import Notification, of_one
from bfxsync.models.transfers import (
    DepositAddress,
    LightningNetworkInvoice,
    Transfer,
    Withdrawal,
)
from bfxsync.outcome.find_transfers import (
    TransferFinder,
    transfer_fingerprint,
    withdrawal_fingerprint,
)
from bfxsync.rest.auth.base import Budget
from bfxsync.rest.auth.movements import MovementEndpoints
from bfxsync.rest.auth.transfer_bodies import (
    check_token,
    transfer_body,
    withdrawal_body,
)
from bfxsync.rest.auth.wallets import WalletEndpoints

_TRANSFER = Budget("auth/w/transfer")
_ADDRESS = Budget("auth/w/deposit/address", 10)
_INVOICE = Budget("auth/w/deposit/invoice")
_WITHDRAW = Budget("auth/w/withdraw")

_HINT = "resolve() looks for it; do not send it again before that is known"


class TransferEndpoints(WalletEndpoints, MovementEndpoints):
    """Transfers, withdrawals, and addresses for deposits."""

    _find_transfers: TransferFinder

    def transfer_between_wallets(
        self,
        from_wallet: str,
        to_wallet: str,
        currency: str,
        currency_to: str | None,
        amount: AnyNumber,
        *,
        email_dst: str | None = None,
        user_id_dst: int | None = None,
        tfa_token: Mapping[str, Any] | None = None,
    ) -> Notification[Transfer]:
        """
        Move money from one wallet to another, or convert it, at most once.

        ``POST auth/w/transfer``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        from_wallet, to_wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"`` (``"trading"`` and ``"deposit"`` are
            older names of the last two). The wallet for derivatives is ``"margin"`` with a
            currency such as ``USTF0``.
        currency : str
            Such as ``UST``.
        currency_to : str or None
            What it becomes, such as ``USTF0``; None: it stays what it is.
        amount : str, int, Decimal or float
            Above zero. The exchange rounds it to 8 places.
        email_dst, user_id_dst : str or int, optional
            The sub-account or main account to which it goes, by its e-mail address or by its id;
            your own without both.
        tfa_token : dict, optional
            The second factor, which transfers to another account need with a token instead of a
            key. It is in no message and no error.

        Returns
        -------
        Notification of Transfer
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible, or nothing would move.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed. Its `resolve` returns the `Ledger` by which the amount
            left its wallet, or raises `NotExecuted` (`proof` is ``"absent"``) if there is none.
            Where the clocks are not known, and of two equal transfers that this program has made
            within `absence_s`, it cannot tell: it raises the error again with `candidates`. One
            that somebody else makes just then it may take for this one.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-transfer
        """
        tfa_token = hide(tfa_token)
        body = transfer_body(
            from_wallet,
            to_wallet,
            currency,
            currency_to,
            amount,
            email_dst=email_dst,
            user_id_dst=user_id_dst,
            tfa_token=tfa_token,
        )
        return self._write(
            "auth/w/transfer",
            _TRANSFER,
            of_one(Transfer.from_partial_row),
            body,
            search=self._find_transfers.transfer(body),
            fingerprint=transfer_fingerprint(body),
            hint=_HINT,
        )

    def submit_wallet_withdrawal(
        self,
        wallet: str,
        method: str,
        address: str | None = None,
        amount: AnyNumber | None = None,
        *,
        invoice: str | None = None,
        payment_id: str | None = None,
        fee_deduct: bool | None = None,
        note: str | None = None,
        travel_rule_tos: bool | None = None,
        vasp_did: str | None = None,
        vasp_name: str | None = None,
        beneficiary_self: bool | None = None,
        dest_firstname: str | None = None,
        dest_lastname: str | None = None,
        dest_corp_name: str | None = None,
    ) -> Notification[Withdrawal]:
        """
        Withdraw money from the exchange, at most once.

        ``POST auth/w/withdraw``. Rate limit: 10 per minute (undocumented). That it succeeds
        means that the exchange has taken it: how it goes on is in `get_movements`.

        Parameters
        ----------
        wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"``.
        method : str
            The way that it takes, in small letters, such as ``bitcoin``; the exchange lists all
            ways under ``pub:map:tx:method``.
        address : str, optional
            Where it goes; needed unless there is an invoice.
        amount : str, int, Decimal or float, optional
            Above zero; needed unless there is an invoice.
        invoice : str, optional
            Of the Lightning network (method ``lnx``), instead of address and amount.
        payment_id : str, optional
            The tag or memo, where the address needs one: without it the money is lost.
        fee_deduct : bool, optional
            True: the fee is taken from the amount; else it is paid on top of it.
        note : str, optional
            For yourself.
        travel_rule_tos : bool, optional
            True: the data of the travel rule are sent, which are those that follow.
        vasp_did, vasp_name : str, optional
            The company that keeps the address, as ``rest.public.get_vasps()`` lists it; without
            both it is kept by its owner.
        beneficiary_self : bool, optional
            True: you receive it, so your own data are taken.
        dest_firstname, dest_lastname : str, optional
            The person who receives it.
        dest_corp_name : str, optional
            The company that receives it.

        Returns
        -------
        Notification of Withdrawal
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it, which it may do with the status of a success.
        OutcomeUnknown
            It may have been executed. Its `resolve` returns the `Movement`, or raises
            `NotExecuted` (`proof` is ``"absent"``) if nothing was withdrawn at that time. If
            something was, and it is not certain that it is this, it raises the error again with
            `candidates`. Its `known` has nothing of who receives it but the address.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-withdraw
        """
        body = withdrawal_body(
            wallet,
            method,
            address,
            amount,
            invoice=invoice,
            payment_id=payment_id,
            fee_deduct=fee_deduct,
            note=note,
            travel_rule_tos=travel_rule_tos,
            vasp_did=vasp_did,
            vasp_name=vasp_name,
            beneficiary_self=beneficiary_self,
            dest_firstname=dest_firstname,
            dest_lastname=dest_lastname,
            dest_corp_name=dest_corp_name,
        )
        return self._write(
            "auth/w/withdraw",
            _WITHDRAW,
            _read_withdrawal,
            body,
            search=self._find_transfers.withdrawal(body),
            fingerprint=withdrawal_fingerprint(body),
            hint=_HINT,
        )

    def get_deposit_address(
        self, wallet: str, method: str, op_renew: bool = False
    ) -> Notification[DepositAddress]:
        """
        Return the address for deposits, or make a new one.

        ``POST auth/w/deposit/address``. Rate limit: 10 per minute. The exchange makes at most 15
        new addresses of a currency in a month.

        Parameters
        ----------
        wallet : str
            Where deposits go to: ``"exchange"``, ``"margin"`` or ``"funding"``.
        method : str
            The way that they take, such as ``bitcoin``; the exchange lists all ways under
            ``pub:map:tx:method``.
        op_renew : bool, optional
            True: make a new address; the older ones stay valid.

        Returns
        -------
        Notification of DepositAddress
            Which may tell of a refusal: `raise_for_status` makes an error of that.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            There may be a new address, if one was asked for.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-deposit-address
        """
        body = {
            "wallet": check_wallet("wallet", wallet),
            "method": check_token("method", method),
            "op_renew": check_switch("op_renew", op_renew),
        }
        return self._write(
            "auth/w/deposit/address",
            _ADDRESS,
            of_one(DepositAddress.from_partial_row),
            body,
            hint=(
                "get_deposit_addresses shows whether there is a new one"
                if op_renew
                else "it makes no second one, so it may simply be sent again"
            ),
        )

    def generate_deposit_invoice(
        self, wallet: str, currency: str, amount: AnyNumber
    ) -> LightningNetworkInvoice:
        """
        Make an invoice by which a deposit can be paid over the Lightning network.

        ``POST auth/w/deposit/invoice``. Rate limit: 10 per minute (undocumented). The first
        one needs an address: ``get_deposit_address("exchange", "LNX")``.

        Parameters
        ----------
        wallet : str
            Where the deposit goes to; as yet the exchange takes ``"exchange"`` only.
        currency : str
            As yet the exchange takes ``"LNX"`` only.
        amount : str, int, Decimal or float
            In BTC, 0.000001 to 0.02.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            There may be an invoice.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-deposit-invoice
        """
        body = {
            "wallet": check_wallet("wallet", wallet),
            "currency": check_currency("currency", currency),
            "amount": check_positive("amount", amount),
        }
        return self._write(
            "auth/w/deposit/invoice",
            _INVOICE,
            LightningNetworkInvoice.from_row,
            body,
            hint="an invoice that nobody pays expires, so it may simply be sent again",
        )


def _read_withdrawal(row: Row, number: NumberType) -> Notification[Withdrawal]:
    """Read the answer to a withdrawal; a success with the id 0 is a refusal, one without may be."""
    found = of_one(Withdrawal.from_partial_row)(row, number)
    if not found.is_success or found.data.withdrawal_id:
        return found
    if found.data.withdrawal_id is None:
        raise RemoteError("Withdrawal: it is not said what became of it", raw=row)
    raise error_from_code(found.code, found.text or "no withdrawal was made", row)
