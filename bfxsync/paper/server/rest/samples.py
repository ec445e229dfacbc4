"""Sample data unrelated to markets: Pulse messages, announcements, VASPs, payment currencies."""

from __future__ import annotations

from typing import Iterator

from bfxsync.paper.engine.units import Row
from bfxsync.paper.markets.bars import HOUR, MINUTE_MS
from bfxsync.paper.server.rest.query import Query, Refused

_HOUR_MS = HOUR * MINUTE_MS
_FIRST_MTS = 1_609_459_200_000
_COUNT = 300
_MTS = [_FIRST_MTS + n * 24 * _HOUR_MS for n in range(_COUNT)]
_AUTHORS = ("ada", "brahe", "curie")


def pulse_hist(query: Query) -> Iterator[Row]:
    """Iterate over Pulse messages."""
    page = query.page(25, 100)
    times = [(n, mts) for n, mts in enumerate(_MTS) if page.covers(mts)]
    return page.cut(_message(n, mts) for n, mts in reversed(times))


def pulse_profile(query: Query) -> Row:
    """Return the Pulse profile of a user."""
    name = query.text("nickname")
    if name not in _AUTHORS:
        raise Refused("nickname: invalid")
    return _profile(name)


def posts_hist(query: Query) -> Iterator[Row]:
    """Iterate over announcements."""
    page = query.page(25, 250)
    query.integer("type")
    times = [(n, mts) for n, mts in enumerate(_MTS) if page.covers(mts)]
    return page.cut(
        [n + 1, mts, None, f"Announcement {n + 1}"] for n, mts in reversed(times)
    )


def vasps(query: Query) -> list[dict[str, str]]:
    """Return VASPs (virtual asset service providers) for withdrawals."""
    return [
        {"id": f"did:example:{name.lower()}", "name": f"{name} Exchange"}
        for name in ("Northern", "Southern")
    ]


def pay_currencies(query: Query) -> list[dict[str, object]]:
    """Return the currencies of invoices; the real format is unknown."""
    return [{"currency": code, "isActive": True} for code in ("BTC", "ETH", "UST")]


def _message(number: int, mts: int) -> Row:
    author = _AUTHORS[number % len(_AUTHORS)]
    # fmt: off
    return [
        f"message-{number}", mts, None, f"user-{author}", None, f"Title {number}",
        f"What {author} has to say.", None, None, 0, 1, 0, ["paper"], [], [], number % 7,
        None, None, [_profile(author)], number % 3, None, None,
    ]
    # fmt: on


def _profile(name: str) -> Row:
    followers = 10 * (1 + _AUTHORS.index(name))
    # fmt: off
    return [
        f"user-{name}", _FIRST_MTS, None, name, None, None, f"I am {name}.", None, None,
        None, None, followers, 3, None, None, None, 0,
    ]
    # fmt: on
