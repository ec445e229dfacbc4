"""
What became of an update whose answer was lost, for every combination of its arguments.

Strategy: a model of an order is filled, closed, triggered and changed by another program, before or
after the update, which is executed or lost. Its states reach the tracker over the socket, or only
the last one by REST. What the tracker says must be true, and must be known where it can be.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, combinations, product
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import pytest
from account_rows import START, event, operation_of

from bfxsync.errors import NotExecuted, OutcomeUnknown
from bfxsync.models.orders import Order
from bfxsync.wire.acknowledgements import ANSWER_S
from bfxsync.wire.commands import Reconciled
from bfxsync.wire.orders import OrderTracker
from bfxsync.wire.outputs import Settle
from bfxsync.wire.update_evidence import MOST_LISTED, Verdict, compare

pytestmark = pytest.mark.once

AMOUNTS: List[Dict[str, Any]] = [{}, {"amount": "2.5"}, {"delta": "0.4"}]
PLAIN: Dict[str, Any] = {
    "price": "99",
    "gid": 9,
    "flags": 524288,
    "tif": "2030-01-01 00:00:00",
    "meta": {"aff_code": "abc"},
}
KINDS: Dict[str, Dict[str, Any]] = {
    "LIMIT": {},
    "STOP": {},
    "STOP LIMIT": {"price_aux_limit": "98"},
    "TRAILING STOP": {"price_trailing": "3"},
    "LIMIT with leverage": {"lev": 5},
}
OTHERS: List[Dict[str, Any]] = [
    {"price": "97"},
    {"amount": "4"},
    {"gid": 8},
    {"flags": 0, "tif": "2029-01-01"},
]
SEMANTICS = ("remaining", "remaining, with a new whole", "whole")
"""What the amount of an update is, and whether the original amount follows."""


class Model:
    """An order of the exchange."""

    def __init__(self, kind: str, semantics: str) -> None:
        self.semantics = semantics
        self.amount = self.orig = 1.0
        self.fills: List[float] = []
        self.word = ""
        self.mts = START
        self.row: List[Any] = [None] * 32
        self.row[:6] = [1, None, 7, "tBTCUSD", START, START]
        self.row[8], self.row[12], self.row[16] = kind.split(" with")[0], 0, 100.0
        self.row[18], self.row[19] = 0.0, 0.0
        if kind == "STOP LIMIT":
            self.row[19] = 96.0
        if kind == "TRAILING STOP":
            self.row[18] = 2.0
        self.row[31] = {"aff_code": "xyz", "$F33": 10}

    def state(self) -> Order:
        listed = ", ".join(f"100({amount})" for amount in self.fills[::-1])
        word = self.word or ("PARTIALLY FILLED" if self.fills else "ACTIVE")
        row = list(self.row)
        row[5:8] = [self.mts, round(self.amount, 8), round(self.orig, 8)]
        row[13] = word + (f" @ {listed}" if listed else "")
        row[31] = dict(row[31])
        return Order.from_row(row, float)

    def do(self, what: str, body: Any = None) -> None:
        self.mts += 10
        getattr(self, what)(body)

    def update(self, body: Dict[str, Any]) -> None:
        if self.word:
            return  # refused
        before, filled = self.amount, sum(self.fills)
        if "delta" in body:
            self.amount += float(body["delta"])
        if "amount" in body:
            self.amount = float(body["amount"])
            self.amount -= filled if self.semantics == "whole" else 0
        if self.semantics != "remaining":
            self.orig += self.amount - before
        places = {"gid": 1, "flags": 12, "price": 16}
        places.update(price_trailing=18, price_aux_limit=19)
        for name, place in places.items():
            if name in body and not (name == "price" and self.row[16] == 0.0):
                value = body[name]
                self.row[place] = float(value) if "price" in name else value
        if "tif" in body:
            self.row[10] = 1_893_456_000_000 if "2030" in body["tif"] else 5
        self.row[31].update(body.get("meta", {}))
        if "lev" in body:
            self.row[31]["$F33"] = body["lev"]

    def fill(self, _: Any) -> None:
        if not self.word:
            self.fills.append(0.3)
            self.amount -= 0.3

    def execute(self, _: Any) -> None:
        if not self.word:
            self.fills.append(round(self.amount, 8))
            self.amount, self.word = 0.0, "EXECUTED"

    def cancel(self, _: Any) -> None:
        self.word = self.word or "CANCELED"

    def trigger(self, _: Any) -> None:
        kind = self.row[8]
        self.row[9], self.row[8] = kind, "LIMIT" if "LIMIT" in kind else "MARKET"
        self.row[16] = self.row[19] if "LIMIT" in kind else 0.0
        if kind != "STOP LIMIT":
            self.execute(None)


class Case(NamedTuple):
    kind: str
    semantics: str
    body: Dict[str, Any]
    before: Sequence[Tuple[str, Any]]
    after: Sequence[Tuple[str, Any]]
    is_executed: bool


def bodies(kind: str) -> Iterator[Dict[str, Any]]:
    """Yield every combination of arguments; of most kinds those with few."""
    plain = {**PLAIN, **KINDS[kind]}
    most = len(plain) if kind in ("LIMIT", "STOP LIMIT") else 1
    names = chain.from_iterable(combinations(plain, n) for n in range(most + 1))
    for chosen, amount in product(list(names), AMOUNTS):
        body = {**amount, **{name: plain[name] for name in chosen}}
        if body:
            yield body


def histories(kind: str, has_all: bool) -> Iterator[Tuple[List[Any], List[Any]]]:
    """Yield what happens before and after the update; without `has_all` one of each sort."""
    fill, execute, cancel = ("fill", None), ("execute", None), ("cancel", None)
    if "STOP" in kind:
        trigger = ("trigger", None)
        yield from ([[], []], [[], [trigger]], [[trigger], []])
        if has_all:
            yield from ([[], [cancel]], [[], [trigger, fill]])
            yield [trigger, fill], [fill]
        return
    yield from ([[], []], [[fill], [fill, cancel]], [[execute], []])
    if not has_all:
        yield [], [("update", OTHERS[0])]
        return
    yield from ([[fill], []], [[], [fill]], [[fill], [fill, fill]])
    yield from ([[], [cancel]], [[cancel], []])
    yield from ([[], [execute]], [[fill], [execute]])
    for other in OTHERS:
        yield [("update", other)], []
        yield [], [("update", other), fill]


def cases(kind: str) -> Iterator[Case]:
    for number, body in enumerate(bodies(kind)):
        for before, after in histories(kind, len(body) < 3):
            semantics = SEMANTICS if len(body) < 3 else [SEMANTICS[number % 3]]
            for meaning, is_executed in product(semantics, (True, False)):
                yield Case(kind, meaning, body, before, after, is_executed)


def states_of(case: Case) -> List[Order]:
    """Return the states from the one before the update; the last one is what REST has."""
    model = Model(case.kind, case.semantics)
    states = [model.state()]
    update = [("update", case.body)] if case.is_executed else []
    for step in (*case.before, *update, *case.after):
        was_closed = bool(model.word)
        model.do(*step)
        if not was_closed:
            states.append(model.state())
    return states


def fate_of(case: Case, is_shown: bool, knows_before: bool = True) -> Any:
    """Return the order or error that the update is settled with; its answer is lost."""
    first, *states = states_of(case)
    tracker = OrderTracker()
    operation = operation_of("ou", {"id": 1, **case.body})
    if knows_before:
        tracker.handle(event("on", first), 0.0)
    tracker.sent([operation], 0.0)
    outputs: List[Any] = []
    if is_shown:
        for state in states:
            code = "ou" if state.status.is_open else "oc"
            outputs += tracker.handle(event(code, state), 0.0)
        outputs += tracker.tick(ANSWER_S)
    else:
        outputs += tracker.lose()
    if not any(isinstance(output, Settle) for output in outputs):
        found = Reconciled(operation, [first, *states][-1])
        outputs += tracker.reconciled(found, 100.0)
    (fate,) = [output for output in outputs if isinstance(output, Settle)]
    return fate.value if fate.error is None else fate.error


def is_closed_before(case: Case) -> bool:
    names = [name for name, _ in case.before]
    triggers = "trigger" in names and case.kind != "STOP LIMIT"
    return triggers or bool({"execute", "cancel"} & set(names))


def why_unknown(case: Case) -> Optional[str]:
    """Return why nobody can tell what became of an update, None if one can."""
    steps = [*case.before, *case.after]
    if ("trigger", None) in steps and set(case.body) <= {"price"}:
        return "triggered"
    if case.kind == "TRAILING STOP" and set(case.body) == {"price"}:
        return "trailing"
    own = {"amount" if name == "delta" else name for name in case.body}
    for name, other in steps:
        if name == "update" and (own & set(other) or not case.is_executed):
            return "another program"
    return None


@pytest.mark.parametrize("is_shown", [True, False], ids=["link up", "link lost"])
@pytest.mark.parametrize("kind", KINDS)
def test_fate_of_a_lost_update_is_true(kind: str, is_shown: bool) -> None:
    counts: Counter[str] = Counter()
    most = 2 if is_shown else 10
    for case in (case for case in cases(kind) if len(case.body) <= most):
        fate = fate_of(case, is_shown)
        was_executed = case.is_executed and not is_closed_before(case)
        if isinstance(fate, OutcomeUnknown):
            assert why_unknown(case), case
            assert "will not become known" in str(fate) and fate.hint, case
            assert fate.candidates == [states_of(case)[-1]], case
            counts["unknown"] += 1
        elif isinstance(fate, NotExecuted):
            assert not was_executed and fate.proof == "absent", (case, fate)
            counts["absent"] += 1
        else:
            # Or another program has set these values.
            is_same = case.is_executed or why_unknown(case)
            assert was_executed or is_same, (case, fate)
            counts["executed"] += 1
        if why_unknown(case) is None:
            assert isinstance(fate, Order) == was_executed, (case, fate)
    assert counts["executed"] and counts["absent"], counts
    assert counts["unknown"] or kind == "LIMIT with leverage", counts


@pytest.mark.parametrize("kind", KINDS)
def test_update_of_an_order_that_was_not_known_is_never_guessed(kind: str) -> None:
    counts: Counter[type] = Counter()
    for case in (case for case in cases(kind) if len(case.body) < 3):
        fate = fate_of(case, False, knows_before=False)
        was_executed = case.is_executed and not is_closed_before(case)
        if isinstance(fate, NotExecuted):
            assert not was_executed, case
        elif isinstance(fate, Order):
            assert was_executed or why_unknown(case), (case, fate)
        counts[type(fate)] += 1
    assert counts[Order] and counts[OutcomeUnknown], counts


@pytest.mark.parametrize("listed", [MOST_LISTED - 1, MOST_LISTED])
def test_amount_is_not_judged_by_a_list_that_may_be_cut(listed: int) -> None:
    fills = [("fill", None)] * 2 + [("update", {"delta": "5"})]
    case = Case("LIMIT", "remaining", {"delta": "-0.3"}, fills, (), True)
    assert isinstance(fate_of(case, False), OutcomeUnknown), "another program"
    many = [("fill", None)] * listed
    for body in ({"delta": "0.4"}, {"amount": "2.5"}):
        case = Case("LIMIT", "remaining", body, many, (), True)
        is_known = isinstance(fate_of(case, False), Order)
        assert is_known == (listed < MOST_LISTED)


@pytest.mark.parametrize("semantics", SEMANTICS)
@pytest.mark.parametrize("body", [{"delta": "0.4"}, {"amount": "2.5"}], ids=str)
@pytest.mark.parametrize("is_executed", [True, False])
def test_fills_before_an_update_do_not_matter(
    semantics: str, body: Dict[str, Any], is_executed: bool
) -> None:
    model = Model("LIMIT", semantics)
    model.do("fill")
    before = model.state()
    if is_executed:
        model.do("update", body)
    model.do("fill")
    verdict = compare(model.state(), body, before, START).verdict
    assert verdict is (Verdict.EXECUTED if is_executed else Verdict.ABSENT)
