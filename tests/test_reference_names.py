"""Every public name is in the reference."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
from public_api import MODULES, RETURNED

import bfxsync

pytestmark = pytest.mark.once

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
TEXT = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.rglob("*.rst")))

_ENTRY = re.compile(
    r"^\.\. (?:auto|py:)(?:class|exception|function|data)(?:::) (bfxsync[\w.]+)",
    re.MULTILINE,
)
_METHOD = re.compile(r"^\.\. auto(?:method|property):: (bfxsync[\w.]+)", re.MULTILINE)

ENTRIES = _ENTRY.findall(TEXT)

# Their members are listed one by one, by topic.
LISTED = (
    "bfxsync.Client",
    "bfxsync.WebSocketClient",
    "bfxsync.ws.inputs.Inputs",
    "bfxsync.rest.auth.AuthEndpoints",
    "bfxsync.rest.merchant.MerchantEndpoints",
    "bfxsync.rest.public.PublicEndpoints",
)


def resolve(name: str) -> Any:
    """Return the object of a dotted name; some functions hide a module of their name."""
    found: Any = bfxsync
    path = "bfxsync"
    for part in name.split(".")[1:]:
        path += f".{part}"
        if not hasattr(found, part):
            importlib.import_module(path)
        found = getattr(found, part)
    return found


DOCUMENTED = [resolve(name) for name in ENTRIES]


def public_names() -> Iterator[Any]:
    """The names of modules, and those of objects that calls return."""
    names = {name: importlib.import_module(name).__all__ for name in MODULES}
    for module, members in (*names.items(), *RETURNED.items()):
        for name in members:
            yield pytest.param(module, name, id=f"{module}.{name}")


def test_every_entry_is_there_once() -> None:
    assert len(ENTRIES) == len(set(ENTRIES)) > 200


@pytest.mark.parametrize("module, name", [*public_names()])
def test_every_public_name_has_an_entry(module: str, name: str) -> None:
    value = getattr(importlib.import_module(module), name)
    if name.startswith("Partial"):
        # The page of models says that they have the fields of the other.
        value = getattr(bfxsync.models, name.replace("Partial", ""))
    if isinstance(value, str):
        assert f"{module}.{name}" in ENTRIES
    else:
        assert any(value is each for each in DOCUMENTED)


@pytest.mark.parametrize("owner", LISTED)
def test_every_public_member_is_listed(owner: str) -> None:
    listed = [
        name for name in _METHOD.findall(TEXT) if name.rpartition(".")[0] == owner
    ]
    members = {name for name in dir(resolve(owner)) if not name.startswith("_")}
    assert sorted(listed) == sorted(f"{owner}.{name}" for name in members)
