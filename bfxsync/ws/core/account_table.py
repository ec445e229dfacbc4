"""
The subscriptions of the account's connection, its replies, and its authentication.

Everything here runs on the connection's thread.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Protocol, Sequence

import attrs

from bfxsync._base.describe import error_text
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.auth.signer import RestSigner
from bfxsync.errors import BfxError, UsageError
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.channels import Channel
from bfxsync.wire.commands import (
    AnyCommand,
    AuthUnavailable,
    Resubscribe,
    SendAuth,
)
from bfxsync.wire.operations import Operation
from bfxsync.wire.outputs import (
    AccountOutput,
    AccountReplaced,
    Authenticate,
    Authenticated,
    FetchMissed,
    KeyPermissions,
    Observe,
    Reconcile,
    Resolve,
    Settle,
)
from bfxsync.ws.account_services import AccountServices
from bfxsync.ws.core.reconciler import Reconciler
from bfxsync.ws.core.shared_subscription import SharedSubscription
from bfxsync.ws.core.subscription_table import (
    Outputs,
    SubscriptionOutput,
    SubscriptionTable,
)
from bfxsync.ws.dispatch.account_events import PresentState
from bfxsync.ws.reply_table import ReplyTable

_log = get_logger(__name__)

NO_KEY = (
    "the account needs a key: Client(api_key=…, api_secret=…), or the environment variables "
    "BFX_API_KEY and BFX_API_SECRET"
)


@attrs.frozen
class Unread:
    """The failure of a reply that was dropped before anybody has read it."""

    error: BfxError


class Account(Protocol):
    """The account, as its connection uses it."""

    services: AccountServices
    replies: ReplyTable
    reconciler: Reconciler
    caps: Capabilities | None
    was_authenticated: bool
    identity: str | None
    has_state: Latch

    @property
    def channel(self) -> Channel: ...


@attrs.define(eq=False, repr=False, slots=False)
class AccountTable(SubscriptionTable):
    """The permanent subscription of channel 0, and what the session wants done for the account."""

    account: Account = attrs.field(kw_only=True)
    # Number of the latest authentication; the nonce of an earlier one may come late.
    _attempt: int = attrs.field(default=0, init=False)

    def subscribe(self) -> None:
        """Subscribe channel 0, before the thread of the connection is started."""
        channel = self.account.channel
        shared = SharedSubscription(
            channel,
            {"channel": channel.name},
            clock=self.account.services.settings.clock,
            is_permanent=True,
        )
        # The exchange subscribes channel 0 automatically: subscribers wait for its snapshot only.
        shared.is_resolved = True
        self._request(shared)

    # --- commands -----------------------------------------------------------------------------

    def apply(self, command: AnyCommand) -> Outputs:
        """Execute a command of the user, or a result of the reconciler."""
        session: Any = self._session
        outputs: Outputs = session.apply(command, self._clock())
        return outputs

    def authenticate(
        self, attempt: int, signer: RestSigner, nonce: int | Exception
    ) -> Outputs:
        """Authenticate with a nonce that was drawn, unless the socket is another one now."""
        if attempt != self._attempt:
            return ()
        self.account.identity = signer.identity
        if isinstance(nonce, int):
            return self.apply(SendAuth(signer.auth_event(nonce)))
        error = nonce
        if not isinstance(error, BfxError):
            error = BfxError(f"no nonce: {error_text(nonce)}")
            error.__cause__ = nonce
        return self.apply(AuthUnavailable(error))

    def renew(self, reason: str) -> Outputs:
        """Authenticate again, on another socket."""
        shared = self._shared[self.account.channel.identity]
        return self._session.apply(Resubscribe(shared, reason), self._clock())

    def present(self, event: str, handler: Callable[[Any], object]) -> Outputs:
        """Begin a new handler with the present state, if there are others already."""
        shared = self._shared[self.account.channel.identity]
        if shared.listener is not None:
            restart = shared.channel.restart
            state = [PresentState(event, handler, each) for each in restart()]
            shared.listener.mailbox.put(state, restart)
        return ()

    def report(self, unread: Unread) -> Outputs:
        """Report the failure of a reply whose error was never read."""
        self._owner.publisher.reported(unread.error)
        return ()

    # --- outputs ------------------------------------------------------------------------------

    def perform(self, output: SubscriptionOutput | AccountOutput) -> Outputs:
        """Perform an output of the session, and return the resulting outputs."""
        account = self.account
        if isinstance(output, Settle):
            reply: Any = output.token
            account.replies.settle(reply, output.value, output.error)
            account.reconciler.settled(reply)
        elif isinstance(output, Observe):
            reply = output.token
            reply.observe(output.order, output.trade)
            if reply.needs_nothing:
                account.replies.discard(reply)
        elif isinstance(output, Reconcile):
            self._reconcile(output.operation)
        elif isinstance(output, FetchMissed):
            account.reconciler.fetch_missed(output.since_mts, output.order_ids)
        elif isinstance(output, Authenticate):
            return self._authenticate()
        elif isinstance(output, KeyPermissions):
            account.caps = output.caps
            account.was_authenticated = True
        elif isinstance(output, Authenticated):
            self._owner.publisher.authenticated(output.body)
        elif isinstance(output, AccountReplaced):
            for reply in account.replies.end_sent(output.error):
                account.reconciler.settled(reply)
            account.services.cid_dates.clear()
        else:
            if isinstance(output, Resolve):
                account.has_state.set()
            return super().perform(output)
        return ()

    def _authenticate(self) -> Outputs:
        """Draw a nonce, which a nonce file delivers later on another thread."""
        # Read here: each socket uses the key that is current when it authenticates.
        signer = self.account.services.signer.signer
        self._attempt += 1
        if signer is None:
            return self.apply(AuthUnavailable(UsageError(NO_KEY)))
        home: Any = self._home
        deliver = partial(home.submit, AccountTable.authenticate, self._attempt, signer)
        try:
            signer.nonce.draw(deliver)
        except BfxError as exc:
            deliver(exc)
        return ()

    def _reconcile(self, operation: Operation) -> None:
        reply: Any = operation.token
        account = self.account
        account.reconciler.reconcile(
            operation, reply.record, account.identity, reply.done
        )

    # --- the end ------------------------------------------------------------------------------

    def end(self, error: BfxError | None, waiting: BfxError) -> None:
        """End the subscription, and the replies that are left."""
        try:
            super().end(error, waiting)
        finally:
            self.account.replies.end(waiting)

    def refuse(
        self, arguments: Sequence[object], exception: BfxError | None, error: BfxError
    ) -> None:
        """Fail a command after the end."""
        super().refuse(arguments, exception, error)
        for argument in arguments:
            if isinstance(argument, Unread):
                # Only logged: `on_error` has had its last call.
                name = type(argument.error).__name__
                _log.warning("%s: %s", name, argument.error)
        self.account.replies.end(error)
