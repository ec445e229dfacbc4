"""Tokens, which stand in for a key for some time."""

from __future__ import annotations

from typing import Any, Sequence

from bfxsync._base.hidden import hide
from bfxsync.checks.arguments import check_choice, check_integer
from bfxsync.checks.order_arguments import check_items, check_switch, optional
from bfxsync.errors import UsageError
from bfxsync.models.account import AuthToken
from bfxsync.rest.auth.base import Budget, SignedEndpoints
from bfxsync.rest.auth.transfer_bodies import check_token

_GENERATE = Budget("auth/w/token")
_INVALIDATE = Budget("auth/w/token/del")

_SCOPES = ("api",)
_CAPS = ("a", "o", "f", "s", "w", "wd", "bp")
_WITHDRAW = "wd"
_SECONDS = range(1, 10**9)


class TokenEndpoints(SignedEndpoints):
    """Tokens, which stand in for a key for some time."""

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
        Make a token, with which `bfxsync.auth.signer.TokenSigner` signs.

        ``POST auth/w/token``. Rate limit: 10 per minute (undocumented).

        Parameters
        ----------
        scope : str, optional
            ``"api"``: the exchange knows no other.
        ttl : int, optional
            For how many seconds it holds; 120 without it.
        caps : list of str, optional
            What it may do: ``"a"`` (account), ``"o"`` (orders), ``"f"`` (funding), ``"s"``
            (settings), ``"w"`` (wallets), ``"wd"`` (withdrawals), ``"bp"`` (merchant).
        write_permission : bool, optional
            True: it may change something too; ``"wd"`` needs it. Without it it may not.
        cust_ip : str, optional
            The user's address.

        Returns
        -------
        AuthToken
            As secret as the key.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            There may be a token that nobody knows; it ends after its time.

        References
        ----------
        https://docs.bitfinex.com/reference/generate-token
        """
        may_write = optional(check_switch, "write_permission", write_permission)
        checked = optional(check_items, "caps", caps, _check_cap)
        if _WITHDRAW in (checked or ()) and not may_write:
            raise UsageError(f"caps with {_WITHDRAW!r} need write_permission=True")
        body = {
            "scope": check_choice("scope", scope, _SCOPES),
            "ttl": optional(check_integer, "ttl", ttl, _SECONDS),
            "caps": checked,
            "writePermission": None if may_write is None else bool(may_write),
            "_cust_ip": optional(check_token, "cust_ip", cust_ip),
        }
        return self._write(
            "auth/w/token",
            _GENERATE,
            AuthToken.from_row,
            body,
            hint="a token that nobody knows ends by itself, so it may be sent again",
        )

    def invalidate_token(self, token: str) -> Any:
        """
        End a token before its time.

        ``POST auth/w/token/del``, undocumented. Rate limit: 10 per minute. The answer is returned
        as it is sent: nobody has written down what is in it.

        Parameters
        ----------
        token : str
            It is in no message and no error.

        Raises
        ------
        UsageError
            It is none.
        ApiError
            The exchange refused it.
        OutcomeUnknown
            It may have been executed.

        References
        ----------
        https://github.com/bitfinexcom/bfx-api-node-rest
        """
        token = hide(token)
        return self._write(
            "auth/w/token/del",
            _INVALIDATE,
            lambda answer, number: answer,
            {"token": check_token("token", token)},
            hint="it does nothing more the second time, so it may simply be sent again",
        )


def _check_cap(name: str, value: object) -> str:
    return check_choice(name, value, _CAPS)
