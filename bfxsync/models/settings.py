"""Settings that an account keeps at the exchange."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import NumberType, Row
from bfxsync.models.rows import Kind, Layout


@attrs.define
class UserSetting:
    """
    A setting of one's own.

    Attributes
    ----------
    key : str
        Begins with ``api:``.
    value : object
        Any JSON; None if there is no such setting.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-settings
    """

    key: str
    value: Any

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> UserSetting:
        """Build from a row of 1 or more values, 2 as the exchange sends it."""
        return cls(*_USER_SETTING.read(row, number))


_USER_SETTING = Layout("UserSetting", ("key", 0, Kind.TEXT), ("value", 1, Kind.ANY))


@attrs.define
class CoreSetting:
    """
    A setting of the platform.

    Attributes
    ----------
    key : str
    value : object
        Any JSON; None if there is no such setting.
    """

    key: str
    value: Any

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> CoreSetting:
        """Build from a row of 1 or more values, 2 as the exchange sends it."""
        return cls(*_CORE_SETTING.read(row, number))


_CORE_SETTING = Layout("CoreSetting", *_USER_SETTING.fields)


@attrs.define
class SettingsWriteResult:
    """
    What became of settings that were to be written or deleted.

    Attributes
    ----------
    number_of_settings : int or None
        How many were; None where the exchange does not say it.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-settings-set
    """

    number_of_settings: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> SettingsWriteResult:
        """Build from a list, which may be empty."""
        return cls(*_SETTINGS_WRITE_RESULT.read(row, number))


_SETTINGS_WRITE_RESULT = Layout(
    "SettingsWriteResult", ("number_of_settings", 0, Kind.OPTIONAL_INTEGER)
)
