"""The REST calls by which the WebSocket reconciles orders."""

from __future__ import annotations

from typing import Any, Dict, Mapping

import attrs

from bfxsync.outcome.cid_dates import CidDates
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.outcome.reader import OpenReader
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.transport import RestTransport
from bfxsync.rest.order_queries import AccountQueries

# Options of a `RestClient` that its transports do not have.
_OF_ENDPOINTS = ("host", "auth_host", "strict", "affiliate_code", "guard")


def shared_parts(rest: RestClient) -> Dict[str, Any]:
    """Return what the WebSocket of the same client shares with REST, for `AccountServices`."""
    return {
        "guard": rest._guard,
        "queries": AccountQueries(rest._signed),
        "cid_dates": rest._order_options["cid_dates"],
        "transport": rest._signed,
    }


@attrs.frozen
class AccountAccess:
    """
    A signed transport for one thread, and readers over it; see `bfxsync.ws.core.reconciler`.

    It has its own connection, so that `close` aborts no call of the user.
    """

    transport: RestTransport
    open_reader: OpenReader

    @classmethod
    def of(
        cls,
        options: Mapping[str, Any],
        cid_dates: CidDates,
        clock: ExchangeClock | None = None,
    ) -> AccountAccess:
        """
        Connect with the options of a client's `RestClient`, and share what it knows.

        `cid_dates` gets the dates of the orders that are read, and `clock` the exchange's times.
        """
        own = {name: options[name] for name in options if name not in _OF_ENDPOINTS}
        # A wait for the limit of one group would hold up requests of other groups.
        own.update(host=options["auth_host"], on_limit="raise", pool_size=1)
        transport = RestTransport(**own)
        transport.clock = transport.clock if clock is None else clock
        auth = AuthEndpoints(transport, numbers=options["numbers"], cid_dates=cid_dates)
        return cls(transport, auth._copy_collecting)

    def close(self) -> None:
        """End all waits, and abort the request in flight."""
        self.transport.close(abort=True)
