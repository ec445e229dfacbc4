"""Inputs that have no fate: calculations, notifications and pings."""

from __future__ import annotations

import time
from typing import Any

from bfxsync.checks.calculations import check_calculation
from bfxsync.checks.containers import check_items, optional
from bfxsync.wire.commands import Ping, SendCalc, SendMessage
from bfxsync.wire.messages import (
    check_message_id,
    check_message_info,
    check_message_type,
)
from bfxsync.ws.operation_sender import AccountPort, OperationSender
from bfxsync.ws.replies import Reply, Request
from bfxsync.ws.reply_table import PingReply


class Messages:
    """The messages to the exchange that change nothing; see `Inputs`."""

    def __init__(self, port: AccountPort) -> None:
        self._port = port
        self._sender = OperationSender(port)

    def calc(self, *names: str) -> Reply[None]:
        """
        Ask the exchange to calculate values, which it then sends as updates.

        Equal names that wait are sent once, 30 per message and 8 messages per second.
        https://docs.bitfinex.com/reference/ws-auth-input-calc

        Parameters
        ----------
        *names : str
            ``"balance"``, ``"margin_base"``, ``"margin_sym_tBTCUSD"``, ``"funding_sym_fUSD"``,
            ``"position_tBTCUSD"``, ``"wallet_exchange_BTC"``.

        Returns
        -------
        Reply of None
            Done when all of them were sent; the exchange does not answer.
        """
        checked = tuple(check_items("names", names, check_calculation))
        reply: Reply[None] = Reply(self._port, Request("calc"))
        self._sender.submit(reply, SendCalc(checked, reply))
        return reply

    def notify(
        self, info: Any, message_id: int | None = None, *, type: str = "ucm-test"
    ) -> Reply[None]:
        """
        Send a message to the other connections of the account, as their event `notification`.

        https://docs.bitfinex.com/reference/ws-auth-input-notification

        Parameters
        ----------
        info : object
            Any JSON value. For ``"ucm-notify-ui"``, which the web page shows: ``{"type": "info",
            "level": "info", "message": "hello"}``.
        message_id : int, optional
        type : str
            Begins with ``ucm-``.

        Returns
        -------
        Reply of None
            Done when it was sent; the exchange does not answer.
        """
        kind = check_message_type("type", type)
        number = optional(check_message_id, "message_id", message_id)
        content = check_message_info("info", info)
        reply: Reply[None] = Reply(self._port, Request(f"notify of {kind}"))
        self._sender.submit(reply, SendMessage(kind, content, number, reply))
        return reply

    def ping(self) -> Reply[float]:
        """Send a ping on the connection of the account; the result is the time of the answer."""
        port = self._port
        reply = PingReply(port, port.replies)
        self._sender.submit(reply, Ping(reply, time.monotonic() + port.timeout_s))
        return reply
