"""The calls that docs/howto/moving.rst shows exist, and take the arguments that it gives them."""

from __future__ import annotations

import ast
import inspect
import re
from functools import reduce
from pathlib import Path

import pytest

from bfxsync import Client

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "moving.rst").read_text()
CALLS = [
    call
    for code in re.findall(r"``([^`]*)``", PAGE.replace("…", "..."))
    for call in re.findall(r"bfx\.[\w.]+(?:\((?:[^()]|\(\))*\))?", code)
    # Names of the official client that have another name here.
    if call not in ("bfx.wss.open", "bfx.wss.authentication")
]


@pytest.fixture(scope="module")
def client():
    with Client(
        "paper-key", "paper-secret", rest_host="http://127.0.0.1:1/v2"
    ) as client:
        yield client


def test_the_page_has_calls():
    assert len(set(CALLS)) > 50


@pytest.mark.parametrize("call", sorted(set(CALLS)))
def test_a_call_of_the_page_fits_its_method(client, call):
    node = ast.parse(call, mode="eval").body
    path = node.func if isinstance(node, ast.Call) else node
    names = ast.unparse(path).split(".")[1:]
    if names[0] == "symbols":
        found = reduce(
            lambda owner, name: getattr(type(owner), name), names[1:], client.symbols
        )
    else:
        found = reduce(getattr, names, client)
    if isinstance(node, ast.Call) and "..." not in call:
        assert callable(found)
        self = [None] if names[0] == "symbols" and names[1] == "round_price" else []
        named = {keyword.arg: None for keyword in node.keywords}
        inspect.signature(found).bind(*self, *[None] * len(node.args), **named)
