"""What a user may say about an account of the paper exchange."""

from __future__ import annotations

from typing import Mapping, Sequence

import attrs

from bfxsync.errors import UsageError

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

Amounts = Mapping[str, Mapping[str, float]]


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
        By wallet (``exchange``, ``margin``, ``funding``) and currency.
    permissions : mapping
        What the key may do, by scope (``orders``, ``wallets``, ``withdraw``, …): ``"rw"``, ``"r"``,
        ``"w"`` or ``""``. What is not named is allowed.
    """

    api_key: str = "paper-key"
    api_secret: str = attrs.field(default="paper-secret", repr=False)
    balances: Amounts = attrs.field(factory=_default_balances)
    permissions: Mapping[str, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name in self.balances:
            if name not in WALLETS:
                raise UsageError(f"no wallet {name!r}; there are {', '.join(WALLETS)}")
            for currency, amount in self.balances[name].items():
                if not 1e-8 <= amount < 1e12:
                    raise UsageError(f"no balance of {amount!r} {currency} is possible")
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
    found = tuple(accounts)
    for account in found:
        if not isinstance(account, PaperAccount):
            raise UsageError("accounts must be a sequence of PaperAccount")
    if len({account.api_key for account in found}) < len(found):
        raise UsageError("two accounts have the same api_key")
    return found
