"""The account: its owner, fees, logins, settings changes, key permissions and tokens."""

from __future__ import annotations

from typing import Any, Sequence

from bfxsync._base.hidden import hide
from bfxsync.checks.containers import check_items, optional
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.options import check_switch_as_bool
from bfxsync.checks.texts import check_choice, check_token
from bfxsync.checks.times import Time, page_params
from bfxsync.errors import UsageError
from bfxsync.models.account import (
    AuthToken,
    ChangeLog,
    KeyPermission,
    LoginHistory,
    UserInfo,
)
from bfxsync.models.model_list import ModelList
from bfxsync.models.summary import Summary
from bfxsync.rest.auth.base import Budget, SignedEndpoints, Write, deprecated
from bfxsync.rest.history.history import newest_first
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.history.options import HistoryOptions, Unpack, iterator

MOST_LOGINS = 250
MOST_CHANGES = 500

_USER = Budget("auth/r/info/user", 90)
_SUMMARY = Budget("auth/r/summary", 90)
_LOGINS = Budget("auth/r/logins/hist", 90)
_PERMISSIONS = Budget("auth/r/permissions", 90)
_CHANGES = Budget("auth/r/audit/hist", 90)
_PERFORMANCE = Budget("auth/r/stats/perf:1D/hist")
_GENERATE = Budget("auth/w/token")
_INVALIDATE = Budget("auth/w/token/del")

_SCOPES = ("api",)
_CAPS = ("a", "o", "f", "s", "w", "wd", "bp")
_WITHDRAW = "wd"
_SECONDS = range(1, 10**9)


def _identity(change: ChangeLog) -> tuple[str, str, str]:
    return change.log, change.ip or "", change.user_agent or ""


_LOGIN_HISTORY = newest_first(LoginHistory, MOST_LOGINS, "time")
_CHANGE_HISTORY = newest_first(ChangeLog, MOST_CHANGES, "mts_create", _identity)


class AccountEndpoints(SignedEndpoints):
    """The account: its owner, fees, logins, settings changes, key permissions and tokens."""

    def get_user_info(self) -> UserInfo:
        """
        Return the account's owner and settings.

        ``POST auth/r/info/user``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-info-user
        """
        return self._read(_USER, UserInfo.from_row)

    def get_summary(self) -> Summary:
        """
        Return the account's fees, and its volume, fees and earnings of 30 days.

        ``POST auth/r/summary``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-summary
        """
        return self._read(_SUMMARY, Summary.from_row)

    def get_key_permissions(self) -> ModelList[KeyPermission]:
        """
        Return the permissions of the key.

        ``POST auth/r/permissions``, 90 requests per minute.
        https://docs.bitfinex.com/reference/key-permissions
        """
        return self._read_many(_PERMISSIONS, KeyPermission.from_row)

    def get_login_history(
        self, *, start: Time = None, end: Time = None, limit: int | None = None
    ) -> ModelList[LoginHistory]:
        """
        Return logins, newest first.

        ``POST auth/r/logins/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-logins-hist

        Parameters
        ----------
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 250.
        """
        page = page_params(start, end, limit, maximum=MOST_LOGINS)
        return self._read_many(_LOGINS, LoginHistory.from_row, page)

    @iterator
    def iter_login_history(
        self, **options: Unpack[HistoryOptions[LoginHistory]]
    ) -> HistoryRows[LoginHistory]:
        """Iterate over logins, newest first."""
        return self._history(_LOGIN_HISTORY, self.get_login_history, "logins", options)

    def get_changelog_history(
        self, *, start: Time = None, end: Time = None, limit: int | None = None
    ) -> ModelList[ChangeLog]:
        """
        Return changes of the account's settings, newest first.

        ``POST auth/r/audit/hist``, 90 requests per minute.
        https://docs.bitfinex.com/reference/rest-auth-audit-hist

        Parameters
        ----------
        start, end : int or datetime, optional
            First and last time, inclusive: Unix milliseconds, or an aware datetime.
        limit : int, optional
            Rows, at most 500.
        """
        page = page_params(start, end, limit, maximum=MOST_CHANGES)
        return self._read_many(_CHANGES, ChangeLog.from_row, page)

    @iterator
    def iter_changelog_history(
        self, **options: Unpack[HistoryOptions[ChangeLog]]
    ) -> HistoryRows[ChangeLog]:
        """
        Iterate over changes of the account's settings, newest first.

        Changes have no id, so equal ones of the same millisecond count as one.
        """
        get = self.get_changelog_history
        return self._history(_CHANGE_HISTORY, get, "changes", options)

    def get_performance_history(self) -> Any:
        """
        Return the account's daily performance, as received. Deprecated.

        ``POST auth/r/stats/perf:1D/hist`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        deprecated("get_performance_history")
        return self._read_raw(_PERFORMANCE)

    def generate_token(
        self,
        *,
        scope: str = "api",
        ttl: int | None = None,
        caps: Sequence[str] | None = None,
        write_permission: bool | None = None,
        cust_ip: str | None = None,
    ) -> AuthToken:
        """
        Create a token for `bfxsync.auth.signer.TokenSigner`.

        ``POST auth/w/token``, 10 requests per minute (undocumented).
        https://docs.bitfinex.com/reference/generate-token

        Parameters
        ----------
        scope : str, optional
            ``"api"``, the only one.
        ttl : int, optional
            Lifetime in seconds; default 120.
        caps : list of str, optional
            Permissions: ``"a"`` (account), ``"o"`` (orders), ``"f"`` (funding), ``"s"``
            (settings), ``"w"`` (wallets), ``"wd"`` (withdrawals), ``"bp"`` (merchant).
        write_permission : bool, optional
            True: allow writes, which ``"wd"`` needs; default: reads only.
        cust_ip : str, optional
            The user's IP address.

        Returns
        -------
        AuthToken
            Keep it as secret as the key.

        Raises
        ------
        OutcomeUnknown
            The token may have been created. It is unknown, and expires after its lifetime.
        """
        may_write = optional(check_switch_as_bool, "write_permission", write_permission)
        checked = optional(check_items, "caps", caps, check_choice, _CAPS)
        if _WITHDRAW in (checked or ()) and not may_write:
            raise UsageError(f"caps with {_WITHDRAW!r} need write_permission=True")
        body = {
            "scope": check_choice("scope", scope, _SCOPES),
            "ttl": optional(check_integer, "ttl", ttl, _SECONDS),
            "caps": checked,
            "writePermission": may_write,
            "_cust_ip": optional(check_token, "cust_ip", cust_ip),
        }
        hint = "a lost token expires, so the request may be sent again"
        return self._write(Write(_GENERATE, AuthToken.from_row, body, hint=hint))

    def invalidate_token(self, token: str) -> Any:
        """
        Invalidate a token before it expires, and return the response as received.

        ``POST auth/w/token/del`` (undocumented), 10 requests per minute.
        https://github.com/bitfinexcom/bfx-api-node-rest

        Messages and errors never contain the token.
        """
        token = hide(token)
        hint = "the request is idempotent, so it may be sent again"
        return self._write(
            Write(
                _INVALIDATE,
                lambda answer, number: answer,
                # Not in a variable, which error reports would show.
                {"token": check_token("token", token)},
                hint=hint,
            )
        )
