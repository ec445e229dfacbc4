"""Settings and counters of an exchange; importable without aiohttp, unlike the server."""

from __future__ import annotations

import math
import os
import ssl
from decimal import Decimal
from typing import Mapping, Sequence, Union

import attrs

from bfxsync.errors import UsageError
from bfxsync.paper.engine.amounts import read_positive
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.engine.wallets import WALLETS

SCOPES = tuple(
    "account history orders positions funding settings wallets withdraw ui_withdraw bfxpay".split()
)

_FIRST_MTS, _LAST_MTS = 1_577_836_800_000, 4_102_444_800_000
# Of recordings, beside which nothing is simulated.
_FIRST_RECORDED_MTS = 1_262_304_000_000

Amount = Union[str, int, float, Decimal]
Amounts = Mapping[str, Mapping[str, Amount]]


def _default_balances() -> Amounts:
    return {
        "exchange": {
            **{"USD": 100_000, "UST": 100_000, "EUR": 10_000},
            **{"BTC": 10, "ETH": 100, "LTC": 500, "XRP": 10_000},
            **{"TESTUSD": 100_000, "TESTBTC": 10},
        },
        "margin": {"USD": 100_000, "BTC": 10, "USTF0": 100_000},
        "funding": {"USD": 50_000},
    }


@attrs.frozen(kw_only=True)
class PaperAccount:
    """
    Credentials and initial balances of an account of the local exchange.

    Attributes
    ----------
    api_key, api_secret : str
        Credentials for signing requests; valid on this exchange only.
    balances : mapping
        By wallet (``exchange``, ``margin``, ``funding``) and currency: a positive number, or its
        text; rounded to eight decimal places.
    permissions : mapping
        Rights of the key by scope (``orders``, ``wallets``, ``withdraw``, …): ``"rw"``, ``"r"``,
        ``"w"`` or ``""``. Scopes that are left out are ``"rw"``.
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


def _positive(settings: object, field: attrs.Attribute[float], value: object) -> None:
    if not (isinstance(value, (int, float)) and value > 0):
        raise UsageError(f"{field.name} must be a positive number, not {value!r}")


def check_seconds(seconds: float) -> None:
    """Check the argument of `step`."""
    is_number = type(seconds) in (int, float) and math.isfinite(seconds)
    if not (is_number and seconds > 0):
        raise UsageError(f"seconds must be a positive number, not {seconds!r}")


@attrs.frozen(kw_only=True)
class ExchangeSettings:
    """The parameters of `bfxsync.paper.PaperExchange`, validated; see there for their meaning."""

    host: str
    port: int
    allowed_hosts: Sequence[str]
    captures: Sequence[str | os.PathLike[str]]
    speed: float = attrs.field(validator=_positive)
    simulate: bool = True
    autoplay: bool
    restart_at_end: bool
    begin_mts: int | None
    paused: bool
    seed: int
    rate: float | None = attrs.field(validator=attrs.validators.optional(_positive))
    heartbeat_s: float = attrs.field(validator=_positive)
    checksum_s: float
    ticker_s: float
    liquidation_s: float = attrs.field(validator=_positive)
    max_channels: int
    notification_seq: bool
    idle_s: float = attrs.field(validator=_positive)
    request_timeout_s: float = attrs.field(validator=_positive)
    farewell_s: float
    stall_s: float
    rest_limits: bool
    rest_minute_s: float = attrs.field(validator=_positive)
    accounts: Sequence[PaperAccount]
    journal_path: str | os.PathLike[str] | None
    ssl_context: ssl.SSLContext | None

    def __attrs_post_init__(self) -> None:
        if not (isinstance(self.port, int) and 0 <= self.port < 2**16):
            raise UsageError(f"port must be from 0 to 65535, not {self.port!r}")
        if type(self.notification_seq) is not bool:
            raise UsageError(
                f"notification_seq must be True or False, not {self.notification_seq!r}"
            )
        for name in ("paused", "restart_at_end", "simulate"):
            value = getattr(self, name)
            if type(value) is not bool:
                raise UsageError(f"{name} must be True or False, not {value!r}")
        first_mts = _FIRST_MTS if self.simulate else _FIRST_RECORDED_MTS
        if self.begin_mts is not None and not (
            type(self.begin_mts) is int and first_mts <= self.begin_mts < _LAST_MTS
        ):
            raise UsageError(
                f"begin_mts must be a time in ms from {2020 if self.simulate else 2010} to 2099 or "
                f"None, not {self.begin_mts!r}"
            )
        for name in ("captures", "allowed_hosts"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise UsageError(f"{name} must be a sequence of names, not {value!r}")
            object.__setattr__(self, name, tuple(dict.fromkeys(value)))
        object.__setattr__(self, "accounts", _checked_accounts(self.accounts))
        path = self.journal_path
        if not (path is None or (isinstance(path, (str, os.PathLike)) and str(path))):
            raise UsageError(f"journal_path must be a path, not {path!r}")


def _checked_accounts(accounts: Sequence[PaperAccount]) -> tuple[PaperAccount, ...]:
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


@attrs.define
class Counters:
    """Counters of an exchange, written by its thread and read by any thread."""

    connections_opened: int = 0
    frames_sent: int = 0
    rest_requests: int = 0
    rest_refusals: int = 0
    faults: dict[str, int] = attrs.field(factory=dict)
