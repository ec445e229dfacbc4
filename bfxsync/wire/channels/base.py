"""What all channels have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, Callable

from bfxsync._base.aliases import NumberType
from bfxsync.errors import BfxError, RemoteError
from bfxsync.models.rows import SCREEN_ERRORS
from bfxsync.models.stream import Degraded
from bfxsync.wire.channels.shapes import FITS, Fits
from bfxsync.wire.recovery import RecoveryBudget

# A frame that is no list, or too short for what it says it is. A model's RemoteError says more.
FRAME_ERRORS = (RemoteError, RecursionError, *SCREEN_ERRORS)


class Channel(ABC):
    """
    One channel as it was asked for.

    Attributes
    ----------
    arguments : dict of str
        The request's fields, sent again word for word after a reconnect.
    is_live : bool
        The first data of this connection has come.
    extras : bool
        Somebody wants the items that only events carry: `TradeUpdate` and `Checksum`.
    errors : list of BfxError
        What was wrong with frames since this was last cleared.
    symbol : str
        Of a key its last part: ``tBTCUSD``, ``fUSD:p30``, ``tBTCF0:USTF0``, ``global``.
    resync_reason : str or None
        Why the channel must be subscribed anew, such as updates without the snapshot before.
    is_degraded : bool
        It is known to be wrong, and subscribing anew did not help lately.
    is_bulk : bool
        Updates may come as lists of rows (`Flag.BULK_UPDATES`, as acknowledged on this connection).
    has_event : bool
        Among the updates last returned is an event that may not be the first of them.
    recovery : Recovery
        How often that happened by itself.
    unanswered : int
        Requests for it, in a row, that brought no data although the socket was open; the time for
        the next one follows from that, on whichever connection.
    seen_at : float or None
        When the last frame of any kind came, heartbeats and the acknowledgement included
        (monotonic time); None before the first on this connection.
    """

    name: str

    def __init__(self, arguments: dict[str, str], number: NumberType) -> None:
        self.arguments = arguments
        # Behind the first words of a key: "trade:1m:fUSD:p30", "deriv:tBTCF0:USTF0".
        words = 2 if self.name == "candles" else 1
        key = arguments.get("key", "")
        self.symbol = arguments.get("symbol") or key.split(":", words)[-1]
        self.is_funding = self.symbol.startswith("f")
        self.is_live = False
        self.extras = False
        self.errors: list[BfxError] = []
        self.resync_reason: str | None = None
        self.is_degraded = False
        self.is_bulk = False
        self.has_event = False
        self.recovery = RecoveryBudget()
        self.unanswered = 0
        self.seen_at: float | None = None
        self._number = number

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two requests the same to the exchange."""
        return (self.name, *self.arguments.values())

    def request(self) -> dict[str, str]:
        """Return the fields of the subscribe message."""
        return {"channel": self.name, **self.arguments}

    def matches(self, body: dict[str, Any]) -> bool:
        """
        Tell whether an answer without `subId` is about this channel.

        A length may come back as text or number, as it was sent; a field that is not echoed
        says nothing, but without channel and symbol there is no telling.
        """
        name = "key" if "key" in self.arguments else "symbol"
        echoed = {"channel": None, name: None, **body}
        return all(
            key not in echoed or str(echoed[key]) == value
            for key, value in self.request().items()
        )

    @abstractmethod
    def feed_many(self, frames: list[list[Any]]) -> list[Any]:
        """Return the updates of whole frames of this channel, in order."""

    @abstractmethod
    def restart(self) -> list[Any]:
        """Return what a consumer who starts now must get first; nothing before the first data."""

    def lose(self) -> None:
        """Forget what only held for the connection that is gone."""
        self.is_live = False
        self.resync_reason = None
        self.seen_at = None

    def suspend(self, jump_s: float) -> None:
        """Take that all that was noted is older than the clock says."""
        if self.seen_at is not None:
            self.seen_at -= jump_s

    def _maker(self, model: Any) -> Callable[[Any], Any]:
        """Return what makes the model of a row that is of its kind, with the client's numbers."""
        read: Callable[[Any], Any] = model.from_row
        if self._number is not float:
            read = partial(model.from_row, number=self._number)
        fits: Fits = FITS[model]
        self._read, self._fits = read, fits

        def make(row: Any) -> Any:
            made = read(row)
            if not fits(row, made):
                raise self._foreign(row)
            return made

        return make

    def _foreign(self, row: Any) -> RemoteError:
        name = f"{self.name} {self.symbol}"
        return RemoteError(f"{name}: a row of another channel", raw=row)

    def _distrust(self, reason: str, updates: list[Any]) -> None:
        """Have the channel subscribed anew; if that did not help lately, say so and go on."""
        if not self.recovery.is_spent(self.seen_at or 0.0):
            self.resync_reason = reason
        elif self.is_live and not self.is_degraded:
            self.is_degraded = self.has_event = True
            updates.append(Degraded(f"{reason}, and subscribing anew did not help"))

    def _beat(self, updates: list[Any]) -> None:
        """Take a heartbeat: when something has been wrong for long, it is time to try again."""
        if self.is_degraded and self.is_live:
            self._distrust("it has been wrong for some time", updates)

    def _fail(self, exc: Exception, frame: object) -> None:
        if not isinstance(exc, RemoteError):
            exc = RemoteError(
                f"{self.name} {self.symbol}: unreadable frame: {exc}", raw=frame
            )
        self.errors.append(exc)

    def _models(self, make: Callable[[Any], Any], rows: list[Any]) -> list[Any]:
        """Make the rows of a list one by one, so that a bad one costs no other."""
        models = []
        for row in rows:
            try:
                models.append(make(row))
            except RemoteError as exc:
                self.errors.append(exc)
        return models
