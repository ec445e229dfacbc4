"""
Authenticated endpoints: routing, authentication and permissions.

Checks are in the order of the real exchange: does the endpoint exist, is the request signed with a
known key, is its nonce larger than the last one, does the key have the right.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.errors import Invalid
from bfxsync.paper.server.keys import Credential
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.rest.query import PARAMETERS, Query, Refused
from bfxsync.paper.server.rest.routes import RestRoute
from bfxsync.paper.server.wire_json import decode

GENERIC = 10001

_NAME = re.compile(r"{(\w+)}")
_FILTER = re.compile(r"/{(symbol|currency)}(?=/|$)")


class SignedCall(Query):
    """A signed request."""

    def __init__(
        self,
        market_data: MarketData,
        values: Mapping[str, Any],
        registry: AccountRegistry,
        credential: Credential,
    ) -> None:
        super().__init__(market_data, values)
        self.registry = registry
        self.credential = credential

    @property
    def account(self) -> Account:
        """The account of the key or token."""
        return self.credential.account

    def integers(self, name: str = "id") -> list[int] | None:
        """Return a parameter that is an integer or a list of them, None if it is missing."""
        value = self.values.get(name)
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        if not all(type(item) is int for item in items):
            raise Refused(f"{name}: invalid")
        return items


class PrivateRoute(NamedTuple):
    """
    An authenticated endpoint.

    Attributes
    ----------
    path : str
        After ``/v2/``, with names in braces.
    answer : callable
        Takes a `SignedCall`; returns the answer.
    rights : str
        Required scope and right: ``"orders:w"``; empty if every key may call it.
    """

    path: str
    answer: Callable[[SignedCall], object]
    rights: str
    per_minute: int = 90

    @property
    def group(self) -> str:
        """The rate-limit group: the path, without a symbol or currency in it."""
        return _FILTER.sub("", self.path)


class MatchedRoute(NamedTuple):
    """A route, and the values in its path."""

    path: str
    values: Mapping[str, str]
    route: RestRoute
    rights: str


class PrivateApi:
    """Routes and authenticates signed requests."""

    def __init__(
        self,
        market_data: MarketData,
        registry: AccountRegistry,
        routes: tuple[PrivateRoute, ...],
    ) -> None:
        self._market_data = market_data
        self._registry = registry
        self._routes = [(re.compile(_pattern(route.path)), route) for route in routes]

    def find(self, raw_path: str) -> MatchedRoute:
        """Return the endpoint of a path; unknown paths get a route that answers with an error."""
        path = raw_path.partition("?")[0].lstrip("/")
        name = path.partition("/")[2]
        for pattern, route in self._routes:
            match = pattern.fullmatch(name)
            if match is not None:
                public = RestRoute(
                    "POST",
                    route.path,
                    _with_rest_errors(route.answer),
                    route.group,
                    route.per_minute,
                )
                return MatchedRoute(path, match.groupdict(), public, route.rights)
        return MatchedRoute(
            path, {}, RestRoute("POST", name, _missing(name), "missing", 90), ""
        )

    def authorize(
        self, found: MatchedRoute, headers: Mapping[str, str], body: bytes
    ) -> SignedCall:
        """
        Authenticate a request, check its rights and parse its body.

        Raises
        ------
        Refused
        """
        try:
            credential = self._registry.keys.authenticate(found.path, headers, body)
        except Invalid as invalid:
            raise Refused(invalid.message, invalid.code) from None
        scope, _, right = found.rights.partition(":")
        if scope and not credential.allows(scope, right):
            raise Refused("api_key: permission invalid", GENERIC)
        try:
            values = decode(body) if body.strip() else {}
        except (ValueError, RecursionError):
            raise Refused("body: invalid") from None
        if not isinstance(values, dict):
            raise Refused("body: invalid")
        return SignedCall(
            self._market_data, {**values, **found.values}, self._registry, credential
        )


def _with_rest_errors(
    answer: Callable[[SignedCall], object],
) -> Callable[[Query], object]:
    def translated(query: Query) -> object:
        assert isinstance(query, SignedCall)
        try:
            return answer(query)
        except Invalid as invalid:
            raise Refused(invalid.message, invalid.code) from None

    return translated


def _missing(name: str) -> Callable[[Query], object]:
    def missing(query: Query) -> object:
        raise Refused(f"{name} is not simulated by the local exchange", PARAMETERS)

    return missing


def _pattern(path: str) -> str:
    """Return the regular expression of a path; a symbol may have a colon, an id is a number."""
    parts = _NAME.split(path)
    pattern = ""
    for n, part in enumerate(parts):
        if n % 2:
            pattern += rf"(?P<{part}>\d+)" if part == "id" else rf"(?P<{part}>[^/]+)"
        else:
            pattern += re.escape(part)
    return pattern
