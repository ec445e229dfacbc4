"""`PaperExchange`: the public face of the local exchange."""

from __future__ import annotations

import os
import ssl
import threading
from typing import TYPE_CHECKING, Any, Callable, Sequence

from bfxsync._base.describe import also_half_made, with_parts_named_publicly
from bfxsync.errors import UsageError
from bfxsync.paper.account_view import AccountView, account_views
from bfxsync.paper.exchange_status import ExchangeStatus
from bfxsync.paper.fault_options import check_close
from bfxsync.paper.faults import InjectedFault, check_fault
from bfxsync.paper.journal import Journal
from bfxsync.paper.server_thread import ServerThread
from bfxsync.paper.settings import ExchangeSettings, PaperAccount, check_seconds

if TYPE_CHECKING:
    from bfxsync.client import Client


@with_parts_named_publicly
class PaperExchange(ExchangeStatus):
    """
    A local Bitfinex exchange: API version 2, WebSocket and REST, with accounts.

    It needs no network and no real key. Simulated markets (``tBTCUSD``, ``tLTCBTC``, ``fUSD``,
    ``tBTCF0:USTF0`` and ten others, see ``docs/howto/testing.rst``) have trades and candles since
    2020; recordings of real sessions have no past. The channels are ``ticker``, ``trades``,
    ``book``, ``candles``, ``status`` and that of the account; REST endpoints answer from the same
    markets, or from small samples where those have no data. Accounts have wallets, orders,
    positions and histories of their own; signatures and nonces are checked as by the real exchange,
    see ``docs/reference/accounts.rst``. Their orders are in the public books.

    All methods may be called from any thread, but only in the process that created the exchange:
    the child of a fork can be its client.

    A market without subscribers and open orders takes no computing time, and is brought up to date
    when it is looked at. It keeps all candles since the start, the last 20,000 trades, and of each
    account the last 20,000 ledger entries, closed orders, trades and so on.

    Parameters
    ----------
    host : str, optional
        Address to listen on; by default that of the loopback interface.
    port : int, optional
        0 chooses a free port at the first start, and keeps it for the next.
    allowed_hosts : sequence of str, optional
        Additional host names of this exchange, such as of a container or proxy, and hosts of web
        pages that may use it. By default it answers to loopback names, `host`, and the names of the
        real exchange, and refuses others with HTTP 403, so that web pages cannot reach it through a
        visitor's browser (``docs/howto/testing.rst``).
    captures : sequence of str or os.PathLike, optional
        Recordings to play: paths of those made with ``Client(record=path)``, ``"btcusd-20181112"``
        (``tBTCUSD``, 15 busy minutes) or ``"public-20210417"`` (seven quieter pairs, 31 seconds).
    speed : float, optional
        Speed of the exchange's time, up to 1000: with 60 a minute passes in a second. Recordings
        may be faster, with a very large number as fast as clients read.
    begin_mts : int, optional
        Time of the exchange at its start, in ms since 1970, from 2020 on, or from 2010 on without
        simulated markets; by default the present.
    paused : bool, optional
        Start paused, for `step`; ``docs/howto/testing.rst`` lists what remains in real time.
    autoplay : bool, optional
        Start a recording with the first subscription to one of its symbols; otherwise by `play`.
    simulate : bool, optional
        Whether there are simulated markets beside the recordings.
    restart_at_end : bool, optional
        By default the end of a recording disconnects its subscribers with info event 20051. With
        False they stay connected, and its market is as in the end, until the next `play`.
    seed : int, optional
        Seed of the simulated markets: the same seed gives the same events and the same past.
    rate : float, optional
        Events per second of each simulated market, one in eight of them a trade. By default as in
        recorded markets: for ``tBTCUSD`` 16.5, and a trade every few seconds.
    heartbeat_s, checksum_s, ticker_s : float, optional
        Intervals of the heartbeats of a channel, of the checksums of a changing book, and of the
        tickers of a changing market; the last two in market time. The real exchange sends tickers
        only every 10 to 15 seconds.
    liquidation_s : float, optional
        Interval of liquidations, while their channel is subscribed.
    max_channels : int, optional
        Subscriptions per connection; the account channel counts as one.
    notification_seq : bool, optional
        Count acknowledgements of inputs (``on-req``, …) in the sequence of their connection;
        reports differ. By default they carry the sequence number of the account channel only.
    idle_s : float, optional
        Disconnects, after this time: a WebSocket without any channel that has sent nothing, not
        even a ping or pong; one with a channel that has read none of its pending data; and a REST
        client that has not read its response.
    request_timeout_s : float, optional
        Disconnects a connection that has sent no complete request in this time.
    farewell_s : float, optional
        Time between the info event 20051 and the close.
    stall_s : float, optional
        Disconnects a client that leaves more than a megabyte unread for this time.
    rest_limits : bool, optional
        Enforce the rate limits of REST as the real exchange does: the request that exceeds the
        limit of its endpoint is answered with status 429, as are all for the next minute.
    rest_minute_s : float, optional
        Length of a minute of the rate limits.
    accounts : sequence of PaperAccount, optional
        By default one account with the key ``"paper-key"`` and the secret ``"paper-secret"``. Each
        start resets them.
    journal_path : str or os.PathLike, optional
        File of the journal. A start restores from it all that was acknowledged, also after the
        process was killed: balances, open and closed orders, positions, trades, ids and nonces.
        Markets start from the beginning. `accounts` may only be continued at the end, and
        `balances` are those of the file (``docs/howto/testing.rst``).
    ssl_context : ssl.SSLContext, optional
        Serve ``wss`` and ``https`` with its certificate, which must be valid for ``localhost``.

    Attributes
    ----------
    finished : threading.Event
        Set when all recordings have ended; cleared by `play` and by a start.
    accounts : tuple of AccountView
        Balances, orders and trades of each account; they also accept deposits.
    journal : Journal
        All that the accounts have asked for, and all that was done.

    Examples
    --------
    >>> with PaperExchange() as exchange, exchange.client() as bfx:  # doctest: +SKIP
    ...     bfx.rest.auth.submit_order("EXCHANGE MARKET", "BTC/USD", "0.1")
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Sequence[str] = (),
        captures: Sequence[str | os.PathLike[str]] = (),
        simulate: bool = True,
        speed: float = 1.0,
        begin_mts: int | None = None,
        paused: bool = False,
        autoplay: bool = True,
        restart_at_end: bool = True,
        seed: int = 1,
        rate: float | None = None,
        heartbeat_s: float = 15.0,
        checksum_s: float = 2.5,
        ticker_s: float = 1.0,
        liquidation_s: float = 5.0,
        max_channels: int = 25,
        notification_seq: bool = False,
        idle_s: float = 60.0,
        request_timeout_s: float = 10.0,
        farewell_s: float = 1.0,
        stall_s: float = 5.0,
        rest_limits: bool = False,
        rest_minute_s: float = 60.0,
        accounts: Sequence[PaperAccount] = (PaperAccount(),),
        journal_path: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        # fmt: off
        self._settings = ExchangeSettings(
            host=host, port=port, allowed_hosts=allowed_hosts, captures=captures, simulate=simulate,
            speed=speed, begin_mts=begin_mts, paused=paused, autoplay=autoplay,
            restart_at_end=restart_at_end, seed=seed, rate=rate, heartbeat_s=heartbeat_s,
            checksum_s=checksum_s, ticker_s=ticker_s, liquidation_s=liquidation_s,
            max_channels=max_channels, notification_seq=notification_seq, idle_s=idle_s,
            request_timeout_s=request_timeout_s, farewell_s=farewell_s, stall_s=stall_s,
            rest_limits=rest_limits, rest_minute_s=rest_minute_s, accounts=accounts,
            journal_path=journal_path, ssl_context=ssl_context,
        )
        # fmt: on
        self.finished: threading.Event = threading.Event()
        self._thread = ServerThread(self._settings, self.finished)
        self.journal: Journal = self._thread.journal
        views = account_views(self._settings.accounts, self._thread)
        self.accounts: tuple[AccountView, ...] = views

    def __enter__(self) -> PaperExchange:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @also_half_made
    def __repr__(self) -> str:
        state = "stopped" if self._thread.server is None else self.url
        return f"<PaperExchange {state}>"

    def client(self, account: AccountView | None = None, **options: Any) -> Client:
        """
        Return a new client with the hosts and a key of this exchange, by default of `account`.

        `options` are those of `bfxsync.Client`. Raises `UsageError` before the first start, and for
        an account of another exchange.
        """
        from bfxsync.client import Client  # only here: no dependency elsewhere

        account = self.account if account is None else account
        if account not in self.accounts:
            raise UsageError(f"account must be one of `accounts`, not {account!r}")
        if not self.port:
            raise UsageError("the exchange was not started: it has no address yet")
        options = {"wss_host": self.url, "rest_host": self.rest_url, **options}
        return Client(account.api_key, account.api_secret, **options)

    def start(self) -> PaperExchange:
        """
        Start listening; does nothing if it is running.

        Raises
        ------
        UsageError
            The extra ``paper`` is not installed, a recording does not exist, the journal is
            damaged, in use, or of other accounts or markets, or this is the child of a fork.
        NetworkError
            The port is in use.
        """
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close all connections and wait until the thread has ended; may be called twice."""
        self._thread.stop()

    def _abandoner(self) -> Callable[[], None]:
        """Return a function that stops this run soon, without waiting; a finalizer may call it."""
        return self._thread.abandoner()

    def play(self) -> None:
        """Start all recordings that are not playing."""
        self.finished.clear()
        self._thread.call(lambda server: server.play())

    def pause(self) -> None:
        """
        Stop the time of the exchange; it still answers requests and executes orders.

        From then on its time is no longer the present, even after `resume`.
        """
        self._thread.call(lambda server: server.clock.pause())

    def resume(self) -> None:
        """Let the time go on from where it was paused."""
        self._thread.call(lambda server: server.clock.resume())

    def step(self, seconds: float) -> None:
        """
        Advance the time of a paused exchange; return when all that happens in it has been sent.

        The same seed, `begin_mts`, requests and steps give the same messages, byte for byte, apart
        from those of real time (``docs/howto/testing.rst``).

        Raises
        ------
        UsageError
            Not paused or not running, another thread is in a step, or `seconds` is not positive.
        """
        check_seconds(seconds)
        self._thread.step(seconds)

    def inject(
        self,
        fault: str,
        *,
        times: int | None = 1,
        chance: float = 1.0,
        after_s: float = 0.0,
        **options: Any,
    ) -> InjectedFault:
        """
        Arm a fault, which then happens `times` times; `fault_counts` counts each.

        It happens at the first opportunity, on any connection, unless options limit it. Faults with
        the same name happen in turn. `stop` disarms all.

        Parameters
        ----------
        fault : str
            One of the names below.
        times : int or None
            None: until `clear_faults`.
        chance : float, optional
            Probability at each opportunity; above 0, at most 1. It depends on the seed.
        after_s : float, optional
            Arm it after this time.
        **options
            Options of the fault. With `channel` (``"book"``), `symbol` (``"tBTCUSD"``) and `key`
            (of candles and status, ``"trade:1m:tBTCUSD"``) it affects only channels that match all
            of the given options.

        Returns
        -------
        InjectedFault
            Its `count` is how often this fault has happened.

        Raises
        ------
        UsageError
            Unknown fault, option or market, invalid value, or the exchange is not running.

        Notes
        -----
        ``docs/howto/testing.rst`` describes each:

        - frames and books: ``sequence_hole``; ``duplicate_frame`` (`channel`, `symbol`, `key`);
          ``garbage`` (`text`); ``wrong_checksum`` (`symbol`); ``lost_book_update`` (`symbol`);
          ``silent_channel`` (`channel`, `symbol`, `key`; at once, without `times`)
        - subscriptions: ``reordered_acks``; ``late_ack`` (`delay_s`), ``refuse_subscribe``
          (`code`), ``duplicate_subscribe`` and ``no_answer`` (also `channel`, `symbol`, `key`)
        - connections: ``refuse_handshake`` (`status`)
        - REST requests (`path`: what follows ``/v2/``): ``lost_request``, ``lost_answer``,
          ``late_answer`` (`delay_s`), ``duplicate_answer``, ``interim_answer`` (`status`),
          ``missing_date``, ``wrong_date`` (`offset_s`), ``late_history`` (`delay_s`),
          ``small_nonce``
        - orders, by REST and on the account channel (`account`, `symbol`, `cid`, `input`):
          ``reject_order`` (`code`, `text`), ``partial_fill`` (`ratio`; no `input`),
          ``maintenance`` (`executed`, `length_s`)
        - inputs of the account channel (the same options): ``lost_notification``,
          ``late_notification`` (`delay_s`), ``duplicate_notification``,
          ``notification_after_events``, ``cut_before_input``, ``cut_after_input``,
          ``cut_after_notification``
        - its events (`event`, `account`, `symbol`, `cid`): ``lost_event``, ``duplicate_event``,
          ``cut_after_on`` (no `event`)
        """
        armed = check_fault(fault, times, options, chance, after_s)
        self._thread.call(lambda server: server.inject(armed, after_s))
        return InjectedFault(armed)

    def clear_faults(self) -> None:
        """
        Disarm all faults that have not happened yet.

        Faults in progress continue: delayed acknowledgements, silent channels, and a maintenance,
        which ends with ``send_info(20061)``.
        """
        self._thread.call(lambda server: server.clear_faults())

    def drop_connections(
        self, code: int | None = None, reason: str = "", *, reset: bool = False
    ) -> int:
        """
        Disconnect all clients; return their number.

        Recordings continue. A simulated market stops within a tenth of a second while none of its
        channels is subscribed.

        Parameters
        ----------
        code : int, optional
            Close with this code, 1000 to 4999, including those that no close frame should have;
            1005 sends a close frame without a code. None cuts the TCP connections without a close
            frame.
        reason : str, optional
            Reason in the close frame, at most 123 bytes.
        reset : bool, optional
            Cut with a RST instead of a FIN, as after a crash; only without a code.

        Raises
        ------
        UsageError
            A code or reason that no close frame can carry, a reset with a code, or the exchange is
            not running.
        """
        check_close(code, reason, reset)
        return self._thread.call(
            lambda server: server.drop_connections(code, reason, reset)
        )

    def send_info(self, code: int) -> int:
        """
        Send an info event (20051, 20060, 20061) to all clients; return their number.

        From 20060 until 20061 the exchange is in maintenance: it keeps working, but reports
        platform status 0 to new connections.
        """
        return self._thread.call(lambda server: server.send_info(int(code)))
