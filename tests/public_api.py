"""
The public API as text: ``tests/public_api.txt``, with which the package is compared.

Usage::

    python tests/public_api.py            # what differs from the file
    python tests/public_api.py --update   # write the file again

Public are the names in ``__all__`` of the modules in `MODULES`; the classes in `RETURNED`, whose
objects calls and attributes return, and which have neither a public constructor nor, in the file, a
module; the fixtures of the pytest plugin; and the commands with their options.

An entry is a line without indentation and the indented lines below it. Fields of an attrs class,
such as a model, are the parameters of its constructor. A member is left out if its annotation names
a class that is not public. Of overloads the file has the implementation only; ``tests/typing`` has
the others.
"""

from __future__ import annotations

import ast
import enum
import functools
import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any, Iterator

import attrs
import click

from bfxsync.cli.group import root

FILE = Path(__file__).with_suffix(".txt")

MODULES = (
    "bfxsync",
    "bfxsync.backtest",
    "bfxsync.compat",
    "bfxsync.compat.utils",
    "bfxsync.compat.websockets.client",
    "bfxsync.credentials",
    "bfxsync.dataframes",
    "bfxsync.exceptions",
    "bfxsync.exports",
    "bfxsync.funding",
    "bfxsync.metrics",
    "bfxsync.models",
    "bfxsync.notebook",
    "bfxsync.paper",
    "bfxsync.relay",
    "bfxsync.rest.client",
    "bfxsync.rest.exceptions",
    "bfxsync.sinks",
    "bfxsync.symbols",
    "bfxsync.testing",
    "bfxsync.types",
    "bfxsync.websocket",
    "bfxsync.websocket.exceptions",
    "bfxsync.websocket.subscriptions",
)

RETURNED = {
    "bfxsync._base.pairs": ["Pair"],
    "bfxsync.models.model_list": ["ModelDict", "ModelList"],
    "bfxsync.rest.auth": ["AuthEndpoints"],
    "bfxsync.rest.history.history_rows": ["HistoryRows"],
    "bfxsync.rest.http.rate_limiter": ["RateLimit"],
    "bfxsync.rest.merchant": ["MerchantEndpoints"],
    "bfxsync.rest.public": ["PublicEndpoints"],
    "bfxsync.valuation.cross_rates": ["CrossRate", "RateStep"],
    "bfxsync.valuation.portfolio": ["Portfolio", "PortfolioRow"],
    "bfxsync.wire.capabilities": ["Capabilities"],
    "bfxsync.ws.account": ["Account"],
    "bfxsync.ws.account_views": ["MarginView", "OrdersView", "StateView", "TableView"],
    "bfxsync.ws.inputs": ["Inputs"],
}

_INTERNAL = {
    "Account": {"numbers", "unknown_codes"},
    "ApiError": {"call"},
    "Capabilities": {"parse"},
    "ConnectionRateLimiter": {"give_back", "host_of", "reserve", "review"},
    "Journal": {"add", "restart"},
    "JournalEntry": {"from_row", "row"},
    "Model": {"column_reader", "reader", "table_columns"},
    "OrderBook": {"crossing"},
    "OrderReply": {"end", "needs_nothing", "observe", "settle", "simulate"},
    "OutcomeUnknown": {"add"},
    "Picture": {"of_svg", "of_tables", "with_caption"},
    "Portfolio": {"of"},
    "PortfolioRow": {"table_columns"},
    "LadderStep": {"table_columns"},
    "Reply": {"end", "key", "mark_sent", "needs_nothing", "settle", "wait_sent"},
}
"""What other modules call without being public, of a class and of those derived from it."""

_SPECIAL = {
    "__arrow_c_stream__",
    "__call__",
    "__contains__",
    "__enter__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__next__",
}
"""Methods with such names are listed; all others are details of a class."""

_WIDTH = 110
_WORD = re.compile(r"[A-Za-z_]\w*")
_MOMENT = re.compile(r"ClassVar\[Moment\[(.*)\]\]")
_PARTIAL_MOMENT = "ClassVar[PartialMoment]"

Entries = dict[str, list[str]]
"""The lines below each line without indentation."""


def text() -> str:
    """Return the public API of the package as it is."""
    return "".join(
        f"{head}\n" + "".join(f"    {line}\n" for line in lines)
        for head, lines in _entries().items()
    )


def differences(old: str, new: str) -> list[str]:
    """Return what was removed and added, each line below that of its entry."""
    before, after = _parsed(old), _parsed(new)
    found = []
    for head in sorted({*before, *after}):
        removed, added = before.get(head, []), after.get(head, [])
        if head not in after:
            found.append(f"- {head}")
        elif head not in before:
            found.append(f"+ {head}")
        elif removed != added:
            found.append(f"  {head}")
        found += [f"-     {line}" for line in removed if line not in added]
        found += [f"+     {line}" for line in added if line not in removed]
    return found


def _parsed(written: str) -> Entries:
    entries: Entries = {}
    head = ""
    for line in written.splitlines():
        if line.startswith("    "):
            entries[head].append(line[4:])
        else:
            head = line
            entries[head] = []
    return entries


def _entries() -> Entries:
    entries: Entries = {}
    public = _public_names()
    for module in MODULES:
        here = importlib.import_module(module)
        for name in sorted(set(here.__all__) - {"__version__"}):
            value, shown = getattr(here, name), f"{module}.{name}"
            if inspect.isclass(value) and public[value] != shown:
                entries[f"{shown} = {public[value]}"] = []
            elif inspect.isclass(value):
                head, lines = _Class(value, public).entry()
                entries[head] = lines
            elif inspect.isfunction(value) and not hasattr(value, "__supertype__"):
                entries[f"def {shown}"] = _call("", inspect.signature(value))
            else:
                entries[_constant(module, name)] = []
    for cls in [cls for cls, name in public.items() if "." not in name]:
        head, lines = _Class(cls, public).entry()
        entries[head] = lines
    entries.update(dict.fromkeys(_fixtures(), []))
    _add_command(entries, "bfxsync", root)
    return entries


def _public_names() -> dict[type, str]:
    """Return the first public name of each public class."""
    names: dict[type, str] = {}
    for module in MODULES:
        here = importlib.import_module(module)
        for name in here.__all__:
            if inspect.isclass(getattr(here, name)):
                names.setdefault(getattr(here, name), f"{module}.{name}")
    for module, classes in RETURNED.items():
        for name in classes:
            names[getattr(importlib.import_module(module), name)] = name
    return names


class _Class:
    """A class with all members that it has, or inherits from classes that are not public."""

    def __init__(self, cls: type, public: dict[type, str]) -> None:
        self.cls = cls
        self.public = public
        self.own = [
            each
            for each in cls.__mro__
            if each is cls or _is_ours(each) and each not in public
        ]

    def entry(self) -> tuple[str, list[str]]:
        """Return the line of the class and those below it."""
        cls, name = self.cls, self.public[self.cls]
        bases = [self.public.get(each, each.__name__) for each in self._bases(cls)]
        head = f"class {name}({', '.join(bases)})" if bases else f"class {name}"
        if issubclass(cls, enum.Enum):
            members = cls.__members__.items()
            return head, [f"{member} = {item.value!r}" for member, item in members]
        if hasattr(cls, "_fields") or hasattr(cls, "__total__"):
            notes = vars(cls)["__annotations__"]
            return head, [f"{field}: {_annotation(notes[field])}" for field in notes]
        return head, [*self._constructor(), *self._members()]

    def _bases(self, cls: type) -> list[type]:
        """Return the nearest bases that are public, or not of this package."""
        found: list[type] = []
        for base in cls.__bases__:
            found += (
                [base]
                if base in self.public or not _is_ours(base)
                else self._bases(base)
            )
        unimportant = ("ABC", "Generic", "Protocol", "object")
        return [
            each for each in dict.fromkeys(found) if each.__name__ not in unimportant
        ]

    def _constructor(self) -> list[str]:
        if "." not in self.public[self.cls]:
            return []
        for each in self.own:
            if "__init__" in vars(each):
                signature = inspect.signature(vars(each)["__init__"])
                signature = signature.replace(return_annotation=signature.empty)
                return self._if_public("", _without_self(signature), each)
        return []

    def _members(self) -> Iterator[str]:
        internal = {
            name
            for each in self.cls.__mro__
            for name in _INTERNAL.get(each.__name__, ())
        }
        fields: set[str] = set()
        if attrs.has(self.cls) and "." in self.public[self.cls]:
            fields = {field.name for field in attrs.fields(self.cls) if field.init}
        found: dict[str, list[str]] = {}
        for each in self.own:
            for name, value in vars(each).items():
                if name in _SPECIAL or not name.startswith("_"):
                    found.setdefault(name, self._member(each, name, value))
            for name, note in _assigned(each):
                found.setdefault(name, self._attribute(name, note, each))
        for name in sorted(set(found) - internal - fields):
            yield from found[name]

    def _member(self, cls: type, name: str, value: Any) -> list[str]:
        if isinstance(value, (classmethod, staticmethod)):
            head = f"{type(value).__name__} {name}"
            return self._if_public(head, inspect.signature(getattr(cls, name)), cls)
        if inspect.isfunction(value):
            signature = _without_self(inspect.signature(value))
            return self._if_public(f"def {name}", signature, cls)
        if isinstance(value, (property, functools.cached_property)):
            function = value.fget if isinstance(value, property) else value.func
            note = inspect.signature(function).return_annotation
            return self._attribute(name, note, cls)
        notes = (
            {field.name: field.type for field in attrs.fields(cls)}
            if attrs.has(cls)
            else {}
        )
        notes = {**vars(cls).get("__annotations__", {}), **notes}
        return self._attribute(name, notes.get(name), cls)

    def _attribute(self, name: str, annotation: Any, cls: type) -> list[str]:
        note = _MOMENT.sub(r"\1", _annotation(annotation))
        note = note.replace(_PARTIAL_MOMENT, "datetime | N")
        if not self._is_public(note, cls):
            return []
        return [f"{name}: {note}" if note else name]

    def _if_public(
        self, head: str, signature: inspect.Signature, cls: type
    ) -> list[str]:
        notes = [each.annotation for each in signature.parameters.values()]
        notes.append(signature.return_annotation)
        if not all(self._is_public(_annotation(note), cls) for note in notes):
            return []
        return _call(head, signature)

    def _is_public(self, annotation: str, cls: type) -> bool:
        """Tell whether all classes of this package that an annotation names are public."""
        names = _names_in(cls.__module__)
        named = [names.get(word) for word in _WORD.findall(annotation)]
        return all(
            each in self.public
            for each in named
            if inspect.isclass(each) and _is_ours(each)
        )


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "bfxsync"


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    _, *others = signature.parameters.values()
    return signature.replace(parameters=others)


@functools.lru_cache(maxsize=None)
def _tree(module: str) -> ast.Module:
    return ast.parse(Path(importlib.import_module(module).__file__ or "").read_text())


@functools.lru_cache(maxsize=None)
def _names_in(module: str) -> dict[str, Any]:
    """Return the names of a module, also those that only type checkers import."""
    found: dict[str, Any] = {}
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "bfxsync"
        ):
            there = importlib.import_module(str(node.module))
            for alias in node.names:
                found[alias.asname or alias.name] = getattr(there, alias.name, None)
    return {**found, **vars(importlib.import_module(module))}


def _assigned(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the public attributes that a constructor assigns, with their annotations."""
    for node in _constructors(cls.__module__).get(cls.__name__, ()):
        if isinstance(node, ast.Assign):
            targets, note = node.targets, ""
        elif isinstance(node, ast.AnnAssign):
            targets, note = [node.target], ast.unparse(node.annotation)
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Attribute) and not target.attr.startswith("_"):
                if ast.unparse(target.value) == "self":
                    yield target.attr, note


@functools.lru_cache(maxsize=None)
def _constructors(module: str) -> dict[str, list[ast.stmt]]:
    """Return the statements of the constructor of each class of a module."""
    return {
        cls.name: method.body
        for cls in _tree(module).body
        if isinstance(cls, ast.ClassDef)
        for method in cls.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
    }


def _constant(module: str, name: str) -> str:
    """Return the line of a constant or a type alias, with its value or a short expression."""
    value = getattr(importlib.import_module(module), name)
    if isinstance(value, (str, int)):
        return f"{module}.{name} = {value!r}"
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            line = f"{module}.{name} = {ast.unparse(node.value)}"
            if len(line) <= _WIDTH:
                return line
    return f"{module}.{name}"


def _call(head: str, signature: inspect.Signature) -> list[str]:
    """Return a call in one line, or with a line for each parameter."""
    parts: list[str] = []
    kinds = [each.kind for each in signature.parameters.values()]
    for at, each in enumerate(signature.parameters.values()):
        before = kinds[:at]
        if each.kind is each.KEYWORD_ONLY and not {
            each.KEYWORD_ONLY,
            each.VAR_POSITIONAL,
        }.intersection(before):
            parts.append("*")
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        note = _annotation(each.annotation)
        default = "" if each.default is each.empty else f" = {_default(each.default)}"
        parts.append(stars + each.name + (f": {note}" if note else "") + default)
        if each.kind is each.POSITIONAL_ONLY and each.kind not in kinds[at + 1 :]:
            parts.append("/")
    result = _annotation(signature.return_annotation)
    end = f" -> {result}" if result else ""
    line = f"{head}({', '.join(parts)}){end}"
    if len(line) <= _WIDTH:
        return [line]
    return [f"{head}(", *(f"    {part}," for part in parts), f"){end}"]


def _annotation(annotation: Any) -> str:
    if annotation is None or annotation is inspect.Parameter.empty:
        return ""
    if not isinstance(annotation, str):
        reference = getattr(annotation, "__forward_arg__", None)
        annotation = reference or inspect.formatannotation(annotation)
    return str(annotation).strip("'\"")


def _default(value: Any) -> str:
    if isinstance(value, enum.Flag):
        members = [each.name for each in type(value) if each and each & value == each]
        return f"{type(value).__name__}.{'|'.join(map(str, members))}"
    if value is attrs.NOTHING or isinstance(value, tuple) and value:
        return "..."
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    if value is None or isinstance(value, (bool, int, float, str, tuple)):
        return repr(value)
    return getattr(value, "__name__", "...")


def _fixtures() -> Iterator[str]:
    """Yield the fixtures of the pytest plugin."""
    for node in _tree("pytest_bfxsync").body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            decorators = [ast.unparse(each) for each in node.decorator_list]
            if any(each.startswith("pytest.fixture") for each in decorators):
                yield f"fixture {node.name}: {ast.unparse(node.returns or node)}"


def _add_command(entries: Entries, name: str, command: click.Command) -> None:
    entries[f"$ {name}"] = sorted(
        " ".join([*each.opts, *each.secondary_opts, *_choices(each)])
        for each in command.params
    )
    # Below it are the methods of REST.
    if isinstance(command, click.Group) and name != "bfxsync rest":
        context = click.Context(command)
        for each in command.list_commands(context):
            found = command.get_command(context, each)
            assert found is not None
            _add_command(entries, f"{name} {each}", found)


def _choices(parameter: click.Parameter) -> list[str]:
    choices = getattr(parameter.type, "choices", ())
    return ["|".join(map(str, choices))] if choices else []


def main(arguments: list[str]) -> int:
    now = text()
    if arguments == ["--update"]:
        FILE.write_text(now)
    elif arguments:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        print("\n".join(differences(FILE.read_text(), now)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
