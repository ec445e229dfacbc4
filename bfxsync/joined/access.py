"""The REST calls of a client's histories, and the exchange's clock."""

from __future__ import annotations

import time
from typing import Any, Mapping

from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.transport import RestTransport
from bfxsync.rest.public import PublicEndpoints

# Options of a `RestClient` that a transport for public calls does not have.
_OTHERS = ("host", "auth_host", "signer", "strict", "affiliate_code", "guard")


class ServerClock:
    """The exchange's time: continues evenly from the last `set`, even if this clock is changed."""

    def __init__(self, readings: ExchangeClock) -> None:
        self._readings = readings
        self._offset_s = 0.0
        self.set()

    @property
    def is_known(self) -> bool:
        """Whether there was a response with a date; otherwise this machine's clock is used."""
        return self._readings.skew_s is not None

    def set(self) -> None:
        """Set it by the latest reading."""
        skew_s = self._readings.skew_s or 0.0
        self._offset_s = time.time() - skew_s - time.monotonic()

    def now_mts(self) -> float:
        """Return the time in milliseconds since 1970."""
        return (time.monotonic() + self._offset_s) * 1000


class PastAccess:
    """
    The transport of all histories of a client.

    It has connections of its own, so that `close` aborts no call of the user, and shares the
    clock and the counters of the client.
    """

    def __init__(self, options: Mapping[str, Any], rest: RestClient) -> None:
        own = {name: options[name] for name in options if name not in _OTHERS}
        self._transport = RestTransport(host=options["host"], **own)
        self._transport.clock = rest._transport.clock
        self._transport.counters = rest._transport.counters
        self._numbers = options["numbers"]
        self._is_strict = options["strict"]
        self.clock: ServerClock = ServerClock(rest._transport.clock)

    def endpoints(self, is_strict: bool) -> PublicEndpoints:
        """Return the endpoints; with `is_strict` unreadable rows raise in any case."""
        return PublicEndpoints(
            self._transport, numbers=self._numbers, strict=is_strict or self._is_strict
        )

    def close(self) -> None:
        """End all waits, and abort requests in flight."""
        self._transport.close(abort=True)
