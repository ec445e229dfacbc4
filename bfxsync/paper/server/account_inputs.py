"""
Inputs of the account channel: ``[0, type, message id, data]``.

https://docs.bitfinex.com/docs/ws-auth
"""

from __future__ import annotations

from typing import Any, Callable

from bfxsync.paper.engine.errors import GENERIC, Invalid
from bfxsync.paper.engine.order_requests import Body
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server import funding_operations, order_operations
from bfxsync.paper.server.account_channel import AccountChannel
from bfxsync.paper.server.acks import CallLater, Event
from bfxsync.paper.server.calculations import calculate
from bfxsync.paper.server.channel_faults import Facts
from bfxsync.paper.server.keys import NO_RIGHT
from bfxsync.paper.server.order_faults import facts_of, operate, refuse
from bfxsync.paper.server.order_operations import (
    Reply,
    notification,
    partial_row,
    read_operations,
)
from bfxsync.paper.server.rest.query import RATE_LIMIT, SignedCall

UNKNOWN = 10000
# By operation, the rights that it needs.
_SCOPES = {
    **dict.fromkeys(order_operations.OPERATIONS, "orders"),
    **dict.fromkeys(funding_operations.OPERATIONS, "funding"),
}
_MESSAGE_TYPES = "ucm-"
_MOST_CALCULATIONS, _CALCULATIONS_PER_S = 30, 8


class AccountInputs:
    """
    Executes the inputs of one authenticated socket.

    Parameters
    ----------
    call : SignedCall
        A REST request with the same credential.
    send_event : callable
        Sends an event to the socket, such as an error.
    call_later : callable
        Calls a function after a number of seconds.
    """

    def __init__(
        self,
        channel: AccountChannel,
        call: SignedCall,
        send_event: Callable[[Event], None],
        call_later: CallLater,
    ) -> None:
        self._channel = channel
        self._call = call
        self._faults = call.market_data.faults
        self._now_mts = call.market_data.now_mts
        self._send_event = send_event
        self._call_later = call_later
        self._calculations = 0

    def receive(self, kind: object, message_id: object, data: Any) -> None:
        """Execute an input."""
        if self._is_cut_before(kind, data):
            self._channel.cut()
            return
        recorder, account = self._call.registry.recorder, self._channel.account
        with recorder.request(account, "ws", str(kind), data) as self._record:
            self._execute(kind, message_id, data)

    def _execute(self, kind: object, message_id: object, data: Any) -> None:
        body = data if isinstance(data, dict) else {}
        if isinstance(kind, str) and kind in _SCOPES:
            self._operate(kind, body)
        elif kind == "ox_multi":
            self._operate_all(data)
        elif kind == "calc":
            self._calculate(data)
        elif kind == "n":
            self._notify(message_id, data)
        else:
            text = f"input: invalid ({kind})"
            self._send_event({"event": "error", "msg": text, "code": UNKNOWN})

    def _is_cut_before(self, kind: object, data: Any) -> bool:
        """Return whether the connection breaks before one of these operations has come."""
        if not self._faults.armed:
            return False
        operations = data if kind == "ox_multi" else [[kind, data]]
        try:
            found = [facts_of(self._call, name, body) for name, body in operations]
        except (TypeError, ValueError, AttributeError):
            return False  # malformed
        return any(self._faults.fire("cut_before_input", **facts) for facts in found)

    def _facts(self, name: str, body: Body) -> Facts | None:
        # Before it is executed, since a cancelled order is no longer found.
        return facts_of(self._call, name, body) if self._faults.armed else None

    def _operate(self, name: str, body: Body) -> None:
        facts = self._facts(name, body)
        with self._channel.holding_events():
            if self._call.credential.allows(_SCOPES[name], "w"):
                reply = operate(self._call, name, body)
            else:
                reply = refuse(name, body, NO_RIGHT, GENERIC)
            self._acknowledge(f"{name}-req", _info(name, body, reply), reply, facts)

    def _operate_all(self, data: object) -> None:
        try:
            ops = read_operations(data)
        except Invalid as invalid:
            reply = Reply([], invalid.message, code=invalid.code)
            self._acknowledge("ox_multi-req", None, reply)
            return
        for name, body in ops:
            self._operate(name, body)

    def _acknowledge(
        self, kind: str, info: object, reply: Reply, facts: Facts | None = None
    ) -> None:
        if reply.is_lost:
            return
        text, status, code = reply.text, reply.status, reply.code
        row = notification(self._now_mts(), kind, info, text, status, code)
        self._record(row)
        if facts is not None and self._faults.fire("cut_after_input", **facts):
            self._channel.cut()
        self._channel.acknowledge(row, facts)

    def _calculate(self, data: object) -> None:
        if not isinstance(data, list):
            return
        names = [item[0] if isinstance(item, list) and item else item for item in data]
        if len(names) > _MOST_CALCULATIONS or not self._has_time():
            limit = {"event": "error", "msg": "calc: limit", "code": RATE_LIMIT}
            self._send_event(limit)
            return
        for name in names:
            found = calculate(name, self._call) if isinstance(name, str) else None
            if found is not None:
                self._channel.send(*found)

    def _has_time(self) -> bool:
        """Count a calculation; False if there were too many in the last second."""
        if self._calculations >= _CALCULATIONS_PER_S:
            return False
        self._calculations += 1
        self._call_later(1.0, self._forget_calculation)
        return True

    def _forget_calculation(self) -> None:
        self._calculations -= 1

    def _notify(self, message_id: object, data: object) -> None:
        """Send a message of the user to all sockets of the account."""
        kind = data.get("type") if isinstance(data, dict) else None
        if not (isinstance(kind, str) and kind.startswith(_MESSAGE_TYPES)):
            reply = Reply([], "type: invalid", code=GENERIC)
            self._acknowledge("n-req", None, reply)
            return
        assert isinstance(data, dict)
        row = notification(self._now_mts(), kind, data.get("info"), "")
        row[2] = message_id if type(message_id) in (int, str) else None
        self._channel.account.emit("n", row)


def _info(name: str, body: Body, reply: Reply) -> Row | list[Row]:
    """Return the orders in a notification: one row, or for ``oc_multi`` a list of rows."""
    if name == "oc_multi":
        return reply.rows
    if name == "oc" and body.get("id") is None and reply.code is None:
        return partial_row(None, None, body.get("cid"))
    return reply.first
