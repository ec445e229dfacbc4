"""Operations that are to be sent, and what their replies are about."""

from __future__ import annotations

from typing import Any, Hashable, List, Mapping, Tuple

import attrs

from bfxsync._base.plain import plain_items
from bfxsync.outcome.cid_dates import client_ids
from bfxsync.wire.inputs import Body
from bfxsync.wire.operations import METHODS
from bfxsync.ws.replies import Reply, Request


@attrs.define(eq=False)
class Draft:
    """An operation that is to be sent, and its reply."""

    name: str
    body: Body
    """Without None."""
    reply: Reply[Any]
    is_random: bool = False
    fingerprint: Hashable = None
    """Equal for all offers that a search cannot distinguish."""

    @property
    def new_cids(self) -> List[int]:
        """Client ids that a new order uses: first its own."""
        return client_ids(self.body) if self.name == "on" else []


def request_of(name: str, body: Body, cid_date: str | None = None) -> Request:
    """Describe an operation; `cid_date` is the date of a new order."""
    known = {key: value for key, value in body.items() if value is not None}
    cid, subject = None, known.get("id", known.get("symbol"))
    if name in ("on", "oc") and "cid" in known:
        cid = known["cid"]
        subject = f"cid {cid}"
    if name == "oc_multi":
        subject = None
    text = METHODS[name] if subject is None else f"{METHODS[name]} of {subject}"
    return Request(text, known, cid, cid_date or known.get("cid_date"))


def without_callbacks(ops: object) -> Tuple[object, List[Tuple[Any, Any]]]:
    """Return operations without the callbacks of their orders, and those callbacks."""
    pairs = plain_items(ops)
    if pairs is None:
        return ops, []
    plain: List[object] = []
    callbacks: List[Tuple[Any, Any]] = []
    for pair in pairs:
        on_fill = on_done = None
        items = plain_items(pair)
        if items is not None and len(items) == 2 and items[0] == "on":
            if isinstance(items[1], Mapping):
                terms = dict(items[1])
                on_fill, on_done = (
                    terms.pop("on_fill", None),
                    terms.pop("on_done", None),
                )
                pair = ("on", terms)
        plain.append(pair)
        callbacks.append((on_fill, on_done))
    return plain, callbacks
