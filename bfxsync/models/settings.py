"""Settings of an account that are stored at the exchange."""

from __future__ import annotations

from typing import Any

from bfxsync.models.model import RestModel, at, model


@model
class UserSetting(RestModel):
    """
    A setting of the user.

    https://docs.bitfinex.com/reference/rest-auth-settings
    """

    key: str = at(0)
    """Begins with ``api:``."""
    value: Any = at(1)
    """Any JSON; None if the setting does not exist."""


@model
class CoreSetting(RestModel):
    """A setting of the platform."""

    key: str = at(0)
    value: Any = at(1)
    """Any JSON; None if the setting does not exist."""


@model
class SettingsWriteResult(RestModel):
    """
    Result of writing or deleting settings.

    https://docs.bitfinex.com/reference/rest-auth-settings-set
    """

    number_of_settings: int | None = at(0)
    """Number of settings written or deleted; None where the exchange does not send it."""
