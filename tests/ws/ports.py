"""The account of a client whose commands a test executes itself, in place of the I/O thread."""

from __future__ import annotations

from decimal import Decimal

from replies import Owner, order

from bfxsync import ClosedError, UsageError
from bfxsync.checks.ids import WSS_GIDS
from bfxsync.errors import BfxError
from bfxsync.guards.guard import OrderGuard
from bfxsync.guards.limits import OrderLimits
from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.writes import RecentWrites
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.commands import SendOperations
from bfxsync.wire.inputs import OrderInputs
from bfxsync.ws.inputs import Inputs
from bfxsync.ws.reply_table import ReplyTable

TODAY = "2026-01-31"


class Queries:
    """An exchange whose only order may be updated."""

    def price(self, symbol):
        return Decimal(30000)

    def orders(self, ids):
        return {77: order()}


class Services:
    def __init__(self, is_dry_run=False, affiliate_code=None, filters=(), **limits):
        self.guard = OrderGuard(OrderLimits.of(**limits))
        self.cid_dates = CidDates()
        self.inputs = OrderInputs(WSS_GIDS, affiliate_code, self.cid_dates.date_for)
        self.queries = Queries()
        self.recent_writes = RecentWrites()
        self.is_dry_run = is_dry_run
        self.numbers = float
        self.filters = filters

    def creation_dates(self):
        return [TODAY]


class Port(Owner):
    """Collects commands; `send` does with them what the session does when it sends."""

    def __init__(self, **options):
        super().__init__()
        self.services = Services(**options)
        self.replies = ReplyTable()
        self.commands = []
        self.caps = None
        self.funds = None
        self.calls = []
        self.refusal = None
        self.inputs = Inputs(self)

    def check_key(self):
        self._call("check_key")

    def open(self):
        self._call("open")

    def connect(self, timeout_s, *, in_maintenance=False):
        self._call("connect")

    def funds_check(self):
        return self.funds

    def live_order(self, id):
        return None

    def start_dispatch(self):
        self._call("start_dispatch")

    def _call(self, name):
        self.calls.append(name)
        if self.refusal is not None:
            raise self.refusal

    def submit(self, command):
        self.commands.append(command)

    @property
    def operations(self):
        return [
            operation
            for command in self.commands
            if isinstance(command, SendOperations)
            for operation in command.operations
        ]

    def frames(self):
        """Return name and body of each operation."""
        return [(operation.name, operation.body) for operation in self.operations]

    def send(self):
        """Check and send the operations, and return those that were sent."""
        sent = []
        for operation in self.operations:
            try:
                operation.before_send()
            except BfxError as error:
                self.replies.settle(operation.token, None, error)
            else:
                sent.append(operation)
        return sent

    def settle(self, value=None, error=None, index=-1):
        token = self.operations[index].token
        self.perform(self.replies.settle, token, value, error)


def caps_for(*scopes):
    """Return the permissions of a key that may write in these scopes."""
    return Capabilities({name: {"write": 1} for name in scopes})


NO_KEY = UsageError("the account needs a key")
CLOSED = ClosedError("the client is closed")
