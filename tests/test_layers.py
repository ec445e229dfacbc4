"""A module imports only from below, and only two packages touch the network."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import pytest

import bfxsync

pytestmark = pytest.mark.once

PACKAGE = Path(bfxsync.__file__).parent

# From the bottom to the top; a module may import from its own row and from those above it here.
LAYERS = [
    ("errors", "_version", "_base"),
    ("checks",),
    ("dataframes",),
    ("book.queries",),
    ("book.snapshots",),
    ("models",),
    ("book",),
    ("auth",),
    ("shared_limits",),
    ("wire",),
    ("guards",),
    ("outcome",),
    ("recording", "streams"),
    ("sinks",),
    ("ws.dispatch",),
    ("ws.core.lifetime", "ws.core.subscriber", "ws.core.shared_subscription"),
    ("ws.replies", "ws.reply_table", "ws.order_replies"),
    ("ws.drafts", "ws.operation_sender", "ws.messages", "ws.inputs"),
    (
        "ws.io.transport",
        "ws.io.handshake_socket",
        "ws.io.backoff",
        "ws.io.rate_limiter",
        "ws.io.shared_rate_limiter",
    ),
    ("ws.settings",),
    ("ws.core.subscription_table",),
    ("ws.io",),
    ("ws.core", "ws.stats", "ws.account_services"),
    ("ws.book_view", "ws.subscription", "ws.stateful_subscriptions"),
    ("ws.account_views",),
    ("ws.account",),
    ("ws.registry",),
    ("ws.subscribe", "ws.handlers", "ws.health", "ws.waiting", "ws.account_methods"),
    ("ws.shorthands",),
    ("rest.http",),
    ("rest.history", "rest.order_queries"),
    ("rest.public", "rest.auth", "rest.merchant"),
    (
        "symbols",
        "ws.client",
        "rest.client",
        "rest.cancel_on_exit",
        "rest.account_access",
    ),
    ("joined", "valuation"),
    ("ws.replay",),
    ("credentials",),
    ("client_parts", "client_state"),
    ("client",),
    ("notebook.drawing",),
    ("",),  # bfxsync itself: the public face
    ("paper.engine",),
    ("paper.markets",),
    (
        "paper.fault_options",
        "paper.faults",
        "paper.journal",
        "paper.journal_file",
        "paper.settings",
    ),
    ("paper.server",),
    ("compat", "exports", "funding", "metrics", "notebook"),
    ("exceptions", "rest.exceptions", "websocket"),
    ("types", "paper", "relay"),
    ("testing",),
    ("backtest",),
    ("cli",),
    ("__main__",),
]

# Below this everything is plain functions over values.
PURE = (
    "errors",
    "types",
    "_base.aliases",
    "_base.enums",
    "_base.error_bases",
    "_base.error_codes",
    "_base.guesses",
    "_base.hosts",
    "_base.hidden",
    "_base.numbers",
    "_base.pairs",
    "_base.plain",
    "_base.rates",
    "checks.books",
    "checks.callbacks",
    "checks.candles",
    "checks.containers",
    "checks.hosts",
    "checks.ids",
    "checks.keys",
    "checks.merchant",
    "checks.numbers",
    "checks.options",
    "checks.symbols",
    "checks.texts",
    "checks.times",
    "metrics.table",
    "models",
    "book",
    "auth.env_file",
    "auth.nonce",
    "auth.signer",
    "recording.account",
    "recording.contents",
    "recording.format",
    "recording.player",
    "recording.session",
    "shared_limits.fraction",
    "shared_limits.outage",
    "shared_limits.redis_scripts",
    "shared_limits.sent",
    "shared_limits.state",
    "shared_limits.window",
    "streams",
    "wire",
    "guards",
    "joined.candle_seam",
    "joined.closing",
    "joined.past",
    "joined.resampling",
    "joined.timeframes",
    "joined.trade_seam",
    "notebook.drawing",
    "funding.rates",
    "funding.spread",
    "valuation.cross_rates",
    "valuation.portfolio",
    "paper.engine",
    "backtest.drawing",
    "backtest.equity",
    "backtest.result",
    "backtest.valuation",
)
IMPURE = {
    "socket",
    "ssl",
    "select",
    "selectors",
    "threading",
    "queue",
    "subprocess",
    "asyncio",
}

NETWORK = {
    "websocket": ("ws.io.transport",),
    "requests": ("rest",),
    "aiohttp": ("paper",),
}

# It stands apart, or it would share the client's mistakes.
PAPER_MAY = (
    "paper",
    "models",
    "wire.codec",
    "recording.files",
    "errors",
    "_base.aliases",
    "_base.describe",
    "_base.enums",
    "_base.numbers",
    "_base.plain",
    "_base.regular_files",
    "_base.shield",
    "_version",
)

# Made by a function for the user's convenience. Such an import is inside that function, or for type
# checkers, and takes no part in layers and circles.
EXCEPTIONS = {
    ("paper.exchange", "client"),
    ("client", "paper.exchange"),
    ("client_parts", "paper.exchange"),
    ("ws.stateful_subscriptions", "notebook.live_view"),
    ("ws.stateful_subscriptions", "notebook.views"),
}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        name = name[: -len(".__init__")] if name.endswith(".__init__") else name
        yield "" if name == "__init__" else name, path


MODULES = dict(modules())
NAMES = {path: name for name, path in MODULES.items()}


@lru_cache(maxsize=None)
def imports(path):
    """Return the name of every module that is imported, wherever in the file."""
    return tuple(_imports(path))


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            # from bfxsync.wire import frames
            for alias in node.names:
                if node.module.startswith("bfxsync"):
                    name = f"{node.module}.{alias.name}"[len("bfxsync.") :]
                    if name in MODULES:
                        yield "bfxsync." + name


def own(path):
    found = {
        "" if name == "bfxsync" else name[len("bfxsync.") :]
        for name in imports(path)
        if name == "bfxsync" or name.startswith("bfxsync.")
    }
    return {name for name in found if (NAMES[path], name) not in EXCEPTIONS}


def within(name, prefixes):
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def layer(name):
    if name == "":
        return next(i for i, row in enumerate(LAYERS) if row == ("",))
    found = [
        (len(prefix), i)
        for i, row in enumerate(LAYERS)
        for prefix in row
        if within(name, [prefix])
    ]
    return max(found)[1] if found else None


# They have nothing but a docstring.
PACKAGES = ("ws", "ws.core", "ws.io", "rest", "recording", "streams")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in PACKAGES])
def test_every_module_is_in_the_picture_and_imports_only_from_below(name):
    mine = layer(name)
    assert mine is not None, f"{name} is not in the picture"
    for other in own(MODULES[name]) - set(PACKAGES):
        assert layer(other) is not None and layer(other) <= mine, f"{name} → {other}"


def circles(graph):
    """Return the groups of modules that import each other, by Tarjan's algorithm."""
    index, low, stack, found = {}, {}, [], []

    def visit(name):
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in graph[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            found.append(sorted(stack[at:]))
            del stack[at:]

    for name in graph:
        if name not in index:
            visit(name)
    return [group for group in found if len(group) > 1]


def test_no_modules_import_each_other_in_a_circle():
    """Imports for type checkers and those inside functions count too."""
    graph = {
        name: own(path) & set(MODULES) - {name} - set(PACKAGES)
        for name, path in MODULES.items()
    }
    assert circles(graph) == []


@pytest.mark.parametrize("name", MODULES)
def test_no_module_has_more_than_four_hundred_lines(name):
    assert len(MODULES[name].read_text().splitlines()) <= 400


def test_a_circle_of_modules_is_found():
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [
        ["a", "b", "c"]
    ]


@pytest.mark.parametrize("name, other", sorted(EXCEPTIONS))
def test_an_exception_is_not_imported_with_the_module(name, other):
    tree = ast.parse(MODULES[name].read_text())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert f"bfxsync.{other}" in {node.module for node in found}
    assert f"bfxsync.{other}" not in {
        node.module for node in tree.body if isinstance(node, ast.ImportFrom)
    }


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, PURE)])
def test_nothing_below_the_line_has_sockets_threads_or_sleep(name):
    source = MODULES[name].read_text()
    found = {module.split(".")[0] for module in imports(MODULES[name])} & IMPURE
    assert found == set()
    assert ".sleep(" not in source


@pytest.mark.parametrize(
    "name", [name for name in MODULES if within(name, ["paper.engine"])]
)
def test_the_matching_engine_reads_no_clock_and_draws_nothing(name):
    source = MODULES[name].read_text()
    found = {module.split(".")[0] for module in imports(MODULES[name])}
    assert found & {"random", "secrets", "uuid", "os", "datetime"} == set()
    assert not any(f"{call}(" in source for call in ("time.time", "monotonic", "now"))


@pytest.mark.parametrize("package", NETWORK)
def test_network_packages_have_one_place_each(package):
    users = {
        name
        for name, path in MODULES.items()
        if any(module.split(".")[0] == package for module in imports(path))
    }
    assert all(within(name, NETWORK[package]) for name in users), users


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, ["paper"])])
def test_the_local_exchange_stands_apart(name):
    for other in own(MODULES[name]):
        assert within(other, PAPER_MAY), f"{name} → {other}"


def test_the_transports_stand_apart_from_each_other():
    for mine, other in (("rest", "ws"), ("ws", "rest")):
        for name in MODULES:
            if within(name, [mine]):
                assert not [o for o in own(MODULES[name]) if within(o, [other])], name


# Arguments are checked before a connection is made, as the client would; requests are shown before
# they are sent.
CLI_MAY_ALSO = {
    "cli.account": ("valuation",),
    "cli.checkup": ("_base.hosts", "_base.proxies"),
    "cli.doctor": ("_base.hosts", "checks.hosts"),
    "cli.download": ("_base.aliases", "checks", "joined"),
    "cli.live.keys": ("_base.shield",),
    "cli.order_fates": ("_base.numbers",),
    "cli.order_submit": ("_base.hosts", "checks.hosts"),
    "cli.order_terms": ("checks", "wire.inputs"),
    "cli.rest_calls": ("_base.hidden", "rest"),
    "cli.tables": ("_base.describe",),
    "cli.rest_run": ("rest",),
    "cli.trading": ("_base.shield",),
    "cli.values": ("_base.numbers", "checks.times"),
    "cli.watch": ("_base.shield",),
}


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, ["cli"])])
def test_the_command_line_uses_the_public_face(name):
    public = ("cli", "paper", "_version", "credentials", "exports", "models", "sinks")
    public += ("backtest", "relay")
    for other in own(MODULES[name]):
        may = (*public, *CLI_MAY_ALSO.get(name, ()))
        assert other == "" or within(other, may), other


def test_exports_use_the_public_face():
    assert own(MODULES["exports"]) <= {"", "models", "_base.logs"}


def test_there_is_no_event_loop_but_in_the_local_exchange():
    for name, path in MODULES.items():
        if not within(name, ["paper"]):
            assert "asyncio" not in {m.split(".")[0] for m in imports(path)}, name


def test_r13_no_decision_is_made_by_the_text_of_a_message():
    """Compared, searched or matched: never a variable that holds the exchange's text."""
    names = {"msg", "message", "text"}
    for name, path in MODULES.items():
        if not within(name, ("wire", "ws", "rest")):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare):
                operands = [node.left, *node.comparators]
                literals = [o for o in operands if isinstance(o, ast.Constant)]
                used = {
                    part.id if isinstance(part, ast.Name) else part.attr
                    for operand in operands
                    for part in [operand]
                    if isinstance(part, (ast.Name, ast.Attribute))
                }
                is_text = any(isinstance(c.value, str) for c in literals)
                assert not (is_text and used & {"msg", "message"}), (name, node.lineno)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                target = node.func.value
                searched = node.func.attr in ("startswith", "endswith", "find", "match")
                if searched and isinstance(target, ast.Name):
                    assert target.id not in names - {"text"}, (name, node.lineno)
