"""Price alerts."""

from __future__ import annotations

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync.checks.containers import optional
from bfxsync.checks.numbers import check_alert_price, check_integer
from bfxsync.checks.symbols import check_pair
from bfxsync.checks.texts import check_choice
from bfxsync.models.alerts import Alert, AlertDeletion, AnyAlert
from bfxsync.models.model_list import ModelList
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

_ALERTS = Budget("auth/r/alerts", 45)
_SET = Budget("auth/w/alert/set", 90)
_DELETE = Budget("auth/w/alert/price/del", 90)
_DELETE_BY_BODY = Budget("auth/w/alert/del")

_TYPES = ("price",)
_COUNTS = range(1, 10**6)

_HINT = (
    "get_alerts() shows the result; the request is idempotent, so it may be sent again"
)


class AlertEndpoints(SignedEndpoints):
    """Price alerts."""

    def get_alerts(self, *, type: str | None = None) -> ModelList[Alert]:
        """
        Return the alerts.

        ``POST auth/r/alerts``, 45 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-alerts

        Parameters
        ----------
        type : str, optional
            Only alerts of this type: ``"price"``, so far the only one. The parameter is not
            documented, but one of the exchange's clients sends it.
        """
        body = {"type": optional(check_choice, "type", type, _TYPES)}
        return self._read_many(_ALERTS, Alert.from_row, body)

    def set_alert(
        self, symbol: Symbol, price: AnyNumber, *, type: str = "price", count: int = 100
    ) -> AnyAlert:
        """
        Set an alert for a price.

        ``POST auth/w/alert/set``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-alert-set

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        price : str, int, Decimal or float
            In quote currency, positive.
        type : str, optional
            ``"price"``, so far the only one.
        count : int, optional
            Number of times the alert is triggered.
        """
        body = {
            "type": check_choice("type", type, _TYPES),
            "symbol": check_pair(symbol),
            "price": check_alert_price("price", price),
            "count": check_integer("count", count, _COUNTS),
        }
        return self._write(Write(_SET, Alert.from_partial_row, body, hint=_HINT))

    def delete_alert(self, symbol: Symbol, price: AnyNumber) -> AlertDeletion:
        """
        Delete an alert.

        ``POST auth/w/alert/price:{symbol}:{price}/del``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-alert-del

        Parameters
        ----------
        symbol : str
            The pair, such as ``tBTCUSD``.
        price : str, int, Decimal or float
            The price in the alert's `key`. Text is sent unchanged, a number without trailing zeros.
        """
        checked = check_alert_price("price", price)
        path = f"auth/w/alert/price:{check_pair(symbol)}:{checked}/del"
        read = AlertDeletion.from_row
        return self._write(Write(_DELETE, read, path=path, hint=_HINT))

    def delete_alert_by_body(self, symbol: Symbol, price: AnyNumber) -> AlertDeletion:
        """
        Delete an alert as the exchange's own clients do; prefer `delete_alert`.

        ``POST auth/w/alert/del`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Arguments as for `delete_alert`.
        """
        checked = check_alert_price("price", price)
        body = {"symbol": check_pair(symbol), "price": checked}
        read = AlertDeletion.from_row
        return self._write(Write(_DELETE_BY_BODY, read, body, hint=_HINT))
