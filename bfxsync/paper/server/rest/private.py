"""
The endpoints that need a key: who asks, whether they may, and what for.

A request is looked at in the exchange's order: is there such an endpoint, is it signed by a key
that is known, is its nonce larger than the last one, may the key do this. What the account does is
another matter, see `bfxsync.paper.engine`.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple

from bfxsync.paper.engine.account import Account
from bfxsync.paper.engine.keys import Caller
from bfxsync.paper.engine.refusals import Invalid
from bfxsync.paper.engine.registry import AccountRegistry
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.rest.query import PARAMETERS, Query, Refused
from bfxsync.paper.server.rest.routes import RestRoute
from bfxsync.paper.text import decode

GENERIC = 10001

_NAME = re.compile(r"{(\w+)}")


class SignedCall(Query):
    """
    A signed request.

    Attributes
    ----------
    office : Office
    caller : Caller
    """

    def __init__(
        self,
        market_data: MarketData,
        values: Mapping[str, Any],
        registry: AccountRegistry,
        caller: Caller,
    ) -> None:
        super().__init__(market_data, values)
        self.registry = registry
        self.caller = caller

    @property
    def account(self) -> Account:
        """Whose request it is."""
        return self.caller.account

    def ids(self, name: str = "id") -> list[int] | None:
        """Return whole numbers of which there may be one or several, None if there are none."""
        value = self.values.get(name)
        if value is None:
            return None
        items = value if isinstance(value, list) else [value]
        if not all(type(item) is int for item in items):
            raise Refused(f"{name}: invalid")
        return items


class PrivateRoute(NamedTuple):
    """
    An endpoint that needs a key.

    Attributes
    ----------
    path : str
        After ``/v2/``, with names in braces.
    answer : callable
        Takes a `SignedCall`; returns what it answers.
    rights : str
        What the key must have: ``"orders:w"``; empty if every key will do.
    per_minute : int
    group : str
        As of public routes; the path without it.
    """

    path: str
    answer: Callable[[SignedCall], object]
    rights: str
    per_minute: int = 90
    group: str = ""


class Found(NamedTuple):
    """A route, and what its path says."""

    path: str
    values: Mapping[str, str]
    route: RestRoute
    rights: str


class Gate:
    """
    What lets signed requests in.

    Parameters
    ----------
    hub : Hub
    office : Office
    routes : tuple of PrivateRoute
    """

    def __init__(
        self,
        market_data: MarketData,
        registry: AccountRegistry,
        routes: tuple[PrivateRoute, ...],
    ) -> None:
        self._market_data = market_data
        self._registry = registry
        self._routes = [(re.compile(_pattern(route.path)), route) for route in routes]

    def find(self, raw_path: str) -> Found:
        """Return the endpoint of a path; one that is not there is a route, too."""
        path = raw_path.partition("?")[0].lstrip("/")
        name = path.partition("/")[2]
        for pattern, route in self._routes:
            match = pattern.fullmatch(name)
            if match is not None:
                public = RestRoute(
                    "POST",
                    route.path,
                    _translated(route.answer),
                    route.group or route.path,
                    route.per_minute,
                )
                return Found(path, match.groupdict(), public, route.rights)
        return Found(
            path, {}, RestRoute("POST", name, _missing(name), "missing", 90), ""
        )

    def admit(
        self, found: Found, headers: Mapping[str, str], body: bytes
    ) -> SignedCall:
        """
        Return the request, if it may be answered.

        Raises
        ------
        Refused
        """
        try:
            caller = self._registry.keys.admit(found.path, headers, body)
        except Invalid as invalid:
            raise Refused(invalid.message, invalid.code) from None
        scope, _, right = found.rights.partition(":")
        if scope and not caller.may(scope, right):
            raise Refused("api_key: permission invalid", GENERIC)
        try:
            values = decode(body) if body.strip() else {}
        except (ValueError, RecursionError):
            raise Refused("body: invalid") from None
        if not isinstance(values, dict):
            raise Refused("body: invalid")
        return SignedCall(
            self._market_data, {**values, **found.values}, self._registry, caller
        )


def _translated(answer: Callable[[SignedCall], object]) -> Callable[[Query], object]:
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
    """Return what matches a path; a symbol may have a colon, and an id is a number."""
    parts = _NAME.split(path)
    pattern = ""
    for n, part in enumerate(parts):
        if n % 2:
            pattern += rf"(?P<{part}>\d+)" if part == "id" else rf"(?P<{part}>[^/]+)"
        else:
            pattern += re.escape(part)
    return pattern
