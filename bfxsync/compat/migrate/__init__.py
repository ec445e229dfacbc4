"""
Changes programs for bitfinex-api-py: ``python -m bfxsync.compat.migrate``.

It deletes ``async`` and ``await`` where a plain call remains, replaces imports, and reports what it
could not change. See ``docs/howto/moving.rst``.
"""

from __future__ import annotations

from typing import List, Mapping, Tuple

from bfxsync.compat.migrate.client_calls import report_calls
from bfxsync.compat.migrate.coroutines import Coroutines
from bfxsync.compat.migrate.event_loop import EventLoopCalls
from bfxsync.compat.migrate.imports import edit_imports
from bfxsync.compat.migrate.program import Program
from bfxsync.compat.migrate.source import SourceText

__all__ = ["migrate"]


def migrate(texts: Mapping[str, str]) -> List[Tuple[SourceText, str]]:
    """
    Migrate the files of a program, which may await each other's functions.

    Parameters
    ----------
    texts : mapping of str to str
        Source code by path.

    Returns
    -------
    list of tuple
        For each file its `SourceText`, which has the findings, and the new source code.

    Raises
    ------
    SyntaxError
        A file is not valid Python.
    """
    programs = [Program(SourceText(path, text)) for path, text in texts.items()]
    coroutines = Coroutines(programs)
    results = []
    for program in programs:
        coroutines.edit(program)
        EventLoopCalls(program, coroutines).edit()
        edit_imports(program)
        report_calls(program)
        results.append((program.source, program.source.result()))
    return results
