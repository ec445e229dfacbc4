"""Imports of the official client, and where their names are here."""

from __future__ import annotations

import ast
import importlib
import re
from typing import Dict, List, Tuple

from bfxsync.compat.migrate.names import OFFICIAL, OURS, chain_of, loads
from bfxsync.compat.migrate.program import Program

# Modules that have another name here; names that are elsewhere, with the name they have there.
_MODULES = {
    "types.dataclasses": "types",
    "types.notification": "types",
    # Of its version 3.
    "rest.types": "types",
    "websocket.types": "types",
}
_NAMES = {
    "rest.BfxRestInterface": ("rest.client", "RestClient"),
    "enums.OrderType": ("", "OrderType"),
    "enums.Flag": ("", "OrderFlag"),
}

_FROM = re.compile(r"from(?:[ \t]|\\\r?\n)+([\w.]+)")
_PATH = re.compile(rf"{OFFICIAL}(\.\w+)*")


def edit_imports(program: Program) -> None:
    """Replace the package in imports and in uses of it, and report what does not exist here."""
    source = program.source
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == OFFICIAL:
                    _edit_import(program, node, alias)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").partition(".")[0] == OFFICIAL:
                _edit_from(program, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _PATH.fullmatch(node.value):
                source.report(
                    node, f"the text {node.value!r} stays: is it a module or a logger?"
                )


def place_of(module: str, name: str) -> Tuple[str, str] | None:
    """Return the module and the name that an official one has here, None if there is none."""
    path = module[len(OFFICIAL) + 1 :]
    target, new = _NAMES.get(
        f"{path}.{name}".lstrip("."), (_MODULES.get(path, path), name)
    )
    found = f"{OURS}.{target}".rstrip(".")
    if new == "*" or _exists(found, new):
        return found, new
    return None


def _exists(module: str, name: str) -> bool:
    """Return whether a name can be imported from a module."""
    try:
        if hasattr(importlib.import_module(module), name):
            return True
        importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


def _edit_import(program: Program, statement: ast.Import, alias: ast.alias) -> None:
    source = program.source
    path = alias.name[len(OFFICIAL) + 1 :]
    try:
        importlib.import_module(f"{OURS}.{path}".rstrip("."))
    except ImportError:
        source.report(
            statement, f"import {alias.name} stays: bfxsync has no such module."
        )
        return
    at = source.start(statement)
    match = re.compile(rf"\b{re.escape(alias.name)}\b(?!\.)").search(source.text, at)
    assert match is not None
    source.replace(match.start(), match.start() + len(OFFICIAL), OURS)
    if alias.asname is None:
        for node in loads(source.tree, OFFICIAL):
            _edit_use(program, node)


def _edit_use(program: Program, node: ast.Name) -> None:
    """Replace the package in ``bfxapi.types.Order``."""
    source = program.source
    if not source.is_editable(node):
        source.report(node, f"{OFFICIAL} inside an f-string stays.")
        return
    source.replace(source.start(node), source.end(node), OURS)
    whole: ast.AST = node
    while isinstance(source.parents[whole], ast.Attribute):
        whole = source.parents[whole]
    *modules, name = chain_of(whole)
    module = ".".join(modules)
    if modules and place_of(module, name) not in (
        (OURS + module[len(OFFICIAL) :], name),
        None,
    ):
        source.report(whole, f"{module}.{name} is elsewhere in bfxsync.")


def _edit_from(program: Program, statement: ast.ImportFrom) -> None:
    source, module = program.source, statement.module or ""
    places: Dict[str, List[ast.alias]] = {}
    renamed = False
    for alias in statement.names:
        place = place_of(module, alias.name)
        if place is None:
            text = f"{module}.{alias.name} stays: bfxsync has no such name"
            is_old = module == OFFICIAL
            text += "; is it of a version before 3?" if is_old else "."
            source.report(statement, text)
            place = (module, alias.name)
        if place[1] != alias.name:
            renamed = True
            alias = ast.alias(place[1], alias.asname or alias.name)
        places.setdefault(place[0], []).append(alias)
    start, end = source.start(statement), source.end(statement)
    match = _FROM.match(source.text, start)
    assert match is not None
    if len(places) == 1 and not renamed:
        source.replace(match.start(1), match.end(1), *places)
    elif "#" in source.text[start:end]:
        source.report(
            statement, "this import stays: its names are in several modules here."
        )
    else:
        lines = (ast.unparse(ast.ImportFrom(*item, 0)) for item in places.items())
        newline = "\r\n" if "\r\n" in source.text else "\n"
        source.replace(start, end, f"{newline}{' ' * statement.col_offset}".join(lines))
