"""What the exchange's own Python client has is here too, under its names and in its order."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints

from .tables import rows_of

FACES: dict[str, Any] = {
    "public": PublicEndpoints,
    "auth": AuthEndpoints,
    "merchant": MerchantEndpoints,
}


@pytest.mark.parametrize(
    "row",
    rows_of("official-methods.jsonl"),
    ids=lambda row: f"{row['on']}.{row['method']}",
)
def test_method_of_the_official_client_can_be_called_as_there(
    row: dict[str, Any],
) -> None:
    method = getattr(FACES[row["on"]], row["method"])
    parameters = list(inspect.signature(method).parameters.values())[1:]
    positional = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in positional] == row["positional"]
    needed = [p.name for p in positional if p.default is p.empty]
    assert len(needed) <= row["required"]
    keywords = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert set(row["keywords"]) <= set(keywords)
    assert all(p.default is not p.empty for p in keywords.values())
