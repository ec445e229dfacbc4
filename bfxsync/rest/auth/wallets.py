"""Wallets: what is in them, what of it is free, and every change of theirs."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import Iterator

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync._base.plain import plain_integer
from bfxsync.checks.arguments import (
    Time,
    check_choice,
    check_currency,
    check_funding,
    check_integer,
    check_pair,
    check_time,
    page_params,
)
from bfxsync.checks.order_arguments import check_positive, optional
from bfxsync.errors import UsageError
from bfxsync.models.wallets import BalanceAvailable, Ledger, Wallet, WalletHistory
from bfxsync.rest.auth.base import Budget, SignedEndpoints

MOST_LEDGERS = 2500

LEDGER_WALLETS = ("exchange", "margin", "funding", "contribution")

_WALLETS = Budget("auth/r/wallets", 90)
_WALLETS_HISTORY = Budget("auth/r/wallets/hist")
_AVAILABLE = Budget("auth/calc/order/avail", 90)
_LEDGERS = Budget("auth/r/ledgers", 90)

_AVAILABLE_FOR = ("EXCHANGE", "MARGIN", "DERIV", "FUNDING")
_CATEGORIES = range(1, 10_000)


class WalletEndpoints(SignedEndpoints):
    """What the wallets have and had."""

    def get_wallets(self) -> list[Wallet]:
        """
        Return what there is of every currency in every wallet.

        ``POST auth/r/wallets``. Rate limit: 90 per minute.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-wallets
        """
        return self._read_many("auth/r/wallets", _WALLETS, Wallet.from_row)

    def get_wallets_history(
        self, *, currency: str | None = None, end: Time = None
    ) -> list[WalletHistory]:
        """
        Return what there was in the wallets at a time.

        ``POST auth/r/wallets/hist``, undocumented. Rate limit: 10 per minute.

        Parameters
        ----------
        currency : str, optional
            Of one currency only, such as ``USD``.
        end : int or datetime, optional
            The time: milliseconds, or with a time zone; now without it.

        References
        ----------
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        body = {
            "end": check_time("end", end),
            "currency": optional(check_currency, "currency", currency),
        }
        return self._read_many(
            "auth/r/wallets/hist", _WALLETS_HISTORY, WalletHistory.from_row, body
        )

    def get_balance_available_for_orders_or_offers(
        self,
        symbol: Symbol,
        type: str,
        *,
        dir: int | None = None,
        rate: AnyNumber | None = None,
        lev: AnyNumber | None = None,
    ) -> BalanceAvailable:
        """
        Return what can be used for an order, or for an offer of funding.

        ``POST auth/calc/order/avail``. Rate limit: 90 per minute.

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``; of an offer the currency, such as ``fUSD``.
        type : str
            ``"EXCHANGE"``, ``"MARGIN"``, ``"DERIV"`` or ``"FUNDING"``.
        dir : int, optional
            1: buy; -1: sell. The types ``"EXCHANGE"`` and ``"MARGIN"`` need it.
        rate : str, int, Decimal or float, optional
            The order's price. The types ``"EXCHANGE"`` and ``"MARGIN"`` need it.
        lev : str, int, Decimal or float, optional
            The leverage, for ``"DERIV"`` only.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-calc-order-avail
        """
        kind = check_choice("type", type, _AVAILABLE_FOR)
        if kind in ("EXCHANGE", "MARGIN") and (dir is None or rate is None):
            raise UsageError(f"the type {kind} needs dir and rate")
        if kind != "DERIV" and lev is not None:
            raise UsageError(f"the type {kind} has no lev")
        is_offer = kind == "FUNDING"
        body = {
            "symbol": check_funding(symbol) if is_offer else check_pair(symbol),
            "type": kind,
            "dir": optional(_check_direction, "dir", dir),
            "rate": optional(check_positive, "rate", rate),
            "lev": optional(check_positive, "lev", lev),
        }
        return self._read(
            "auth/calc/order/avail", _AVAILABLE, BalanceAvailable.from_row, body
        )

    def get_ledgers(
        self,
        currency: str | None = None,
        *,
        category: int | None = None,
        wallet: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
    ) -> list[Ledger]:
        """
        Return changes of the wallets, the newest first; the exchange keeps those of six years.

        ``POST auth/r/ledgers[/{currency}]/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        currency : str, optional
            Those of one currency only, such as ``USD``.
        category : int, optional
            Those of one kind only, by its number on the page: 5 are exchanges, 51 transfers, 101
            deposits, 104 withdrawals, 201 trading fees, …
        wallet : str, optional
            Those of one wallet only: ``"exchange"``, ``"margin"``, ``"funding"`` or
            ``"contribution"``.
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 2,500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-ledgers
        """
        path = "auth/r/ledgers/hist"
        if currency is not None:
            path = f"auth/r/ledgers/{check_currency('currency', currency)}/hist"
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_LEDGERS)
        body = {
            "category": optional(check_integer, "category", category, _CATEGORIES),
            "wallet": optional(check_choice, "wallet", wallet, LEDGER_WALLETS),
            **page,
        }
        return self._read_many(path, _LEDGERS, Ledger.from_row, body)

    def iter_ledgers(
        self,
        currency: str | None = None,
        *,
        category: int | None = None,
        wallet: str | None = None,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: Ledger | None = None,
        progress: bool = False,
    ) -> Iterator[Ledger]:
        """
        Iterate over changes of the wallets, the newest first; each comes once.

        Parameters
        ----------
        currency, category, wallet, start, end
            As for `get_ledgers`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : Ledger, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-ledgers
        """
        optional(check_currency, "currency", currency)
        optional(check_integer, "category", category, _CATEGORIES)
        optional(check_choice, "wallet", wallet, LEDGER_WALLETS)
        return self._iterate(
            partial(self.get_ledgers, currency, category=category, wallet=wallet),
            Ledger,
            "ledgers",
            MOST_LEDGERS,
            mts_of=attrgetter("mts"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )


def _check_direction(name: str, value: object) -> int:
    # 1.0 and True are equal to 1, but are not it.
    direction = plain_integer(value)
    if direction is not None and direction in (1, -1):
        return direction
    raise UsageError(f"{name} must be 1 (buy) or -1 (sell), not {value!r}")
