"""What tests do to a running exchange: let things go wrong, and look at what is right."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from typing import TYPE_CHECKING, Any, Callable, List, TypeVar

from bfxsync.errors import UsageError
from bfxsync.paper.faults import check, is_text
from bfxsync.paper.settings import Counters
from bfxsync.paper.text import to_bytes

if TYPE_CHECKING:
    from bfxsync.paper.server.app import Server
    from bfxsync.paper.server.book_window import Window

T = TypeVar("T")
Row = List[float]

_NO_CODE = 1005
_MAX_REASON_BYTES = 123


class Controls(ABC):
    """The part of the paper exchange that only tests need."""

    _counters: Counters

    @abstractmethod
    def _call(self, function: Callable[[Server], T]) -> T:
        """Let the exchange's thread do something, and wait for what comes of it."""

    def inject(self, fault: str, *, times: int = 1, **options: Any) -> None:
        """
        Let something go wrong, from now on, as often as `times` says.

        A fault is armed until it has happened so often; each time it does is counted in
        `fault_counts`. It happens to the first that comes by, on whichever socket, unless its
        options say more. Several may be armed at once, also several of a kind, which then come in
        turn. A stop disarms them all.

        Parameters
        ----------
        fault : str
            One of those below.
        times : int, optional
            How often it happens.
        **options
            Those of the fault. Where `channel` (``"book"``), `symbol` (``"tBTCUSD"``) and `key`
            (of candles and status, ``"trade:1m:tBTCUSD"``) are among them, it happens only to what
            matches all that were given.

        Raises
        ------
        UsageError
            There is no such fault, option, value or market, or the exchange is not running.

        Notes
        -----
        Frames and books:

        ``sequence_hole``
            The next array frame of a socket skips a sequence number. It happens to a socket that
            has been sent a number (flag ``SEQ_ALL``), as nobody else could see it.
        ``duplicate_frame``, options `channel`, `symbol`, `key`
            The next data frame, which may be a snapshot, is sent twice, byte for byte and so with
            the same sequence number. Heartbeats and checksums are no data.
        ``garbage``, option `text` (``'{"event":'``)
            This text is sent to a socket before its next array frame, as a message of its own that
            has no sequence number. A surrogate from U+DC80 to U+DCFF stands for a byte that is no
            UTF-8.
        ``wrong_checksum``, option `symbol`
            The next checksum that is sent to a socket, for a book of this symbol, is wrong.
        ``lost_book_update``, option `symbol`
            A row of a book of this symbol is sent to none of the book's subscribers, while the
            sequence has no hole: from then on they have another book than the exchange. It is the
            next row that matters to the checksum, and the checksum follows at once, to those who
            asked for them.
        ``silent_channel``, options `channel`, `symbol`, `key`
            The matching channels that are open at this moment send nothing more, neither data nor
            heartbeats, until they are unsubscribed; the sequence goes on without them. It is
            counted once for each of them, and happens but now: there is no `times`. A `symbol`
            means its candles and status, too.

        Subscriptions; a request that is wrong in itself is refused as ever, and changes nothing:

        ``late_ack``, options `delay_s` (1.0), `channel`, `symbol`, `key`
            The acknowledgement of the next one comes so many seconds later. Data and heartbeats do
            not wait for it. It does not come any more if the channel is closed meanwhile.
        ``reordered_acks``
            The acknowledgements of the next two of a socket come in reverse order: the data of the
            first, the second acknowledgement, the first, the data of the second. Counted when the
            second has come; without one the first is never acknowledged, and if the socket is
            closed first, the fault remains armed.
        ``refuse_subscribe``, options `code` (10300), `channel`, `symbol`, `key`
            The next one is answered with this error, which echoes the request.
        ``duplicate_subscribe``, options `channel`, `symbol`, `key`
            The next one opens its channel, but is answered with the error 10301, which names the
            channel's id, as if it had been opened before and the acknowledgement lost. Data
            follows.
        ``no_answer``, options `channel`, `symbol`, `key`
            The next one is not answered at all, and opens nothing.

        Connections:

        ``refuse_handshake``, option `status` (503)
            The next WebSocket handshake is answered with this HTTP status, 300 to 599: the real
            exchange gives 429 to those who connect too often, and 408, 429 or 503 during
            maintenance. Requests of REST are not concerned.

        Requests of REST, where `path` is what comes after ``/v2/``, such as
        ``"auth/w/order/submit"``:

        ``lost_request``, option `path`
            The next one does nothing, and is cut off without an answer.
        ``lost_answer``, option `path`
            The next one does what it should, and is cut off without an answer.

        `drop_connections` and `send_info` let more go wrong, at once.

        Examples
        --------
        >>> exchange.inject("wrong_checksum", symbol="tBTCUSD")  # doctest: +SKIP
        >>> exchange.inject("refuse_handshake", times=3, status=429)  # doctest: +SKIP
        >>> exchange.fault_counts["refuse_handshake"]  # doctest: +SKIP
        0
        """
        armed = check(fault, times, options)
        self._call(lambda server: server.inject(armed))

    def clear_faults(self) -> None:
        """
        Disarm all faults that have not happened yet.

        What has begun goes on: late acknowledgements come late, silent channels stay silent, and a
        maintenance ends with ``send_info(20061)``.
        """
        self._call(lambda server: server.faults.clear())

    @property
    def fault_counts(self) -> dict[str, int]:
        """
        How often each fault has happened since the start; stays after a stop.

        A copy, in which what has never happened counts 0. Beside the faults of `inject` there are
        ``drop``, ``close_1012`` and so on, once for each socket that `drop_connections` has cut or
        closed, and ``info_20051`` and so on, once for each socket that `send_info` has told.
        """
        return Counter(dict(self._counters.faults))

    def drop_connections(
        self, code: int | None = None, reason: str = "", *, reset: bool = False
    ) -> int:
        """
        Lose all clients, and return how many there were.

        Recordings play on meanwhile, as if nothing had happened: what comes before a client is
        back is missed, and its new snapshot is of that later time. A random market stands still,
        a tenth of a second later at most, while nobody is subscribed to any of its channels.

        Parameters
        ----------
        code : int, optional
            Close with this code, 1000 to 4999, also with those that no close frame should have;
            1005 sends a close frame without a code. None cuts the TCP connections without a close
            frame.
        reason : str, optional
            What the close frame says beside its code, at most 123 bytes.
        reset : bool, optional
            Cut with a RST, as a crash does, instead of a FIN; only without a code.

        Raises
        ------
        UsageError
            A code or reason that no close frame can carry, or a reset with a code, or the exchange
            is not running.
        """
        if code is not None and not (type(code) is int and 1000 <= code <= 4999):
            raise UsageError(f"code must be from 1000 to 4999, not {code!r}")
        if reason and code in (None, _NO_CODE):
            raise UsageError("there is no reason without a code")
        if not is_text(reason) or len(to_bytes(reason)) > _MAX_REASON_BYTES:
            raise UsageError(
                f"reason must be text of at most {_MAX_REASON_BYTES} bytes, not {reason!r}"
            )
        if reset and code is not None:
            raise UsageError("a reset has no close frame, and so no code")
        return self._call(lambda server: server.drop_connections(code, reason, reset))

    def send_info(self, code: int) -> int:
        """
        Send an info event (20051, 20060, 20061) to all clients, and return how many.

        From 20060 until 20061 the exchange is under maintenance: it works on, but tells those who
        connect that its platform status is 0.
        """
        return self._call(lambda server: server.send_info(code))

    def book(
        self, symbol: str, prec: str = "P0", len: int | str = 25, freq: str = "F0"
    ) -> tuple[list[Row], list[Row]]:
        """
        Return a book as its subscribers have it now, or as the next one would get it.

        What is still on its way to them, or was lost (``lost_book_update``), is in it.

        Parameters
        ----------
        symbol : str
        prec, len, freq : optional
            As in a subscription.

        Returns
        -------
        bids, asks : list of list
            The rows of a snapshot, the best first; the amounts have the wire's sign.

        Raises
        ------
        UsageError
            There is no such book, or the exchange is not running.
        """

        def sides(window: Window) -> tuple[list[Row], list[Row]]:
            bids, asks = window.sides()
            return [json.loads(row) for row in bids], [json.loads(row) for row in asks]

        return self._call(lambda server: sides(server.window(symbol, prec, len, freq)))

    def checksum(
        self, symbol: str, prec: str = "P0", len: int | str = 25, freq: str = "F0"
    ) -> int:
        """
        Return the right checksum of a book as `book` returns it, signed, of 32 bits.

        Of funding books, too, though their subscribers are sent none.
        """
        return self._call(
            lambda server: server.window(symbol, prec, len, freq).checksum()
        )
