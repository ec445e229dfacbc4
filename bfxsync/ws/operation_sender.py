"""
Sends operations: the checks at the caller's line, the guards, and the replies.

Strategy: everything that can be refused here is refused before anything is sent. An operation is
admitted by the guard on the caller's thread, as that may ask the exchange, and confirmed by the I/O
thread immediately before it is sent. The admission ends when the reply is settled.
"""

from __future__ import annotations

import time
from typing import Any, List, Protocol, Sequence

import attrs

from bfxsync._base.aliases import NumberType
from bfxsync._base.logs import get_logger
from bfxsync.checks.account import check_followed
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds
from bfxsync.errors import AuthError, BfxError, NetworkError, OutcomeUnknown
from bfxsync.guards.dry_run import dry_run_row
from bfxsync.guards.funds import FundsCheck
from bfxsync.guards.guard import OrderGuard, OrderQueries
from bfxsync.guards.outstanding import OutstandingOperations
from bfxsync.guards.requests import PATHS
from bfxsync.models.funding import FundingOffer
from bfxsync.models.orders import Order, PartialOrder
from bfxsync.outcome.cid_dates import CidDates, Key
from bfxsync.outcome.writes import RecentWrites
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.commands import AnyCommand, Ping, SendMessage, SendOperations
from bfxsync.wire.inputs import MOST_OPERATIONS, OrderInputs
from bfxsync.wire.operations import Operation, never_sent
from bfxsync.ws.drafts import Draft
from bfxsync.ws.order_replies import OrderReply
from bfxsync.ws.replies import Reply, ReplyOwner
from bfxsync.ws.reply_table import ReplyTable, ReplyToken

_log = get_logger(__name__)

# The permission that each operation needs; those about orders need another one.
_PERMISSIONS = {"fon": "funding.write", "foc": "funding.write"}
_FOR_ORDERS = "orders.write"

# Operations after which an account may have more funds.
_FREEING = ("ou", "oc", "oc_multi")

_READERS = {"fon": FundingOffer.from_partial_row, "foc": FundingOffer.from_partial_row}


class InputServices(Protocol):
    """What inputs need of the client, apart from the connection."""

    @property
    def guard(self) -> OrderGuard: ...

    @property
    def cid_dates(self) -> CidDates: ...

    @property
    def is_dry_run(self) -> bool: ...

    @property
    def filters(self) -> Sequence[str]: ...

    @property
    def numbers(self) -> NumberType: ...

    @property
    def inputs(self) -> OrderInputs: ...

    @property
    def queries(self) -> OrderQueries: ...

    @property
    def recent_writes(self) -> RecentWrites:
        """Writes with the current key that may have been executed."""
        ...

    def creation_dates(self) -> List[str]:
        """Return the possible UTC creation dates of an order that is sent now."""
        ...


class AccountPort(ReplyOwner, Protocol):
    """The connection of the account, for threads that send inputs."""

    @property
    def services(self) -> InputServices: ...

    @property
    def replies(self) -> ReplyTable: ...

    @property
    def caps(self) -> Capabilities | None:
        """Permissions of the key; None before the first authentication."""
        ...

    def open(self) -> None:
        """
        Start to open the connection, unless that has happened.

        Raises `UsageError` without a key, `ClosedError` after `close`, or the fatal error.
        """

    def connect(self, timeout_s: float, *, in_maintenance: bool = False) -> None:
        """
        Open the connection, and wait until it is authenticated for the first time.

        Raises the errors of `open`, and `NetworkError`: at once if the connection was lost, and
        unless `in_maintenance` is set also during a maintenance of the exchange.
        """

    def submit(self, command: AnyCommand) -> None:
        """Have the I/O thread execute a command."""

    def check_key(self) -> None:
        """Raise `UsageError` without a key."""

    def funds_check(self) -> FundsCheck | None:
        """Return a check of the orders of one call, if the client checks them."""
        ...

    def live_order(self, id: int) -> Order | None:
        """Return an open order if its latest state is known; None if it has to be requested."""
        ...

    def start_dispatch(self) -> None:
        """Start the dispatch threads, without a connection; raises `ClosedError` after `close`."""


@attrs.frozen
class Delay:
    """How long operations may wait before they are sent."""

    queue_for_s: float | None = None
    buffer_s: float | None = None

    @classmethod
    def of(cls, queue_for_s: object = None, buffer_s: object = None) -> Delay:
        """Build from unchecked values."""
        if queue_for_s is None and buffer_s is None:
            return AT_ONCE
        return cls(
            optional(check_seconds, "queue_for_s", queue_for_s),
            optional(check_seconds, "buffer_s", buffer_s),
        )


AT_ONCE = Delay()


class OperationSender:
    """Sends the operations of all threads."""

    def __init__(self, port: AccountPort) -> None:
        self._port = port
        self._is_dry_run_announced = False

    def send(self, drafts: Sequence[Draft], delay: Delay = AT_ONCE) -> None:
        """Send operations in this order, or raise, having sent none of them."""
        services = self._port.services
        for draft in drafts:
            check_followed(services.filters, draft.name, draft.body.get("symbol"))
        self._connect(drafts, delay)
        self._check(drafts)
        parts = [
            drafts[start : start + MOST_OPERATIONS]
            for start in range(0, len(drafts), MOST_OPERATIONS)
        ]
        admitted: List[OutstandingOperations] = []
        try:
            for part in parts:
                admitted.append(self._admit(part))
        except BaseException:
            for outstanding in admitted:
                outstanding.end()
            raise
        for part, outstanding in zip(parts, admitted):
            if services.is_dry_run:
                self._simulate(part, outstanding)
            else:
                self._submit(part, outstanding, delay)

    def submit(self, reply: Reply[Any], command: AnyCommand) -> None:
        """Send a message that is about no order or offer."""
        port = self._port
        if port.services.is_dry_run and isinstance(command, SendMessage):
            self._announce_dry_run("n", command.info)
            reply.settle()
            return
        port.connect(port.timeout_s, in_maintenance=isinstance(command, Ping))
        port.replies.add(reply)
        port.submit(command)

    # --- before anything is sent --------------------------------------------------------------

    def _connect(self, drafts: Sequence[Draft], delay: Delay) -> None:
        port = self._port
        if port.services.is_dry_run:
            port.check_key()
            return
        if delay.queue_for_s is not None:
            port.open()
            return
        try:
            port.connect(port.timeout_s)
        except NetworkError as exc:
            raise never_sent(drafts[0].name, drafts[0].body, str(exc), exc) from exc

    def _check(self, drafts: Sequence[Draft]) -> None:
        services = self._port.services
        for draft in drafts:
            self._check_permission(draft.name)
            if draft.name == "on":
                services.cid_dates.check_unused(
                    draft.body, draft.is_random, services.creation_dates()
                )
        funds = self._port.funds_check()
        if funds is not None:
            # What the others free is not known before.
            frees = any(draft.name in _FREEING for draft in drafts)
            for draft in drafts:
                if draft.name == "on":
                    funds.check(draft.body, is_size_only=frees)

    def _check_permission(self, name: str) -> None:
        caps, permission = self._port.caps, _PERMISSIONS.get(name, _FOR_ORDERS)
        # Unknown before the first authentication, or if the exchange did not say.
        if caps is not None and not caps.can(permission):
            raise AuthError(
                f"the key has no permission {permission}; nothing was sent",
                raw=caps.raw,
            )

    def _admit(self, drafts: Sequence[Draft]) -> OutstandingOperations:
        services = self._port.services
        path, body = PATHS[drafts[0].name], drafts[0].body
        if len(drafts) > 1:
            path = PATHS["ox_multi"]
            body = {"ops": [[draft.name, draft.body] for draft in drafts]}
        admission = services.guard.admit(
            path, body, services.queries, self._port.live_order
        )
        # The guard may have added flags.
        bodies = [admission.body]
        if len(drafts) > 1:
            bodies = [inner for _, inner in admission.body["ops"]]
        for draft, inner in zip(drafts, bodies):
            draft.body = dict(inner)
        return OutstandingOperations(services.guard, admission, len(drafts))

    # --- sending ------------------------------------------------------------------------------

    def _submit(
        self, drafts: Sequence[Draft], outstanding: OutstandingOperations, delay: Delay
    ) -> None:
        port, now = self._port, time.monotonic()
        operations = []
        for draft in drafts:
            reply, token = draft.reply, ReplyToken(draft.reply)
            sending = _Sending(
                self,
                draft.name,
                draft.new_cids,
                token,
                draft.fingerprint is None,
                outstanding,
            )
            operation = Operation(
                token, draft.name, draft.body, sending.before_send, draft.is_random
            )
            reply.follow(operation, sending.settled, draft.fingerprint)
            operations.append(operation)
            port.replies.add(token)
        queue_for_s, buffer_s = delay.queue_for_s, delay.buffer_s
        port.submit(
            SendOperations(
                tuple(operations),
                now + (port.timeout_s if queue_for_s is None else queue_for_s),
                queue_for_s is not None,
                None if buffer_s is None else now + buffer_s,
            )
        )

    def _simulate(
        self, drafts: Sequence[Draft], outstanding: OutstandingOperations
    ) -> None:
        port = self._port
        port.start_dispatch()
        for draft in drafts:
            self._announce_dry_run(draft.name, draft.body)
            # The program can continue, and cancel it by its client id.
            self._mark_sent(draft.new_cids)
            outstanding.settle(None)
            _complete(draft, self._simulated(draft))
        outstanding.end()
        port.wake()

    def _announce_dry_run(self, name: str, body: object) -> None:
        if not self._is_dry_run_announced:
            self._is_dry_run_announced = True
            _log.warning("dry run: no input is sent; each is logged here at level INFO")
        _log.info("dry run: %s %r", name, body)

    def _simulated(self, draft: Draft) -> Any:
        numbers = self._port.services.numbers
        now_mts = round(time.time() * 1000)
        data = dry_run_row(PATHS[draft.name], draft.body, now_mts, numbers)[4]
        read = _READERS.get(draft.name, Order.from_partial_row)
        if draft.name == "oc_multi":
            return [read(row, numbers) for row in data]
        return read(data[0] if draft.name == "on" else data, numbers)

    # --- the I/O thread -----------------------------------------------------------------------

    def _mark_sent(self, cids: Sequence[int]) -> List[Key]:
        services = self._port.services
        if not cids:
            return []
        return services.cid_dates.mark_sent(cids, services.creation_dates())


def _complete(draft: Draft, value: Any) -> None:
    if isinstance(draft.reply, OrderReply):
        draft.reply.simulate(value)
    else:
        draft.reply.settle(value)


@attrs.define(eq=False)
class _Sending:
    """
    What happens when an operation is sent, and when its fate is known.

    The session keeps it, so it must not refer to the reply.
    """

    _sender: OperationSender
    _name: str
    _new_cids: Sequence[int]
    _token: ReplyToken
    _is_told_apart: bool
    """Whether a search can distinguish it from all others."""
    _outstanding: OutstandingOperations
    _keys: Sequence[Key] = ()

    def before_send(self) -> None:
        """Raise a `BfxError` if it must not be sent any more."""
        sender, token = self._sender, self._token
        sender._check_permission(self._name)
        self._outstanding.admission.confirm()
        self._keys = sender._mark_sent(self._new_cids)
        token.mark_sent()
        if not self._is_told_apart:
            sender._port.services.recent_writes.add(token.record)

    def settled(self, value: Any, error: BfxError | None) -> None:
        """Record the fate, before the user sees it."""
        services, record = self._sender._port.services, self._token.record
        dates = services.cid_dates
        record.mark_ended()
        orders = [
            order
            for order in (value if isinstance(value, list) else [value])
            if isinstance(order, (Order, PartialOrder))
        ]
        was_dated = False
        for order in orders:
            was_dated = dates.see(order, self._name in ("oc", "oc_multi"))
        is_unsent = error is not None and not isinstance(error, OutcomeUnknown)
        new_cid = self._new_cids[0] if self._new_cids else None
        mine = [key for key in self._keys if key[0] == new_cid]
        if is_unsent:
            dates.forget_sent(self._keys)
        elif was_dated and len(mine) > 1:
            # Around midnight it was sent for two dates, of which one is known now.
            dates.forget_sent(mine)
        if is_unsent:
            services.recent_writes.drop(record)
        id = orders[0].id if self._name == "on" and orders else None
        self._outstanding.settle(new_cid, id, error)
