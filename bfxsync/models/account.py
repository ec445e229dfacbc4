"""An account and its keys: profile, logins, permissions and changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.model import RestModel, Switch, at, model
from bfxsync.models.moments import Moment, moment


@model
class UserInfo(RestModel):
    """
    The account of the key.

    Switches are 1 (yes) or 0 (no); optional fields are None where the exchange does not send them.

    https://docs.bitfinex.com/reference/rest-auth-info-user
    """

    id: int = at(0)
    """The user's id."""
    email: str = at(1)
    username: str = at(2)
    mts_account_create: Mts = at(3)
    """Time of creation of the account, in milliseconds UTC."""
    verified: Switch = at(4)
    verification_level: int = at(5)
    timezone: str | None = at(7)
    locale: str | None = at(8)
    company: str | None = at(9)
    """``bitfinex`` or ``eosfinex``."""
    email_verified: Switch | None = at(10)
    mts_master_account_create: Mts | None = at(14)
    """Time of creation of the master account, in milliseconds UTC."""
    group_id: int | None = at(15)
    """Id of the group of accounts."""
    master_account_id: int | None = at(16)
    inherit_master_account_verification: Switch | None = at(17)
    """1: the account shares the verification of its master account."""
    is_group_master: Switch | None = at(18)
    """1: this is the master account."""
    group_withdraw_enabled: Switch | None = at(19)
    ppt_enabled: Switch | None = at(21)
    """1: paper trading only."""
    merchant_enabled: Switch | None = at(22)
    """1: merchant account."""
    competition_enabled: Switch | None = at(23)
    """1: account for a competition."""
    two_factors_authentication_modes: list[str] | None = at(26)
    """``u2f``, ``otp``, …"""
    is_securities_master: Switch | None = at(28)
    """1: the account has a sub-account for securities."""
    securities_enabled: Switch | None = at(29)
    """1: the account is a sub-account for securities."""
    is_securities_investor_accredited: Switch | None = at(30)
    is_securities_el_salvador: Switch | None = at(31)
    allow_disable_ctxswitch: Switch | None = at(38)
    ctxtswitch_disabled: Switch | None = at(39)
    time_last_login: str | None = at(44)
    """Time of the last login: text such as ``2022-09-06T12:14:14.600Z``."""
    verification_level_submitted: int | None = at(47)
    """Highest verification level applied for."""
    comp_countries: list[str] | None = at(49)
    """Countries of residence and nationality."""
    compl_countries_resid: list[str] | None = at(50)
    """Countries of residence only."""
    compl_account_type: str | None = at(51)
    """``individual`` or ``corporate``."""
    is_merchant_enterprise: Switch | None = at(54)

    account_created_at: ClassVar[Moment[datetime]] = moment(mts_account_create)
    master_account_created_at: ClassVar[Moment[datetime | None]] = moment(
        mts_master_account_create
    )


@model
class LoginHistory(RestModel):
    """
    One login.

    https://docs.bitfinex.com/reference/rest-auth-logins-hist
    """

    id: int = at(0)
    time: Mts = at(2)
    """In milliseconds UTC."""
    ip: str = at(4)
    extra_info: dict[str, Any] | None = at(7)
    """Browser and location, as far as they are known."""


@model
class KeyPermission(RestModel):
    """
    Permissions of the key in one part of the account.

    https://docs.bitfinex.com/reference/key-permissions
    """

    scope: str = at(0)
    """
    ``account``, ``history``, ``orders``, ``positions``, ``funding``, ``settings``, ``wallets``,
    ``withdraw``, ``ui_withdraw``, ``bfxpay``, …
    """
    read: Switch = at(1)
    """1: allowed; 0: not allowed."""
    write: Switch = at(2)
    """1: allowed; 0: not allowed."""


@model
class AuthToken(RestModel):
    """
    A temporary substitute for a key; see `bfxsync.auth.signer.TokenSigner`.

    https://docs.bitfinex.com/reference/generate-token
    """

    token: str = at(0, repr=False)
    """As secret as a key: left out of the repr."""

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AuthToken:
        """Build from a row of 1 or more values; errors omit the row, as the token is secret."""
        token = row[0] if isinstance(row, list) and row else None
        if isinstance(token, str) and token:
            return cls(token)
        raise RemoteError("AuthToken: expected a list that begins with a text")


@model
class ChangeLog(RestModel):
    """
    One change of the account's settings.

    https://docs.bitfinex.com/reference/rest-auth-audit-hist
    """

    mts_create: Mts = at(0)
    """In milliseconds UTC."""
    log: str = at(2)
    """Description of the change."""
    ip: str | None = at(5)
    user_agent: str | None = at(6)

    created_at: ClassVar[Moment[datetime]] = moment(mts_create)
