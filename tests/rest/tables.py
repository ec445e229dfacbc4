"""Tables of requests and answers (``tests/data/rest``), and what compares answers with them."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from enum import IntFlag
from pathlib import Path
from typing import Any

import attrs

from bfxsync.models.notification import Notification
from bfxsync.outcome.clocks import ExchangeClock
from bfxsync.outcome.writes import RecentWrites

DATA = Path(__file__).parent.parent / "data" / "rest"


def rows_of(name: str) -> list[dict[str, Any]]:
    with open(DATA / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def identity(row: dict[str, Any]) -> str:
    method, arguments, options = row["call"]
    shown = [*map(json.dumps, arguments), *options]
    return f"{method}({', '.join(shown)})"


def arguments_of(row: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call, with those that JSON cannot write."""
    _, arguments, options = row["call"]
    return _decoded(arguments), _decoded(options)


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        if list(value) == ["$datetime"]:
            return datetime.fromisoformat(value["$datetime"])
        if list(value) == ["$decimal"]:
            return Decimal(value["$decimal"])
        return {name: _decoded(item) for name, item in value.items()}
    return list(map(_decoded, value)) if isinstance(value, list) else value


class AnswerTransport:
    """Answers everything with the same JSON and keeps what was asked."""

    absence_s = 60.0
    is_dry_run = False
    identity = None

    def __init__(self, answer: Any = None) -> None:
        self.clock = ExchangeClock()
        self.answer = answer
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.sent = RecentWrites()

    def request(self, method: str, path: str, **options: Any) -> Any:
        self.requests.append((method, path, options))
        return self.answer

    def pause(self, seconds: float) -> None:
        pass


def assert_number(value: Any, text: str, number: Any) -> None:
    if number is Decimal:
        assert type(value) is Decimal
        # As tuples: 1.10 equals 1.1 and is not what was sent.
        assert value.as_tuple() == Decimal(text).as_tuple()
    else:
        assert type(value) in (int, float)
        assert value == float(text)


def assert_model(found: Any, model: str, expected: dict[str, Any], number: Any) -> None:
    # In a notification anything may be missing.
    assert type(found).__name__ in (model, f"Partial{model}")
    # Those with a default are not in the row.
    fields = attrs.fields(type(found))
    names = {field.name for field in fields if field.default is attrs.NOTHING}
    assert names == set(expected["numbers"]) | set(expected["others"])
    for name, text in expected["numbers"].items():
        assert_number(getattr(found, name), text, number)
    for name, wanted in expected["others"].items():
        value = getattr(found, name)
        if isinstance(wanted, dict) and "model" in wanted:
            assert_model(value, wanted["model"], wanted, number)
        elif isinstance(wanted, list) and wanted and is_model(wanted[0]):
            assert len(value) == len(wanted)
            for one, part in zip(value, wanted):
                assert_model(one, part["model"], part, number)
        else:
            plain = int(value) if isinstance(value, IntFlag) else value
            assert type(plain) is type(wanted)
            assert plain == wanted


def is_model(wanted: Any) -> bool:
    return isinstance(wanted, dict) and "model" in wanted


def assert_notification(found: Any, row: dict[str, Any], number: Any) -> None:
    expected = row["expected"]
    assert type(found) is Notification
    for name in ("mts", "type", "message_id", "code", "status", "text"):
        assert type(getattr(found, name)) is type(expected[name])
        assert getattr(found, name) == expected[name]
    shape, data = row["data_shape"], expected["data"]
    if shape == "none" or data is None:
        assert found.data is None
    elif shape == "operations":
        assert len(found.data) == len(data)
        for one, wanted in zip(found.data, data):
            assert_notification(one, {**wanted, "expected": wanted}, number)
    else:
        assert_answer(found.data, {"model": row["model"], "expected": data}, number)
    more = expected.get("more", [])
    assert len(found.more) == len(more)
    for one, wanted in zip(found.more, more):
        assert_model(one, row["model"], wanted, number)


def assert_answer(found: Any, row: dict[str, Any], number: Any) -> None:
    expected, model = row["expected"], row["model"]
    if row.get("shape") == "notification":
        assert_notification(found, row, number)
    elif model is None:
        parse_float = Decimal if number is Decimal else float
        assert found == json.loads(expected, parse_float=parse_float)
    elif isinstance(model, dict):
        assert list(found) == list(expected)
        for key, wanted in expected.items():
            assert_model(found[key], model[key], wanted, number)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, wanted in zip(found, expected):
            assert_model(one, model, wanted, number)
    else:
        assert_model(found, model, expected, number)
