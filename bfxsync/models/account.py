"""An account and its keys: who it is, who used it, and what changed."""

from __future__ import annotations

from typing import Any

import attrs

from bfxsync._base.aliases import Mts, NumberType, Row
from bfxsync.errors import RemoteError
from bfxsync.models.objects import texts
from bfxsync.models.rows import Kind, Layout


@attrs.define
class UserInfo:
    """
    The account of the key.

    Where nothing else is said, 1 means yes and 0 no. What may be None is so where the exchange
    does not say it.

    Attributes
    ----------
    id : int
        The user's id.
    email, username : str
    mts_account_create : int
        When the account was made, in milliseconds UTC.
    verified : int
    verification_level : int
    timezone, locale : str or None
    company : str or None
        ``bitfinex`` or ``eosfinex``.
    email_verified : int or None
    mts_master_account_create : int or None
        When the master account was made, in milliseconds UTC.
    group_id : int or None
        Id of the accounts that belong together.
    master_account_id : int or None
    inherit_master_account_verification : int or None
        1: the master account's verification holds for this one too.
    is_group_master : int or None
        1: it is the master account.
    group_withdraw_enabled : int or None
    ppt_enabled : int or None
        1: it is for trading on paper only.
    merchant_enabled, competition_enabled : int or None
        1: it is the account of a merchant, or for a competition.
    two_factors_authentication_modes : list of str or None
        ``u2f``, ``otp``, …
    is_securities_master, securities_enabled : int or None
        1: it has a sub-account for securities, or is one.
    is_securities_investor_accredited, is_securities_el_salvador : int or None
    allow_disable_ctxswitch, ctxtswitch_disabled : int or None
    time_last_login : str or None
        When somebody logged in last: text such as ``2022-09-06T12:14:14.600Z``.
    verification_level_submitted : int or None
        The highest level that was asked for.
    comp_countries, compl_countries_resid : list of str or None
        Countries: of residence and nationality, and of residence only.
    compl_account_type : str or None
        ``individual`` or ``corporate``.
    is_merchant_enterprise : int or None

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-info-user
    """

    id: int
    email: str
    username: str
    mts_account_create: Mts
    verified: int
    verification_level: int
    timezone: str | None
    locale: str | None
    company: str | None
    email_verified: int | None
    mts_master_account_create: Mts | None
    group_id: int | None
    master_account_id: int | None
    inherit_master_account_verification: int | None
    is_group_master: int | None
    group_withdraw_enabled: int | None
    ppt_enabled: int | None
    merchant_enabled: int | None
    competition_enabled: int | None
    two_factors_authentication_modes: list[str] | None
    is_securities_master: int | None
    securities_enabled: int | None
    is_securities_investor_accredited: int | None
    is_securities_el_salvador: int | None
    allow_disable_ctxswitch: int | None
    ctxtswitch_disabled: int | None
    time_last_login: str | None
    verification_level_submitted: int | None
    comp_countries: list[str] | None
    compl_countries_resid: list[str] | None
    compl_account_type: str | None
    is_merchant_enterprise: int | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> UserInfo:
        """Build from a row of 6 or more values, 55 as the exchange sends it."""
        user = cls(*_USER_INFO.read(row, number))
        name = ""
        try:
            for name in _LISTS_OF_USER:
                texts(getattr(user, name))
        except RemoteError as exc:
            raise RemoteError(f"UserInfo.{name}: {exc}", raw=row) from None
        return user


_LISTS_OF_USER = (
    "two_factors_authentication_modes",
    "comp_countries",
    "compl_countries_resid",
)
_USER_INFO = Layout(
    "UserInfo",
    ("id", 0, Kind.INTEGER),
    ("email", 1, Kind.TEXT),
    ("username", 2, Kind.TEXT),
    ("mts_account_create", 3, Kind.INTEGER),
    ("verified", 4, Kind.SWITCH),
    ("verification_level", 5, Kind.INTEGER),
    ("timezone", 7, Kind.OPTIONAL_TEXT),
    ("locale", 8, Kind.OPTIONAL_TEXT),
    ("company", 9, Kind.OPTIONAL_TEXT),
    ("email_verified", 10, Kind.OPTIONAL_SWITCH),
    ("mts_master_account_create", 14, Kind.OPTIONAL_INTEGER),
    ("group_id", 15, Kind.OPTIONAL_INTEGER),
    ("master_account_id", 16, Kind.OPTIONAL_INTEGER),
    ("inherit_master_account_verification", 17, Kind.OPTIONAL_SWITCH),
    ("is_group_master", 18, Kind.OPTIONAL_SWITCH),
    ("group_withdraw_enabled", 19, Kind.OPTIONAL_SWITCH),
    ("ppt_enabled", 21, Kind.OPTIONAL_SWITCH),
    ("merchant_enabled", 22, Kind.OPTIONAL_SWITCH),
    ("competition_enabled", 23, Kind.OPTIONAL_SWITCH),
    ("two_factors_authentication_modes", 26, Kind.ANY),
    ("is_securities_master", 28, Kind.OPTIONAL_SWITCH),
    ("securities_enabled", 29, Kind.OPTIONAL_SWITCH),
    ("is_securities_investor_accredited", 30, Kind.OPTIONAL_SWITCH),
    ("is_securities_el_salvador", 31, Kind.OPTIONAL_SWITCH),
    ("allow_disable_ctxswitch", 38, Kind.OPTIONAL_SWITCH),
    ("ctxtswitch_disabled", 39, Kind.OPTIONAL_SWITCH),
    ("time_last_login", 44, Kind.OPTIONAL_TEXT),
    ("verification_level_submitted", 47, Kind.OPTIONAL_INTEGER),
    ("comp_countries", 49, Kind.ANY),
    ("compl_countries_resid", 50, Kind.ANY),
    ("compl_account_type", 51, Kind.OPTIONAL_TEXT),
    ("is_merchant_enterprise", 54, Kind.OPTIONAL_SWITCH),
)


@attrs.define
class LoginHistory:
    """
    One login.

    Attributes
    ----------
    id : int
    time : int
        When, in milliseconds UTC.
    ip : str
    extra_info : dict or None
        Browser and place, as far as they are known.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-logins-hist
    """

    id: int
    time: Mts
    ip: str
    extra_info: dict[str, Any] | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> LoginHistory:
        """Build from a row of 5 or more values, 8 as the exchange sends it."""
        return cls(*_LOGIN_HISTORY.read(row, number))


_LOGIN_HISTORY = Layout(
    "LoginHistory",
    ("id", 0, Kind.INTEGER),
    ("time", 2, Kind.INTEGER),
    ("ip", 4, Kind.TEXT),
    ("extra_info", 7, Kind.OPTIONAL_OBJECT),
)


@attrs.define
class KeyPermission:
    """
    What the key may do in one part of the account.

    Attributes
    ----------
    scope : str
        ``account``, ``history``, ``orders``, ``positions``, ``funding``, ``settings``,
        ``wallets``, ``withdraw``, ``ui_withdraw``, ``bfxpay``, …
    read, write : int
        1: it may; 0: it may not.

    References
    ----------
    https://docs.bitfinex.com/reference/key-permissions
    """

    scope: str
    read: int
    write: int

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> KeyPermission:
        """Build from a row of 3 or more values."""
        return cls(*_KEY_PERMISSION.read(row, number))


_KEY_PERMISSION = Layout(
    "KeyPermission",
    ("scope", 0, Kind.TEXT),
    ("read", 1, Kind.SWITCH),
    ("write", 2, Kind.SWITCH),
)


@attrs.define
class AuthToken:
    """
    What stands in for a key for some time; see `bfxsync.auth.signer.TokenSigner`.

    Attributes
    ----------
    token : str
        As secret as a key: it shows in no repr.

    References
    ----------
    https://docs.bitfinex.com/reference/generate-token
    """

    token: str = attrs.field(repr=False)

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> AuthToken:
        """Build from a row of 1 or more values; the error keeps nothing of another answer."""
        token = row[0] if isinstance(row, list) and row else None
        if isinstance(token, str) and token:
            return cls(token)
        raise RemoteError("AuthToken: expected a list that begins with a text")


@attrs.define
class ChangeLog:
    """
    One change of the account's settings.

    Attributes
    ----------
    mts_create : int
        When, in milliseconds UTC.
    log : str
        What it was, in words.
    ip : str or None
        From where.
    user_agent : str or None
        With which browser.

    References
    ----------
    https://docs.bitfinex.com/reference/rest-auth-audit-hist
    """

    mts_create: Mts
    log: str
    ip: str | None
    user_agent: str | None

    @classmethod
    def from_row(cls, row: Row, number: NumberType = float) -> ChangeLog:
        """Build from a row of 3 or more values, 7 as the exchange sends it."""
        return cls(*_CHANGE_LOG.read(row, number))


_CHANGE_LOG = Layout(
    "ChangeLog",
    ("mts_create", 0, Kind.INTEGER),
    ("log", 2, Kind.TEXT),
    ("ip", 5, Kind.OPTIONAL_TEXT),
    ("user_agent", 6, Kind.OPTIONAL_TEXT),
)
