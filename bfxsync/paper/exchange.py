"""The face of the paper exchange: starts and stops it, from any thread."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import socket
import ssl
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Callable, NamedTuple, Sequence, TypeVar

from bfxsync._base.describe import also_half_made, with_parts_named_publicly
from bfxsync.errors import NetworkError, RequestTimeout, UsageError
from bfxsync.paper.account_view import AccountView
from bfxsync.paper.controls import Controls
from bfxsync.paper.engine.account_settings import PaperAccount, check_accounts
from bfxsync.paper.settings import Counters, ExchangeSettings

if TYPE_CHECKING:
    from bfxsync.paper.server.app import Server

    _Ready = concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, Server]]

T = TypeVar("T")

# Long, as it shares a machine with whatever is tested: these end a wait that has no end.
_START_S = 30.0
_STOP_S = 10.0
_CALL_S = 30.0


class _Running(NamedTuple):
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    server: Server


@with_parts_named_publicly
class PaperExchange(Controls):
    """
    A Bitfinex on this machine: the API, version 2; WebSocket, and REST with accounts.

    It needs no network, and no key but its own. There are random markets for ``tBTCUSD``,
    ``tETHUSD``, ``tLTCBTC``, ``fUSD``, ``tBTCF0:USTF0`` and ``tETHF0:USTF0``, with trades and
    candles since 2020, and there are recordings of real sessions, which have no past. The
    channels are ``ticker``, ``trades``, ``book``, ``candles`` and ``status``; the endpoints of
    REST are answered from the same markets, and from small samples where those know nothing. It
    listens on the loopback interface only, unless told otherwise. All methods may be called from
    any thread. It belongs to the process that made it: the child of a fork can be its client, but
    neither ask it anything else nor stop it.

    Accounts have wallets, orders, positions and histories of their own, and signatures and nonces
    are checked as the real exchange does; `docs/accounts.rst` says what orders do. Their orders are
    in the books that the channels show.

    A market moves while somebody is subscribed to one of its channels, or has an open order. What
    it was before the start depends on nothing but the seed and the time; since then it keeps
    every candle, and the last 20,000 trades; of each account the last 20,000 entries of its ledger,
    closed orders, trades and the like.

    Parameters
    ----------
    host : str, optional
        Address to listen on.
    port : int, optional
        0 takes a free one at the first start, and keeps it for the next.
    allowed_hosts : sequence of str, optional
        More names by which clients address it, such as that of a container or a proxy, and hosts
        of which web pages may talk to it. Without, it answers to loopback names, to `host`, and to
        those of the real exchange, and refuses others with HTTP 403, so that no web page can reach
        it through its visitor's browser (``docs/testing.rst``).
    captures : sequence of str or os.PathLike, optional
        Recordings to play: ``"btcusd-20181112"`` (``tBTCUSD``, 15 minutes, busy) and
        ``"public-20210417"`` (seven quieter pairs, half a minute), or the paths of recordings
        made with ``Client(record=path)``. When one ends, its subscribers
        are told so (20051) and closed, and it can be played again.
    speed : float, optional
        Of recordings: 2 is twice as fast as it was; a very large number is as fast as the clients
        read.
    autoplay : bool, optional
        A recording starts with the first subscription to one of its symbols; False: with `play`.
    seed : int, optional
        Of the random markets: the same seed gives the same events, and the same past.
    rate : float, optional
        Events per second of each random market, while somebody watches it.
    heartbeat_s, checksum_s, ticker_s : float, optional
        Between two heartbeats of a channel, two checksums of a changing book, two tickers of a
        changing market; the last two in the market's own time. The real exchange sends tickers
        only every 10 to 15 seconds.
    liquidation_s : float, optional
        Between two liquidations, while somebody watches them.
    max_channels : int, optional
        Subscriptions of one socket.
    idle_s : float, optional
        A socket without subscription is cut off after this time without anything from it, be it
        only a ping or a pong; one with subscriptions when it has read nothing for this time of
        what waits for it; a REST client when it has not read its answer.
    request_timeout_s : float, optional
        A connection that has sent no complete request after this time is cut off.
    farewell_s : float, optional
        Between the announcement that the exchange stops (20051) and the close.
    stall_s : float, optional
        A client for which a megabyte waits, and which reads nothing for this time, is cut off.
    rest_limits : bool, optional
        Refuse REST requests that come too fast, as the real exchange does: each endpoint has its
        number of requests per minute, and the one after is answered with the status 429, as are
        all for a minute from then.
    rest_minute_s : float, optional
        What is taken for a minute there.
    accounts : sequence of PaperAccount, optional
        Who may sign requests; one account with the key ``"paper-key"`` and the secret
        ``"paper-secret"`` without it. All of them begin anew with each start.
    ssl_context : ssl.SSLContext, optional
        Serve ``wss`` and ``https`` with the certificate in it, which must be valid for
        ``localhost``.

    Attributes
    ----------
    finished : threading.Event
        Set when all recordings have ended; cleared by `play` and by a start.
    accounts : tuple of AccountFace
        What they have, and how to give them more.

    Examples
    --------
    >>> with PaperExchange() as exchange:  # doctest: +SKIP
    ...     exchange.url
    'ws://127.0.0.1:40123/ws/2'
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Sequence[str] = (),
        captures: Sequence[str | os.PathLike[str]] = (),
        speed: float = 1.0,
        autoplay: bool = True,
        seed: int = 1,
        rate: float = 10.0,
        heartbeat_s: float = 15.0,
        checksum_s: float = 2.5,
        ticker_s: float = 1.0,
        liquidation_s: float = 5.0,
        max_channels: int = 25,
        idle_s: float = 60.0,
        request_timeout_s: float = 10.0,
        farewell_s: float = 1.0,
        stall_s: float = 5.0,
        rest_limits: bool = False,
        rest_minute_s: float = 60.0,
        accounts: Sequence[PaperAccount] = (PaperAccount(),),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        for name, value in (
            ("speed", speed),
            ("rate", rate),
            ("heartbeat_s", heartbeat_s),
            ("liquidation_s", liquidation_s),
            ("idle_s", idle_s),
            ("request_timeout_s", request_timeout_s),
            ("rest_minute_s", rest_minute_s),
        ):
            if not (isinstance(value, (int, float)) and value > 0):
                raise UsageError(f"{name} must be a positive number, not {value!r}")
        if not (isinstance(port, int) and 0 <= port < 2**16):
            raise UsageError(f"port must be from 0 to 65535, not {port!r}")
        for name, names in (("captures", captures), ("allowed_hosts", allowed_hosts)):
            if isinstance(names, str):
                raise UsageError(f"{name} must be a sequence of names, not {names!r}")
        self._settings = ExchangeSettings(
            host=host,
            allowed_hosts=tuple(allowed_hosts),
            captures=tuple(dict.fromkeys(captures)),
            speed=speed,
            autoplay=autoplay,
            seed=seed,
            rate=rate,
            heartbeat_s=heartbeat_s,
            checksum_s=checksum_s,
            ticker_s=ticker_s,
            liquidation_s=liquidation_s,
            max_channels=max_channels,
            idle_s=idle_s,
            request_timeout_s=request_timeout_s,
            farewell_s=farewell_s,
            stall_s=stall_s,
            rest_limits=rest_limits,
            rest_minute_s=rest_minute_s,
            accounts=check_accounts(accounts),
        )
        self.accounts = tuple(
            AccountView(account, self._call, index)
            for index, account in enumerate(self._settings.accounts)
        )
        self.finished = threading.Event()
        self._host = host
        self._ssl_context = ssl_context
        # Start, stop and calls happen one after the other.
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._counters = Counters()
        self._bound_port = port
        self._process = os.getpid()

    def __enter__(self) -> PaperExchange:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @also_half_made
    def __repr__(self) -> str:
        state = "stopped" if self._running is None else self.url
        return f"<PaperExchange {state}>"

    @property
    def port(self) -> int:
        """The port it listens on, or did last; 0 before the first start with a free port."""
        return self._bound_port

    @property
    def url(self) -> str:
        """What a WebSocket client connects to."""
        return f"ws{self._origin}/ws/2"

    @property
    def rest_url(self) -> str:
        """What comes before the paths of REST endpoints: ``http://127.0.0.1:40123/v2``."""
        return f"http{self._origin}/v2"

    @property
    def _origin(self) -> str:
        if self._ssl_context is not None:
            return f"s://localhost:{self.port}"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"://{host}:{self.port}"

    @property
    def account(self) -> AccountView:
        """The first account: its key and secret, balances, orders, trades; see `AccountView`."""
        if not self.accounts:
            raise UsageError("this exchange was made without accounts")
        return self.accounts[0]

    @property
    def connections(self) -> int:
        """How many sockets are open now."""
        running = self._running
        return len(running.server.connections) if running is not None else 0

    @property
    def connections_opened(self) -> int:
        """How many sockets have been opened since the start; stays after a stop."""
        return self._counters.connections_opened

    @property
    def frames_sent(self) -> int:
        """Messages sent to clients since the start, events included; stays after a stop."""
        return self._counters.frames_sent

    @property
    def rest_requests(self) -> int:
        """REST requests since the start, refused ones included; stays after a stop."""
        return self._counters.rest_requests

    @property
    def rest_refusals(self) -> int:
        """REST requests since the start that came too fast (429); stays after a stop."""
        return self._counters.rest_refusals

    def start(self) -> PaperExchange:
        """
        Begin to listen; does nothing if it does already.

        Raises
        ------
        UsageError
            The extra ``paper`` is not installed, there is no such capture, or this is the child of
            a fork.
        NetworkError
            The port is taken.
        """
        self._check_process()
        with self._lock:
            if self._running is None:
                self._running = self._start()
        return self

    def stop(self) -> None:
        """Close all sockets and wait for the end of the thread; twice is fine."""
        if self._process != os.getpid():
            return  # the parent's, and this may be the end of its `with` in the child
        with self._lock:
            running, self._running = self._running, None
            if running is not None:
                running.loop.call_soon_threadsafe(running.server.stop)
                running.thread.join(_STOP_S)

    def play(self) -> None:
        """Start the recordings, all those that do not play at the moment."""
        self.finished.clear()
        self._call(lambda server: server.play())

    def _start(self) -> _Running:
        try:
            import aiohttp  # noqa: F401
        except ImportError as exc:
            raise UsageError(
                'the paper exchange needs the extra "paper": pip install "bfxsync[paper]"'
            ) from exc
        from bfxsync.paper.markets.captured import load

        for name in self._settings.captures:
            load(name)  # errors rise here, and the files are read before anybody waits
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            # Sets SO_REUSEADDR where that means what it should.
            listener = socket.create_server(
                (self._host, self._bound_port), family=family
            )
        except OSError as exc:
            raise NetworkError(
                f"cannot listen on {self._host} port {self._bound_port}: {exc}",
                phase="connect",
            ) from exc
        self._bound_port = listener.getsockname()[1]
        self.finished.clear()
        self._counters = Counters()
        ready: _Ready = concurrent.futures.Future()
        thread = threading.Thread(
            target=self._run, args=(listener, ready), name="bfxsync-paper", daemon=True
        )
        thread.start()
        try:
            return _Running(thread, *ready.result(_START_S))
        except BaseException:
            thread.join(_STOP_S)
            raise

    def _run(self, listener: socket.socket, ready: _Ready) -> None:
        try:
            asyncio.run(self._main(listener, ready))
        except BaseException as exc:
            if ready.done():
                raise
            ready.set_exception(exc)
        finally:
            listener.close()

    async def _main(self, listener: socket.socket, ready: _Ready) -> None:
        from bfxsync.paper.server.app import Server

        loop = asyncio.get_running_loop()
        server = Server(self._settings, self._counters, self.finished.set)
        await server.run(
            listener, self._ssl_context, lambda: ready.set_result((loop, server))
        )

    def _call(self, function: Callable[[Server], T]) -> T:
        """Let the exchange's thread do something, and wait for what comes of it."""
        self._check_process()
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def call(server: Server) -> None:
            try:
                answer.set_result(function(server))
            except BaseException as exc:
                answer.set_exception(exc)

        with self._lock:  # so that it does not stop meanwhile
            running = self._running
            if running is None:
                raise UsageError("the paper exchange is not running")
            running.loop.call_soon_threadsafe(call, running.server)
            concurrent.futures.wait([answer], _CALL_S)
            if not answer.done():
                raise RequestTimeout(f"no answer of the paper exchange in {_CALL_S} s")
        return answer.result()

    def _check_process(self) -> None:
        # Before the lock is touched: a thread of the parent may have held it.
        if self._process != os.getpid():
            raise UsageError(
                f"this paper exchange belongs to the process {self._process}, of which this one is"
                " a fork: make another one here"
            )
