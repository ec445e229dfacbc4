"""One file of a program: its functions, and what its calls are."""

from __future__ import annotations

import ast
from typing import Dict, Iterator, List, Optional, Set, Tuple, Union

from bfxsync.compat.migrate.names import WSS, Names, chain_of
from bfxsync.compat.migrate.source import SourceText

AnyFunction = Union[ast.FunctionDef, ast.AsyncFunctionDef]
Reason = Tuple[str, Optional[Tuple[SourceText, int]]]
"""The text of a finding, and its place."""

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Program:
    """
    One file, its names, and what it awaits.

    Attributes
    ----------
    functions : dict
        The coroutine functions, in the order of the file, with the reasons to stay so.
    defined : set of str
        The names of all functions and classes.
    """

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.names: Names = Names(source)
        self.functions: Dict[ast.AsyncFunctionDef, List[Reason]] = {
            node: []
            for node in ast.walk(source.tree)
            if isinstance(node, ast.AsyncFunctionDef)
        }
        self.defined: Set[str] = {
            node.name
            for node in ast.walk(source.tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }

    def key(self, function: AnyFunction) -> str:
        """Return what identifies a function in all files: of a method only its name."""
        is_method = isinstance(self.source.parents[function], ast.ClassDef)
        return (
            f".{function.name}" if is_method else f"{self.source.path}:{function.name}"
        )

    def function_of(self, node: ast.AST) -> AnyFunction | None:
        """Return the function around a node."""
        for each in self.source.ancestors(node):
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return each
        return None

    def is_registration(self, call: ast.AST) -> bool:
        """Return whether this is a call of `on` of a client."""
        return (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr == "on"
            and self.names.client_part(call.func.value) == WSS
        )

    def is_handler(self, function: AnyFunction) -> bool:
        """Return whether a function is decorated as a handler of an event."""
        return any(self.is_registration(each) for each in function.decorator_list)

    def entry(self, call: ast.AST) -> ast.expr | None:
        """Return the coroutine that ``asyncio.run(…)`` or `run_until_complete` runs."""
        if not isinstance(call, ast.Call) or not call.args:
            return None
        is_run = self.names.dotted(call.func) == "asyncio.run"
        is_loop = chain_of(call.func)[-1:] == ["run_until_complete"]
        return call.args[0] if is_run or is_loop else None

    def is_sleep(self, node: ast.AST) -> bool:
        """Return whether this is ``asyncio.sleep(seconds)``."""
        return (
            isinstance(node, ast.Call)
            and self.names.dotted(node.func) == "asyncio.sleep"
            and len(node.args) == 1
            and not node.keywords
        )

    def gathered(self, node: ast.AST) -> List[ast.expr] | None:
        """Return what ``asyncio.gather(…)`` waits for, if only calls of a client."""
        if not isinstance(node, ast.Call) or node.keywords:
            return None
        if self.names.dotted(node.func) != "asyncio.gather":
            return None
        for each in node.args:
            if isinstance(each, ast.Starred) and isinstance(
                each.value, _COMPREHENSIONS
            ):
                each = (
                    each.value.elt if not isinstance(each.value, ast.DictComp) else each
                )
            if self.names.client_method(each) in ("", "start"):
                return None
        return node.args

    def waits_on_client(self, node: ast.AST) -> bool:
        """Return whether awaiting this is a plain call of a client, or of a thread's object."""
        if self.names.client_method(node) or self.gathered(node):
            return True
        return isinstance(node, ast.Call) and self.runs_in_thread(node)

    def runs_in_thread(self, call: ast.Call) -> bool:
        """Return whether this is a call of `threading` and the like, or of an object of them."""
        of = call.func.value if isinstance(call.func, ast.Attribute) else call
        return self.names.is_blocking(call) or self.names.is_blocking(of)


def awaited_by(program: Program) -> Iterator[Tuple[ast.AST, ast.AST]]:
    """Iterate over the nodes that wait, with what each waits for."""
    for node in ast.walk(program.source.tree):
        if isinstance(node, ast.Await):
            yield node, node.value
        elif isinstance(node, ast.AsyncFor):
            yield node, node.iter
        elif isinstance(node, ast.AsyncWith):
            for item in node.items:
                yield node, item.context_expr
        elif isinstance(node, ast.comprehension) and node.is_async:
            yield node, node.iter
