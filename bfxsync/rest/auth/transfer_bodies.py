"""What is sent to move money, checked as a whole."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from bfxsync._base.plain import plain_text
from bfxsync.checks.arguments import check_currency
from bfxsync.checks.order_arguments import (
    check_id,
    check_positive,
    check_switch,
    check_text,
    check_wallet,
    optional,
)
from bfxsync.errors import UsageError
from bfxsync.outcome.find_transfers import wallet_name

Body = Dict[str, Any]

_TOKEN = re.compile(r"\S+")


def check_token(name: str, value: object) -> str:
    """
    Return a text without blanks: an address, an invoice, a method.

    Raises
    ------
    UsageError
        It is none; the message leaves it out, as it may be private.
    """
    text = plain_text(value)
    if text is not None and _TOKEN.fullmatch(text):
        return text
    raise UsageError(f"{name} must be text without blanks, and not empty")


def check_tfa(name: str, value: object) -> Body:
    """
    Return the object of a second factor.

    Raises
    ------
    UsageError
        It is none; the message leaves it out, as it is secret.
    """
    if (
        isinstance(value, Mapping)
        and value
        and all(isinstance(key, str) for key in value)
    ):
        return {key: item for key, item in value.items() if item is not None}
    raise UsageError(f"{name} must be a dict with texts as keys, and not empty")


def transfer_body(
    from_wallet: object,
    to_wallet: object,
    currency: object,
    currency_to: object,
    amount: object,
    *,
    email_dst: object = None,
    user_id_dst: object = None,
    tfa_token: object = None,
) -> Body:
    """
    Return what is sent for a transfer between wallets.

    Raises
    ------
    UsageError
        An argument is impossible, two name the receiver, or nothing would move.
    """
    body: Body = {
        "from": check_wallet("from_wallet", from_wallet),
        "to": check_wallet("to_wallet", to_wallet),
        "currency": check_currency("currency", currency),
        "currency_to": optional(check_currency, "currency_to", currency_to),
        "amount": check_positive("amount", amount),
        "email_dst": optional(check_token, "email_dst", email_dst),
        "user_id_dst": optional(check_id, "user_id_dst", user_id_dst),
        "tfaToken": optional(check_tfa, "tfa_token", tfa_token),
    }
    is_own = email_dst is None and user_id_dst is None
    if email_dst is not None and user_id_dst is not None:
        raise UsageError("only one of email_dst and user_id_dst can be given")
    is_same = wallet_name(body["from"]) == wallet_name(body["to"])
    if is_own and is_same and body["currency_to"] in (None, body["currency"]):
        raise UsageError(f"from {body['from']} to {body['to']} nothing would move")
    return body


def withdrawal_body(
    wallet: object,
    method: object,
    address: object,
    amount: object,
    *,
    invoice: object = None,
    payment_id: object = None,
    fee_deduct: object = None,
    note: object = None,
    travel_rule_tos: object = None,
    vasp_did: object = None,
    vasp_name: object = None,
    beneficiary_self: object = None,
    dest_firstname: object = None,
    dest_lastname: object = None,
    dest_corp_name: object = None,
) -> Body:
    """
    Return what is sent for a withdrawal.

    Raises
    ------
    UsageError
        An argument is impossible; there is neither an address with an amount nor an invoice, or
        there are both; of the receiver's two names one is missing, or a company is named too.
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
    return {
        "wallet": check_wallet("wallet", wallet),
        "method": check_token("method", method),
        "amount": optional(check_positive, "amount", amount),
        "address": optional(check_token, "address", address),
        "invoice": optional(check_token, "invoice", invoice),
        "payment_id": optional(check_text, "payment_id", payment_id),
        "fee_deduct": optional(check_switch, "fee_deduct", fee_deduct),
        "note": optional(check_text, "note", note),
        "travel_rule_tos": optional(_check_bool, "travel_rule_tos", travel_rule_tos),
        "vasp_did": optional(check_token, "vasp_did", vasp_did),
        "vasp_name": optional(check_text, "vasp_name", vasp_name),
        "beneficiary_self": optional(_check_bool, "beneficiary_self", beneficiary_self),
        "dest_firstname": optional(check_text, "dest_firstname", dest_firstname),
        "dest_lastname": optional(check_text, "dest_lastname", dest_lastname),
        "dest_corp_name": optional(check_text, "dest_corp_name", dest_corp_name),
    }


def _check_bool(name: str, value: object) -> bool:
    return bool(check_switch(name, value))
