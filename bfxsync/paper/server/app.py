"""
The server: connects sockets and markets inside one event loop.

Everything here runs on one thread; other threads use `PaperExchange`.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
from email.utils import formatdate
from typing import Any, Callable, Coroutine

from aiohttp import web

from bfxsync.errors import UsageError
from bfxsync.paper.engine.venue import Venue
from bfxsync.paper.fault_options import SILENT_CHANNEL
from bfxsync.paper.faults import Fault, Faults
from bfxsync.paper.journal import Journal
from bfxsync.paper.journal_file import JournalFile
from bfxsync.paper.markets.captured import load
from bfxsync.paper.markets.market import Markets
from bfxsync.paper.markets.market import now_mts as wall_mts
from bfxsync.paper.markets.recipes import RECIPES
from bfxsync.paper.markets.values import Values
from bfxsync.paper.server.access import AccessPolicy
from bfxsync.paper.server.account_session import new_uuid
from bfxsync.paper.server.acks import CallLater
from bfxsync.paper.server.book_window import Window
from bfxsync.paper.server.clock import Clock
from bfxsync.paper.server.listener import Listener
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.players import (
    CapturePlayer,
    LiquidationsPlayer,
    Player,
    RandomPlayer,
    RecordedVenue,
)
from bfxsync.paper.server.recorder import Recorder
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.rest.app import RestApi
from bfxsync.paper.server.subscriptions import InvalidSubscription, read
from bfxsync.paper.server.ws_connection import ANSWER_S, Hold, WsConnection
from bfxsync.paper.server.ws_session import WsSession
from bfxsync.paper.settings import Counters, ExchangeSettings

PATH = "/ws/2"
STOPPING, MAINTENANCE, MAINTENANCE_OVER = 20051, 20060, 20061
_GOING_AWAY, _RESTART = 1001, 1012
_MAX_MESSAGE_BYTES = 1 << 20


class Server:
    """A running exchange, which calls `on_finished` when all recordings have ended."""

    def __init__(
        self,
        settings: ExchangeSettings,
        counters: Counters,
        on_finished: Callable[[], None],
        journal: Journal,
        journal_file: JournalFile | None = None,
    ) -> None:
        self.connections: dict[WsConnection, WsSession] = {}
        self.faults: Faults = Faults(counters.faults, settings.seed)
        # Faults that will be armed later.
        self._later: set[asyncio.TimerHandle] = set()
        self._settings = settings
        self.counters: Counters = counters
        access = AccessPolicy(settings.host, settings.allowed_hosts)
        self._listener = Listener(access, settings.request_timeout_s, settings.idle_s)
        self._on_finished = on_finished
        self._server_id = str(new_uuid(random.Random(settings.seed)))
        self._is_operative = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._unfinished: set[CapturePlayer] = set()
        self._stopped = asyncio.Event()
        begin_mts = settings.begin_mts
        last_mts = 0 if journal_file is None else journal_file.last_mts()
        if last_mts > (wall_mts() if begin_mts is None else begin_mts):
            begin_mts = last_mts  # time does not go back by a restart
        self.clock: Clock = Clock(settings.speed, begin_mts, settings.paused)
        now_mts, call_later = self.clock.now_mts, self.clock.call_later
        values = Values(settings.seed, self.clock.begin_mts)
        self._market_data = MarketData(
            settings.checksum_s,
            settings.ticker_s,
            now_mts,
            seed=settings.seed,
            faults=self.faults,
            values=values,
        )
        self._captures = [self._capture_player(name) for name in settings.captures]
        simulated = {
            symbol: RandomPlayer(
                recipe,
                settings.seed,
                values,
                self._market_data,
                settings.rate,
                self.clock,
            )
            for symbol, recipe in RECIPES.items()
            if settings.simulate and symbol not in self._market_data.markets
        }
        liquidations = LiquidationsPlayer(
            self._market_data, settings.liquidation_s, self.clock
        )
        players: list[Player] = [*self._captures, liquidations, *simulated.values()]
        self._players = {
            symbol: player for player in players for symbol in player.symbols
        }
        venues: dict[str, Venue] = {
            symbol: RecordedVenue(player, symbol)
            for player in self._captures
            for symbol in player.symbols
        }
        venues.update(simulated)
        loop = asyncio.get_running_loop()
        self.hold: Hold = Hold()
        self.session_call_later: CallLater = loop.call_later
        """For the delays of sessions, such as that of the snapshots of the account channel."""
        recorder = Recorder(
            journal, journal_file, now_mts, loop.call_soon, self._abort_all
        )
        self.registry: AccountRegistry = AccountRegistry(
            settings.accounts, venues, now_mts, call_later, recorder
        )
        self._market_data.listeners.append(
            lambda source: self.registry.market_moved(source.symbol)
        )
        self.registry.liquidation_listeners.append(self._market_data.liquidate)
        self.registry.on_maintenance = self._maintain
        self._rest = RestApi(self._market_data, self.registry, counters, settings)
        self._spawn(self.clock.run(self.drain))

    async def run(self, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        """Serve until `stop`."""
        app = web.Application()
        app.router.add_get(PATH, self._serve)
        # Before those of faults, which may replace it.
        app.on_response_prepare.append(self._set_date)
        self._rest.add_to(app)
        try:
            await self._listener.start(app, listener, self._settings.ssl_context)
            on_ready()
            await self._stopped.wait()
        finally:
            # First, as clients would reconnect while others are being disconnected.
            await self._listener.stop()
            for task in self._tasks:
                task.cancel()
            self._rest.hang_up()
            await self._hang_up()
            await self._listener.clean_up()
            self.registry.recorder.can_commit()

    def stop(self) -> None:
        """Make `run` return."""
        self._stopped.set()

    def play(self) -> None:
        """Start the recordings that are not playing."""
        self._unfinished.update(self._captures)
        for player in self._captures:
            player.play()

    def drop_connections(self, code: int | None, reason: str, reset: bool) -> int:
        """Abort all connections, or close them with a code, and return how many."""
        connections = list(self.connections)
        for connection in connections:
            self._retire(connection)
            if code is None:
                connection.abort(reset)
            else:
                connection.close(code, reason)
        name = "drop" if code is None else f"close_{code}"
        self.faults.count(name, len(connections))
        return len(connections)

    def send_info(self, code: int) -> int:
        """Send an info event to all connections, and return how many."""
        if code in (MAINTENANCE, MAINTENANCE_OVER):
            self._is_operative = code == MAINTENANCE_OVER
        if code == MAINTENANCE_OVER:
            self.registry.is_in_maintenance = False
        for session in self.connections.values():
            session.info(code)
        self.faults.count(f"info_{code}", len(self.connections))
        return len(self.connections)

    def inject(self, fault: Fault, after_s: float = 0.0) -> None:
        """Arm a fault, now or later; `silent_channel` takes effect at that time."""
        symbol = fault.options.get("symbol")
        if symbol is not None and symbol not in self._players:
            known = ", ".join(sorted(self._players))
            raise UsageError(f"no market {symbol!r}; there are {known}")
        account = fault.options.get("account")
        if account is not None and self.registry.keys.owner(account) is None:
            raise UsageError(f"no account {account!r}")

        def arm() -> None:
            self._later.discard(timer)
            self._arm(fault)

        if after_s:
            timer = asyncio.get_running_loop().call_later(after_s, arm)
            self._later.add(timer)
        else:
            self._arm(fault)

    def clear_faults(self) -> None:
        """Disarm all faults, also those that would be armed later."""
        for timer in self._later:
            timer.cancel()
        self._later.clear()
        self.faults.clear()

    def _arm(self, fault: Fault) -> None:
        if fault.name == SILENT_CHANNEL:
            for session in self.connections.values():
                self.faults.happened(fault, session.silence(fault))
        else:
            self.faults.arm(fault)

    def window(self, symbol: str, prec: str, length: int | str, freq: str) -> Window:
        """Return the window of a book's subscribers."""
        request = {"symbol": symbol, "prec": prec, "len": length, "freq": freq}
        try:
            wanted = read({"channel": "book", **request}, self._market_data)
        except InvalidSubscription as invalid:
            raise UsageError(f"no such book: {invalid.message} in {request}") from None
        assert wanted is not None
        return self._market_data.window(wanted.identity)

    @property
    def is_finished(self) -> bool:
        """Whether all recordings have ended."""
        return not self._unfinished

    @property
    def markets(self) -> Markets:
        """All markets, by symbol."""
        return self._market_data.markets

    async def drain(self) -> None:
        """Wait until every client has read most of its data."""
        for connection in list(self.connections):
            await connection.drain()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(
            timeout=ANSWER_S,
            autoclose=False,
            autoping=False,
            compress=False,
            max_msg_size=_MAX_MESSAGE_BYTES,
        )
        if ws.can_prepare(request):
            refusal = self.faults.fire("refuse_handshake")
            if refusal is not None:
                return web.Response(status=refusal.options["status"])
        try:
            await ws.prepare(request)
        except ConnectionResetError:
            return web.Response()  # sent to a client that has disconnected
        transport = request.transport
        if transport is None:  # gone already
            return ws
        can_commit = self.registry.recorder.can_commit
        connection = WsConnection(
            ws, transport, self._settings.stall_s, can_commit, self.hold
        )

        def send(text: str) -> None:
            self.counters.frames_sent += 1
            connection.send(text)

        session = WsSession(
            self._market_data,
            self.registry,
            send,
            self.clock.now_mts,
            self.session_call_later,
            max_channels=self._settings.max_channels,
            server_id=self._server_id,
            dice=random.Random(
                f"{self._settings.seed} connection {self.counters.connections_opened}"
            ),
            on_subscribed=lambda symbol: self._players[symbol].watch(),
            notification_seq=self._settings.notification_seq,
            cut=connection.cut,
        )
        self.connections[connection] = session
        self.counters.connections_opened += 1
        beat = self._spawn(self._beat(connection, session))
        try:
            session.open(self._is_operative)
            await connection.read(session.receive)
        finally:
            beat.cancel()
            self._retire(connection)
        return ws

    async def _set_date(
        self, request: web.BaseRequest, response: web.StreamResponse
    ) -> None:
        # Clients compare it with the times of rows.
        if not self.clock.shows_wall:
            seconds = self.clock.now_mts() // 1000
            response.headers["Date"] = formatdate(seconds, usegmt=True)

    async def _beat(self, connection: WsConnection, session: WsSession) -> None:
        """Send heartbeats, and abort an idle connection."""
        settings = self._settings
        clock = asyncio.get_running_loop().time
        beat_at = clock() + settings.heartbeat_s
        while True:
            idle_since = connection.unread_since()
            if not session.is_in_use:
                idle_since = connection.last_received_at
            if idle_since is None:  # the client has read everything
                idle_since = clock()
            idle_at = idle_since + settings.idle_s
            if clock() >= idle_at:
                connection.abort()
                return
            await asyncio.sleep(max(min(beat_at, idle_at) - clock(), 0))
            if clock() >= beat_at:
                session.heartbeat()
                beat_at += settings.heartbeat_s

    def _capture_player(self, name: str | os.PathLike[str]) -> CapturePlayer:
        player = CapturePlayer(
            load(name),
            self._market_data,
            speed=self._settings.speed,
            autoplay=self._settings.autoplay,
            restart_at_end=self._settings.restart_at_end,
            clock=self.clock,
            disconnect=self._disconnect_from,
            on_end=self._capture_ended,
        )
        self._unfinished.add(player)
        return player

    def _disconnect_from(self, player: CapturePlayer) -> None:
        """Announce a restart to the subscribers of a recording, and disconnect them."""
        loop = asyncio.get_running_loop()
        for connection, session in list(self.connections.items()):
            symbols = {channel.identity.symbol for channel in session.channels.values()}
            if symbols.intersection(player.symbols):
                session.info(STOPPING)
                session.close()
                loop.call_later(self._settings.farewell_s, connection.close, _RESTART)

    def _capture_ended(self, player: CapturePlayer) -> None:
        self._unfinished.discard(player)
        if not self._unfinished:
            self._on_finished()

    async def _hang_up(self) -> None:
        """Close all connections, in at most a quarter of a second."""
        loop = asyncio.get_running_loop()
        for connection in list(self.connections):
            connection.hang_up(_GOING_AWAY)
        deadline = loop.time() + 0.25
        while self.connections and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self.connections):
            connection.abort()

    def _maintain(self, length_s: float) -> None:
        """Announce a maintenance, and its end after `length_s` seconds."""
        self.send_info(MAINTENANCE)
        loop = asyncio.get_running_loop()
        loop.call_later(length_s, self.send_info, MAINTENANCE_OVER)

    def _abort_all(self) -> None:
        for connection in list(self.connections):
            connection.abort()
        self._rest.hang_up()

    def _retire(self, connection: WsConnection) -> None:
        session = self.connections.pop(connection, None)
        if session is not None:
            session.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)  # the loop has only weak references to tasks
        task.add_done_callback(self._tasks.discard)
        return task
