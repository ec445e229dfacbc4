"""The account itself: who it is, what it pays, who logged in, and what was changed."""

from __future__ import annotations

from operator import attrgetter
from typing import Any, Iterator

from bfxsync.checks.arguments import Time, page_params
from bfxsync.models.account import ChangeLog, KeyPermission, LoginHistory, UserInfo
from bfxsync.models.summary import Summary
from bfxsync.rest.auth.base import Budget, SignedEndpoints, deprecated

MOST_LOGINS = 250
MOST_CHANGES = 500

_USER = Budget("auth/r/info/user", 90)
_SUMMARY = Budget("auth/r/summary", 90)
_LOGINS = Budget("auth/r/logins", 90)
_PERMISSIONS = Budget("auth/r/permissions", 90)
_CHANGES = Budget("auth/r/audit", 90)
_PERFORMANCE = Budget("auth/r/stats/perf:1D/hist")


class AccountEndpoints(SignedEndpoints):
    """Who the account is, what it pays, and who used it."""

    def get_user_info(self) -> UserInfo:
        """
        Return whose account it is.

        ``POST auth/r/info/user``. Rate limit: 90 per minute.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-info-user
        """
        return self._read("auth/r/info/user", _USER, UserInfo.from_row)

    def get_summary(self) -> Summary:
        """
        Return what the account pays for trades, and what it traded, paid and earned in 30 days.

        ``POST auth/r/summary``. Rate limit: 90 per minute.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-summary
        """
        return self._read("auth/r/summary", _SUMMARY, Summary.from_row)

    def get_key_permissions(self) -> list[KeyPermission]:
        """
        Return what the key may do.

        ``POST auth/r/permissions``. Rate limit: 90 per minute.

        References
        ----------
        https://docs.bitfinex.com/reference/key-permissions
        """
        return self._read_many(
            "auth/r/permissions", _PERMISSIONS, KeyPermission.from_row
        )

    def get_login_history(
        self, *, start: Time = None, end: Time = None, limit: int | None = None
    ) -> list[LoginHistory]:
        """
        Return who logged in, the newest first.

        ``POST auth/r/logins/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 250.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-logins-hist
        """
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_LOGINS)
        return self._read_many(
            "auth/r/logins/hist", _LOGINS, LoginHistory.from_row, page
        )

    def iter_login_history(
        self,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: LoginHistory | None = None,
        progress: bool = False,
    ) -> Iterator[LoginHistory]:
        """
        Iterate over logins, the newest first; each comes once.

        Parameters
        ----------
        start, end
            As for `get_login_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : LoginHistory, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-logins-hist
        """
        return self._iterate(
            self.get_login_history,
            LoginHistory,
            "logins",
            MOST_LOGINS,
            mts_of=attrgetter("time"),
            identity_of=attrgetter("id"),
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_changelog_history(
        self, *, start: Time = None, end: Time = None, limit: int | None = None
    ) -> list[ChangeLog]:
        """
        Return what was changed in the account's settings, the newest first.

        ``POST auth/r/audit/hist``. Rate limit: 90 per minute.

        Parameters
        ----------
        start, end : int or datetime, optional
            First and last time, both included: milliseconds, or with a time zone.
        limit : int, optional
            Rows, at most 500.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-audit-hist
        """
        page = page_params(start=start, end=end, limit=limit, maximum=MOST_CHANGES)
        return self._read_many("auth/r/audit/hist", _CHANGES, ChangeLog.from_row, page)

    def iter_changelog_history(
        self,
        *,
        start: Time = None,
        end: Time = None,
        limit: int | None = None,
        resume_after: ChangeLog | None = None,
        progress: bool = False,
    ) -> Iterator[ChangeLog]:
        """
        Iterate over changes of the account's settings, the newest first.

        Each comes once, and those that are alike in everything, with the same millisecond, count
        as one: they have no id.

        Parameters
        ----------
        start, end
            As for `get_changelog_history`.
        limit : int, optional
            Rows to ask for at once, as many as possible without it. To get fewer rows, stop
            iterating.
        resume_after : ChangeLog, optional
            The last row that an earlier iterator with the same arguments gave.
        progress : bool, optional
            Show a bar; needs the extra ``progress``.

        References
        ----------
        https://docs.bitfinex.com/reference/rest-auth-audit-hist
        """
        return self._iterate(
            self.get_changelog_history,
            ChangeLog,
            "changes",
            MOST_CHANGES,
            mts_of=attrgetter("mts_create"),
            identity_of=_identity,
            start=start,
            end=end,
            limit=limit,
            resume_after=resume_after,
            progress=progress,
        )

    def get_performance_history(self) -> Any:
        """
        Return how the account did, day by day. It is deprecated.

        ``POST auth/r/stats/perf:1D/hist``, undocumented. Rate limit: 10 per minute. The answer is
        returned as it is sent: nobody has written down what is in it.

        References
        ----------
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        deprecated("get_performance_history")
        return self._read_raw("auth/r/stats/perf:1D/hist", _PERFORMANCE)


def _identity(change: ChangeLog) -> tuple[str, str, str]:
    return change.log, change.ip or "", change.user_agent or ""
