"""
Channel 0 of one authenticated socket: snapshots, the events of the account, notifications.

Strategy: the account sends each event to all its sockets, whether the order came by REST or from
another socket. An input is executed completely before it is acknowledged; the events that it causes
are held back on its own socket until then, so that they follow the acknowledgement, as on the real
exchange.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Iterator

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.units import Row
from bfxsync.paper.server.account_filter import SNAPSHOTS
from bfxsync.paper.server.acks import CallLater
from bfxsync.paper.server.authentication import Login
from bfxsync.paper.server.channel_faults import ChannelFaults, Facts
from bfxsync.paper.server.frames import FrameWriter
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.wire_json import encode

CHAN_ID = 0
SNAPSHOT_S = 0.005
"""Delay of the snapshots: some clients lose snapshots that arrive together with the auth event."""

_UNTIL_CALC = {
    "ps": slice(6, 10),
    "pn": slice(6, 10),
    "pu": slice(6, 10),
    "ws": slice(4, 5),
}
"""Values of a row that are null until a ``calc`` input requests them."""


class AccountChannel:
    """
    The account channel of one socket, which gets the events of its account until `close`.

    Parameters
    ----------
    faults : ChannelFaults
        Those of this socket.
    cut : callable
        Cuts the connection after what was sent so far.
    notification_seq : bool
        Whether the acknowledgement of an input (``on-req`` …) counts in the socket's sequence.
    """

    def __init__(
        self,
        login: Login,
        registry: AccountRegistry,
        frames: FrameWriter,
        faults: ChannelFaults,
        call_later: CallLater,
        cut: Callable[[], None],
        *,
        notification_seq: bool,
    ) -> None:
        self.login = login
        self.account: Account = login.credential.account
        self._registry = registry
        self.cut = cut
        self._frames = frames
        self._faults = faults
        self._call_later = call_later
        self._notification_seq = notification_seq
        self._auth_seq = 0
        self._is_synchronized = False
        self._is_open = True
        # Events waiting for the acknowledgement of the input that caused them.
        self._held: list[Callable[[], None]] | None = None
        self.account.listeners.append(self._event)

    def send_snapshots(self) -> None:
        """Send the snapshots, after which events are numbered."""
        if not self._is_open:
            return
        for code, rows in zip(SNAPSHOTS, self._snapshots()):
            if self.login.filter.has_snapshot(code):
                covered = (row for row in rows if self.login.filter.covers(code, row))
                self._send(code, encode([_blanked(code, row) for row in covered]))
        self._is_synchronized = True

    def send(self, code: str, row: Row) -> None:
        """Send a row unchanged, if the filter includes it."""
        if self.login.filter.covers(code, row):
            body = encode(row)
            self._in_turn(lambda: self._send(code, body))

    @contextmanager
    def holding_events(self) -> Iterator[None]:
        """Hold events back until the end of the block; `acknowledge` sends immediately."""
        held: list[Callable[[], None]] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
            for send in held:
                send()

    def acknowledge(self, row: Row, facts: Facts | None = None) -> None:
        """
        Send the notification about an input to this socket.

        The facts of an operation select the faults that happen to it.
        """
        if not self.login.filter.covers("n", row):
            return
        body, fire = f'"n",{encode(row)}', self._faults.fire
        if fire("lost_notification", facts):
            return
        late = fire("late_notification", facts)
        if late is not None:
            delay_s = late.options["delay_s"]
            self._call_later(delay_s, lambda: self._notify(body))
        elif fire("notification_after_events", facts):
            self._in_turn(lambda: self._notify(body))
        else:
            self._notify(body)
            if fire("duplicate_notification", facts):
                self._notify(body)
            if fire("cut_after_notification", facts):
                self.cut()

    def heartbeat(self) -> None:
        """Send a heartbeat."""
        self._frames.write(CHAN_ID, '"hb"')

    def close(self) -> None:
        """Send no more events."""
        self._is_open = False
        self.account.listeners.remove(self._event)

    def _event(self, code: str, row: Row) -> None:
        if not self.login.filter.covers(code, row):
            return
        for _ in range(self._faults.copies(code, row)):
            self.send(code, _blanked(code, row))
        if self._faults.cuts_after(code, row):
            self._in_turn(self.cut)

    def _in_turn(self, action: Callable[[], None]) -> None:
        """Do something now, or after the acknowledgement that events wait for."""
        if self._held is None:
            action()
        else:
            self._held.append(action)

    def _notify(self, body: str) -> None:
        if not self._is_open:
            return
        if self._notification_seq:
            self._frames.write(CHAN_ID, body, self._auth_seq)
        else:
            self._frames.write_uncounted(CHAN_ID, body, self._auth_seq)

    def _send(self, code: str, body: str) -> None:
        # A notification does not advance the second number, which is 0 until the snapshots are
        # complete.
        if self._is_synchronized and code != "n":
            self._auth_seq += 1
        self._frames.write(CHAN_ID, f'"{code}",{body}', self._auth_seq)

    def _snapshots(self) -> Iterator[list[Row]]:
        """Yield the rows of each snapshot, in the order of `SNAPSHOTS`."""
        account, funding = self.account, self._registry.funding
        yield [position.row() for position in account.positions.open.values()]
        yield [wallet.row() for wallet in account.wallets]
        yield [order.row() for order in account.orders.values()]
        yield funding.offers(account)
        yield funding.loans(account, True)
        yield funding.loans(account, False)


def _blanked(code: str, row: Row) -> Row:
    """Return a row with null for the values that are not known before a calculation."""
    blank = _UNTIL_CALC.get(code)
    if blank is None:
        return row
    row = list(row)
    row[blank] = [None] * len(row[blank])
    return row
