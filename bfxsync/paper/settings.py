"""What a user may choose and count; apart from the server, which needs aiohttp."""

from __future__ import annotations

import os
from typing import Sequence

import attrs

from bfxsync.paper.engine.account_settings import PaperAccount


@attrs.frozen(kw_only=True)
class ExchangeSettings:
    """
    How an exchange behaves; see `bfxsync.paper.PaperExchange`.

    Attributes
    ----------
    farewell_s : float
        Between the announcement of a stop and the close.
    stall_s : float
        How long a client may read nothing while much waits for it.
    """

    host: str = "127.0.0.1"
    allowed_hosts: Sequence[str] = ()
    captures: Sequence[str | os.PathLike[str]] = ()
    speed: float = 1.0
    autoplay: bool = True
    seed: int = 1
    rate: float = 10.0
    heartbeat_s: float = 15.0
    checksum_s: float = 2.5
    ticker_s: float = 1.0
    liquidation_s: float = 5.0
    max_channels: int = 25
    idle_s: float = 60.0
    request_timeout_s: float = 10.0
    farewell_s: float = 1.0
    stall_s: float = 5.0
    rest_limits: bool = False
    rest_minute_s: float = 60.0
    accounts: Sequence[PaperAccount] = ()


@attrs.define
class Counters:
    """Counted by the exchange's thread, read by any."""

    connections_opened: int = 0
    frames_sent: int = 0
    rest_requests: int = 0
    rest_refusals: int = 0
    faults: dict[str, int] = attrs.field(factory=dict)
