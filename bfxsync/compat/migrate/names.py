"""What names of a program mean: imported modules, parts of a client, and other objects."""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Set, Tuple, Union

from bfxsync.compat.migrate.source import SourceText

AnyImport = Union[ast.Import, ast.ImportFrom]

OFFICIAL, OURS = "bfxapi", "bfxsync"

WSS, INPUTS = ("wss",), ("wss", "inputs")
"""The parts of a client whose methods were coroutines, as attributes of it."""

METHODS: Dict[Tuple[str, ...], Set[str]] = {
    WSS: {"start", "close", "subscribe", "unsubscribe", "resubscribe", "notify"},
    INPUTS: {
        "submit_order",
        "update_order",
        "cancel_order",
        "cancel_order_multi",
        "submit_funding_offer",
        "cancel_funding_offer",
        "calc",
    },
}

# Names that stand for names; a circle of them ends here.
_DEEPEST = 5

# Modules whose objects block instead of being awaited.
_BLOCKING = ("threading.", "queue.", "multiprocessing.", "concurrent.")


class Names:
    """
    The names of a program, wherever they are bound: a name has one meaning in a whole file.

    Attributes
    ----------
    imports : dict
        By local name: the dotted name of what is imported, and the statement.
    bound : set of str
        All names that something else binds.
    """

    def __init__(self, source: SourceText) -> None:
        self.imports: Dict[str, Tuple[str, AnyImport]] = {}
        self.bound: Set[str] = set()
        # What is assigned to a name or an attribute, by its text.
        self._values: Dict[str, List[ast.expr]] = {}
        # The annotations of arguments, by their names.
        self._classes: Dict[str, List[ast.expr]] = {}
        for node in ast.walk(source.tree):
            self._add(node)

    def _add(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                dotted = alias.name if alias.asname else local
                self.imports[local] = (dotted, node)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                dotted = f"{module}.{alias.name}"
                self.imports[alias.asname or alias.name] = (dotted, node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._values.setdefault(ast.unparse(target), []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._values.setdefault(ast.unparse(node.target), []).append(node.value)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                if item.optional_vars is not None:
                    name = ast.unparse(item.optional_vars)
                    self._values.setdefault(name, []).append(item.context_expr)
        if isinstance(node, ast.arg):
            self.bound.add(node.arg)
            if node.annotation is not None:
                self._classes.setdefault(node.arg, []).append(node.annotation)
                if _is_client_class(node.annotation):
                    self._values.setdefault(node.arg, []).append(node.annotation)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.bound.add(node.name)

    def dotted(self, node: ast.AST) -> str:
        """Return the dotted name of an expression whose root is imported, else an empty text."""
        chain = chain_of(node)
        if chain and chain[0] in self.imports:
            return ".".join([self.imports[chain[0]][0], *chain[1:]])
        return ""

    def is_of_module(self, node: ast.AST) -> bool:
        """Return whether an expression is that of an imported module, as ``asyncio.run`` is."""
        _, statement = self.imports.get((chain_of(node) or [""])[0], ("", None))
        return isinstance(statement, ast.Import) and any(
            self.dotted(node).rpartition(".")[0] == alias.name
            for alias in statement.names
        )

    def uses_client(self) -> bool:
        """Return whether the program imports one of the two clients."""
        roots = {dotted.partition(".")[0] for dotted, _ in self.imports.values()}
        return bool(roots & {OFFICIAL, OURS})

    def client_part(self, node: ast.AST, depth: int = 0) -> Tuple[str, ...]:
        """Return which part of a client an expression is: `WSS`, ``("rest", "auth")``, ``()``."""
        values = self._values.get(ast.unparse(node), []) if depth < _DEEPEST else []
        for value in values:
            part = (
                WSS if _is_client_class(value) else self.client_part(value, depth + 1)
            )
            if part:
                return part
        chain = chain_of(node)
        if values or not chain:
            return ()
        for part in (INPUTS, WSS):
            if chain[-1] == part[-1]:
                return part
        is_rest = isinstance(node, ast.Attribute) and chain[-2:-1] == ["rest"]
        return ("rest", chain[-1]) if is_rest else ()

    def client_method(self, node: ast.AST) -> str:
        """Return the name of the former coroutine of a client that is called here, if any."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            part = self.client_part(node.func.value)
            if node.func.attr in METHODS.get(part, ()):
                return node.func.attr
        return ""

    def is_blocking(self, node: ast.AST) -> bool:
        """Return whether an expression is an object of `threading`, `queue` and the like."""
        if isinstance(node, ast.Call):
            return self.dotted(node.func).startswith(_BLOCKING)
        values = self._values.get(ast.unparse(node), [])
        return bool(values) and all(
            isinstance(value, ast.Call) and self.is_blocking(value) for value in values
        )

    def classes_of(self, node: ast.AST) -> List[ast.expr]:
        """Return what is known of the class of an expression: annotations, and what was called."""
        name = ast.unparse(node)
        values = [
            value.value if isinstance(value, ast.Await) else value
            for value in self._values.get(name, [])
        ]
        called = [value.func for value in values if isinstance(value, ast.Call)]
        return called + self._classes.get(name, [])

    def made_by(self, node: ast.AST) -> str:
        """Return the dotted name of the call whose result an expression is, else an empty text."""
        for value in self._values.get(ast.unparse(node), []):
            if isinstance(value, ast.Call):
                return self.dotted(value.func)
        return ""


def chain_of(node: ast.AST) -> List[str]:
    """Return the parts of ``a.b.c``; those after something else, such as a call, if it has any."""
    parts: List[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    elif parts:
        parts.append("")
    return parts[::-1]


def root_of(node: ast.AST) -> ast.AST:
    """Return the leftmost part of ``a.b.c``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def loads(tree: ast.AST, name: str) -> Iterator[ast.Name]:
    """Iterate over the places where a name is read."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            if isinstance(node.ctx, ast.Load):
                yield node


def _is_client_class(node: ast.AST) -> bool:
    return chain_of(node)[-1:] in (["BfxWebSocketClient"], ["WebSocketClient"])
