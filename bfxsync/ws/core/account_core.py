"""The part of a client's core that is about its account."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Protocol, cast

from bfxsync._base.enums import ConnectionStatus
from bfxsync._base.latch import Latch
from bfxsync._base.logs import get_logger
from bfxsync.checks.times import check_seconds_or_zero
from bfxsync.errors import BfxError, NetworkError, OutcomeUnknown, UsageError
from bfxsync.guards.funds import FundsCheck
from bfxsync.outcome.resolve import QUERY_S
from bfxsync.wire.account_session import AccountSession
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.channels.account import AccountChannel
from bfxsync.wire.commands import AnyCommand
from bfxsync.wire.frames import SEQ_ALL, TIMESTAMP
from bfxsync.wire.input_queue import SETTLE_S
from bfxsync.ws.account_services import AccountServices
from bfxsync.ws.core.account_table import NO_KEY, AccountTable, Unread
from bfxsync.ws.core.lifetime import Lifetime
from bfxsync.ws.core.placement import Placement
from bfxsync.ws.core.reconciler import Reconciler
from bfxsync.ws.core.subscription_table import Owner
from bfxsync.ws.dispatch.account_events import ACCOUNT_SNAPSHOTS
from bfxsync.ws.dispatch.dispatcher import Dispatcher
from bfxsync.ws.dispatch.event_publisher import EventPublisher
from bfxsync.ws.inputs import Inputs
from bfxsync.ws.io.connection import Connection
from bfxsync.ws.io.link import Link
from bfxsync.ws.replies import Reply
from bfxsync.ws.reply_table import ReplyTable

if TYPE_CHECKING:
    from bfxsync.models.orders import Order

    class AccountOwner(Owner, Protocol):
        """The core of a client, as its account uses it."""

        dispatcher: Dispatcher
        publisher: EventPublisher
        lifetime: Lifetime

        @property
        def placement(self) -> Placement: ...

        def check_may_wait(self) -> None: ...

        def start_dispatch(self) -> None: ...


_log = get_logger(__name__)


class AccountCore:
    """
    The account of a client: its channel, its replies, and its connection, opened at first use.

    Attributes
    ----------
    channel : AccountChannel
    replies : ReplyTable
    reconciler : Reconciler
    inputs : Inputs
    caps : Capabilities or None
        The permissions of the key; None before the first authentication, or if they are
        unreadable.
    was_authenticated : bool
        Whether a socket was authenticated, now or before.
    identity : str or None
        The key with which the latest socket was authenticated.
    has_state : Latch
        Whether the first snapshots have arrived, as far as the exchange sends them.
    """

    def __init__(self, owner: AccountOwner, services: AccountServices) -> None:
        self._owner = owner
        self.services = services
        # With responses to inputs, which the session adds.
        filters = services.filters or None
        self.channel: AccountChannel = AccountChannel(
            services.settings.numbers, filters
        )
        self.replies: ReplyTable = ReplyTable()
        self.reconciler: Reconciler = Reconciler(
            services.open_access, self.submit, owner.publisher.report_now
        )
        self.inputs: Inputs = Inputs(self)
        self.caps: Capabilities | None = None
        self.was_authenticated: bool = False
        self.identity: str | None = None
        self.has_state: Latch = Latch()

    # --- any thread ---------------------------------------------------------------------------

    @property
    def lifetime(self) -> Lifetime:
        """State of the client."""
        return self._owner.lifetime

    @property
    def dispatcher(self) -> Dispatcher:
        """The dispatch threads of the client."""
        return self._owner.dispatcher

    @property
    def timeout_s(self) -> float:
        """Timeout of waiting calls by default."""
        return self.services.settings.timeout_s

    def check_may_wait(self) -> None:
        """Raise `UsageError` on a thread that would wait for itself."""
        self._owner.check_may_wait()

    def check_key(self) -> None:
        """Raise `UsageError` if there is no key."""
        if self.services.signer.signer is None:
            raise UsageError(NO_KEY)

    def open(self) -> None:
        """
        Start to open the connection, unless that has happened.

        Raises `UsageError` without a key, `ClosedError` after `close`, or the fatal error.
        """
        self.opened()

    def opened(self) -> Link:
        """Return the connection; open it if there is none, as `open` does."""
        self.check_key()
        return self._owner.placement.open_account()

    def connect(self, timeout_s: float, *, in_maintenance: bool = False) -> None:
        """
        Open the connection, and wait until it is authenticated for the first time.

        Raises the errors of `open`, and `NetworkError`: at once if the connection was lost, and
        unless `in_maintenance` is set also during a maintenance of the exchange.
        """
        link = self.opened()
        if not link.is_open.is_set:
            self.check_may_wait()
        if link.is_open.wait(0.0 if self.was_authenticated else timeout_s):
            # Set when the connection has ended as well.
            self.lifetime.check_open()
            if in_maintenance or link.status is not ConnectionStatus.MAINTENANCE:
                return
        reason = link.last_error
        because = f": {reason}" if reason is not None else ""
        raise NetworkError(
            f"the account is not connected{because}", phase="send"
        ) from reason

    def resolve(
        self, reply: Reply[Any], error: OutcomeUnknown, timeout: float | None
    ) -> Any:
        """Ask REST for the outcome of a reply; see `OutcomeUnknown.resolve`."""
        if timeout is None:
            timeout = self.services.transport.absence_s + QUERY_S
        deadline = time.monotonic() + check_seconds_or_zero("timeout", timeout)
        if not reply.wait_sent(timeout):
            raise error
        operation, left_s = reply.operation, max(deadline - time.monotonic(), 0.0)
        if operation is None:
            # It is settled, or a ping.
            return reply.result(left_s)
        self.check_may_wait()
        return self.reconciler.resolve(
            operation, reply.record, self.identity, reply, error, left_s
        )

    def funds_check(self) -> FundsCheck | None:
        """Return a check of the orders of one call, if the client checks them."""
        services = self.services
        if not services.checks_funds:
            return None
        self._wait_for_state()
        wallets = self.channel.state.wallets
        known = wallets.items if wallets.has_snapshot else None
        return FundsCheck(
            services.sizes, known, wallets.is_complete and not services.filters
        )

    def live_order(self, id: int) -> Order | None:
        """Return an open order if its latest state is known; None if it has to be requested."""
        channel, settings = self.channel, self.services.settings
        orders, seen_at = channel.state.orders, channel.seen_at
        if not (channel.is_live and orders.is_complete) or seen_at is None:
            return None
        is_stale = settings.clock.now() - seen_at >= settings.stale_after_s
        return None if is_stale else orders.items.get(id)

    def _wait_for_state(self) -> None:
        """Wait a moment for the first snapshots, once authenticated."""
        link = self._owner.placement.account_link
        if link is None or not link.is_open.is_set:
            return
        # The I/O thread, which would receive them, goes on without.
        with suppress(UsageError):
            self.check_may_wait()
            self.has_state.wait(SETTLE_S)

    def start_dispatch(self) -> None:
        """Start the dispatch threads, without a connection."""
        self.lifetime.check_open()
        self._owner.start_dispatch()

    def submit(self, command: AnyCommand) -> None:
        """Let the session execute a command, if there is a connection. Acquires no lock."""
        self._submit(AccountTable.apply, command)

    def renew(self, reason: str) -> None:
        """Authenticate again on another socket, if there is a connection."""
        self._submit(AccountTable.renew, reason)

    def present(self, event: str, handler: Callable[[Any], object]) -> None:
        """Begin a handler of a snapshot event with the present state, if that has come already."""
        if event in ACCOUNT_SNAPSHOTS:
            self._submit(AccountTable.present, event, handler)

    def report_unread(self, error: BfxError) -> None:
        """Report the failure of a reply; only log it after the end. Called by a finalizer."""
        link = self._owner.placement.account_link
        if link is not None and not link.is_finished:
            # Acquires no lock.
            link.submit(cast(Any, AccountTable.report), Unread(error))
        elif not self.lifetime.is_forked:
            _log.warning("%s: %s", type(error).__name__, error)

    def wake(self) -> None:
        """Make the I/O thread serve callbacks that it has to run itself."""
        self.dispatcher.ready.wake()
        link = self._owner.placement.account_link
        if link is not None:
            link.worker.wake()

    def _submit(self, command: Any, *arguments: object) -> None:
        link = self._owner.placement.account_link
        if link is not None:
            link.submit(command, *arguments)

    def make_link(self, number: int) -> Link:
        """Create the connection."""
        services = self.services
        settings = services.settings
        session = AccountSession(
            self.channel,
            flags=settings.flags & (SEQ_ALL | TIMESTAMP),
            filters=services.filters,
            dms=services.has_dms,
            see_order=services.cid_dates.see,
            **settings.session_options,
        )
        connection = Connection(
            number,
            settings,
            self._owner,
            session,
            # The channel of the account counts, and there is no room for others.
            limit=1,
            load=1,
            make_table=partial(AccountTable, account=self),
        )
        cast(AccountTable, connection.link.table).subscribe()
        return connection.link

    # --- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """End the reconciler without waiting. Acquires no lock: a signal handler may call it."""
        self.reconciler.close()

    def join(self, deadline: float) -> bool:
        """Wait for the reconciler to end; False if the deadline passes first."""
        return self.reconciler.join(deadline)

    def detach_after_fork(self) -> None:
        """Forget what belongs to the parent in a forked child."""
        self.replies.forget()
        self.reconciler.detach_after_fork()
