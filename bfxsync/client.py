"""The whole client: composition only."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.forks import lazily
from bfxsync._base.hidden import hide
from bfxsync._base.hosts import PUB_REST_HOST, PUB_WSS_HOST
from bfxsync._base.logs import log_to
from bfxsync.auth.nonce import Nonce
from bfxsync.auth.signer import RestSigner, Signer, TokenSigner
from bfxsync.checks.hosts import (
    check_encryption,
    check_rest_host,
    check_wss_host,
    signed_rest_host,
)
from bfxsync.checks.options import check_bool
from bfxsync.checks.times import check_seconds
from bfxsync.errors import ClosedError, UsageError
from bfxsync.ws.client import WebSocketClient

if TYPE_CHECKING:
    from bfxsync.rest.client import RestClient
    from bfxsync.symbols import Symbols

C = TypeVar("C", bound="Client")


class Client:
    """
    One object for everything: ``client.wss``, ``client.rest`` and ``client.symbols``.

    Parameters
    ----------
    api_key, api_secret : str, optional
        By default the environment's ``BFX_API_KEY`` and ``BFX_API_SECRET``, if they are set.
    auth_token : str, optional
        Instead of these: a token that `generate_token` has returned.
    nonce_file : str or os.PathLike, optional
        A file that keeps nonces in order between the processes of this machine that use the same
        key; needs the extra ``multiprocess``.
    wss_host, rest_host : str
        Addresses of the WebSocket and of REST.
    auth_rest_host : str, optional
        Address of REST for accounts. Without it `REST_HOST`, or `rest_host` if that is another
        one than the exchange's public one, which takes no signed calls.
    numbers : type
        `float` (default) or `decimal.Decimal`: the type of all number fields.
    proxy, ca_bundle : str, optional
        For both; see `WebSocketClient`.
    timeout : float, optional
        Of the WebSocket; see `WebSocketClient`.
    rest_timeout : float, optional
        Seconds for a whole REST call; see `RestTransport` for its parts and its default.
    on_limit : str
        What a REST call does when a limit of the exchange is reached: ``"wait"`` for its turn, or
        ``"raise"`` `RateLimited`.
    strict : bool
        What becomes of rows of a REST list that cannot be read. True: the call raises
        `RemoteError`, with the other rows. False: they are left out, with a warning in the log;
        what must not miss one raises all the same (`resolve`, candles with ``fill=True``).
        WebSocket snapshots report theirs to `on_error` in any case.
    max_wait_s : float, optional
        Seconds: a REST call that would have to wait longer for its turns raises `RateLimited` at
        once. By default it waits as long as its budget asks for, and up to an hour when the
        exchange refuses.
    allow_insecure : bool
        Let a key go to another machine over ``http://`` or ``ws://``, where everybody on the way
        can read what it is used for and change it. Keys of the local exchange (``paper-…``) may
        go anywhere.
    absence_s : float
        So many seconds after its call has failed a write is no longer on its way: only then what
        the exchange does not list counts as not executed (see `OutcomeUnknown.resolve`). 60 by
        default.
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
        logger: logging.Logger | None = None,
        **options: Any,
    ) -> None:
        # First of all: from here on no frame shows them.
        api_key, api_secret = hide(api_key), hide(api_secret)
        auth_token, proxy = hide(auth_token), hide(proxy)
        # Here too, as REST is made when it is used first.
        on_limit = lazily(partial(_check_rest, on_limit, rest_timeout))
        strict = check_bool("strict", strict)
        allow_insecure = check_bool("allow_insecure", allow_insecure)
        if max_wait_s is not None:
            check_seconds("max_wait_s", max_wait_s)
        # All of it here, as REST is made when it is used first.
        wss_host, rest_host = check_wss_host(wss_host), check_rest_host(rest_host)
        auth_rest_host = signed_rest_host(rest_host, auth_rest_host)
        check_seconds("absence_s", absence_s)
        signer = _signer_of(api_key, api_secret, auth_token, nonce_file)
        if signer is not None:
            for host in (auth_rest_host, wss_host):
                check_encryption(host, signer.identity, allow_insecure)
        if timeout is not None:
            options["timeout"] = timeout
        if logger is not None:
            log_to(logger)
        self.wss: WebSocketClient = WebSocketClient(
            wss_host, numbers=numbers, proxy=proxy, ca_bundle=ca_bundle, **options
        )
        self._rest_options: dict[str, Any] = {
            "host": rest_host,
            "auth_host": auth_rest_host,
            "signer": signer,
            "numbers": numbers,
            "proxy": proxy,
            "ca_bundle": ca_bundle,
            "on_limit": on_limit,
            "strict": strict,
            "max_wait_s": max_wait_s,
            "allow_insecure": allow_insecure,
            "absence_s": absence_s,
        }
        if rest_timeout is not None:
            self._rest_options["timeout"] = rest_timeout
        # What is made when it is used first. Of two threads that make the same one is too late,
        # as `dict.setdefault` decides; there is no lock that an interrupted one could keep.
        self._made: dict[str, Any] = {}
        self._is_closed = False

    @property
    def rest(self) -> RestClient:
        """
        The REST side, made when it is used first: who streams only need not load it.

        Raises
        ------
        ClosedError
            The client is closed.
        """
        made: RestClient | None = self._made.get("rest")
        if made is not None:
            return made
        if self._is_closed:
            raise ClosedError("the client is closed")
        mine = lazily(_rest_client)(**self._rest_options)
        rest: RestClient = self._made.setdefault("rest", mine)
        if rest is not mine:
            mine.close()
        if self._is_closed:
            # Closed meanwhile, by a thread or signal handler that has not seen it.
            rest.close()
            raise ClosedError("the client is closed")
        return rest

    @property
    def symbols(self) -> Symbols:
        """What can be traded, with its limits and its rounding."""
        made: Symbols | None = self._made.get("symbols")
        if made is not None:
            return made
        mine = lazily(_symbols)(self.rest.public)
        symbols: Symbols = self._made.setdefault("symbols", mine)
        return symbols

    @also_half_made
    def __repr__(self) -> str:
        has_key = self._rest_options["signer"] is not None
        return (
            f"<{type(self).__name__} {self.wss!r} {self._rest_options['host']} "
            f"{'with' if has_key else 'without'} a key>"
        )

    def __enter__(self: C) -> C:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; returns within two seconds, from any thread."""
        self._is_closed = True
        rest = self._made.get("rest")
        if rest is not None:
            rest.close()
        self.wss.close()


def _check_rest(on_limit: object, rest_timeout: object) -> str:
    # Loads nothing else of REST.
    from bfxsync.checks.options import check_on_limit
    from bfxsync.checks.times import check_timeouts

    if rest_timeout is not None:
        check_timeouts(rest_timeout, "rest_timeout")
    return check_on_limit(on_limit)


def _signer_of(
    api_key: str | None,
    api_secret: str | None,
    auth_token: str | None,
    nonce_file: str | os.PathLike[str] | None,
) -> RestSigner | None:
    """Return what signs, or None where there is nothing to sign with."""
    if auth_token is not None:
        if api_key is not None or api_secret is not None:
            raise UsageError("auth_token stands instead of api_key and api_secret")
    else:
        # Both from one place: a key of one and a secret of the other would never fit.
        if api_key is None and api_secret is None:
            api_key = hide(os.environ.get("BFX_API_KEY") or None)
            api_secret = hide(os.environ.get("BFX_API_SECRET") or None)
        if api_key is None and api_secret is None:
            if nonce_file is not None:
                raise UsageError("nonce_file needs a key")
            return None
        if api_key is None or api_secret is None:
            missing = "api_key" if api_key is None else "api_secret"
            raise UsageError(f"{missing} is missing: both or neither")
    options: dict[str, Nonce] = {}
    if nonce_file is not None:
        from bfxsync.auth.nonce_file import (
            FileNonce,  # loads nothing that is not there yet
        )

        options["nonce"] = FileNonce(nonce_file)
    if auth_token is not None:
        return TokenSigner(auth_token, **options)
    assert api_key is not None and api_secret is not None
    return Signer(api_key, api_secret, **options)


def _rest_client() -> type[RestClient]:
    # With what Python itself loads only when a host's name is looked up, or a date is read.
    import email.utils  # noqa: F401
    import encodings.idna  # noqa: F401

    from bfxsync.rest.client import RestClient

    return RestClient


def _symbols() -> type[Symbols]:
    from bfxsync.symbols import Symbols

    return Symbols
