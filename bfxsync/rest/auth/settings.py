"""Settings that the exchange stores for an account."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from bfxsync._base.aliases import NumberType
from bfxsync.checks.containers import check_items, check_object
from bfxsync.checks.keys import check_setting_key
from bfxsync.checks.texts import check_text
from bfxsync.errors import RemoteError
from bfxsync.models.model_list import ModelList
from bfxsync.models.notification import Notification, of_one
from bfxsync.models.settings import CoreSetting, SettingsWriteResult, UserSetting
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write

_READ = Budget("auth/r/settings", 90)
_CORE = Budget("auth/r/settings/core")
_SET = Budget("auth/w/settings/set", 90)
_DELETE = Budget("auth/w/settings/del", 90)


_HINT = "the request is idempotent, so it may be sent again"


class SettingsEndpoints(SignedEndpoints):
    """User settings, and settings of the platform."""

    def get_settings(self, keys: Sequence[str]) -> ModelList[UserSetting]:
        """
        Return user settings by their keys: ``api:`` and letters, digits, ``_`` and ``-``.

        ``POST auth/r/settings``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-settings
        """
        body = {"keys": check_items("keys", keys, check_setting_key)}
        return self._read_many(_READ, UserSetting.from_row, body)

    def set_settings(
        self, settings: Mapping[str, Any]
    ) -> Notification[Optional[SettingsWriteResult]]:
        """
        Write user settings.

        ``POST auth/w/settings/set``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-settings-set

        Parameters
        ----------
        settings : dict of str to object
            Any JSON by key (see `get_settings`), but numbers with a fraction are sent and stored
            as text.

        Returns
        -------
        Notification of SettingsWriteResult
            Or of None if the exchange returns no count. May report a rejection, which
            `raise_for_status` raises.
        """
        checked = check_object("settings", settings)
        check_items("settings", list(checked), check_setting_key)
        body = {"settings": checked}
        return self._write(Write(_SET, of_one(_read_result), body, hint=_HINT))

    def delete_settings(
        self, keys: Sequence[str]
    ) -> Notification[Optional[SettingsWriteResult]]:
        """
        Delete user settings by their keys, as `get_settings` has them.

        ``POST auth/w/settings/del``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-settings-del

        Returns
        -------
        Notification of SettingsWriteResult
            Or of None if the exchange returns no count. May report a rejection, which
            `raise_for_status` raises.
        """
        checked = check_items("keys", keys, check_setting_key)
        # The documentation calls the list "settings", the exchange's own clients "keys".
        body = {"settings": checked, "keys": checked}
        return self._write(Write(_DELETE, of_one(_read_result), body, hint=_HINT))

    def get_core_settings(self, keys: Sequence[str]) -> ModelList[CoreSetting]:
        """
        Return settings of the platform by their keys, which are not documented.

        ``POST auth/r/settings/core`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        body = {"keys": check_items("keys", keys, check_text)}
        return self._read_many(_CORE, CoreSetting.from_row, body)


def _read_result(data: Any, number: NumberType) -> Optional[SettingsWriteResult]:
    try:
        return SettingsWriteResult.from_row(data, number)
    except RemoteError:
        # The position of the count is uncertain, and the count not essential.
        return None
