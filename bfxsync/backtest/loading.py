"""
Reads strategy files.

A strategy is a function `main(bfx)` that gets a client, and returns when it is done. Beside it the
file may have `client_options`, the arguments of that client. So one file serves all three: live, on
paper, and over a recording. The client of a backtest is one of its own exchange, so that it needs
no key and cannot reach the real one.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import sys
from contextlib import contextmanager, suppress
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Tuple,
    Union,
)

from bfxsync.errors import UsageError

MAIN, OPTIONS = "main", "client_options"

_FORBIDDEN = (
    "api_key api_secret auth_token credentials nonce_file wss_host rest_host auth_wss_host"
    " auth_rest_host dry_run"
).split()

Main = Callable[..., object]
Path = Union[str, "os.PathLike[str]"]


class Strategy(NamedTuple):
    """
    A strategy that can be run.

    Attributes
    ----------
    name : str
        The path of the file, or the name of the function.
    main : callable
    client_options : dict
    modules : list of dict
        The names in its modules.
    """

    name: str
    main: Main
    client_options: Dict[str, Any]
    modules: List[Dict[str, Any]]


def check_path(path: str) -> str:
    """Check that a strategy file can be read, before anything is started."""
    if not path.endswith(".py"):
        raise UsageError(f"strategy must be a file .py or a function, not {path!r}")
    if not os.path.isfile(path):
        raise UsageError(f"there is no file {path!r}")
    return os.path.abspath(path)


@contextmanager
def loaded(strategy: Union[Path, Main]) -> Iterator[Strategy]:
    """Import a strategy file, and forget its modules at the end; or describe a function."""
    if callable(strategy):
        names = getattr(strategy, "__globals__", None)
        name = getattr(strategy, "__qualname__", None) or repr(strategy)
        yield Strategy(name, strategy, {}, [names] if isinstance(names, dict) else [])
        return
    path = check_path(os.fspath(strategy))
    root, name = _module_of(path)
    package, dot, _ = name.partition(".")
    folder = os.path.join(root, package if dot else "")
    with _modules_of(folder, name), _importable(root):
        module = _import(path, name)
        own = [vars(each) for each in _below(folder).values()]
        main, options = _parts_of(os.fspath(strategy), vars(module))
        yield Strategy(os.fspath(strategy), main, options, own)


def check_client_options(options: object) -> Dict[str, Any]:
    """Check the options of the client of a backtest."""
    if not isinstance(options, Mapping):
        raise UsageError(f"client_options must be a mapping, not {options!r}")
    for name in options:
        if name in _FORBIDDEN:
            raise UsageError(
                f"client_options must not have {name}: the client of a backtest is one of its own"
                " exchange; give keys and hosts to the client of the program"
            )
    return dict(options)


def bind(
    main: Main, bfx: object, parameters: Mapping[str, Any]
) -> Callable[[], object]:
    """Return the call of a strategy with a client and its parameters."""
    try:
        bound = inspect.signature(main).bind(bfx, **parameters)
    except TypeError as exc:
        raise UsageError(
            f"the strategy cannot be called with {_names(parameters)}: {exc}"
        ) from None
    return lambda: main(*bound.args, **bound.kwargs)


def parameter(text: str) -> Tuple[str, Any]:
    """Read ``name=value`` of a command line, where a value is a literal of Python or a text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"a parameter must look like name=value, not {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _names(parameters: Mapping[str, Any]) -> str:
    return ", ".join(["a client", *parameters])


def _parts_of(path: str, names: Mapping[str, Any]) -> Tuple[Main, Dict[str, Any]]:
    main = names.get(MAIN)
    if not callable(main):
        raise UsageError(
            f"{path} has no function main(bfx): a strategy gets its client as an argument, see"
            " docs/howto/backtests.rst"
        )
    options = names.get(OPTIONS, {})
    return main, check_client_options(options)


def _module_of(path: str) -> Tuple[str, str]:
    """Return the folder from which a file is imported, and the name of its module."""
    folder, name = os.path.split(path[: -len(".py")])
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        name = f"{package}.{name}"
    return folder, name


def _import(path: str, name: str) -> Any:
    if "." in name:
        return importlib.import_module(name)
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Before it runs, as dataclasses look for it.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(folder)


def _below(folder: str) -> Dict[str, Any]:
    """Return the imported modules whose files are in a folder."""
    found = {}
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(folder):
            found[name] = module
    return found


@contextmanager
def _modules_of(folder: str, name: str) -> Iterator[None]:
    """Forget new modules at the end, so that the next run reads their files again."""
    before, old = set(sys.modules), sys.modules.get(name)
    try:
        yield
    finally:
        for each in set(_below(folder)) - before:
            del sys.modules[each]
        if old is not None:
            sys.modules[name] = old
