"""
Calls of REST methods by their names, with a question before each write.

Strategy: the question is asked where a request is about to be made, by a wrapper of the transport.
So what is shown is what is sent, including the client id that the library has chosen.
"""

from __future__ import annotations

import copy
import json
import warnings
from datetime import date, datetime
from typing import Any, Callable, Iterator, Mapping, Optional

import attrs

from bfxsync import OutcomeUnknown
from bfxsync._base.hidden import Hidden
from bfxsync.cli.rows import json_text
from bfxsync.models.model import Model
from bfxsync.models.notification import Notification
from bfxsync.rest.client import RestClient
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.http.request import request_of
from bfxsync.rest.http.retry_policy import RequestKind, kind_of
from bfxsync.rest.http.transport import RestTransport

HIDDEN = "(hidden)"


@attrs.frozen
class ShownRequest:
    """
    A request as a person reads it: without headers, so without key and signature.

    Attributes
    ----------
    body : dict or None
        Without the values that are secret or private.
    """

    method: str
    url: str
    body: Optional[Mapping[str, Any]]
    is_write: bool

    def __str__(self) -> str:
        line = f"{self.method} {self.url}"
        if self.body is None:
            return line
        return f"{line}\n{json.dumps(self.body, indent=2)}"


Ask = Callable[[ShownRequest], object]


class NotSent(Exception):
    """The request was only shown, as it should not be sent."""


class AskingTransport:
    """
    A transport that calls a function with each request before it is made.

    Parameters
    ----------
    ask : callable
        Nothing is sent if it raises.

    Attributes
    ----------
    was_sent : bool
        Whether a write has been sent, at least in part.
    """

    def __init__(self, transport: RestTransport, ask: Ask) -> None:
        self._transport = transport
        self._ask = ask
        self.was_sent: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        kind: RequestKind | None = None,
        before_send: Callable[[], None] | None = None,
        **options: Any,
    ) -> Any:
        """Show the request, then make it as the wrapped transport does."""
        kind = kind_of(method, path) if kind is None else kind
        self._ask(shown(self._transport.host, method, path, params, body, kind))

        def mark_sent() -> None:
            if before_send is not None:
                before_send()
            self.was_sent = kind is not RequestKind.READ

        return self._transport.request(
            method,
            path,
            params=params,
            body=body,
            kind=kind,
            before_send=mark_sent,
            **options,
        )


def shown(
    host: str,
    method: str,
    path: str,
    params: Mapping[str, Any] | None,
    body: Mapping[str, Any] | None,
    kind: RequestKind,
) -> ShownRequest:
    """Return a request as it would be sent, in words."""
    request = request_of(host, method, path, params, _without_secrets(body))
    fields = None if request.body is None else json.loads(request.body)
    is_write = kind is not RequestKind.READ
    return ShownRequest(request.method, request.url, fields, is_write)


def _without_secrets(value: Any) -> Any:
    # Secrets are masked by the endpoints, as texts of this class.
    if isinstance(value, Mapping):
        return {name: _without_secrets(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_secrets(item) for item in value]
    return HIDDEN if isinstance(value, Hidden) else value


def call(
    rest: RestClient,
    group: str,
    method: str,
    arguments: Mapping[str, Any],
    ask: Ask,
) -> Any:
    """
    Call a method of ``rest.public``, ``rest.auth`` or ``rest.merchant``.

    A rejection in a notification is raised.
    """
    endpoints = copy.copy(getattr(rest, group))
    transport = AskingTransport(endpoints._transport, ask)
    endpoints._transport = transport
    try:
        with warnings.catch_warnings():
            # The help says it.
            warnings.simplefilter("ignore", DeprecationWarning)
            result = getattr(endpoints, method)(**arguments)
    except KeyboardInterrupt:
        if not transport.was_sent:
            raise
        text = f"{method} was interrupted: it may or may not have been executed"
        raise OutcomeUnknown(text) from None
    return result.raise_for_status() if isinstance(result, Notification) else result


def json_lines(result: Any) -> Iterator[str]:
    """Yield the lines of a result: indented JSON, but for a history one object in each."""
    if isinstance(result, HistoryRows):
        for row in result:
            yield json_text(plain(row))
    else:
        yield from json_text(plain(result), "\n").splitlines()


def plain(value: Any) -> Any:
    """Return a result of REST as values for `json_text`."""
    if isinstance(value, Model):
        return plain(value.to_dict())
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        return {name: plain(getattr(value, name)) for name in names if name != "raw"}
    return value.isoformat() if isinstance(value, (datetime, date)) else value
