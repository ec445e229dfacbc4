"""
The authentication of a socket, after its handshake.

Strategy: every socket authenticates once, with a nonce of its own. After a refusal the next attempt
is on a fresh socket, as it is not documented whether the old one can still be used. A nonce that
was too small (another user of the key was faster) and errors that pass are retried; a wrong key
ends the client.

https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Mapping, Tuple

from bfxsync._base.enums import LossCause
from bfxsync._base.error_codes import error_from_code
from bfxsync._base.hidden import Hidden
from bfxsync.errors import (
    ApiError,
    AuthError,
    BfxError,
    NonceTooSmall,
    RemoteError,
    SubscriptionRejected,
)
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.codec import dumps
from bfxsync.wire.commands import SendAuth
from bfxsync.wire.frames import read_code
from bfxsync.wire.outputs import (
    AnyOutput,
    Authenticate,
    Authenticated,
    Fail,
    KeyPermissions,
    Reopen,
    Report,
    Send,
)
from bfxsync.wire.subscriptions import error_text

NOTIFY = "notify"
"""The filter of notifications: without it the responses to inputs do not come."""

CANCEL_ORDERS = 4
"""Value of ``dms``: when the socket closes, cancel all orders of the account."""

NONCE_RETRIES = 5
"""Attempts after a nonce that was too small, before the key counts as used by another program."""

REFUSAL_RETRIES = 2
"""Attempts after a refusal that also occurs with valid keys, if the key has worked before."""

# "apikey: invalid", seen with valid keys after fast reconnects, and "already authenticated".
_PASSING = (10_100, 10_101)


class AuthStep(Enum):
    """What the authentication waits for; its name is part of error messages."""

    NOTHING = "nothing"
    NONCE = "nonce"
    RESPONSE = "response to auth"
    DONE = "done"


class Authentication:
    """
    The authentication of each socket of an account.

    Parameters
    ----------
    timeout_s : float
        Timeout of each step.
    filters : tuple of str
        What the exchange sends (``trading``, ``wallet-exchange-BTC``, …); empty for everything.
        Notifications are always added.
    dms : bool
        Cancel all orders of the account when the socket closes.
    """

    def __init__(
        self, timeout_s: float, *, filters: Tuple[str, ...] = (), dms: bool = False
    ) -> None:
        self._timeout_s = timeout_s
        self._options: dict[str, Any] = {}
        if filters:
            self._options["filter"] = list(dict.fromkeys((*filters, NOTIFY)))
        if dms:
            self._options["dms"] = CANCEL_ORDERS
        self._step = AuthStep.NOTHING
        self._deadline: float | None = None
        self._has_succeeded = False
        # Consecutive refusals.
        self._refusal_count = 0

    @property
    def is_done(self) -> bool:
        """Whether the socket is authenticated."""
        return self._step is AuthStep.DONE

    @property
    def has_succeeded(self) -> bool:
        """Whether a socket was authenticated before, or is now."""
        return self._has_succeeded

    def start(self, now: float) -> list[AnyOutput]:
        """Ask for the nonce of this socket, once."""
        if self._step is not AuthStep.NOTHING:
            return []
        self._expect(AuthStep.NONCE, now)
        return [Authenticate()]

    def send(self, command: SendAuth, now: float) -> list[AnyOutput]:
        """Authenticate; without effect unless this socket waits for its nonce."""
        if self._step is not AuthStep.NONCE:
            return []
        self._expect(AuthStep.RESPONSE, now)
        # Hidden, as the text has the signature.
        return [Send(Hidden(dumps({**command.event, **self._options})))]

    def unavailable(self, error: BfxError) -> list[AnyOutput]:
        """Handle that there is no nonce: try again later if that can help."""
        if self._step is not AuthStep.NONCE:
            return []
        if error.retryable:
            self._deadline = None
            return [Report(error), Reopen(str(error), LossCause.AUTHENTICATION)]
        return [Fail(error)]

    def is_about_auth(self, body: Mapping[str, Any]) -> bool:
        """Return whether an `error` event refuses the authentication."""
        error = error_from_code(read_code(body.get("code")), "")
        return self._step is AuthStep.RESPONSE and isinstance(error, AuthError)

    def handle(self, body: dict[str, Any]) -> list[AnyOutput]:
        """Process an `auth` event, or an `error` about it."""
        if self._step is not AuthStep.RESPONSE:
            return []
        self._deadline = None
        if body.get("status") != "OK":
            return self._refused(body)
        self._step = AuthStep.DONE
        self._has_succeeded = True
        self._refusal_count = 0
        try:
            permissions = KeyPermissions(Capabilities.parse(body.get("caps")))
        except RemoteError as exc:
            # Nothing is known to be permitted, so the exchange has to decide.
            return [Report(exc), KeyPermissions(None), Authenticated(body)]
        return [permissions, Authenticated(body)]

    def lose(self) -> None:
        """Reset the state after the loss of the socket."""
        self._step = AuthStep.NOTHING
        self._deadline = None

    def deadline(self) -> float | None:
        """Return when to call `tick`, or None."""
        return self._deadline

    def tick(self, now: float) -> list[AnyOutput]:
        """Replace a socket whose next step has timed out."""
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        reason = f"no {self._step.value} within {self._timeout_s:g} s"
        return [Reopen(reason, LossCause.AUTHENTICATION)]

    def _expect(self, step: AuthStep, now: float) -> None:
        self._step = step
        self._deadline = now + self._timeout_s

    def _refused(self, body: dict[str, Any]) -> list[AnyOutput]:
        code = read_code(body.get("code"))
        error = error_from_code(code, error_text(body), body, AuthError)
        if isinstance(error, SubscriptionRejected):
            # Such a code has another meaning here: nothing was subscribed.
            error = AuthError(error_text(body), code=code, raw=body)
        self._refusal_count += 1
        if self._refusal_count > self._retries(error):
            return [Fail(error)]
        reason = f"the authentication was refused: {error}"
        return [Reopen(reason, LossCause.AUTHENTICATION)]

    def _retries(self, error: ApiError) -> float:
        """Return how many refusals in a row are tried again."""
        if isinstance(error, NonceTooSmall):
            return NONCE_RETRIES
        if error.retryable:
            # Maintenance or a limit, which say nothing about the key.
            return float("inf")
        return REFUSAL_RETRIES if self._has_succeeded and error.code in _PASSING else 0
