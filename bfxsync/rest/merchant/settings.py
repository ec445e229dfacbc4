"""Settings of Bitfinex Pay: currency conversions, limits, and settings by name."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from bfxsync._base.aliases import NumberType
from bfxsync.checks.containers import check_items, optional
from bfxsync.checks.merchant import (
    check_pay_setting,
    check_pay_setting_key,
    check_private_items,
)
from bfxsync.checks.symbols import check_pay_currency
from bfxsync.errors import RemoteError, UsageError
from bfxsync.models.merchant_account import CurrencyConversion, MerchantLimits
from bfxsync.models.model_list import ModelList
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

_CONVERT_LIST = Budget("auth/r/ext/pay/settings/convert/list", 90)
_CONVERT_CREATE = Budget("auth/w/ext/pay/settings/convert/create")
_CONVERT_REMOVE = Budget("auth/w/ext/pay/settings/convert/remove", 90)
_LIMITS = Budget("auth/r/ext/pay/settings/daily/limit")
_SET = Budget("auth/w/ext/pay/settings/set", 90)
_SET_BATCH = Budget("auth/w/ext/pay/settings/set/batch")
_GET = Budget("auth/r/ext/pay/settings/get")
_LIST = Budget("auth/r/ext/pay/settings/list", 90)

_HINT_AGAIN = "the request is idempotent, so it may be sent again"
_HINT_CONVERT = "get_currency_conversion_list shows whether it exists"


class MerchantSettingEndpoints(SignedEndpoints):
    """Currency conversions, limits, and settings by name."""

    def get_currency_conversion_list(self) -> ModelList[CurrencyConversion]:
        """
        Return the automatic conversions of payments.

        ``POST auth/r/ext/pay/settings/convert/list``, 90 requests per minute; dropped by the
        official Node client.
        https://docs.bitfinex.com/reference/conversion-list
        """
        return self._read_many(_CONVERT_LIST, CurrencyConversion.from_object)

    def add_currency_conversion(self, base_ccy: str, convert_ccy: str) -> bool:
        """
        Convert payments in one currency to another automatically; return whether it succeeded.

        ``POST auth/w/ext/pay/settings/convert/create``, 10 requests per minute (undocumented);
        dropped by the official Node client.
        https://docs.bitfinex.com/reference/add-conversion

        Parameters
        ----------
        base_ccy : str
            Currency of the payments: ``UST``, ``UST-ETH``.
        convert_ccy : str
            Currency they are converted to.
        """
        body = _conversion(base_ccy, convert_ccy)
        return self._write(Write(_CONVERT_CREATE, _read_bool, body, hint=_HINT_CONVERT))

    def remove_currency_conversion(self, base_ccy: str, convert_ccy: str) -> bool:
        """
        Stop an automatic conversion of payments; return whether it succeeded.

        ``POST auth/w/ext/pay/settings/convert/remove``, 90 requests per minute; dropped by the
        official Node client.
        https://docs.bitfinex.com/reference/remove-conversion
        """
        body = _conversion(base_ccy, convert_ccy)
        return self._write(Write(_CONVERT_REMOVE, _read_bool, body, hint=_HINT_CONVERT))

    def get_merchant_limits(
        self, *, customer_emails: Sequence[str] | None = None
    ) -> MerchantLimits:
        """
        Return the daily limits of payments and their use.

        ``POST auth/r/ext/pay/settings/daily/limit``, 10 requests per minute (undocumented); dropped
        by the official Node client.
        https://docs.bitfinex.com/reference/merchant-limits

        Parameters
        ----------
        customer_emails : list of str, optional
            Also return the use of these customers.
        """
        emails = optional(check_private_items, "customer_emails", customer_emails)
        body = {"customerEmails": emails}
        return self._read(_LIMITS, MerchantLimits.from_object, body)

    def set_merchant_settings(self, key: str, val: Any) -> bool:
        """
        Change a setting; return whether it succeeded.

        ``POST auth/w/ext/pay/settings/set``, 90 requests per minute; dropped by the official Node
        client.
        https://docs.bitfinex.com/reference/merchant-settings-write

        Parameters
        ----------
        key : str
            Name, such as ``bfx_pay_preferred_fiat``; the documentation lists all.
        val : str, int, bool, Decimal or float
            True and False are sent as 1 and 0, fractional numbers as text.
            `set_merchant_settings_batch` can unset a setting.
        """
        if val is None:
            raise UsageError(
                "val must not be None; set_merchant_settings_batch({key: None}) unsets it"
            )
        body = {
            "key": check_pay_setting_key("key", key),
            "val": check_pay_setting("val", val),
        }
        return self._write(Write(_SET, _read_bool, body, hint=_HINT_AGAIN))

    def set_merchant_settings_batch(self, settings: Mapping[str, Any]) -> bool:
        """
        Change several settings; return whether it succeeded.

        ``POST auth/w/ext/pay/settings/set/batch``, 10 requests per minute (undocumented); dropped
        by the official Node client.
        https://docs.bitfinex.com/reference/merchant-settings-write-batch

        Parameters
        ----------
        settings : dict
            Values by name, as for `set_merchant_settings`; None unsets a setting.
        """
        if not isinstance(settings, Mapping) or not settings:
            raise UsageError("settings must be a dict that is not empty")
        items = []
        for key, given in settings.items():
            checked = check_pay_setting_key("settings", key)
            value = optional(check_pay_setting, checked, given)
            # The documentation has two names for it; the wrong one alone might unset it.
            items.append({"key": checked, "val": value, "value": value})
        body = {"settings": items}
        return self._write(Write(_SET_BATCH, _read_bool, body, hint=_HINT_AGAIN))

    def get_merchant_settings(self, key: str) -> Any:
        """
        Return the value of a setting.

        ``POST auth/r/ext/pay/settings/get``, 10 requests per minute (undocumented); dropped by the
        official Node client. The value is returned as received: its type depends on the setting.
        https://docs.bitfinex.com/reference/merchant-settings-read

        Parameters
        ----------
        key : str
            Name, such as ``bfx_pay_preferred_fiat``.
        """
        return self._read_raw(_GET, {"key": check_pay_setting_key("key", key)})

    def list_merchant_settings(
        self, keys: Sequence[str] | None = None
    ) -> Dict[str, Any]:
        """
        Return the values of settings by name.

        ``POST auth/r/ext/pay/settings/list``, 90 requests per minute; dropped by the official Node
        client. The values are returned as received: their types depend on the setting.
        https://docs.bitfinex.com/reference/merchant-settings-list

        Parameters
        ----------
        keys : list of str, optional
            Only these settings; default: all.
        """
        body = {"keys": optional(check_items, "keys", keys, check_pay_setting_key)}
        return self._read(_LIST, _read_dict, body)


def _conversion(base_ccy: object, convert_ccy: object) -> Dict[str, Any]:
    return {
        "baseCcy": check_pay_currency("base_ccy", base_ccy),
        "convertCcy": check_pay_currency("convert_ccy", convert_ccy),
    }


def _read_bool(answer: Any, number: NumberType) -> bool:
    """Read true or false; other endpoints send 1 and 0, or a list of one of these."""
    value = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    if isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    raise RemoteError("expected true or false", raw=answer)


def _read_dict(answer: Any, number: NumberType) -> Dict[str, Any]:
    if isinstance(answer, dict):
        return answer
    raise RemoteError("expected an object of settings", raw=answer)
