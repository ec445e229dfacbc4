"""Clients of exchanges that play recordings."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Union

from bfxsync.client import Client
from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange

_DEFAULTS: Mapping[str, Any] = {
    # As fast as the client reads.
    "speed": 1e9,
    "autoplay": False,
    "restart_at_end": False,
}


class Replayer:
    """
    Plays recordings to clients; the type of the fixture ``bfx_replay``.

    Parameters
    ----------
    run : callable
        Starts an exchange with the given options, which somebody else stops.
    connect : callable
        Makes a client of an exchange, which somebody else closes.
    """

    def __init__(
        self,
        run: Callable[[Mapping[str, Any]], PaperExchange],
        connect: Callable[[PaperExchange], Client],
    ) -> None:
        self._run = run
        self._connect = connect

    def __call__(self, path: Union[str, os.PathLike[str]], **options: Any) -> Client:
        """
        Return a client of an exchange of its own that has a recording as its market.

        Subscribe first; ``client.exchange.play()`` starts it, ``client.exchange.finished`` is set
        at its end, and then `settle` waits until the client has handled all of it. Subscriptions
        stay open. Orders trade with the recorded book.

        Parameters
        ----------
        path : str or os.PathLike
            A file written by ``Client(record=path)``, or the name of a recording that
            `PaperExchange` has.
        **options
            Those of `PaperExchange`, such as `speed`; by default as fast as the client reads.

        Raises
        ------
        UsageError
            Not a recording, or an invalid option.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise UsageError(f"a recording must be the path of a file, not {path!r}")
        exchange = self._run({"captures": [path], **_DEFAULTS, **options})
        client = self._connect(exchange)
        client.exchange = exchange
        return client
