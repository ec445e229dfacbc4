"""Transfers between wallets, withdrawals, and movements (deposits and withdrawals)."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, Sequence

from bfxsync._base.aliases import AnyNumber, NumberType, Row
from bfxsync._base.error_codes import error_from_code
from bfxsync._base.hidden import hide
from bfxsync.checks.containers import check_tfa, optional
from bfxsync.checks.ids import check_id, check_ids
from bfxsync.checks.numbers import check_positive
from bfxsync.checks.options import check_switch, check_switch_as_bool
from bfxsync.checks.symbols import check_currency
from bfxsync.checks.texts import check_text, check_token, check_wallet
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.model_list import ModelList
from bfxsync.models.movements import Movement, MovementInfo
from bfxsync.models.notification import Notification, of_one
from bfxsync.models.transfers import AnyTransfer, AnyWithdrawal, Transfer, Withdrawal
from bfxsync.outcome.find_transfers import (
    TransferFinder,
    transfer_fingerprint,
    wallet_name,
    withdrawal_fingerprint,
)
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, path_for
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator

MOST_MOVEMENTS = 2500

_TRANSFER = Budget("auth/w/transfer")
_WITHDRAW = Budget("auth/w/withdraw")
_MOVEMENTS = Budget("auth/r/movements/hist", 90)
_MOVEMENT = Budget("auth/r/movements/info", 90)

_HINT = "resolve() searches for it; do not send it again before that"

_HISTORY = newest_first(Movement, MOST_MOVEMENTS, "mts_update")


class TransferEndpoints(SignedEndpoints):
    """Transfers between wallets, withdrawals, and movements (deposits and withdrawals)."""

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
    ) -> Notification[AnyTransfer]:
        """
        Move funds between wallets, or convert them, at most once.

        ``POST auth/w/transfer``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/rest-auth-transfer

        The notification may report a rejection, which `raise_for_status` raises.

        Parameters
        ----------
        from_wallet, to_wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"`` (``"trading"`` and ``"deposit"`` are
            older names of the last two). The wallet of derivatives is ``"margin"`` with a
            currency such as ``USTF0``.
        currency : str
            Currency, such as ``UST``.
        currency_to : str or None
            Currency after conversion, such as ``USTF0``; None: no conversion.
        amount : str, int, Decimal or float
            Above zero. The exchange rounds it to 8 places.
        email_dst, user_id_dst : str or int, optional
            E-mail address or id of the receiving sub-account or main account; default: your own.
        tfa_token : dict, optional
            Second factor, needed for transfers to another account with a token instead of a key.
            Messages and errors never contain it.

        Raises
        ------
        UsageError
            An argument is invalid, or the transfer would have no effect.
        OutcomeUnknown
            The transfer may have been executed. `resolve` returns the `Ledger` entry that debits
            the source wallet, or raises `NotExecuted` (`proof` is ``"absent"``) if there is none.
            Where the clocks are not known, and for equal transfers of this process within
            `absence_s`, it raises the error again with `candidates`. It may mistake an equal
            transfer of another program for this one.
        """
        tfa_token = hide(tfa_token)
        body = {
            "from": check_wallet("from_wallet", from_wallet),
            "to": check_wallet("to_wallet", to_wallet),
            "currency": check_currency("currency", currency),
            "currency_to": optional(check_currency, "currency_to", currency_to),
            "amount": check_positive("amount", amount),
            "email_dst": optional(check_token, "email_dst", email_dst),
            "user_id_dst": optional(check_id, "user_id_dst", user_id_dst),
            "tfaToken": optional(check_tfa, "tfa_token", tfa_token),
        }
        _check_moves(body)
        return self._write(
            Write(
                _TRANSFER,
                of_one(Transfer.from_partial_row),
                body,
                search=self._find_transfers.transfer(body),
                fingerprint=transfer_fingerprint(body),
                hint=_HINT,
            )
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
    ) -> Notification[AnyWithdrawal]:
        """
        Withdraw funds from the exchange, at most once.

        ``POST auth/w/withdraw``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/rest-auth-withdraw

        Success means accepted, not sent: see `get_movements`. The notification may report a
        rejection, which `raise_for_status` raises.

        Parameters
        ----------
        wallet : str
            ``"exchange"``, ``"margin"`` or ``"funding"``.
        method : str
            Transfer method in lower case, such as ``bitcoin``; all methods are in
            ``pub:map:tx:method``.
        address : str, optional
            Destination; needed unless there is an invoice.
        amount : str, int, Decimal or float, optional
            Above zero; needed unless there is an invoice.
        invoice : str, optional
            Lightning invoice (method ``lnx``), instead of address and amount.
        payment_id : str, optional
            Tag or memo; without it the funds are lost where the address needs one.
        fee_deduct : bool, optional
            True: deduct the fee from the amount; otherwise it is paid on top.
        note : str, optional
            Your own remark.
        travel_rule_tos : bool, optional
            True: send the travel rule data, which are the following arguments.
        vasp_did, vasp_name : str, optional
            The address's custodian, as listed by ``rest.public.get_vasps()``; default: the address
            is self-custodied.
        beneficiary_self : bool, optional
            True: you are the beneficiary, so the exchange uses your data.
        dest_firstname, dest_lastname : str, optional
            The beneficiary, if a person.
        dest_corp_name : str, optional
            The beneficiary, if a company.

        Raises
        ------
        ApiError
            The exchange rejected the withdrawal, possibly in a response with the status SUCCESS.
        OutcomeUnknown
            The withdrawal may have been executed. `resolve` returns the `Movement`, or raises
            `NotExecuted` (`proof` is ``"absent"``) if nothing was withdrawn at that time. If other
            entries may be this withdrawal, it raises the error again with `candidates`. Of the
            beneficiary, `known` has only the address.
        """
        if invoice is None:
            if address is None or amount is None:
                raise UsageError("a withdrawal needs address and amount, or an invoice")
        elif address is not None or amount is not None:
            raise UsageError("an invoice has its own address and amount")
        if (dest_firstname is None) != (dest_lastname is None):
            raise UsageError("dest_firstname and dest_lastname belong together")
        if dest_firstname is not None and dest_corp_name is not None:
            raise UsageError("the receiver is a person or a company, not both")
        body = {
            "wallet": check_wallet("wallet", wallet),
            "method": check_token("method", method),
            "amount": optional(check_positive, "amount", amount),
            "address": optional(check_token, "address", address),
            "invoice": optional(check_token, "invoice", invoice),
            "payment_id": optional(check_text, "payment_id", payment_id),
            "fee_deduct": optional(check_switch, "fee_deduct", fee_deduct),
            "note": optional(check_text, "note", note),
            "travel_rule_tos": optional(
                check_switch_as_bool, "travel_rule_tos", travel_rule_tos
            ),
            "vasp_did": optional(check_token, "vasp_did", vasp_did),
            "vasp_name": optional(check_text, "vasp_name", vasp_name),
            "beneficiary_self": optional(
                check_switch_as_bool, "beneficiary_self", beneficiary_self
            ),
            "dest_firstname": optional(check_text, "dest_firstname", dest_firstname),
            "dest_lastname": optional(check_text, "dest_lastname", dest_lastname),
            "dest_corp_name": optional(check_text, "dest_corp_name", dest_corp_name),
        }
        return self._write(
            Write(
                _WITHDRAW,
                _read_withdrawal,
                body,
                search=self._find_transfers.withdrawal(body),
                fingerprint=withdrawal_fingerprint(body),
                hint=_HINT,
            )
        )

    def get_movements(
        self,
        *,
        currency: str | None = None,
        ids: Sequence[int] | None = None,
        address: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> ModelList[Movement]:
        """
        Return deposits and withdrawals, last changed first.

        ``POST auth/r/movements[/{currency}]/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-movements

        Parameters
        ----------
        currency : str, optional
            Only movements of this currency, such as ``BTC``.
        ids : list of int, optional
            Only movements with these ids.
        address : str, optional
            Only deposits to this address.
        start, end : int or datetime, optional
            First and last time of last change, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 2,500.
        """
        path = path_for(_MOVEMENTS, currency, partial(check_currency, "currency"))
        page = page_params(start, end, limit, maximum=MOST_MOVEMENTS)
        body = {
            "id": optional(check_ids, "ids", ids),
            "address": optional(check_token, "address", address),
            **page,
        }
        return self._read_many(_MOVEMENTS, Movement.from_row, body, path=path)

    @iterator
    def iter_movements(
        self,
        *,
        currency: str | None = None,
        address: str | None = None,
        **options: Unpack[HistoryOptions[Movement]],
    ) -> HistoryRows[Movement]:
        """Iterate over deposits and withdrawals, last changed first; see `get_movements`."""
        optional(check_currency, "currency", currency)
        optional(check_token, "address", address)
        get = partial(self.get_movements, currency=currency, address=address)
        return self._history(_HISTORY, get, "movements", options)

    def get_movement_info(self, id: int) -> MovementInfo:
        """
        Return the details of a deposit or a withdrawal, by the `id` of its `Movement`.

        ``POST auth/r/movements/info``, 90 requests per minute.
        https://docs.bitfinex.com/reference/movement-info
        """
        body = {"id": check_id("id", id)}
        return self._read(_MOVEMENT, MovementInfo.from_row, body)


def _check_moves(body: Mapping[str, Any]) -> None:
    is_own = body["email_dst"] is None and body["user_id_dst"] is None
    if body["email_dst"] is not None and body["user_id_dst"] is not None:
        raise UsageError("only one of email_dst and user_id_dst can be given")
    is_same = wallet_name(body["from"]) == wallet_name(body["to"])
    if is_own and is_same and body["currency_to"] in (None, body["currency"]):
        raise UsageError(
            f"a transfer from {body['from']} to {body['to']} without conversion has no effect"
        )


def _read_withdrawal(row: Row, number: NumberType) -> Notification[AnyWithdrawal]:
    # A success with the id 0 is a rejection; one without an id may be one.
    found = of_one(Withdrawal.from_partial_row)(row, number)
    if not found.is_success or found.data.withdrawal_id:
        return found
    if found.data.withdrawal_id is None:
        raise RemoteError("Withdrawal: a success without withdrawal id", raw=row)
    raise error_from_code(found.code, found.text or "no withdrawal was made", row)
