"""The table of authenticated endpoints; all others are answered with an error."""

from __future__ import annotations

from bfxsync.paper.server.rest import private_account as account
from bfxsync.paper.server.rest import private_orders as orders
from bfxsync.paper.server.rest import private_wallets as wallets
from bfxsync.paper.server.rest.private import PrivateRoute

_READ_ORDERS, _WRITE_ORDERS = "orders:r", "orders:w"

PRIVATE_ROUTES = (
    PrivateRoute("auth/r/orders/otc/hist", orders.otc_orders_hist, _READ_ORDERS),
    PrivateRoute(
        "auth/r/orders/otc/{symbol}/hist", orders.otc_orders_hist, _READ_ORDERS
    ),
    PrivateRoute("auth/r/orders/hist", orders.orders_hist, _READ_ORDERS),
    PrivateRoute("auth/r/orders/{symbol}/hist", orders.orders_hist, _READ_ORDERS),
    PrivateRoute("auth/r/orders", orders.orders, _READ_ORDERS),
    PrivateRoute("auth/r/orders/{symbol}", orders.orders, _READ_ORDERS),
    PrivateRoute(
        "auth/r/order/{symbol}:{id}/trades", orders.order_trades, _READ_ORDERS
    ),
    PrivateRoute("auth/r/trades/hist", orders.trades_hist, _READ_ORDERS),
    PrivateRoute("auth/r/trades/{symbol}/hist", orders.trades_hist, _READ_ORDERS),
    PrivateRoute("auth/w/order/submit", orders.submit, _WRITE_ORDERS),
    PrivateRoute("auth/w/order/update", orders.update, _WRITE_ORDERS),
    PrivateRoute("auth/w/order/cancel", orders.cancel, _WRITE_ORDERS),
    PrivateRoute("auth/w/order/cancel/multi", orders.cancel_multi, _WRITE_ORDERS),
    PrivateRoute("auth/w/order/multi", orders.multi, _WRITE_ORDERS),
    PrivateRoute("auth/r/wallets", wallets.wallets, "wallets:r"),
    PrivateRoute("auth/r/wallets/hist", wallets.wallets_hist, "wallets:r"),
    PrivateRoute("auth/w/transfer", wallets.transfer, "wallets:w"),
    PrivateRoute("auth/calc/order/avail", wallets.available, "wallets:r"),
    PrivateRoute("auth/r/ledgers/hist", wallets.ledgers, "history:r"),
    PrivateRoute("auth/r/ledgers/{currency}/hist", wallets.ledgers, "history:r"),
    PrivateRoute("auth/w/deposit/address", wallets.deposit_address, "wallets:w", 10),
    PrivateRoute(
        "auth/r/deposit/address/all", wallets.deposit_addresses, "wallets:r", 10
    ),
    PrivateRoute("auth/w/withdraw", wallets.withdraw, "withdraw:w"),
    PrivateRoute("auth/r/movements/info", wallets.movement_info, "history:r"),
    PrivateRoute("auth/r/movements/hist", wallets.movements, "history:r"),
    PrivateRoute("auth/r/movements/{currency}/hist", wallets.movements, "history:r"),
    PrivateRoute("auth/r/positions", account.positions, "positions:r"),
    PrivateRoute("auth/r/positions/hist", account.positions_hist, "positions:r"),
    PrivateRoute("auth/r/positions/snap", account.positions_snap, "positions:r"),
    PrivateRoute("auth/r/positions/audit", account.positions_audit, "positions:r"),
    PrivateRoute("auth/r/info/margin/base", account.margin_base, "positions:r"),
    PrivateRoute("auth/r/info/margin/sym_all", account.margin_all, "positions:r"),
    PrivateRoute("auth/r/info/margin/{symbol}", account.margin_symbol, "positions:r"),
    PrivateRoute("auth/r/info/user", account.user_info, "account:r"),
    PrivateRoute("auth/r/summary", account.summary, "account:r"),
    PrivateRoute("auth/r/logins/hist", account.logins_hist, "account:r"),
    PrivateRoute("auth/r/audit/hist", account.changelog_hist, "account:r"),
    PrivateRoute("auth/r/permissions", account.permissions, ""),
    PrivateRoute("auth/w/token", account.new_token, ""),
    PrivateRoute("auth/w/token/del", account.delete_token, ""),
)
