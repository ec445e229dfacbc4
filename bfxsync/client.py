"""The client object: composition only."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, TypeVar

from bfxsync._base.aliases import AnyNumber, NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.forks import lazily
from bfxsync._base.guesses import ProposesNames
from bfxsync._base.hidden import hide
from bfxsync._base.hosts import PUB_REST_HOST, PUB_WSS_HOST
from bfxsync._base.logs import get_logger, log_to
from bfxsync.checks.containers import optional
from bfxsync.checks.hosts import (
    check_encryption,
    check_rest_host,
    check_wss_host,
    signed_rest_host,
)
from bfxsync.checks.options import check_bool, check_farewell, check_on_limit
from bfxsync.checks.texts import check_token
from bfxsync.checks.times import check_seconds, check_timeouts
from bfxsync.errors import ClosedError
from bfxsync.ws.client import WebSocketClient

if TYPE_CHECKING:
    from bfxsync.credentials import ClientCredentials, CredentialSource
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.models.notification import Notification
    from bfxsync.models.orders import AnyOrder
    from bfxsync.rest.client import RestClient
    from bfxsync.symbols import Symbols

C = TypeVar("C", bound="Client")

_log = get_logger(__name__)


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
        Instead of these, and of the environment: returns key and secret, or `Credentials`. See
        `bfxsync.credentials.from_env_file` and `from_keyring`. Called now and by `rotate`.
    nonce_file : str or os.PathLike, optional
        File that keeps nonces in order between processes of this machine that use the same key;
        needs the extra ``multiprocess``.
    wss_host, rest_host : str
        Addresses of the WebSocket and of REST.
    auth_rest_host : str, optional
        Address of signed REST calls. By default `REST_HOST`, or `rest_host` if that is not the
        exchange's public host, which serves no signed calls.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    proxy, ca_bundle : str, optional
        For both transports; see `WebSocketClient`.
    timeout : float, optional
        Of the WebSocket; see `WebSocketClient`.
    rest_timeout : float, optional
        Total timeout of a REST call, in seconds; see `RestTransport` for its parts and default.
    on_limit : str
        What a REST call does at a rate limit, ours or the exchange's: ``"wait"``, or ``"raise"``
        `RateLimited`.
    strict : bool
        Handling of unreadable rows in a REST list. True: the call raises `RemoteError`, which has
        the other rows. False: they are left out with a warning in the log, except where none may
        be missing (`resolve`, candles with ``fill=True``). WebSocket snapshots always report them
        to `on_error`.
    max_wait_s : float, optional
        A REST call that would have to wait longer for rate limits raises `RateLimited` at once. By
        default our own limits are waited for without bound, and a refusal of the exchange for up
        to an hour.
    allow_insecure : bool
        Allow a key over ``http://`` or ``ws://`` to another machine, where anyone on the path can
        read and change the requests. Keys of the local exchange (``paper-…``) are always allowed.
    absence_s : float
        Seconds after a failed call until a write can no longer be on its way: only then one that
        the exchange does not list counts as not executed (see `OutcomeUnknown.resolve`).
    affiliate_code : str, optional
        Sent with new orders, as ``aff_code`` of their meta, unless that has another one.
    post_only : bool
        Give limit orders the flag POST_ONLY, and refuse all orders that could take liquidity.
    max_order_value : dict of str to str, int, Decimal or float, optional
        Largest value of an order in each quote currency: ``{"USD": 1000, "USTF0": 500}``. Pairs
        with other quote currencies are refused.
    max_orders_per_minute : int, optional
        Maximum number of new orders and updates in 60 seconds.
    max_open_orders : int, optional
        Maximum number of open orders of the account after a new one.
    cancel_on_exit : bool
        Cancel the open orders that this client has placed, in `close` or when the program ends;
        `close` may then take 10 seconds longer. A crash of the interpreter leaves them open.
    dry_run : bool
        Check and log every write of REST, but send none: each returns a `Notification` with the
        status ``"DRY_RUN"``, also where the method has another result.
    logger : logging.Logger, optional
        Becomes the parent of the logger ``bfxsync``, for the whole process: its level and handlers
        apply.
    **options
        All other keyword arguments of `WebSocketClient`.

    Attributes
    ----------
    wss : WebSocketClient
    """

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        auth_token: str | None = None,
        credentials: CredentialSource | None = None,
        nonce_file: str | os.PathLike[str] | None = None,
        wss_host: str = PUB_WSS_HOST,
        rest_host: str = PUB_REST_HOST,
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
        dry_run: bool = False,
        logger: logging.Logger | None = None,
        **options: Any,
    ) -> None:
        # First, so that no traceback shows them.
        api_key, api_secret = hide(api_key), hide(api_secret)
        auth_token, proxy = hide(auth_token), hide(proxy)
        credentials = hide(credentials)
        client_credentials, hidden_source, order_guard = lazily(_credentials_and_guard)
        source = credentials = hidden_source(credentials)
        # Checked here, as REST is created on first use.
        on_limit = check_on_limit(on_limit)
        if rest_timeout is not None:
            check_timeouts(rest_timeout, "rest_timeout")
        strict, dry_run = check_bool("strict", strict), check_bool("dry_run", dry_run)
        allow_insecure = check_bool("allow_insecure", allow_insecure)
        if max_wait_s is not None:
            check_seconds("max_wait_s", max_wait_s)
        wss_host, rest_host = check_wss_host(wss_host), check_rest_host(rest_host)
        auth_rest_host = signed_rest_host(rest_host, auth_rest_host)
        check_seconds("absence_s", absence_s)
        affiliate_code = optional(check_token, "affiliate_code", affiliate_code)
        self._credentials: ClientCredentials = client_credentials(
            api_key,
            api_secret,
            auth_token,
            source,
            nonce_file,
            partial(_check_hosts, (auth_rest_host, wss_host), allow_insecure),
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
        self._rest_options: dict[str, Any] = {
            "host": rest_host,
            "auth_host": auth_rest_host,
            "signer": self._credentials.current,
            "numbers": numbers,
            "proxy": proxy,
            "ca_bundle": ca_bundle,
            "on_limit": on_limit,
            "strict": strict,
            "max_wait_s": max_wait_s,
            "allow_insecure": allow_insecure,
            "absence_s": absence_s,
            "affiliate_code": affiliate_code,
            "guard": guard,
            "dry_run": dry_run,
        }
        if rest_timeout is not None:
            self._rest_options["timeout"] = rest_timeout
        self._on_exit = None
        if guard.placed is not None:
            # Loads nothing that is not there yet.
            from bfxsync.rest.cancel_on_exit import CancelOnExit

            connect = partial(_connected, self._rest_options)
            self._on_exit = CancelOnExit(guard, guard.placed, connect)
        # Created on first use. If two threads create the same object, `dict.setdefault` keeps one:
        # no lock that an interrupted thread could keep.
        self._made: dict[str, Any] = {}
        self._is_closed = False

    @property
    def rest(self) -> RestClient:
        """
        The REST client, created on first use: streaming alone does not import it.

        Raises `ClosedError` if the client is closed.
        """
        made: RestClient | None = self._made.get("rest")
        if made is not None:
            return made
        if self._is_closed:
            raise ClosedError("the client is closed")
        mine = _connected(self._rest_options)
        rest: RestClient = self._made.setdefault("rest", mine)
        if rest is not mine:
            mine.close()
        if self._is_closed:
            # Closed meanwhile by a thread or signal handler that did not see it yet.
            rest.close()
            raise ClosedError("the client is closed")
        return rest

    @property
    def symbols(self) -> Symbols:
        """Tradable symbols, with order sizes and rounding."""
        made: Symbols | None = self._made.get("symbols")
        if made is not None:
            return made
        mine = lazily(_symbols)(self.rest.public)
        symbols: Symbols = self._made.setdefault("symbols", mine)
        return symbols

    @property
    def is_halted(self) -> bool:
        """Whether `halt` was called, and not `resume` since."""
        return self._guard.is_halted

    def halt(self) -> Notification[List[AnyOrder]]:
        """
        Refuse new orders and cancel all open orders of the account.

        Orders on margin, from the exchange wallet and in derivatives are cancelled; funding offers
        and recurring orders stay. From the call on, every new order or update of this client
        raises `OrderBlocked` until `resume`, also those that wait for a rate limit and even if the
        cancellation fails. Other clients of the account are not halted.

        Returns
        -------
        Notification of list of Order or PartialOrder
            The answer of `cancel_order_multi`: the cancellation was accepted, but orders may still
            fill before. `raise_for_status` raises a rejection.

        Raises
        ------
        BfxError
            The orders were not or may not have been cancelled; call it again.
        """
        self._guard.halt()
        return self.rest.auth.cancel_all_orders()

    def resume(self) -> None:
        """Allow orders again after `halt`."""
        self._guard.resume()

    @also_half_made
    def __repr__(self) -> str:
        has_key = self._credentials.current.signer is not None
        return (
            f"<{type(self).__name__} {self.wss!r} {self._rest_options['host']} "
            f"{'with' if has_key else 'without'} a key>"
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
        Use another key of the same account from now on; without arguments, read it again.

        Calls that have been sent end with the key that signed them; those that wait, and later
        ones, use the new key. A call that the exchange refuses meanwhile because of the old key is
        repeated with the new one. Each key has its own nonces. A write of before whose outcome is
        unknown is looked for with the new key, but its absence is not inferred.

        Parameters
        ----------
        api_key, api_secret, auth_token : str, optional
            As for `Client`. By default from where the client had its key: `credentials` is called
            once more, or the environment is read.

        Returns
        -------
        bool
            False if it is the same key, so that nothing has changed.

        Raises
        ------
        UsageError
            Invalid key, or nothing to read; the key stays as it was, also if `credentials` raises.
        ClosedError
            The client is closed.
        """
        # First, so that no traceback shows them.
        api_key, api_secret = hide(api_key), hide(api_secret)
        auth_token = hide(auth_token)
        if self._is_closed:
            raise ClosedError("the client is closed")
        is_new = self._credentials.rotate(api_key, api_secret, auth_token)
        if is_new:
            _log.info("the key was replaced")
        return is_new

    def stats(self) -> dict[str, Any]:
        """
        Return state and counters as plain data.

        Returns
        -------
        dict
            Ready for JSON. ``wss`` as `WebSocketClient.stats`; ``rest`` as `RestClient.stats`, or
            None before REST is used.
        """
        rest: RestClient | None = self._made.get("rest")
        return {
            "wss": self.wss.stats(),
            "rest": None if rest is None else rest.stats(),
        }

    def close(self, code: int = 1000, reason: str = "") -> None:
        """
        Close all connections; returns within two seconds, from any thread.

        With ``cancel_on_exit`` it first cancels the orders, which may take 10 seconds. `code` and
        `reason` are those of the WebSocket's close frame; see `WebSocketClient.close`.
        """
        code, reason = check_farewell(code, reason)
        self._is_closed = True
        try:
            rest = self._made.get("rest")
            if rest is not None:
                rest.close()
            if self._on_exit is not None:
                self._on_exit.run()
        finally:
            self.wss.close(code, reason)


def _check_hosts(hosts: Iterable[str], allow_insecure: bool, key: str) -> None:
    for host in hosts:
        check_encryption(host, key, allow_insecure)


def _credentials_and_guard() -> Any:
    # Not with this module: a `WebSocketClient` alone never needs them.
    from bfxsync.credentials import ClientCredentials, hidden_source
    from bfxsync.guards.guard import OrderGuard
    from bfxsync.guards.limits import OrderLimits

    def guard(**limits: Any) -> OrderGuard:
        return OrderGuard(OrderLimits.of(**limits))

    return ClientCredentials, hidden_source, guard


def _connected(options: Mapping[str, Any], **changes: Any) -> RestClient:
    return lazily(_rest_client)(**{**options, **changes})


def _rest_client() -> type[RestClient]:
    # Includes modules that Python imports lazily on a DNS lookup or when a date is parsed.
    import email.utils  # noqa: F401
    import encodings.idna  # noqa: F401

    from bfxsync.rest.client import RestClient

    return RestClient


def _symbols() -> type[Symbols]:
    from bfxsync.symbols import Symbols

    return Symbols
