"""
The kinds of account updates: code, event and model of each.

Event names and their arguments are those of ``bitfinex-api-py``, which has none for funding trades.

https://docs.bitfinex.com/docs/abbreviations-glossary
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from bfxsync._base.aliases import Mts, NumberType
from bfxsync.errors import RemoteError
from bfxsync.models.account_trades import AccountTrade
from bfxsync.models.account_update import AccountUpdate
from bfxsync.models.alerts import Alert
from bfxsync.models.funding import (
    AccountFundingTrade,
    FundingCredit,
    FundingLoan,
    FundingOffer,
)
from bfxsync.models.funding_info import FundingInfo
from bfxsync.models.margin import BaseMarginInfo, SymbolMarginInfo
from bfxsync.models.notification import (
    of_anything,
    of_list,
    of_nothing,
    of_one,
)
from bfxsync.models.orders import Order
from bfxsync.models.positions import Position
from bfxsync.models.rows import short
from bfxsync.models.wallets import BalanceInfo, Wallet

_Read = Callable[[Any, NumberType], Any]

_SNAPSHOT_OF: Dict[str, Tuple[str, Any]] = {
    "os": ("order_snapshot", Order),
    "ps": ("position_snapshot", Position),
    "ws": ("wallet_snapshot", Wallet),
    "fos": ("funding_offer_snapshot", FundingOffer),
    "fcs": ("funding_credit_snapshot", FundingCredit),
    "fls": ("funding_loan_snapshot", FundingLoan),
}

_UPDATE_OF: Dict[str, Tuple[str, Any]] = {
    "on": ("order_new", Order),
    "ou": ("order_update", Order),
    "oc": ("order_cancel", Order),
    "pn": ("position_new", Position),
    "pu": ("position_update", Position),
    "pc": ("position_close", Position),
    "wu": ("wallet_update", Wallet),
    "te": ("trade_execution", AccountTrade),
    "tu": ("trade_execution_update", AccountTrade),
    "fon": ("funding_offer_new", FundingOffer),
    "fou": ("funding_offer_update", FundingOffer),
    "foc": ("funding_offer_cancel", FundingOffer),
    "fcn": ("funding_credit_new", FundingCredit),
    "fcu": ("funding_credit_update", FundingCredit),
    "fcc": ("funding_credit_close", FundingCredit),
    "fln": ("funding_loan_new", FundingLoan),
    "flu": ("funding_loan_update", FundingLoan),
    "flc": ("funding_loan_close", FundingLoan),
    "fte": ("funding_trade_execution", AccountFundingTrade),
    "ftu": ("funding_trade_execution_update", AccountFundingTrade),
    "bu": ("balance_update", BalanceInfo),
    "fiu": ("funding_info_update", FundingInfo),
}

# The code `miu` has two kinds of rows, which begin with these words.
_MARGIN_OF: Dict[str, Tuple[str, Any]] = {
    "base": ("base_margin_info", BaseMarginInfo),
    "sym": ("symbol_margin_info", SymbolMarginInfo),
}

MARGIN_INFO, NOTIFICATION = "miu", "n"

SNAPSHOTS: Dict[str, str] = {code: event for code, (event, _) in _SNAPSHOT_OF.items()}
"""The codes of snapshots and their events; the data is a list."""

ROW_MODELS: Dict[str, Any] = {
    code: model for code, (_, model) in {**_SNAPSHOT_OF, **_UPDATE_OF}.items()
}
"""The model of the rows of each code; `miu` and `n` have several."""

EVENT_MODELS: Dict[str, Any] = {
    event: model
    for kinds in (_SNAPSHOT_OF, _UPDATE_OF, _MARGIN_OF)
    for event, model in kinds.values()
}
"""The model of the data of each event, for snapshots that of the rows; notifications apart."""

_of_order, _of_offer, _of_alert = map(
    of_one,
    (Order.from_partial_row, FundingOffer.from_partial_row, Alert.from_partial_row),
)

_WITH_OWN_EVENT: Dict[str, _Read] = {
    "on-req": _of_order,
    "ou-req": _of_order,
    "oc-req": _of_order,
    "fon-req": _of_offer,
    "foc-req": _of_offer,
}
_NOTIFICATIONS: Dict[str, _Read] = {
    **_WITH_OWN_EVENT,
    "oc_multi-req": of_list(Order.from_partial_row),
    # Both spellings are documented.
    "uac": _of_alert,
    "uca": _of_alert,
}
_of_anything, _of_nothing = of_anything(), of_nothing()

_Kind = Tuple[str, _Read]

_UPDATES: Dict[str, _Kind] = {
    code: (event, model.from_row) for code, (event, model) in _UPDATE_OF.items()
}
_MARGINS: Dict[str, _Kind] = {
    word: (event, model.from_row) for word, (event, model) in _MARGIN_OF.items()
}

CODES = frozenset((*SNAPSHOTS, *_UPDATES, MARGIN_INFO, NOTIFICATION))
"""The codes of all messages that have a meaning here."""

ACCOUNT_UPDATE_EVENTS = frozenset(
    (
        *SNAPSHOTS.values(),
        *(event for event, _ in (*_UPDATES.values(), *_MARGINS.values())),
        *(f"{kind}-notification" for kind in _WITH_OWN_EVENT),
        "notification",
    )
)
"""The events of all updates."""


def read_update(
    code: str, row: Any, number: NumberType, server_mts: Mts | None = None
) -> AccountUpdate:
    """Read a row of a known code except snapshots; raises `RemoteError` if it is unreadable."""
    kind = _UPDATES.get(code)
    if kind is not None:
        event, read = kind
        return AccountUpdate(code, event, read(row, number), server_mts)
    if code == NOTIFICATION:
        return read_notification(row, number, server_mts)
    word = row[0] if isinstance(row, list) and row else None
    if not isinstance(word, str) or word not in _MARGINS:
        raise RemoteError(f"margin info of an unknown kind: {short(row)}", raw=row)
    event, read = _MARGINS[word]
    return AccountUpdate(code, event, read(row, number), server_mts)


def read_notification(
    row: Any,
    number: NumberType,
    server_mts: Mts | None = None,
    *,
    ignores_data: bool = False,
) -> AccountUpdate:
    """Read a notification of any type; with `ignores_data` its data is None."""
    kind = row[1] if isinstance(row, list) and len(row) > 1 else None
    known = kind if isinstance(kind, str) else ""
    event = f"{known}-notification" if known in _WITH_OWN_EVENT else "notification"
    read = _of_nothing if ignores_data else _NOTIFICATIONS.get(known, _of_anything)
    return AccountUpdate(NOTIFICATION, event, read(row, number), server_mts)


def snapshot_update(
    code: str, rows: List[Any], server_mts: Mts | None = None
) -> AccountUpdate:
    """Return the update with the rows of a snapshot."""
    return AccountUpdate(code, SNAPSHOTS[code], rows, server_mts)
