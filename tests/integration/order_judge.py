"""
The judge of orders: what an exchange did according to its journal, against what a client believes.

Strategy: rows are read here by their index, with nothing of the library, so that the judge cannot
share a mistake of the models. Each entry is read once, as the journal keeps only the newest.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterator, Mapping, Sequence, Tuple

import attrs

from bfxsync import (
    ApiError,
    NetworkError,
    NotExecuted,
    OrderNotPlaced,
    OutcomeUnknown,
    UsageError,
)
from bfxsync.paper import JournalEntry, PaperExchange
from bfxsync.paper.account_view import AccountView

# The fields of orders, trades and offers that are compared, and their index on the wire.
ORDER = {"id": 0, "gid": 1, "cid": 2, "symbol": 3, "mts_create": 4, "mts_update": 5}
ORDER.update(amount=6, amount_orig=7, order_type=8, order_status=13, price=16)
ORDER.update(price_avg=17)
TRADE = {"id": 0, "symbol": 1, "mts_create": 2, "order_id": 3, "exec_amount": 4}
TRADE.update(exec_price=5, maker=8, cid=11)
FEE = {"fee": 9, "fee_currency": 10}
OFFER = {"id": 0, "symbol": 1, "mts_create": 2, "amount": 4, "amount_orig": 5}
OFFER.update(offer_status=10, rate=14, period=15)

ORDER_EVENTS, OFFER_EVENTS = ("on", "ou", "oc"), ("fon", "fou", "foc")

Row = Sequence[Any]

Key = Tuple[Any, ...]
"""
What tells an operation from all others: the name of the input, then the client order id of a new
order, id and price of an update, id of a cancellation, or the rate of an offer.
"""


@attrs.define
class Truth:
    """
    What the exchange did with the order of a client order id.

    Attributes
    ----------
    request_count : int
        Submissions with this id that reached the exchange.
    rows : list
        States that the order had, as announced; the last one is its state.
    is_open : bool
    trades : dict
        Rows of its trades by id, with fees where they are known.
    codes : list of int
        Errors that its submissions were refused with.
    """

    cid: int
    request_count: int = 0
    rows: list[Row] = attrs.field(factory=list)
    is_open: bool = False
    trades: dict[int, Row] = attrs.field(factory=dict)
    codes: list[int] = attrs.field(factory=list)

    @property
    def is_placed(self) -> bool:
        return bool(self.rows)

    @property
    def filled(self) -> float:
        """The executed amount."""
        return sum(row[4] for row in self.trades.values())


@attrs.define
class Belief:
    """
    What a client believes of an order.

    Attributes
    ----------
    order : Order or None
        The latest state.
    result : Order or None
        What the call or its reply returned, which may have been superseded.
    error : BaseException or None
        What it raised.
    fills : sequence of AccountTrade or None
        None: not known here, as of a REST call.
    """

    cid: int
    order: Any = None
    result: Any = None
    error: BaseException | None = None
    fills: Sequence[Any] | None = None

    @property
    def outcome(self) -> str:
        """One word: open, done, rejected, never_sent, refused, absent, unknown or raised."""
        if self.error is None:
            return "done" if _is_final(self.result.order_status) else "open"
        if isinstance(self.error, ApiError):
            return "rejected"
        if isinstance(self.error, NotExecuted):
            return self.error.proof
        return "unknown" if isinstance(self.error, OutcomeUnknown) else "raised"


class OrderJudge:
    """
    Reads the journal of an exchange, of one of its accounts.

    Updates, and funding offers, are told apart by their prices and rates: each must have its own.

    Parameters
    ----------
    exchange : PaperExchange
    account : AccountView, optional
        By default the first.

    Attributes
    ----------
    never_sent : set of Key
        Operations that were believed to be so.
    """

    def __init__(
        self, exchange: PaperExchange, account: AccountView | None = None
    ) -> None:
        self._journal = exchange.journal
        self._account = account or exchange.account
        self._last = self._journal.last_number
        self._cids: dict[int, list[int]] = {}
        self._rows: dict[int, list[Row]] = {}
        self._trades: dict[int, dict[int, Row]] = {}
        self._open: dict[str, set[int]] = {"on": set(), "fon": set()}
        self._closed_by: dict[int, int] = {}
        self._received: Counter[Key] = Counter()
        self._codes: dict[Key, list[int]] = {}
        self._requests: dict[int, list[Key]] = {}
        self.never_sent: set[Key] = set()

    def read(self) -> None:
        """Read what is new in the journal; fail if entries are gone already."""
        if self._journal.last_number == self._last:
            return  # at once, as looking through the journal takes milliseconds
        for entry in self._journal.find(after=self._last):
            assert entry.number == self._last + 1, "entries of the journal are lost"
            self._last = entry.number
            if entry.account == self._account.api_key:
                self._note(entry)

    def truth(self, cid: int) -> Truth:
        """Return what was done with an order until now."""
        self.read()
        ids = self._cids.get(cid, [])
        return Truth(
            cid,
            self._received["on", cid],
            [row for id in ids for row in self._rows[id]],
            bool(self._open["on"].intersection(ids)),
            {key: row for id in ids for key, row in self._trades.get(id, {}).items()},
            self._codes.get(("on", cid), []),
        )

    def judge(self, belief: Belief) -> str:
        """
        Compare a belief with the truth; both must have come to rest.

        Returns
        -------
        str
            The outcome; an unknown one is never wrong.
        """
        truth, error = self.truth(belief.cid), belief.error
        context = f"{belief} is not {truth}"
        assert truth.request_count <= 1, f"sent twice: {truth}"
        assert len({row[0] for row in truth.rows}) <= 1, f"placed twice: {truth}"
        if error is None:
            assert truth.is_placed, context
            same_as_one_of(belief.result, truth.rows)
            assert belief.order is not None, context
        elif not isinstance(error, OutcomeUnknown):
            assert not truth.is_placed, context
            assert belief.order is None and not belief.fills, context
            if isinstance(error, NotExecuted):
                assert isinstance(error, OrderNotPlaced) and error.cid == belief.cid
            self._check_error(("on", belief.cid), error)
        if belief.order is not None:
            same(belief.order, truth.rows[-1])
        if belief.fills is not None and belief.outcome != "unknown":
            same_fills(belief.fills, truth.trades)
        return belief.outcome

    def judge_change(self, key: Key, result: Any, error: BaseException | None) -> str:
        """
        Compare what is believed of an update, a cancellation or an offer with the truth.

        Returns
        -------
        str
            done, rejected, never_sent, refused, absent, unknown, raised, or in doubt: an update of
            an order that was updated once more, whose result only is its state.
        """
        self.read()
        name, *_ = key
        assert self._received[key] <= 1, f"sent twice: {key}"
        rows = self._effect(key)
        context = f"{key}: {result or error!r} is not {rows}"
        if error is None:
            if name == "ou" and not rows:
                # The price is that of another update, which may have replaced this one's.
                assert self._received["ou", key[1], result.price], context
                return "in doubt"
            assert rows, context
            fields = OFFER if name in ("fon", "foc") else ORDER
            same_as_one_of(result, self._rows[rows[-1][0]], fields)
            return "done"
        if isinstance(error, OutcomeUnknown):
            return "unknown"
        if name in ("oc", "foc"):
            # It may be closed by others.
            closing = self._requests.get(self._closed_by.get(key[1], 0), [])
            assert key not in closing, context
        else:
            assert not rows, context
        return self._check_error(key, error)

    def judge_state(self, orders: dict[int, Any], offers: Any = None) -> None:
        """Compare a client's open orders, and offers, by id, with those of the exchange."""
        self.read()
        for held, name, fields in ((orders, "on", ORDER), (offers, "fon", OFFER)):
            if held is not None:
                assert set(held) == self._open[name], (
                    name,
                    set(held) ^ self._open[name],
                )
                for id, item in held.items():
                    same(item, self._rows[id][-1], fields)

    def judge_fills(self, seen: Mapping[tuple[int, int], int]) -> None:
        """Check that each trade was delivered once; `seen` counts pairs of order and trade."""
        self.read()
        trades = {(order, id) for order, rows in self._trades.items() for id in rows}
        assert dict(seen) == dict.fromkeys(trades, 1), set(seen.items()) ^ {
            (pair, 1) for pair in trades
        }

    def judge_repeats(self) -> None:
        """Check that no operation has reached the exchange twice."""
        self.read()
        repeated = [key for key, count in self._received.items() if count > 1]
        assert not repeated, f"sent twice: {repeated}"

    def judge_inputs(self, inputs: Sequence[tuple[str, Any]]) -> Counter[Key]:
        """Check all inputs that a client has put on the wire; return how often each was."""
        counts = Counter(key_of(name, body) for name, body in inputs)
        repeated = [key for key, count in counts.items() if count > 1]
        assert not repeated, f"sent twice: {repeated}"
        assert not self.never_sent & set(counts), "said to be never sent"
        return counts

    def _note(self, entry: JournalEntry) -> None:
        data, name = entry.data, entry.name
        if entry.kind == "request":
            keys = [key_of(*operation) for operation in _operations(name, data)]
            self._received.update(keys)
            self._requests[entry.number] = keys
        elif entry.kind == "answer":
            self._note_answer(entry)
        elif name in ORDER_EVENTS or name in OFFER_EVENTS:
            id = data[0]
            if id not in self._rows and name in ORDER_EVENTS:
                self._cids.setdefault(data[2], []).append(id)
            self._rows.setdefault(id, []).append(data)
            places = self._open["on" if name in ORDER_EVENTS else "fon"]
            if name in ("oc", "foc"):
                places.discard(id)
                self._closed_by[id] = entry.cause
            else:
                places.add(id)
        elif name in ("te", "tu"):
            self._trades.setdefault(data[3], {})[data[0]] = data

    def _note_answer(self, entry: JournalEntry) -> None:
        keys, data = self._requests.get(entry.cause, []), entry.data
        if not keys or not isinstance(data, list):
            return
        if data[0] == "error":
            answers = [(key, data[1]) for key in keys]
        elif entry.via == "ws":
            # One for each operation, except those whose notification was lost.
            key = next(key for key in keys if _is_about(data, key))
            answers = [(key, data[5])] if data[6] != "SUCCESS" else []
        else:
            notes = data[4] if data[1] == "ox_multi-req" else [data]
            answers = [
                (key, note[5]) for key, note in zip(keys, notes) if note[6] != "SUCCESS"
            ]
        for key, code in answers:
            self._codes.setdefault(key, []).append(code)

    def _effect(self, key: Key) -> list[Row]:
        """Return the states that show that an operation was executed."""
        name, *rest = key
        if name == "on":
            return self.truth(rest[0]).rows
        if name == "fon":
            found = [rows[0] for rows in self._rows.values() if rows[0][14] == rest[0]]
            assert len(found) <= 1, f"placed twice: {found}"
            return found
        rows = self._rows[rest[0]]
        if name == "ou":
            return [row for row in rows if row[16] == rest[1]]
        return rows[-1:] if rest[0] in self._closed_by else []

    def _check_error(self, key: Key, error: BaseException) -> str:
        """Check why it was not executed."""
        context = f"{key}: {error!r}"
        if isinstance(error, ApiError):
            assert self._codes.get(key) == [error.code], context
            return "rejected"
        if isinstance(error, NotExecuted):
            proof = error.proof
            assert error.retryable == (proof == "never_sent"), context
        else:
            # At the caller's line.
            proof = "raised"
            is_down = isinstance(error, NetworkError) and error.phase == "send"
            assert is_down or isinstance(error, UsageError), context
        if proof in ("never_sent", "raised"):
            self.never_sent.add(key)
            assert not self._received[key], context
        elif proof == "refused":
            assert self._codes.get(key), context
        return proof


def same(seen: Any, row: Row, fields: dict[str, int] = ORDER) -> None:
    """Check that a client's object is what a row says."""
    found = {name: getattr(seen, name) for name in fields}
    assert found == {name: row[index] for name, index in fields.items()}


def same_as_one_of(seen: Any, rows: list[Row], fields: dict[str, int] = ORDER) -> None:
    """Check that an order, or an offer, had this state once."""
    found = [getattr(seen, name) for name in fields]
    assert found in [[row[index] for index in fields.values()] for row in rows]


def same_fills(fills: Sequence[Any], trades: dict[int, Row]) -> None:
    """Check that each trade is there exactly once, and as it was."""
    assert sorted(fill.id for fill in fills) == sorted(trades)
    for fill in fills:
        same(fill, trades[fill.id], TRADE)
        if fill.fee is not None:
            same(fill, trades[fill.id], FEE)


def key_of(name: str, body: Any) -> Key:
    """Return what tells an operation from all others."""
    if name == "on":
        return name, body["cid"]
    if name == "ou" and "price" in body:
        return name, body["id"], float(body["price"])
    if name == "fon":
        return name, float(body["rate"])
    if name in ("oc", "foc"):
        return name, body.get("id") or (body["cid"], body["cid_date"])
    return name, repr(body)


def _is_about(note: Row, key: Key) -> bool:
    """Return whether a notification is about an operation of its request."""
    if note[1] != f"{key[0]}-req":
        return False
    place = {"on": 2, "ou": 0, "oc": 0, "foc": 0}.get(key[0])
    # One by client id has no id.
    return place is None or note[4][place] in (key[1], None)


_PATHS = {
    "auth/w/order/submit": "on",
    "auth/w/order/update": "ou",
    "auth/w/order/cancel": "oc",
    "auth/w/funding/offer/submit": "fon",
    "auth/w/funding/offer/cancel": "foc",
}


def _is_final(status: str) -> bool:
    return not status.startswith(("ACTIVE", "PARTIALLY FILLED"))


def _operations(name: str, data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the operations of a request, of either transport."""
    if data is None:
        return  # a request that was not authentic
    if name in ("auth/w/order/multi", "ox_multi"):
        yield from (data["ops"] if isinstance(data, dict) else data)
    elif name in _PATHS or name in _PATHS.values():
        yield _PATHS.get(name, name), data
