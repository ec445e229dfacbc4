"""The tables of endpoints, public and authenticated."""

from __future__ import annotations

import re
from typing import Callable, Generic, TypeVar

import attrs

from bfxsync.paper.server.rest import conf, market, samples, stats
from bfxsync.paper.server.rest import private_account as account
from bfxsync.paper.server.rest import private_funding as funding
from bfxsync.paper.server.rest import private_orders as orders
from bfxsync.paper.server.rest import private_pay as pay
from bfxsync.paper.server.rest import private_recurring as recurring
from bfxsync.paper.server.rest import private_stored as stored
from bfxsync.paper.server.rest import private_wallets as wallets
from bfxsync.paper.server.rest.query import Query, Refused, SignedCall

Q = TypeVar("Q", bound=Query)

_FILTER = re.compile(r"/{(symbol|currency)}(?=/|$)")
# The exchange documents no limit.
_UNKNOWN = 90


@attrs.frozen
class Route(Generic[Q]):
    """
    An endpoint.

    Attributes
    ----------
    path : str
        The part after ``/v2/``; names in braces are parameters.
    answer : callable
        Returns a JSON value, or an iterator over the items of a list.
    per_minute : int
        Rate limit of the group.
    group : str
        Endpoints of one group share a rate limit, as on one page of the documentation. Default: the
        path without its symbol or currency.
    rights : str
        Required scope and right: ``"orders:w"``; empty if every key may call it.
    """

    path: str
    answer: Callable[[Q], object]
    per_minute: int = 90
    group: str = attrs.field(
        default=attrs.Factory(
            lambda route: _FILTER.sub("", route.path), takes_self=True
        ),
        kw_only=True,
    )
    method: str = attrs.field(default="GET", kw_only=True)
    rights: str = attrs.field(default="", kw_only=True)

    @property
    def is_write(self) -> bool:
        """Whether the endpoint changes state."""
        return self.path.startswith("auth/w/") and "/token" not in self.path


ROUTES: tuple[Route[Query], ...] = (
    Route("ticker/{symbol}", market.ticker),
    Route("tickers", market.tickers, 30),
    Route("tickers/hist", market.tickers_hist, _UNKNOWN),
    Route("trades/{symbol}/hist", market.trades_hist, 15),
    Route("book/{symbol}/{precision}", market.book, 240),
    Route("candles/{candle}/hist", market.candles_hist, 30, group="candles"),
    Route("candles/{candle}/last", market.candles_last, 30, group="candles"),
    Route("platform/status", stats.platform, 30),
    Route("status/deriv", stats.derivatives),
    Route("status/deriv/{key}/hist", stats.derivative_hist),
    Route("liquidations/hist", stats.liquidations, 3),
    Route("funding/stats/{symbol}/hist", stats.funding_stats, _UNKNOWN),
    Route("stats1/{key}/hist", stats.stats_hist, 15, group="stats1"),
    Route("stats1/{key}/last", stats.stats_last, 15, group="stats1"),
    Route("rankings/{key}/hist", stats.rankings_hist, group="rankings"),
    Route("rankings/{key}/last", stats.rankings_last, group="rankings"),
    Route("conf/{keys}", conf.conf),
    Route("calc/trade/avg", market.trade_average, method="POST"),
    Route("calc/fx", market.fx, method="POST"),
    Route("posts/hist", samples.posts_hist, _UNKNOWN),
    Route("pulse/hist", samples.pulse_hist),
    Route("pulse/profile/{nickname}", samples.pulse_profile),
    Route("ext/vasps", samples.vasps, _UNKNOWN),
    Route("ext/pay/invoice/currency/detailed", samples.pay_currencies, _UNKNOWN),
)


def _by_symbol(
    path: str, answer: Callable[[SignedCall], object], rights: str, end: str = ""
) -> list[Route[SignedCall]]:
    """Return the two routes of a list: for all symbols, and for one."""
    paths = (f"{path}{end}", f"{path}/{{symbol}}{end}")
    return [Route(each, answer, rights=rights) for each in paths]


def _missing(call: SignedCall) -> object:
    name = f"auth/{call.text('path')}"
    raise Refused(f"{name} is not simulated by the local exchange")


PRIVATE_ROUTES: tuple[Route[SignedCall], ...] = (
    Route("auth/r/orders/otc/hist", orders.otc_orders_hist, rights="orders:r"),
    Route("auth/r/orders/otc/{symbol}/hist", orders.otc_orders_hist, rights="orders:r"),
    Route("auth/r/orders/hist", orders.orders_hist, rights="orders:r"),
    Route("auth/r/orders/{symbol}/hist", orders.orders_hist, rights="orders:r"),
    Route("auth/r/orders", orders.orders, rights="orders:r"),
    Route("auth/r/orders/{symbol}", orders.orders, rights="orders:r"),
    Route(
        r"auth/r/order/{symbol}:{id:\d+}/trades", orders.order_trades, rights="orders:r"
    ),
    Route("auth/r/trades/hist", orders.trades_hist, rights="orders:r"),
    Route("auth/r/trades/{symbol}/hist", orders.trades_hist, rights="orders:r"),
    Route("auth/w/order/submit", orders.single("on"), rights="orders:w"),
    Route("auth/w/order/update", orders.single("ou"), rights="orders:w"),
    Route("auth/w/order/cancel", orders.single("oc"), rights="orders:w"),
    Route("auth/w/order/cancel/multi", orders.single("oc_multi"), rights="orders:w"),
    Route("auth/w/order/multi", orders.multi, rights="orders:w"),
    Route("auth/r/wallets", wallets.wallets, rights="wallets:r"),
    Route("auth/r/wallets/hist", wallets.wallets_hist, rights="wallets:r"),
    Route("auth/w/transfer", wallets.transfer, rights="wallets:w"),
    Route("auth/calc/order/avail", wallets.available, rights="wallets:r"),
    Route("auth/r/ledgers/hist", wallets.ledgers, rights="history:r"),
    Route("auth/r/ledgers/{currency}/hist", wallets.ledgers, rights="history:r"),
    Route("auth/w/deposit/address", wallets.deposit_address, 10, rights="wallets:w"),
    Route(
        "auth/r/deposit/address/all", wallets.deposit_addresses, 10, rights="wallets:r"
    ),
    Route("auth/w/withdraw", wallets.withdraw, rights="withdraw:w"),
    Route("auth/r/movements/info", wallets.movement_info, rights="history:r"),
    Route("auth/r/movements/hist", wallets.movements, rights="history:r"),
    Route("auth/r/movements/{currency}/hist", wallets.movements, rights="history:r"),
    Route("auth/r/positions", account.positions, rights="positions:r"),
    Route("auth/r/positions/hist", account.positions_hist, rights="positions:r"),
    Route("auth/r/positions/snap", account.positions_snap, rights="positions:r"),
    Route("auth/r/positions/audit", account.positions_audit, rights="positions:r"),
    Route("auth/w/position/claim", account.claim_position, rights="positions:w"),
    Route("auth/r/info/margin/base", account.margin_base, rights="positions:r"),
    Route("auth/r/info/margin/sym_all", account.margin_all, rights="positions:r"),
    Route("auth/r/info/margin/{symbol}", account.margin_symbol, rights="positions:r"),
    Route("auth/w/deriv/collateral/set", account.set_collateral, rights="positions:w"),
    Route(
        "auth/calc/deriv/collateral/limits",
        account.collateral_limits,
        rights="positions:r",
    ),
    Route("auth/r/info/user", account.user_info, rights="account:r"),
    Route("auth/r/summary", account.summary, rights="account:r"),
    Route("auth/r/logins/hist", account.logins_hist, rights="account:r"),
    Route("auth/r/audit/hist", account.changelog_hist, rights="account:r"),
    Route("auth/r/permissions", account.permissions),
    Route("auth/w/token", account.new_token),
    Route("auth/w/token/del", account.delete_token),
    # Histories first: "hist" is no symbol.
    *_by_symbol("auth/r/funding/offers", funding.offers_hist, "funding:r", "/hist"),
    *_by_symbol("auth/r/funding/offers", funding.offers, "funding:r"),
    *_by_symbol("auth/r/funding/trades", funding.trades_hist, "funding:r", "/hist"),
    *_by_symbol(
        "auth/r/funding/loans", funding.past_loans(False), "funding:r", "/hist"
    ),
    *_by_symbol("auth/r/funding/loans", funding.open_loans(False), "funding:r"),
    *_by_symbol(
        "auth/r/funding/credits", funding.past_loans(True), "funding:r", "/hist"
    ),
    *_by_symbol("auth/r/funding/credits", funding.open_loans(True), "funding:r"),
    Route("auth/r/info/funding/{symbol}", funding.info, rights="funding:r"),
    Route("auth/w/funding/offer/submit", orders.single("fon"), rights="funding:w"),
    Route("auth/w/funding/offer/cancel", orders.single("foc"), rights="funding:w"),
    Route("auth/w/funding/offer/cancel/all", funding.cancel_all, rights="funding:w"),
    Route("auth/w/funding/close", funding.close, rights="funding:w"),
    Route("auth/w/funding/keep", funding.keep, rights="funding:w"),
    Route("auth/w/funding/auto", funding.auto_renew, rights="funding:w"),
    Route("auth/r/funding/auto/status", funding.auto_renew_status, rights="funding:r"),
    Route("auth/r/settings", stored.settings, rights="settings:r"),
    Route("auth/r/settings/core", stored.core_settings, rights="settings:r"),
    Route("auth/w/settings/set", stored.set_settings, rights="settings:w"),
    Route("auth/w/settings/del", stored.delete_settings, rights="settings:w"),
    Route("auth/r/alerts", stored.alerts, 45, rights="settings:r"),
    Route("auth/w/alert/set", stored.set_alert, rights="settings:w"),
    Route("auth/w/alert/del", stored.delete_alert, rights="settings:w"),
    Route(
        "auth/w/alert/price:{symbol:t[^/]+}:{price}/del",
        stored.delete_alert,
        group="auth/w/alert/price/del",
        rights="settings:w",
    ),
    Route("auth/w/deposit/invoice", stored.deposit_invoice, 10, rights="wallets:w"),
    Route(
        "auth/r/ext/invoice/payments", stored.invoice_payments, 10, rights="wallets:r"
    ),
    *(
        Route(f"auth/{path}", answer, 10, rights=f"orders:{path[0]}")
        for path, answer in (
            ("w/ext/recurring-ao/create", recurring.create),
            ("r/ext/recurring-ao/detail/{id}", recurring.detail),
            ("w/ext/recurring-ao/update/{id}", recurring.update),
            ("w/ext/recurring-ao/cancel/{id}", recurring.cancel),
            ("r/ext/recurring-ao/list", recurring.listed),
            ("r/ext/recurring-ao/order/list", recurring.orders),
        )
    ),
    *(
        Route(f"auth/{path}", answer, per_minute, rights=f"bfxpay:{path[0]}")
        for path, answer, per_minute in (
            ("w/ext/pay/invoice/create", pay.create, 10),
            ("w/ext/pay/invoice/create/pos", pay.create_at_pos, 10),
            ("w/ext/pay/invoice/complete", pay.complete, 10),
            ("w/ext/pay/invoice/expire", pay.expire, 10),
            ("r/ext/pay/invoices", pay.invoices, 10),
            ("r/ext/pay/invoices/paginated", pay.paginated, 10),
            ("w/ext/pay/settings/set", pay.set_setting, 90),
            ("w/ext/pay/settings/set/batch", pay.set_settings, 10),
            ("r/ext/pay/settings/get", pay.setting, 10),
            ("r/ext/pay/settings/list", pay.settings, 90),
        )
    ),
    # All others are answered with an error.
    Route("auth/{path:.*}", _missing),
)

NOT_SIMULATED = (
    "auth/r/trades/calc",
    "auth/r/stats/",
    "auth/w/position/increase",
    "auth/w/position/update/",
    "auth/r/position/",
    "auth/r/pulse/",
    "auth/w/pulse/",
    "auth/r/ext/wallets/",
    "auth/w/ext/wallets/",
    "auth/r/ext/pay/invoice/",
    "auth/r/ext/pay/currency/",
    "auth/r/ext/pay/deposits",
    "auth/r/ext/pay/settings/convert/",
    "auth/r/ext/pay/settings/daily/",
    "auth/w/ext/pay/invoice/update",
    "auth/w/ext/pay/invoice/refund",
    "auth/w/ext/pay/invoice/mark/",
    "auth/w/ext/pay/settings/convert/",
)
"""Prefixes of paths that the client has and the local exchange does not simulate."""
