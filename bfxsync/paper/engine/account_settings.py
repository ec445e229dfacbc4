"""What a user may say about an account of the paper exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Mapping, Sequence, Union

import attrs

from bfxsync.errors import UsageError
from bfxsync.paper.engine.amounts import read_positive
from bfxsync.paper.engine.refusals import Invalid

WALLETS = ("exchange", "margin", "funding")
SCOPES = (
    "account",
    "history",
    "orders",
    "positions",
    "funding",
    "settings",
    "wallets",
    "withdraw",
    "ui_withdraw",
    "bfxpay",
)

Amount = Union[str, int, float, Decimal]
Amounts = Mapping[str, Mapping[str, Amount]]


def _default_balances() -> Amounts:
    return {
        "exchange": {"USD": 100_000, "UST": 100_000, "BTC": 10, "ETH": 100, "LTC": 500},
        "margin": {"USD": 100_000, "BTC": 10, "USTF0": 100_000},
        "funding": {"USD": 50_000},
    }


@attrs.frozen(kw_only=True)
class PaperAccount:
    """
    An account of the paper exchange, as it begins.

    Attributes
    ----------
    api_key, api_secret : str
        What its requests are signed with. They open nothing anywhere else.
    balances : mapping
        By wallet (``exchange``, ``margin``, ``funding``) and currency: a number above zero, or its
        text; eight decimal places count.
    permissions : mapping
        What the key may do, by scope (``orders``, ``wallets``, ``withdraw``, …): ``"rw"``, ``"r"``,
        ``"w"`` or ``""``. What is not named is allowed.
    """

    api_key: str = "paper-key"
    api_secret: str = attrs.field(default="paper-secret", repr=False)
    balances: Amounts = attrs.field(factory=_default_balances)
    permissions: Mapping[str, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.balances, Mapping):
            raise UsageError(f"balances must be a mapping, not {self.balances!r}")
        for name, amounts in self.balances.items():
            if name not in WALLETS:
                raise UsageError(f"no wallet {name!r}; there are {', '.join(WALLETS)}")
            if not isinstance(amounts, Mapping):
                raise UsageError(
                    f"what is in {name} must be a mapping such as {{'USD': 100}}, not {amounts!r}"
                )
            for currency, amount in amounts.items():
                try:
                    read_positive("amount", amount)
                except Invalid:
                    raise UsageError(
                        f"no balance of {amount!r} {currency} is possible"
                    ) from None
        for scope, rights in self.permissions.items():
            if scope not in SCOPES:
                raise UsageError(f"no scope {scope!r}; there are {', '.join(SCOPES)}")
            if rights not in ("", "r", "w", "rw"):
                raise UsageError(f"the rights of {scope} must be 'r', 'w', 'rw' or ''")


def check_accounts(accounts: Sequence[PaperAccount]) -> tuple[PaperAccount, ...]:
    """
    Return the accounts that a user asks for.

    Raises
    ------
    UsageError
        They are no accounts, or two have the same key.
    """
    wanted = "accounts must be a sequence of PaperAccount"
    try:
        found = tuple(accounts)
    except TypeError:
        raise UsageError(f"{wanted}, not {accounts!r}") from None
    for account in found:
        if not isinstance(account, PaperAccount):
            raise UsageError(f"{wanted}, not of {account!r}")
    if len({account.api_key for account in found}) < len(found):
        raise UsageError("two accounts have the same api_key")
    return found
