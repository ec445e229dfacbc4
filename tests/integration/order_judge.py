"""
The judge of orders: what an exchange did according to its journal, against what a client believes.

Strategy: rows are read here by their index, with nothing of the library, so that the judge cannot
share a mistake of the models. Each entry is read once, as the journal keeps only the newest.
"""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import attrs

from bfxsync import (
    NotExecuted,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
)
from bfxsync.paper import JournalEntry, PaperExchange
from bfxsync.paper.account_view import AccountView

# The fields of orders and trades that are compared, and their index on the wire.
ORDER = {"id": 0, "gid": 1, "cid": 2, "symbol": 3, "mts_create": 4, "mts_update": 5}
ORDER.update(amount=6, amount_orig=7, order_type=8, order_status=13, price=16)
ORDER.update(price_avg=17)
TRADE = {"id": 0, "symbol": 1, "mts_create": 2, "order_id": 3, "exec_amount": 4}
TRADE.update(exec_price=5, maker=8, cid=11)
FEE = {"fee": 9, "fee_currency": 10}

Row = Sequence[Any]


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
        """One word: open, done, rejected, never_sent, refused, absent or unknown."""
        if self.error is None:
            return "done" if _is_final(self.result.order_status) else "open"
        if isinstance(self.error, OrderRejected):
            return "rejected"
        if isinstance(self.error, NotExecuted):
            return self.error.proof
        assert isinstance(self.error, OutcomeUnknown), repr(self.error)
        return "unknown"


class OrderJudge:
    """
    Reads the journal of an exchange, of one of its accounts.

    Parameters
    ----------
    exchange : PaperExchange
    account : AccountView, optional
        By default the first.
    """

    def __init__(
        self, exchange: PaperExchange, account: AccountView | None = None
    ) -> None:
        self._journal = exchange.journal
        self._account = account or exchange.account
        self._last = self._journal.last_number
        self._truths: dict[int, Truth] = {}
        # Of all orders, also those of which no submission was seen.
        self._by_id: dict[int, Row] = {}
        self._open: set[int] = set()
        self._submissions: dict[int, JournalEntry] = {}

    def read(self) -> None:
        """Read what is new in the journal; fail if entries are gone already."""
        for entry in self._journal.find(after=self._last):
            assert entry.number == self._last + 1, "entries of the journal are lost"
            self._last = entry.number
            if entry.account == self._account.api_key:
                self._note(entry)

    def truth(self, cid: int) -> Truth:
        """Return what was done with an order until now."""
        self.read()
        return self._truths.get(cid) or Truth(cid)

    def truths(self) -> list[Truth]:
        """Return this for all orders."""
        self.read()
        return list(self._truths.values())

    def order(self, id: int) -> Row:
        """Return the last state of an order."""
        self.read()
        return self._by_id[id]

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
        elif isinstance(error, OrderRejected):
            assert not truth.is_placed and truth.codes == [error.code], context
        elif isinstance(error, NotExecuted):
            assert isinstance(error, OrderNotPlaced) and error.cid == belief.cid
            assert not truth.is_placed, context
            assert error.retryable == (error.proof == "never_sent")
            if error.proof == "never_sent":
                assert truth.request_count == 0, context
            if error.proof == "refused":
                assert truth.codes, context
        if error is not None and not isinstance(error, OutcomeUnknown):
            assert belief.order is None and not belief.fills, context
        if belief.order is not None:
            same(belief.order, truth.rows[-1])
        if belief.fills is not None and belief.outcome != "unknown":
            same_fills(belief.fills, truth.trades)
        return belief.outcome

    def judge_state(self, orders: dict[int, Any]) -> None:
        """Compare a client's open orders, by id, with those of the exchange."""
        self.read()
        assert set(orders) == self._open
        for id, order in orders.items():
            same(order, self._by_id[id])

    def _note(self, entry: JournalEntry) -> None:
        data = entry.data
        if entry.kind == "request":
            for cid in submitted(entry.name, data):
                self._truth(cid).request_count += 1
                self._submissions[entry.number] = entry
        elif entry.kind == "answer":
            if entry.cause in self._submissions:
                for cid, code in _refused(entry, self._submissions[entry.cause]):
                    self._truth(cid).codes.append(code)
        elif entry.name in ("on", "ou", "oc"):
            self._truth(data[2]).rows.append(data)
            self._truth(data[2]).is_open = entry.name != "oc"
            self._by_id[data[0]] = data
            change = self._open.discard if entry.name == "oc" else self._open.add
            change(data[0])
        elif entry.name in ("te", "tu"):
            self._truth(data[11]).trades[data[0]] = data

    def _truth(self, cid: int) -> Truth:
        return self._truths.setdefault(cid, Truth(cid))


def same(seen: Any, row: Row, fields: dict[str, int] = ORDER) -> None:
    """Check that a client's object is what a row says."""
    found = {name: getattr(seen, name) for name in fields}
    assert found == {name: row[index] for name, index in fields.items()}


def same_as_one_of(seen: Any, rows: list[Row]) -> None:
    """Check that an order had this state once."""
    found = [getattr(seen, name) for name in ORDER]
    assert found in [[row[index] for index in ORDER.values()] for row in rows]


def same_fills(fills: Sequence[Any], trades: dict[int, Row]) -> None:
    """Check that each trade is there exactly once, and as it was."""
    assert sorted(fill.id for fill in fills) == sorted(trades)
    for fill in fills:
        same(fill, trades[fill.id], TRADE)
        if fill.fee is not None:
            same(fill, trades[fill.id], FEE)


def _is_final(status: str) -> bool:
    return not status.startswith(("ACTIVE", "PARTIALLY FILLED"))


def _operations(name: str, data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the operations of a request, of either transport."""
    if name in ("auth/w/order/submit", "on"):
        yield "on", data
    elif name in ("auth/w/order/multi", "ox_multi"):
        yield from (data["ops"] if isinstance(data, dict) else data)


def submitted(name: str, data: Any) -> Iterator[int]:
    """Yield the client order ids of new orders in a request, of either transport."""
    for kind, body in _operations(name, data):
        if kind == "on":
            yield body["cid"]


def _refused(entry: JournalEntry, request: JournalEntry) -> Iterator[tuple[int, int]]:
    """Yield client order id and code of submissions that an answer refuses."""
    data = entry.data
    if data[0] == "error":
        for cid in submitted(request.name, request.data):
            yield cid, data[1]
        return
    notes = data[4] if data[1] == "ox_multi-req" and entry.via == "rest" else [data]
    for note in notes if isinstance(notes, list) else []:
        if note[1] == "on-req" and note[6] != "SUCCESS":
            row = note[4][0] if isinstance(note[4][0], list) else note[4]
            yield row[2], note[5]
