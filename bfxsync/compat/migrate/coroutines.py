"""
Which functions of a program stop being coroutines, and the deletion of ``async`` and ``await``.

Strategy: a function stays a coroutine if it awaits something that is not known to be a plain call
now, or if something else needs it to be one; so does, in turn, every function that awaits it. All
files are looked at together. Nothing is known of the types of objects, so methods of the same name
have the same fate.
"""

from __future__ import annotations

import ast
import os
import re
from typing import Dict, Sequence, Set

from bfxsync.compat.migrate.names import chain_of
from bfxsync.compat.migrate.program import Program, awaited_by
from bfxsync.compat.migrate.source import SourceText

# Decorators that do not care; `on` of a client registers a handler.
_HARMLESS = (
    "staticmethod classmethod property abstractmethod abc.abstractmethod overload "
    "typing.overload functools.wraps functools.lru_cache functools.cache"
).split()
_HOLDERS = (
    ast.Return,
    ast.Assign,
    ast.AnnAssign,
    ast.Dict,
    ast.List,
    ast.Tuple,
    ast.Set,
)
_PLAIN_BASES = ("object", "typing.Generic", "Generic", "abc.ABC", "ABC", "Protocol")
_ASYNC_FOR = re.compile(r"async\s+(?=for\b)")


class Coroutines:
    """
    The coroutine functions of all files.

    Attributes
    ----------
    kept : set of str
        The keys of those that stay coroutines.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        # Of all functions and classes: by the name of the file, the names that can be imported.
        self._own: Dict[str, Set[str]] = {}
        self._keys: Set[str] = set()
        self.kept: Set[str] = set()
        for each in programs:
            self._own[_module(each.source.path)] = each.defined
            self._keys |= {each.key(function) for function in each.functions}
        for program in programs:
            self._find_needs(program)
        while self._spread():
            pass

    def is_plain(self, program: Program, waiting: ast.AST, value: ast.AST) -> bool:
        """Return whether waiting for something is, from now on, not needed."""
        names, key = program.names, self.called(program, value)
        where = value if isinstance(waiting, ast.comprehension) else waiting
        if not program.source.is_editable(where):
            return False
        if isinstance(waiting, ast.AsyncWith):
            return names.is_blocking(value)
        if isinstance(waiting, ast.Await):
            if program.waits_on_client(value):
                return True
            if program.is_sleep(value):
                around = program.function_of(waiting)
                return around is None or program.key(around) not in self.kept
        return bool(key) and key not in self.kept

    def called(self, program: Program, node: ast.AST) -> str:
        """Return the key of the coroutine function that an expression calls, else an empty text."""
        return self._key_of(program, node.func) if isinstance(node, ast.Call) else ""

    def _key_of(self, program: Program, node: ast.AST) -> str:
        """Return the key of the coroutine function that an expression is, or an empty text."""
        chain = chain_of(node)
        if not chain:
            return ""
        dotted = program.names.dotted(node)
        for each in self._programs if dotted else ():
            module, _, name = dotted.rpartition(".")
            if _module(each.source.path) == module.rpartition(".")[2]:
                return self._known(f"{each.source.path}:{name}")
        if isinstance(node, ast.Name):
            return self._known(f"{program.source.path}:{node.id}")
        if program.names.is_of_module(node):
            return ""  # asyncio.run, with the name of a method of these files
        of = node.value if isinstance(node, ast.Attribute) else node
        for kind in program.names.classes_of(of):
            if program.names.dotted(kind) and not self._is_own(program, kind):
                return ""  # a method of another library, with the name of one of these files
        return self._known(f".{chain[-1]}")

    def _known(self, key: str) -> str:
        return key if key in self._keys else ""

    def _find_needs(self, program: Program) -> None:
        """Find the functions that others need to be coroutines."""
        source = program.source
        for function, reasons in program.functions.items():
            for each in function.decorator_list:
                dotted = program.names.dotted(
                    each.func if isinstance(each, ast.Call) else each
                )
                name = dotted or ast.unparse(each).partition("(")[0]
                if name not in _HARMLESS and not program.is_registration(each):
                    if not name.endswith((".setter", ".getter")):
                        reasons.append((f"its decorator {name} may need it", None))
            parent = source.parents[function]
            if isinstance(parent, ast.ClassDef):
                for base in parent.bases:
                    name = (
                        program.names.dotted(base)
                        or ast.unparse(base).partition("[")[0]
                    )
                    if not self._is_own(program, base) and name not in _PLAIN_BASES:
                        reasons.append((f"{name} may need it", None))
            if function.name.startswith("__a") and function.name.endswith("__"):
                reasons.append(("Python calls it by this name", None))
            if reasons:
                self.kept.add(program.key(function))
        for node in ast.walk(source.tree):
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(
                node.ctx, ast.Load
            ):
                key = self._key_of(program, node)
                if key and not self._is_harmless(program, node):
                    self._keep(key, program, node, "it is used as a coroutine")

    def _is_harmless(self, program: Program, node: ast.expr) -> bool:
        """Return whether a mention of a coroutine function does not need it to be one."""
        source, names = program.source, program.names
        parent = source.parents[node]
        if isinstance(parent, ast.Attribute):
            return True
        if isinstance(node, ast.Attribute) and names.client_part(node.value):
            return True
        if isinstance(parent, ast.keyword):
            parent = source.parents[parent]
        if not isinstance(parent, ast.Call):
            # Kept or returned, and registered as a handler elsewhere.
            return isinstance(parent, _HOLDERS)
        if parent.func is not node:
            return (
                program.is_registration(parent)
                or program.is_registration(parent.func)  # on("open")(handler)
                or self._is_own(program, parent.func)
                or program.runs_in_thread(parent)
                or names.dotted(parent.func) == "functools.partial"
            )
        around = source.parents[parent]
        return (
            isinstance(around, (ast.Await, ast.Lambda))
            or (
                isinstance(around, (ast.AsyncFor, ast.comprehension))
                and around.iter is parent
            )
            or program.entry(around) is parent
        )

    def _is_own(self, program: Program, node: ast.AST) -> bool:
        """Return whether a name or attribute is a function or class of these files."""
        dotted = program.names.dotted(node)
        if dotted:
            module, _, name = dotted.rpartition(".")
            return name in self._own.get(module.rpartition(".")[2], ())
        return (chain_of(node) or [""])[-1] in program.defined

    def _keep(self, key: str, program: Program, node: ast.AST, why: str) -> None:
        self.kept.add(key)
        place = (program.source, program.source.start(node))
        for each in self._programs:
            for function, reasons in each.functions.items():
                if each.key(function) == key:
                    reasons.append((f"{why} in {{place}}", place))

    def _spread(self) -> bool:
        """Keep the functions that wait for something that is not plain; True if there are more."""
        before = len(self.kept)
        for program in self._programs:
            for waiting, value in awaited_by(program):
                around = program.function_of(waiting)
                if around is None or program.key(around) in self.kept:
                    continue
                if not self.is_plain(program, waiting, value):
                    at = value if isinstance(waiting, ast.comprehension) else waiting
                    self._keep(
                        program.key(around), program, at, "it waits for something"
                    )
        return len(self.kept) > before

    # --- edits --------------------------------------------------------------------------------

    def edit(self, program: Program) -> None:
        """Delete ``async`` and ``await`` where nothing needs them, and report the rest."""
        source = program.source
        for function, reasons in program.functions.items():
            if program.key(function) not in self.kept:
                source.delete_word(source.start(function), "async")
                continue
            why, place = (reasons or [("another method of this name does", None)])[0]
            needs = (
                " Handlers must be plain functions."
                if program.is_handler(function)
                else ""
            )
            text = f"{function.name} stays a coroutine: {why}.{needs}"
            source.report(function, text, place=place)
        withs: Dict[ast.AST, bool] = {}
        for waiting, value in awaited_by(program):
            is_plain = self.is_plain(program, waiting, value)
            if isinstance(waiting, ast.AsyncWith):
                withs[waiting] = is_plain and withs.get(waiting, True)
            elif is_plain:
                self._delete(source, waiting)
            elif not self._is_explained(program, value):
                self._report(program, waiting, value)
        for each, is_plain in withs.items():
            if is_plain:
                source.delete_word(source.start(each), "async")
            else:
                source.report(each, "async with stays: this is not of the client.")

    def _delete(self, source: SourceText, waiting: ast.AST) -> None:
        if isinstance(waiting, ast.Await):
            source.delete_word(source.start(waiting), "await")
        elif isinstance(waiting, ast.AsyncFor):
            source.delete_word(source.start(waiting), "async")
        elif isinstance(waiting, ast.comprehension):
            # It has no position of its own: the last one before its target.
            around = source.start(source.parents[waiting])
            *_, found = _ASYNC_FOR.finditer(
                source.text, around, source.start(waiting.target)
            )
            source.replace(found.start(), found.end(), "")

    def _is_explained(self, program: Program, value: ast.AST) -> bool:
        """Return whether something else that is reported tells why this must be awaited."""
        func = value.func if isinstance(value, ast.Call) else value
        is_asyncio = program.names.dotted(func).startswith("asyncio.")
        return is_asyncio or self.called(program, value) in self.kept

    def _report(self, program: Program, waiting: ast.AST, value: ast.AST) -> None:
        at = value if isinstance(waiting, ast.comprehension) else waiting
        if not program.source.is_editable(at):
            text = "await inside an f-string stays: move it out, or use Python 3.12 for this."
        else:
            word = "await" if isinstance(waiting, ast.Await) else "async for"
            what = ast.unparse(value).partition("(")[0]
            text = (
                f"{word} stays: {what} is not a call of the client or of these files."
            )
        program.source.report(at, text)


def _module(path: str) -> str:
    """Return the name under which a file is imported."""
    return os.path.splitext(os.path.basename(path))[0]
