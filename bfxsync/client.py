"""The client, which combines REST, WebSocket and symbols."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, TypeVar

from bfxsync._base.aliases import AnyNumber, NumberType
from bfxsync._base.describe import also_half_made, with_parts_named_publicly
from bfxsync._base.forks import lazily
from bfxsync._base.guesses import ProposesNames
from bfxsync._base.hidden import hide
from bfxsync._base.html import html_of
from bfxsync._base.logs import get_logger, log_to
from bfxsync.checks.hosts import (
    rest_host_of,
    signed_rest_host,
    signed_wss_host,
    wss_host_of,
)
from bfxsync.checks.options import check_farewell
from bfxsync.client_parts import (
    LazyRest,
    account_services,
    cancellation_at_exit,
    check_hosts,
    check_names,
    checked_account_options,
    checked_rest_options,
    close_parts,
    credentials_and_guard,
    shared_limits,
    start_paper,
)
from bfxsync.client_state import health, stats
from bfxsync.joined import methods as histories
from bfxsync.joined.registry import Histories
from bfxsync.valuation import methods as valuation
from bfxsync.ws.client import WebSocketClient

if TYPE_CHECKING:
    from bfxsync.credentials import ClientCredentials, CredentialSource
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.models.notification import Notification
    from bfxsync.models.orders import AnyOrder
    from bfxsync.paper.exchange import PaperExchange
    from bfxsync.rest.client import RestClient
    from bfxsync.symbols import Symbols

C = TypeVar("C", bound="Client")

_log = get_logger(__name__)


@with_parts_named_publicly
class Client(ProposesNames):
    """
    The whole client: ``client.wss``, ``client.rest`` and ``client.symbols``.

    Parameters
    ----------
    api_key, api_secret : str, optional
        By default the environment variables ``BFX_API_KEY`` and ``BFX_API_SECRET``, if set.
    auth_token : str, optional
        A token from `generate_token`, instead of key and secret.
    credentials : callable, optional
        Source of the key, instead of these arguments and the environment: a function that returns
        key and secret, or `Credentials`. See `bfxsync.credentials.from_env_file` and
        `from_keyring`. Called immediately, and by `rotate`.
    nonce_file : str or os.PathLike, optional
        File that keeps nonces in order between processes of this machine that use the same key;
        needs the extra ``multiprocess``.
    wss_host, rest_host : str, optional
        Base URLs of the WebSocket and of REST. By default the environment variables
        ``BFX_WSS_HOST`` and ``BFX_REST_HOST``, if set, else `PUB_WSS_HOST` and `PUB_REST_HOST`.
    auth_wss_host, auth_rest_host : str, optional
        URLs of the WebSocket of the account, and of signed REST calls. By default `WSS_HOST` and
        `REST_HOST`, or `wss_host` and `rest_host` unless these are the exchange's public hosts,
        which accept no keys.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    proxy, ca_bundle : str, optional
        For both transports; see `WebSocketClient`.
    timeout : float, optional
        Timeout of the WebSocket; see `WebSocketClient`.
    rest_timeout : float, optional
        Total timeout of a REST call, in seconds; see `RestTransport` for its parts and default.
    on_limit : str
        Behaviour of a REST call at a rate limit, bfxsync's or the exchange's: ``"wait"``, or
        ``"raise"`` `RateLimited`.
    strict : bool
        Handling of unreadable rows in a REST list. True: the call raises `RemoteError`, which has
        the other rows. False: they are left out with a warning in the log, except where none may
        be missing (`resolve`, candles with ``fill=True``). WebSocket snapshots always report them
        to `on_error`.
    max_wait_s : float, optional
        A REST call that would have to wait longer for rate limits immediately raises
        `RateLimited`. By default calls wait indefinitely for bfxsync's own limits, and up to an
        hour after a refusal by the exchange.
    allow_insecure : bool
        Allow sending a key over ``http://`` or ``ws://`` to another machine, where anyone on the
        network path can read and change the requests. Keys of the local exchange (``paper-…``) are
        always allowed.
    absence_s : float
        Seconds after a failed call until a write is no longer in flight. Only then a write that the
        exchange does not list counts as not executed (see `OutcomeUnknown.resolve`).
    affiliate_code : str, optional
        Sent as ``aff_code`` in the meta of new orders, unless their meta has another one.
    post_only : bool
        Give limit orders the flag POST_ONLY, and refuse all orders that could take liquidity.
    max_order_value : dict of str to str, int, Decimal or float, optional
        Maximum value of an order by quote currency: ``{"USD": 1000, "USTF0": 500}``. Pairs with
        other quote currencies are refused.
    max_orders_per_minute : int, optional
        Maximum number of new orders and updates in 60 seconds.
    max_open_orders : int, optional
        Maximum number of open orders of the account after a new one.
    cancel_on_exit : bool
        Cancel the open orders that this client has placed, in `close` or at interpreter exit;
        `close` may then take 10 seconds longer. After a crash of the interpreter they stay open.
    filters : list of str, optional
        What the exchange sends of the account: ``trading``, ``trading-tBTCUSD``, ``funding``,
        ``funding-fUSD``, ``wallet``, ``wallet-exchange-BTC``, ``algo``, ``balance``; by default
        everything. Orders need ``trading``.
    dms : int, optional
        4: the exchange cancels *all* orders of the account, those of other programs too, whenever
        the connection of the account ends. It notices a lost network late.
    check_funds : bool
        Refuse WebSocket orders beyond the known size limits and balances before they are sent.
    dry_run : bool
        Check and log REST writes without sending them: each returns a `Notification` with the
        status ``"DRY_RUN"``, regardless of the method's usual result.
    logger : logging.Logger, optional
        Becomes the parent of the logger ``bfxsync`` in the whole process, so that its level and
        handlers apply.
    **options
        All other keyword arguments of `WebSocketClient`.

    Attributes
    ----------
    wss : WebSocketClient
    exchange : PaperExchange or None
        The local exchange of a client that `paper` made.
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        auth_token: str | None = None,
        credentials: CredentialSource | None = None,
        nonce_file: str | os.PathLike[str] | None = None,
        wss_host: str | None = None,
        rest_host: str | None = None,
        auth_wss_host: str | None = None,
        auth_rest_host: str | None = None,
        numbers: NumberType = float,
        proxy: str | None = None,
        ca_bundle: str | None = None,
        timeout: float | None = None,
        rest_timeout: float | None = None,
        on_limit: str = "wait",
        strict: bool = True,
        max_wait_s: float | None = None,
        allow_insecure: bool = False,
        absence_s: float = 60.0,
        affiliate_code: str | None = None,
        post_only: bool = False,
        max_order_value: Mapping[str, AnyNumber] | None = None,
        max_orders_per_minute: int | None = None,
        max_open_orders: int | None = None,
        cancel_on_exit: bool = False,
        filters: Sequence[str] | None = None,
        dms: int | None = None,
        check_funds: bool = False,
        dry_run: bool = False,
        logger: logging.Logger | None = None,
        **options: Any,
    ) -> None:
        # First, so that no traceback shows them.
        api_key, api_secret = hide(api_key), hide(api_secret)
        auth_token, proxy = hide(auth_token), hide(proxy)
        credentials = hide(credentials)
        check_names(options, Client, WebSocketClient)
        client_credentials, hidden_source, order_guard = lazily(credentials_and_guard)
        try:
            source = hidden_source(credentials)
        finally:
            credentials = None
        rest_options = checked_rest_options(
            rest_timeout=rest_timeout,
            on_limit=on_limit,
            strict=strict,
            max_wait_s=max_wait_s,
            allow_insecure=allow_insecure,
            absence_s=absence_s,
            affiliate_code=affiliate_code,
            dry_run=dry_run,
        )
        wss_host, rest_host = wss_host_of(wss_host), rest_host_of(rest_host)
        auth_rest_host = signed_rest_host(rest_host, auth_rest_host)
        auth_wss_host = signed_wss_host(wss_host, auth_wss_host)
        account_options = checked_account_options(filters, dms, check_funds)
        self._credentials: ClientCredentials = client_credentials(
            api_key,
            api_secret,
            auth_token,
            source,
            nonce_file,
            partial(check_hosts, (auth_rest_host, auth_wss_host), allow_insecure),
        )
        if timeout is not None:
            options["timeout"] = timeout
        guard = order_guard(
            post_only=post_only,
            max_order_value=max_order_value,
            max_orders_per_minute=max_orders_per_minute,
            max_open_orders=max_open_orders,
            cancel_on_exit=cancel_on_exit,
        )
        if logger is not None:
            log_to(logger)
        self.wss: WebSocketClient = WebSocketClient(
            wss_host, numbers=numbers, proxy=proxy, ca_bundle=ca_bundle, **options
        )
        self._guard: OrderGuard = guard
        rest_options.update(
            host=rest_host,
            auth_host=auth_rest_host,
            signer=self._credentials.current,
            numbers=numbers,
            proxy=proxy,
            ca_bundle=ca_bundle,
            guard=guard,
            **shared_limits(self.wss),
        )
        self._rest = LazyRest(rest_options)
        make_services = partial(account_services, self._rest, account_options)
        self.wss._use_account(auth_wss_host, proxy, make_services)
        self._histories = Histories(self.wss, self._rest)
        self._on_exit = cancellation_at_exit(guard, rest_options)
        self.exchange: PaperExchange | None = None

    @classmethod
    def paper(cls: type[C], exchange: PaperExchange | None = None, **options: Any) -> C:
        """
        Return a client of a local exchange, with a key of its first account.

        The exchange needs no network and ends with the client, in `close`.

        Parameters
        ----------
        exchange : PaperExchange, optional
            One with settings of your own; it is started if it is not running.
            `PaperExchange.client` returns clients that leave it running.
        **options
            Those of `Client`.

        Raises
        ------
        UsageError
            The extra ``paper`` is not installed, or the exchange has no account.
        """
        client, own = start_paper(cls, exchange, options)
        client.exchange = own
        return client

    candles = histories.candles
    trades = histories.trades
    portfolio = valuation.portfolio
    stats = stats
    health = health
    _repr_html_ = html_of

    @property
    def rest(self) -> RestClient:
        """
        The REST client, created on first use: streaming alone does not import it.

        Raises `ClosedError` if the client is closed.
        """
        return self._rest.client

    @property
    def symbols(self) -> Symbols:
        """Tradable symbols, with order sizes and rounding."""
        return self._rest.symbols

    @property
    def is_halted(self) -> bool:
        """Whether new orders are refused, between `halt` and `resume`."""
        return self._guard.is_halted

    def halt(self) -> Notification[List[AnyOrder]]:
        """
        Refuse new orders and cancel all open orders of the account.

        Exchange, margin and derivatives orders are cancelled; funding offers and recurring orders
        stay. Until `resume`, every new order or update of this client raises `OrderBlocked`,
        including those waiting for a rate limit, and even if the cancellation fails. Other clients
        of the account are not halted.

        Returns
        -------
        Notification of list of Order or PartialOrder
            The result of `cancel_order_multi`: the cancellation was accepted, but orders may still
            fill before it takes effect. `raise_for_status` raises a rejection.

        Raises
        ------
        BfxError
            The cancellation failed, or its outcome is unknown; call `halt` again.
        """
        self._guard.halt()
        return self.rest.auth.cancel_all_orders()

    def resume(self) -> None:
        """Allow orders again after `halt`."""
        self._guard.resume()

    @also_half_made
    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.wss!r} {self._rest.host} "
            f"{'with' if self._credentials.has_key else 'without'} a key>"
        )

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def rotate(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        auth_token: str | None = None,
    ) -> bool:
        """
        Switch to another key of the same account; without arguments, read the key again.

        Calls that have been sent complete with the old key; waiting and later calls use the new
        one. A call in flight that the exchange refuses because of the old key is repeated with the
        new one. The WebSocket of the account reconnects, with a gap; `dms` cancels orders then.
        Each key has its own nonces. An earlier write whose outcome is unknown is searched with the
        new key, but its absence is not inferred.

        Parameters
        ----------
        api_key, api_secret, auth_token : str, optional
            As for `Client`. By default the key is read from its original source: `credentials` is
            called again, or the environment is read.

        Returns
        -------
        bool
            False if the key has not changed.

        Raises
        ------
        UsageError
            Invalid key, or no source to read it from. The old key stays in use, also if
            `credentials` raises.
        ClosedError
            The client is closed.
        """
        # First, so that no traceback shows them.
        api_key, api_secret = hide(api_key), hide(api_secret)
        auth_token = hide(auth_token)
        self._rest.check_open()
        is_new = self._credentials.rotate(api_key, api_secret, auth_token)
        if is_new:
            _log.info("the key was replaced")
            self.wss._core.renew_account("the key was replaced")
        return is_new

    def close(self, code: int = 1000, reason: str = "") -> None:
        """
        Close all connections; returns within two seconds, from any thread.

        With ``cancel_on_exit`` it first cancels the orders, which may take 10 seconds. `code` and
        `reason` are for the WebSocket's close frame; see `WebSocketClient.close`.
        """
        farewell = check_farewell(code, reason)
        rest, wss, exchange = self._rest, self.wss, self.exchange
        close_parts(rest, self._histories, self._on_exit, wss, farewell, exchange)
