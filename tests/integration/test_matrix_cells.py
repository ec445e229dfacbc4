"""The whole product of phases and faults: each cell has a test, or a reason why it cannot be."""

from __future__ import annotations

from typing import Any, Callable, Iterator

import pytest

from . import test_account_matrix as account
from . import test_fault_matrix as public

PHASES = (
    *("connect", "tls", "info", "conf", "auth", "subscribe", "snapshot", "live"),
    *("order", "unsubscribe", "close"),
)
FAULTS = (
    *("fin", "rst", "silence", "half-open", "slice", "delay", "limit"),
    *("429", "502", "503", "20051", "20060-20061"),
    *("duplicate-frame", "out-of-order", "garbage", "10305", "10301"),
)

Cell = tuple[str, str]

IS_IN = {
    "tcp": "connect",
    "handshake": "connect",
    "notification": "order",
    "fill": "order",
    "closed": "order",
}
"""The phase of places that have another name in the tests."""

DEEDS_AT = {
    "duplicate-frame": ("snapshot", "live"),
    "garbage": ("subscribe", "live"),
    "reordered-acks": ("subscribe", "live"),
    "late-ack": ("snapshot",),
    "10301": ("subscribe", "live"),
    "10305": ("subscribe", "live"),
    "429": ("connect", "live"),
    "502": ("connect", "live"),
    "503": ("connect", "live"),
}
"""Where faults of the exchange strike at the beginning, and when all was live before."""

IN_DISORDER = {"reordered-acks": "out-of-order", "late-ack": "out-of-order"}

BEFORE_FRAMES = "no frame is sent before the WebSocket is open"
NO_STATUS = "a connection gets one HTTP status, which ends or opens it: see connect"
NOT_REQUESTED = "only subscribe requests are answered with this code"
UNORDERED = "nothing follows the answer to a close frame"

IMPOSSIBLE: dict[Cell, str] = {
    **{
        (phase, fault): BEFORE_FRAMES
        for phase in ("connect", "tls")
        for fault in FAULTS[FAULTS.index("20051") :]
    },
    **{
        (phase, status): NO_STATUS
        for phase in PHASES
        if phase not in ("connect", "live", "order")
        for status in ("429", "502", "503")
    },
    **{
        (phase, code): NOT_REQUESTED
        for phase in PHASES
        if phase not in ("connect", "tls", "subscribe", "live")
        for code in ("10305", "10301")
    },
    ("close", "out-of-order"): UNORDERED,
}


def covered() -> dict[Cell, list[str]]:
    """Return the cells that tests cover, with the tests, by what these are parametrized with."""
    cells: dict[Cell, list[str]] = {}

    def add(test: Callable[..., Any], phase: str, fault: str) -> None:
        cell = IS_IN.get(phase, phase), IN_DISORDER.get(fault, fault)
        cells.setdefault(cell, []).append(f"{test.__module__}.{test.__name__}")

    for test in (
        public.test_lost_in_every_phase,
        public.test_slow_from_every_phase_on,
        public.test_said_in_every_phase,
        public.test_out_of_order_in_every_phase,
        account.test_lost_in_every_phase,
        account.test_slow_from_every_phase_on,
        account.test_said_in_every_phase,
        account.test_out_of_order_in_every_phase,
    ):
        for values in arguments(test):
            fault = values.get("fault", values.get("saying", ""))
            add(test, values["phase"], fault)
    for test, index in (
        (public.test_done_at_the_beginning, 0),
        (public.test_done_when_all_is_live, -1),
    ):
        for values in arguments(test):
            if values["name"] in DEEDS_AT:
                add(test, DEEDS_AT[values["name"]][index], values["name"])
    for values in arguments(account.test_refused_while_an_order_is_in_flight):
        test = account.test_refused_while_an_order_is_in_flight
        add(test, "order", str(values["status"]))
    return cells


def arguments(test: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """Return the arguments of each case of a test, as its marks say."""
    cases: list[dict[str, Any]] = [{}]
    for mark in getattr(test, "pytestmark", ()):
        if mark.name != "parametrize":
            continue
        names, values = mark.args
        names = [names] if isinstance(names, str) else list(names)
        cases = [
            {**case, **dict(zip(names, _values(value, len(names))))}
            for case in cases
            for value in values
        ]
    return iter(cases)


def _values(value: Any, count: int) -> Any:
    values = getattr(value, "values", None)
    if isinstance(values, tuple):  # a pytest.param
        return values
    return (value,) if count == 1 else value


@pytest.mark.parametrize("phase", PHASES)
def test_every_cell_has_a_test_or_a_reason(phase: str) -> None:
    cells = covered()
    missing = [
        fault
        for fault in FAULTS
        if (phase, fault) not in cells and (phase, fault) not in IMPOSSIBLE
    ]
    assert missing == []


def test_no_cell_with_a_test_is_called_impossible() -> None:
    assert set(IMPOSSIBLE) & set(covered()) == set()


def test_every_test_of_the_matrix_is_in_a_cell() -> None:
    product = {(phase, fault) for phase in PHASES for fault in FAULTS}
    assert set(covered()) | set(IMPOSSIBLE) == product


if __name__ == "__main__":
    # python -m tests.integration.test_matrix_cells: the table.
    found = covered()
    for row in PHASES:
        for column in FAULTS:
            tests = found.get((row, column), [])
            note = IMPOSSIBLE.get((row, column), "")
            print(f"{row:12} {column:16} {len(tests):3}  {note}")
