"""R17: what the documents show runs, and what they name exists."""

from __future__ import annotations

import csv
import importlib
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from patience import at_most
from programs import run_program
from redis_server import RedisServer
from warm_python import WarmPython

from bfxsync.paper import PaperExchange
from bfxsync.relay import Relay

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

# Python, perhaps with the name of a file, and what it prints, with nothing but prose between both.
_BLOCK = re.compile(
    r"^\.\. code-block:: python\n(?:    :name: (\S+\.py)\n)?\n((?:    .*\n|\n)+)"
    r"(?:(?:(?!\.\. ).*\n)*?\.\. code-block:: text\n"
    r"    :class: (output|numbers|sample)\n\n((?:    .*\n|\n)+))?",
    re.MULTILINE,
)
_PROMISE = re.compile(r"^(r\d\d)  \S.*  ``(tests\S*)``$", re.MULTILINE)
_ROW = re.compile(r"^(\S.*\?) +``(\S+\.py)`` ``(\S+)``$", re.MULTILINE)


# What the README's first command does not install, its snippets do without.
_FEW_EXTRAS = (
    "import sys; sys.modules.update(dict.fromkeys(('orjson', 'tqdm', 'filelock')))\n"
)


# A program for the real exchange gets the local one.
_LOCALLY = """\
import atexit, bfxsync
from bfxsync.paper import PaperExchange
exchange = PaperExchange().start()
atexit.register(exchange.stop)
bfxsync.Client = exchange.client
"""


# Run in a kernel, see tests/jupyter.
IN_KERNELS = ["notebook.rst", "notebooks.rst"]

RELAYS = ROOT / "docs" / "explanation" / "relay.rst"
_REDIS = "redis://localhost"


class Block(NamedTuple):
    """A block of Python: the files of its page up to it, and what it is said to print."""

    code: str
    files: dict[str, str]
    kind: str | None
    printed: str


def dedented(text):
    return re.sub(r"^    ", "", text or "", flags=re.MULTILINE).strip("\n") + "\n"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_code_is_shown_without_sphinx_too(document: Path) -> None:
    """Where a page is shown by docutils, a block with another option is left out, silently."""
    blocks = re.findall(
        r"^\.\. code-block::.*\n((?: +:.*\n)*)", document.read_text(), re.MULTILINE
    )
    options = {name for block in blocks for name in re.findall(r":([\w-]+):", block)}
    assert options <= {"class", "name", "number-lines"}


def blocks():
    for path in DOCUMENTS:
        if path == RELAYS or path.name in IN_KERNELS:
            continue
        files = {}
        for number, match in enumerate(_BLOCK.finditer(path.read_text()), 1):
            name, code, kind, printed = match.groups()
            code = dedented(code)
            if name:
                files = {**files, name: code}
            is_program = "with Client() as" in code or "with Client(**" in code
            if is_program and "def test_" not in code:
                code = _LOCALLY + code
            if path.name == "README.rst":
                code = _FEW_EXTRAS + code
            block = Block(code, files, kind, dedented(printed))
            yield pytest.param(block, id=f"{path.name}-{number}")


def relay_blocks():
    """Yield the programs of the page of relays, which need a Redis."""
    for number, match in enumerate(_BLOCK.finditer(RELAYS.read_text()), 1):
        yield pytest.param(dedented(match.group(2)), id=f"{RELAYS.name}-{number}")


def shape(line):
    """Return a line without its numbers, and without the blanks that align them."""
    return re.sub(r"\s+", " ", re.sub(r"-?\d[\d,.:]*", "0", line)).strip()


def assert_printed(output, block):
    """
    Compare an output with the one that is shown.

    ``output`` is exact, ``numbers`` differ from run to run, and of a ``sample`` which of its lines
    come, too.
    """
    found, shown = output.splitlines(), block.printed.rstrip().splitlines()
    if block.kind == "output":
        assert found == shown
    elif block.kind == "numbers":
        assert [*map(shape, found)] == [*map(shape, shown)]
    elif block.kind == "sample":
        assert found and {*map(shape, found)} <= {*map(shape, shown)}


# What most programs import.
PACKAGE = (
    "bfxsync.client bfxsync.credentials bfxsync.paper.server.app bfxsync.rest.auth bfxsync.symbols "
    "bfxsync.ws.core.account_table bfxsync.ws.inputs bfxsync.ws.order_replies bfxsync.ws.replay "
    "pytest"
).split()

# Plugins of other projects, which no snippet needs.
_WITHOUT = [f"-pno:{name}" for name in ("hypothesispytest", "pytest_cov", "xdist")]


@pytest.fixture(scope="module")
def run():
    with WarmPython() as python:
        yield partial(run_program, python)


@pytest.fixture(scope="module")
def run_snippet():
    """Run a program where the package is imported already, which takes half of its time."""
    with WarmPython(*PACKAGE) as python:
        # Some compute for seconds, which can be a minute on a machine that is busy.
        yield partial(run_program, python, timeout=100.0)


@pytest.mark.parametrize("block", list(blocks()))
def test_r17_every_snippet_runs(run, run_snippet, block, tmp_path):
    code = block.code
    # Whether the first command's extras suffice is seen where nothing is imported.
    run = run if code.startswith(_FEW_EXTRAS) else run_snippet
    for name, text in block.files.items():
        (tmp_path / name).write_text(text)
    if "def test_" in code:
        path = tmp_path / "test_snippet.py"
        path.write_text(code)
        arguments = ["-q", "-p", "no:cacheprovider", *_WITHOUT, str(path)]
        arguments += ["-s"] if block.kind else []
        code_of_run = f"import pytest, sys; sys.exit(pytest.main({arguments}))"
        arguments = ["-c", code_of_run]
        output = run(arguments, endless=False, enough=bool, folder=tmp_path)
        passed = int(re.search(r"(\d+) passed", output).group(1))
        assert passed >= code.count("def test_")
        assert_printed(output, block)
        return
    # A recording ends by itself.
    endless = not any(end in code for end in (".close()", "replay("))
    endless = endless and ".run()" in code
    shown = ["ChecksumMismatch:"] if "wrong_checksum" in code else []
    cuts = ("drop_connections", "cut_after_input")
    shown += ["disconnected"] if any(each in code for each in cuts) else []
    arguments = ["-c", code]
    output = run(arguments, endless=endless, enough=bool, shown=shown, folder=tmp_path)
    assert_printed(output, block)


@pytest.fixture(scope="module")
def redis():
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def exchange():
    with PaperExchange(rate=40) as exchange:
        yield exchange


@pytest.mark.parametrize("code", list(relay_blocks()))
def test_r17_every_snippet_of_relays_runs(run_snippet, redis, exchange, code, tmp_path):
    url = redis.url.rpartition("/")[0]
    code = code.replace(f"{_REDIS}:6379", url).replace(_REDIS, url)
    assert url in code and ".run()" in code
    options = {"redis": redis.url, "shard": "spot", "wss_host": exchange.url}
    with ExitStack() as stack:
        if "import Relay\n" not in code:
            relay = stack.enter_context(Relay(["tBTCUSD"], **options))
            relay.wait_ready(at_most(20.0))
        run_snippet(
            ["-c", code],
            endless=True,
            enough=lambda lines: len(lines) > ("subscribe_trades" in code),
            folder=tmp_path,
            variables={"BFX_WSS_HOST": exchange.url},
        )


def test_r17_the_relay_has_its_examples():
    assert len(list(relay_blocks())) >= 3


@pytest.mark.parametrize("kind", ["output", "numbers", "sample"])
def test_a_wrong_output_is_noticed(kind):
    block = Block("", {}, kind, "bid 64,250.5  now\nask 1 gone\n")
    assert_printed(block.printed, block)
    for wrong in ("bid 64,250.5  gone\nask 1 gone\n", "", "bid\nask\n"):
        with pytest.raises(AssertionError):
            assert_printed(wrong, block)


def test_r17_the_readme_has_its_examples():
    text = (ROOT / "README.rst").read_text()
    assert 'pip install ".[cli,paper]"' in text
    first, *others = [match.group(2) for match in _BLOCK.finditer(text)]
    assert "with Client() as" in first and "paper" not in first
    assert len(others) >= 4


def promises():
    return _PROMISE.findall((ROOT / "README.rst").read_text())


def test_every_requirement_has_its_promise():
    assert sorted(number for number, _ in promises()) == [
        f"r{n:02}" for n in range(1, 18)
    ]


@pytest.mark.parametrize("number, place", promises())
def test_every_promise_has_its_tests(number, place):
    path = ROOT / place
    files = path.rglob("test_*.py") if path.is_dir() else [path]
    assert any(f"def test_{number}_" in file.read_text() for file in files)


# What anyone would write first.
ORDINARY = (
    "board download_30_days funding_ladder funding_watcher imbalance limit_order ohlc_from_trades "
    "portfolio_value price_alert recorder spread_to_csv wait_for"
).split()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_r17_every_example_runs(run, path, tmp_path):
    code = path.read_text()
    endless = not any(end in code for end in (".wss.close()", "replay("))
    endless = endless and ".run()" in code
    enough = ENOUGH.get(path.stem, lambda lines: len(lines) >= 3)
    shown = OUTAGES.get(path.stem, ())
    output = run(
        [str(path)], endless=endless, enough=enough, shown=shown, folder=tmp_path
    )
    if path.stem == "reconnect":
        assert "threads left: []" in output
    if path.stem in FILES:
        name, is_as_promised = FILES[path.stem]
        with (tmp_path / name).open(newline="") as file:
            assert is_as_promised(list(csv.reader(file)))
    assert output or path.stem in FILES


@pytest.mark.parametrize("name", ORDINARY)
def test_a_program_of_ordinary_use_has_fifteen_lines(name):
    lines = (ROOT / "examples" / f"{name}.py").read_text().splitlines()
    assert len(lines) <= 15


def recovered(lines):
    """Tell whether all three subscriptions have seen gap, snapshot and updates, in order."""
    for name in ("ticker", "trades", "book"):
        seen = [line.split()[1] for line in lines if line.startswith(name + " ")]
        update = {"ticker": "Ticker", "trades": "Trade", "book": "BookUpdate"}[name]
        if "Gap" not in seen or seen[seen.index("Gap") :][:3] != [
            "Gap",
            "Snapshot",
            update,
        ]:
            return False
    return True


def ended_with(pattern):
    return lambda lines: bool(lines) and re.search(pattern, lines[-1]) is not None


ENOUGH = {
    "reconnect": recovered,
    "board": ended_with(r"tBTCUSD \d\S*   tETHUSD \d\S*   tLTCBTC 0\.\d"),
    "funding_watcher": ended_with(r"7\.\d+% for \d+ days: (lend|wait)"),
    "funding_ladder": ended_with(r"placed \d+ ACTIVE"),
    "wait_for": ended_with(r"bought 0\.5 BTC at 64,\d\d\d\.\d\d USD"),
    "imbalance": ended_with(r"[+-]0\.\d{3}  mid \d+\.\d+, microprice \d+\.\d\d"),
    "limit_order": ended_with("open orders: 0"),
    "live_orders": ended_with("that the exchange has executed: 2"),
    "portfolio_value": ended_with(r"without them: 2,\d\d\d,\d\d\d\.\d\d USD"),
    "price_alert": ended_with("BTC/USD is at 64"),
    **dict.fromkeys(["download_30_days", "recorder", "spread_to_csv"], lambda _: True),
}


def has_spreads(rows):
    assert rows[0] == ["time", "bid", "ask", "spread"] and len(rows) == 51
    return all(float(ask) - float(bid) == float(d) > 0 for _, bid, ask, d in rows[1:])


def has_candles(rows):
    assert rows[0] == ["time", "open", "high", "low", "close", "volume"]
    times = [row[0] for row in rows[1:]]
    return len(times) > 30 * 24 * 60 * 0.9 and times == sorted(set(times))


def goes_on_after_one_gap(rows):
    gaps = [at for at, row in enumerate(rows) if row[0] == "gap since"]
    ids = [int(row[0]) for row in rows if row[0] != "gap since"]
    return len(gaps) == 1 and 10 < gaps[0] < len(rows) - 10 and ids == sorted(set(ids))


def has_trades(rows):
    assert rows[0] == ["time", "symbol", "id", "amount", "price"]
    ids = [row[2] for row in rows[1:]]
    return len(set(ids)) == len(ids) > 20


# What an example writes.
FILES = {
    "spread_to_csv": ("spread.csv", has_spreads),
    "download_30_days": ("candles.csv", has_candles),
    "recorder": ("trades.csv", goes_on_after_one_gap),
    "save_trades": ("trades.csv", has_trades),
}

# What Python prints of the log where nothing is configured.
OUTAGES = dict.fromkeys(
    ["live_orders", "reconnect", "record_and_replay", "recorder"],
    ["disconnected"],
)


def questions():
    text = (ROOT / "docs" / "questions.rst").read_text()
    return [pytest.param(*row, id=row[0]) for row in _ROW.findall(text)]


def test_there_are_twenty_questions_and_every_row_is_read():
    rows = (ROOT / "docs" / "questions.rst").read_text().count("?  ")
    assert len(questions()) == rows >= 20


@pytest.mark.parametrize("question, path, name", questions())
def test_every_question_has_its_answer(question, path, name):
    module = importlib.import_module("bfxsync." + path[:-3].replace("/", "."))
    answer = module
    for part in name.split("."):
        answer = getattr(answer, part)
    # Named where it is made, not where it is only imported.
    assert getattr(answer, "__module__", module.__name__) in (
        module.__name__,
        "builtins",
    )
    assert Path(module.__file__).as_posix().endswith(f"bfxsync/{path}")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_the_documents_name_exist(path):
    for name in re.findall(
        r"``((?:docs|tests|examples|benchmarks)/\S*?)``", path.read_text()
    ):
        assert (ROOT / name).exists(), name
    for name in re.findall(r":doc:`(?:[^`<]*<)?([^`>]+)>?`", path.read_text()):
        root = ROOT / "docs" if name.startswith("/") else path.parent
        assert (root / f"{name.lstrip('/')}.rst").exists(), name
