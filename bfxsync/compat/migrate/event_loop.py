"""Calls of asyncio: those that become plain calls, and what to do about the others by hand."""

from __future__ import annotations

import ast
from typing import Dict, List, Set

from bfxsync.compat.migrate.coroutines import Coroutines
from bfxsync.compat.migrate.names import AnyImport, chain_of, loads, root_of
from bfxsync.compat.migrate.program import Program

_THREAD = "start a thread: threading.Thread(target=function, daemon=True).start()"
_POOL = "plain calls run one after the other; concurrent.futures.ThreadPoolExecutor runs several"
_LOOP = "there is no event loop: delete it; wss.run() is what run_forever() was for"
_START = "wss.start() returns at once: call it first, then the others, in threads if they go on"
_TIMEOUT = "blocking calls of bfxsync have timeout="

_BY_HAND = {
    "create_task": _THREAD,
    "ensure_future": _THREAD,
    "run_coroutine_threadsafe": "call the function, from any thread",
    "TaskGroup": _POOL,
    "gather": _POOL,
    "wait": _POOL,
    "as_completed": _POOL,
    "wait_for": _TIMEOUT,
    "timeout": _TIMEOUT,
    "shield": "calls are not cancelled: delete it",
    "to_thread": "call the function",
    "sleep": "time.sleep",
    "run": "call the function",
    "Lock": "threading.Lock, used with a plain with",
    "Event": "threading.Event, whose wait is a plain call",
    "Condition": "threading.Condition, used with a plain with",
    "Semaphore": "threading.Semaphore, used with a plain with",
    "BoundedSemaphore": "threading.BoundedSemaphore, used with a plain with",
    "Queue": "queue.Queue, whose get and put are plain calls",
    "LifoQueue": "queue.LifoQueue",
    "PriorityQueue": "queue.PriorityQueue",
    "QueueEmpty": "queue.Empty",
    "QueueFull": "queue.Full",
    "CancelledError": "nothing is cancelled; after close() calls raise ClosedError",
    "TimeoutError": "TimeoutError, which RequestTimeout is",
    "get_event_loop": _LOOP,
    "get_running_loop": _LOOP,
    "new_event_loop": _LOOP,
    "set_event_loop": _LOOP,
    "set_event_loop_policy": _LOOP,
    "Runner": _LOOP,
}

# Libraries that are about event loops only.
_LOOPS = ("uvloop", "nest_asyncio")
_NEW_LOOPS = ("asyncio.get_event_loop", "asyncio.new_event_loop")


class EventLoopCalls:
    """The calls of asyncio in one program."""

    def __init__(self, program: Program, coroutines: Coroutines) -> None:
        self._program = program
        self._source = program.source
        self._names = program.names
        self._coroutines = coroutines
        # Roots of expressions that the edits remove.
        self._gone: Set[ast.AST] = set()
        # The import that time.sleep needs, if any.
        self._time_import = ""

    def edit(self) -> None:
        """Change what can be changed, and report the rest."""
        for node in ast.walk(self._source.tree):
            if isinstance(node, ast.Await) and self._is_plain(node, node.value):
                self._edit_awaited(node.value)
            elif isinstance(node, ast.Call):
                self._edit_call(node)
        self._delete_loops()
        self._report_rest()
        self._edit_imports()

    def _is_plain(self, waiting: ast.AST, value: ast.AST) -> bool:
        return self._coroutines.is_plain(self._program, waiting, value)

    def _edit_awaited(self, value: ast.expr) -> None:
        assert isinstance(value, ast.Call)
        if self._program.is_sleep(value):
            self._replace_sleep(value)
        elif self._program.gathered(value):
            start, end = self._source.start(value.args[0]), self._source.end(value.func)
            opening = self._source.text.index("(", end, start)
            self._source.replace(self._source.start(value.func), opening + 1, "[")
            self._source.replace(
                self._source.end(value) - 1, self._source.end(value), "]"
            )
            self._gone.add(root_of(value.func))
        elif self._names.client_method(value) == "start":
            self._run_until_closed(value)

    def _edit_call(self, call: ast.Call) -> None:
        coroutine = self._program.entry(call)
        if coroutine is not None and self._source.is_editable(call):
            is_simple = len(call.args) == 1 and not call.keywords
            has_comment = "#" in self._source.code(call)
            if (is_simple or not has_comment) and self._is_plain(
                ast.Await(coroutine), coroutine
            ):
                if self._names.client_method(coroutine) == "start":
                    self._run_until_closed(coroutine)
                self._unwrap(call)
            return
        is_task = chain_of(call.func)[-1:] in (["create_task"], ["ensure_future"])
        is_alone = isinstance(self._source.parents[call], ast.Expr)
        if is_task and is_alone and len(call.args) == 1:
            if self._names.client_method(call.args[0]) == "start":
                # It returns at once here.
                self._unwrap(call)

    def _run_until_closed(self, call: ast.AST) -> None:
        """What used to wait until the client is closed is `run`; `start` returns at once."""
        assert isinstance(call, ast.Call)
        end = self._source.end(call.func)
        self._source.replace(end - len("start"), end, "run")

    def _replace_sleep(self, call: ast.Call) -> None:
        taken = "time" in self._names.bound or (
            self._names.imports.get("time", ("time", None))[0] != "time"
        )
        module = "_time" if taken else "time"
        func = call.func
        self._source.replace(
            self._source.start(func), self._source.end(func), f"{module}.sleep"
        )
        self._gone.add(root_of(func))
        self._time_import = "import time as _time" if taken else "import time"
        around = self._program.function_of(call)
        if around is not None and self._program.is_handler(around):
            text = "time.sleep in a handler delays all other handlers."
            self._source.report(call, text, is_left=False)

    def _unwrap(self, call: ast.Call) -> None:
        """Replace a call by its first argument, which stays in parentheses beside a comment."""
        source, inner = self._source, call.args[0]
        start, end = source.start(inner), source.end(inner)
        rest = source.text[end : source.end(call)]
        if "#" in source.text[source.start(call) : start] + rest:
            source.replace(source.start(call), source.end(call.func), "")
            if rest.lstrip().startswith(","):  # it would make a tuple
                at = source.text.index(",", end)
                source.replace(at, at + 1, "")
        else:
            source.replace(source.start(call), start, "")
            source.replace(end, source.end(call), "")
        self._gone |= set(ast.walk(call.func))

    def _delete_loops(self) -> None:
        """Delete an event loop that only ran what is now called."""
        for node in list(ast.walk(self._source.tree)):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
                continue
            target = node.targets[0]
            if self._names.dotted(node.value.func) not in _NEW_LOOPS:
                continue
            if len(node.targets) > 1 or not isinstance(target, ast.Name):
                continue
            uses = [each for each in loads(self._source.tree, target.id)]
            rest = [each for each in uses if each not in self._gone]
            statements = [self._loop_statement(each) for each in rest]
            if all(statements):
                for statement in statements:
                    assert statement is not None
                    self._source.replace_statement(statement, "")
                    self._gone |= set(ast.walk(statement))
                self._source.replace_statement(node, "")
                self._gone.add(root_of(node.value.func))

    def _loop_statement(self, use: ast.AST) -> ast.Expr | None:
        """Return the statement ``loop.close()`` or ``asyncio.set_event_loop(loop)``."""
        parents = self._source.parents
        parent = parents[use]
        call = parents[parent] if isinstance(parent, ast.Attribute) else parent
        statement = parents[call]
        if not (isinstance(call, ast.Call) and isinstance(statement, ast.Expr)):
            return None
        is_close = isinstance(parent, ast.Attribute) and parent.attr == "close"
        is_set = self._names.dotted(call.func) == "asyncio.set_event_loop"
        return statement if is_close or is_set else None

    # --- what is left ---------------------------------------------------------------------------

    def _asyncio_names(self) -> Dict[str, AnyImport]:
        return {
            name: statement
            for name, (dotted, statement) in self._names.imports.items()
            if dotted.partition(".")[0] in ("asyncio", *_LOOPS)
        }

    def _left(self, name: str) -> List[ast.Name]:
        return [
            each for each in loads(self._source.tree, name) if each not in self._gone
        ]

    def _report_rest(self) -> None:
        for name in self._asyncio_names():
            for node in self._left(name):
                whole: ast.AST = node
                while isinstance(self._source.parents[whole], ast.Attribute):
                    whole = self._source.parents[whole]
                dotted = self._names.dotted(whole)
                hint = _BY_HAND.get(
                    (dotted.split(".") + [""])[1], "bfxsync has no event loop"
                )
                call = self._source.parents[whole]
                if isinstance(call, ast.Call) and call.func is whole:
                    if "start" in map(self._names.client_method, call.args):
                        hint = _START
                self._source.report(whole, f"{dotted} stays: {hint}.")

    def _edit_imports(self) -> None:
        anchors = self._asyncio_names()
        unused: Dict[AnyImport, Set[str]] = {}
        for name, statement in anchors.items():
            if any(each in self._gone for each in loads(self._source.tree, name)):
                if not self._left(name):
                    unused.setdefault(statement, set()).add(name)
        wanted = bool(self._time_import) and not self._has_import(self._time_import)
        for statement in dict.fromkeys(anchors.values()):
            names = unused.get(statement, set())
            kept = [a for a in statement.names if (a.asname or a.name) not in names]
            lines = [self._time_import] if wanted else []
            wanted = False
            if kept == statement.names:
                if lines:
                    end = self._source.end(statement)
                    self._source.replace(
                        end, end, f"{self._break(statement)}{lines[0]}"
                    )
                continue
            if kept:
                lines.insert(0, self._shorter(statement, kept))
            self._source.replace_statement(
                statement, self._break(statement).join(lines)
            )

    def _has_import(self, line: str) -> bool:
        module = self._source.tree.body
        return any(isinstance(n, ast.Import) and ast.unparse(n) == line for n in module)

    def _shorter(self, statement: AnyImport, kept: List[ast.alias]) -> str:
        if isinstance(statement, ast.Import):
            return ast.unparse(ast.Import(kept))
        return ast.unparse(ast.ImportFrom(statement.module, kept, statement.level))

    def _break(self, statement: ast.stmt) -> str:
        """Return a line end of the program, with the indentation of a statement."""
        newline = "\r\n" if "\r\n" in self._source.text else "\n"
        return newline + " " * statement.col_offset
