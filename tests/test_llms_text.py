"""Every call in docs/llms.txt exists and accepts the arguments that it is shown with."""

from __future__ import annotations

import ast
import inspect
import re
from functools import reduce
from pathlib import Path
from typing import Any, Iterator

import pytest

import bfxsync

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "llms.txt").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)


def calls() -> Iterator[Any]:
    for code in CODE:
        for call in ast.walk(ast.parse(code)) if "client." in code else ():
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith(
                "client."
            ):
                yield pytest.param(call, id=ast.unparse(call.func))


@pytest.fixture(scope="module")
def client() -> Iterator[bfxsync.Client]:
    with bfxsync.Client("paper-key", "paper-secret") as client:
        yield client


@pytest.mark.parametrize("call", [*calls()])
def test_every_call_fits_its_method(client: bfxsync.Client, call: ast.Call) -> None:
    path = ast.unparse(call.func).split(".")[1:]
    method = reduce(getattr, path, client)
    positional = [None] * len(call.args)
    named = {keyword.arg: None for keyword in call.keywords if keyword.arg}
    signature = inspect.signature(method)
    signature.bind(*positional, **named)
    if not {"arguments", "fields"} & {*signature.parameters}:  # those of any channel
        assert set(named) <= set(signature.parameters)


def test_every_name_of_the_package_and_every_page_exists() -> None:
    names = [code for code in CODE if code.startswith("bfxsync.")]
    assert len(names) >= 5
    for name in names:
        __import__("bfxsync.paper")
        __import__("bfxsync.exports")
        __import__("bfxsync.funding")
        __import__("bfxsync.testing")
        __import__("bfxsync.backtest")
        __import__("bfxsync.compat")
        __import__("bfxsync.relay")
        __import__("bfxsync.metrics")
        __import__("bfxsync.sinks")
        reduce(getattr, re.match(r"bfxsync\.([\w.]+)", name)[1].split("."), bfxsync)
    for page in re.findall(r"docs/[\w/]+\.rst", TEXT):
        assert (ROOT / page).exists(), page
    assert len(list(calls())) >= 45


def test_properties_exist(client: bfxsync.Client) -> None:
    assert "`client.symbols.exchange_pairs`" in TEXT
    assert isinstance(type(client.symbols).exchange_pairs, property)
