"""``bfxsync paper``: what it prints, what it shows, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import attrs
import pytest
from rich.cells import cell_len
from rich.console import Console

import bfxsync
from bfxsync import Client, Ticker
from bfxsync.cli import paper
from bfxsync.cli.activity import Activity, ExchangeView
from bfxsync.cli.main import main
from bfxsync.cli.paper_screen import LiveArea, draw
from bfxsync.paper import PaperAccount, PaperExchange

Output = pytest.CaptureFixture[str]
PAPER = [sys.executable, "-W", "error", "-m", "bfxsync", "paper", "--port", "0"]
needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals")

VIEW = ExchangeView(
    mts=1542045996000,
    connections=3,
    frames_sent=12_345,
    rest_requests=67,
    tickers=(
        ("tBTCUSD", Ticker(6443, 50, 6444, 60, -12, -0.0123, 6443, 1234, 6500, 6400)),
        ("tBTCF0:USTF0", None),
    ),
    accounts=("paper-key  1 open order  exchange 5 BTC",),
    news=(),
    latest=tuple(f"18:06:36  paper-key  event {number}" for number in range(30)),
)


@pytest.fixture
def exchange() -> Iterator[PaperExchange]:
    accounts = [PaperAccount(), PaperAccount(api_key='it\'s "mine"', balances={})]
    with PaperExchange(rate=1e-3, accounts=accounts) as exchange:
        yield exchange


def test_a_number_makes_accounts_with_different_keys() -> None:
    one, two, three = paper.accounts_of("3")
    assert one == PaperAccount()
    assert (two.api_key, three.api_secret) == ("paper-key-2", "paper-secret-3")


def test_accounts_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    mine = {"api_key": "paper-mine", "balances": {"exchange": {"BTC": "0.5"}}}
    path.write_text(json.dumps([mine, {}]), "utf-8")
    assert paper.accounts_of(str(path)) == [PaperAccount(**mine), PaperAccount()]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("lost_answer", ("lost_answer", {})),
        (
            "lost_answer path=auth/w/order/submit times=2",
            ("lost_answer", {"path": "auth/w/order/submit", "times": 2}),
        ),
        ("garbage times=null text='[1,'", ("garbage", {"times": None, "text": "[1,"})),
        ("x chance=0.5 text=a=b", ("x", {"chance": 0.5, "text": "a=b"})),
    ],
    ids=str,
)
def test_a_fault_is_a_name_with_options(text: str, fault: Any) -> None:
    assert paper.fault_of(text) == fault


@needs_posix
def test_faults_happen_and_are_counted() -> None:
    fault = "lost_answer path=auth/r/wallets times=2"
    process = start("--fault", fault, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        _, _, rest, *_ = (process.stdout.readline() for _ in range(3))
        with Client("paper-key", "paper-secret", rest_host=url_in(rest)) as bfx:
            assert bfx.rest.auth.get_wallets()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert out.endswith("stopped after 3 requests, 0 connections, lost_answer 2\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting"),
        ("{}", "must contain a list"),
        ("[]", "must contain a list"),
        ('[{"key": "x"}]', "not a list of accounts: .*'key'"),
        ("[5]", "not a list of accounts"),
        ('[{"balances": {"exchange": {"USD": -1}}}]', "no balance of -1"),
    ],
    ids=str,
)
def test_a_wrong_file_of_accounts_is_refused(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "accounts.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ValueError, match=message):
        paper.accounts_of(str(path))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "x"],
        ["--seed", "1.5"],
        ["--speed", "fast"],
        ["--accounts", "0"],
        ["--accounts", "101"],
        ["--accounts", "no-such-file"],
        ["--port", "70000"],
        ["--speed", "0"],
        ["--rate", "nan"],
        ["--recording", "nothing"],
        ["--fault", "lost_anser"],
        ["--fault", "lost_answer path"],
        ["--fault", "lost_answer fault=lost_request"],
        ["--fault", "lost_answer times=0"],
        ["--fault", "'"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_are_code_2(arguments: list[str], capsys: Output) -> None:
    try:
        code: Any = main(["paper", "--plain", *arguments])
    except SystemExit as exc:
        code = exc.code
    assert code == 2
    err = capsys.readouterr().err
    words = ["closing quotation", *re.split(r"[ .=]", arguments[-1])]
    assert any(word in err for word in words)


def test_a_port_in_use_is_one_line(exchange: PaperExchange, capsys: Output) -> None:
    assert main(["paper", "--plain", "--port", str(exchange.port)]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("bfxsync paper: cannot listen on 127.0.0.1 port ")


def test_the_lines_on_how_to_connect_are_programs(exchange: PaperExchange) -> None:
    text = paper.connect_text(exchange)
    assert all(len(line) < 80 for line in text.splitlines())
    python = text[text.index("Client(") : text.index("# ccxt")]
    with eval(python, {"Client": Client}) as bfx:
        assert len(bfx.rest.auth.get_wallets()) == 13
    lines = [line for line in text.splitlines() if line.startswith("export ")]
    names = "$BFX_WSS_HOST $BFX_REST_HOST $BFX_API_KEY $BFX_API_SECRET"
    shown = subprocess.check_output(["sh", "-c", "\n".join([*lines, f"echo {names}"])])
    assert shown.decode().split() == [
        exchange.url,
        exchange.rest_url,
        "paper-key",
        "paper-secret",
    ]
    assert text.endswith('\n# also: it\'s "mine" paper-secret')


def test_keys_are_quoted_where_they_must_be() -> None:
    account = PaperAccount(api_key='it\'s "mine"', api_secret="a b")
    with PaperExchange(accounts=[account]) as exchange:
        text = paper.connect_text(exchange)
    assert 'Client("it\'s \\"mine\\"", "a b", ' in text
    (line,) = (line for line in text.splitlines() if "BFX_API_KEY" in line)
    shown = subprocess.check_output(["sh", "-c", f'{line}; echo "$BFX_API_KEY"'])
    assert shown.decode() == 'it\'s "mine"\n'


@needs_posix
def test_a_journal_is_continued(tmp_path: Path) -> None:
    path, shown = str(tmp_path / "journal"), []
    for _ in range(2):
        process = start("--journal", path, stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            _, wss, rest, *_ = (process.stdout.readline() for _ in range(3))
            hosts = {"wss_host": url_in(wss), "rest_host": url_in(rest)}
            with Client("paper-key", "paper-secret", **hosts) as bfx:
                shown.append([order.amount for order in bfx.rest.auth.get_orders()])
                bfx.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
        assert (process.returncode, err) == (0, "")
    assert shown == [[], [0.5]]


def test_what_accounts_do_is_told_once(exchange: PaperExchange) -> None:
    activity = Activity(exchange)
    assert activity.view({}).news == ()
    with exchange.client() as bfx:
        auth = bfx.rest.auth
        order = auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000").data
        (placed,) = activity.view({}).news
        assert placed.endswith(
            "  paper-key  EXCHANGE LIMIT buy 0.5000 tBTCUSD at 50,000: ACTIVE"
        )
        auth.cancel_order(id=order.id)
        auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "-0.01")
        auth.submit_order("MARKET", "tBTCUSD", "0.01")
    view = activity.view({})
    texts = [line.split("  ", 2)[2] for line in view.news]
    assert texts[0].endswith("50,000: CANCELED")
    assert any(t.startswith("EXCHANGE MARKET sell 0.0100 tBTCUSD: EX") for t in texts)
    assert any(t.startswith("sold 0.0100 tBTCUSD at ") for t in texts)
    assert all(text.endswith((" BTC", " USD")) for text in texts if ", fee " in text)
    assert view.latest == (placed, *view.news)
    assert activity.view({}).news == ()
    mine, other = view.accounts
    assert mine.startswith("paper-key  0 open orders, 1 position  exchange 100,")
    assert " USD 9.99 BTC " in mine and other == 'it\'s "mine"  0 open orders'


def render(view: ExchangeView, width: int, height: int) -> list[str]:
    console = Console(
        record=True, width=width, height=height, file=io.StringIO(), color_system=None
    )
    console.print(draw(view, height))
    return console.export_text().splitlines()


@pytest.mark.parametrize("width, height", [(80, 11), (60, 6), (120, 30)])
def test_the_view_has_exactly_its_lines(width: int, height: int) -> None:
    lines = render(VIEW, width, height)
    assert len(lines) == height
    assert all(cell_len(line) == len(line) <= width for line in lines)
    assert lines[0].startswith(" 18:06:36  connections 3  frames 12,345  requests 67")
    assert lines[1].startswith(" paper-key  1 open order")
    assert lines[-1].endswith("event 29")


def test_prices_and_missing_ones_are_shown() -> None:
    lines = render(VIEW, 80, 11)
    assert lines[2].split() == "tBTCUSD 6,443.0 -1.23% bid 6,443.0 ask 6,444.0".split()
    assert lines[3].split() == ["tBTCF0:USTF0", "-"]


def test_more_accounts_are_counted() -> None:
    view = attrs.evolve(VIEW, accounts=VIEW.accounts * 9, latest=())
    lines = render(view, 80, 8)
    assert lines[5:] == [" and 5 more"]


@pytest.mark.parametrize("width", [1, 5, 300])
@pytest.mark.parametrize("height", [1, 2, 100])
def test_no_size_is_an_error(width: int, height: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=True)
    with LiveArea(12, console) as area:
        area.show(VIEW)


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PAPER, *arguments],
        cwd=Path(bfxsync.__file__).parent.parent,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def url_in(line: str) -> str:
    return line.partition("=")[2].strip()


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_it_serves_until_a_signal_and_ends_well(number: signal.Signals) -> None:
    process = start("--accounts", "2", stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        _, wss, rest, *_ = (process.stdout.readline() for _ in range(3))
        hosts = {"wss_host": url_in(wss), "rest_host": url_in(rest)}
        with Client("paper-key-2", "paper-secret-2", **hosts) as bfx:
            bfx.rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")
            for line in process.stdout:
                if "paper-key-2  EXCHANGE LIMIT buy 0.5000 tBTCUSD at 50,000" in line:
                    break
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert out.endswith("stopped after 1 requests, 0 connections\n")


@needs_posix
def test_a_terminal_keeps_the_text_and_gets_a_view() -> None:
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        process = start(stdout=theirs, env=environment)
        os.close(theirs)
        text = read_until(ours, lambda text: "connections 0" in text and "%" in text)
        process.send_signal(signal.SIGTERM)
        text += read_until(ours, lambda text: "stopped after" in text)
        _, err = process.communicate(timeout=30)
    finally:
        os.close(ours)
    assert (process.returncode, err) == (0, "")
    assert text.index("export BFX_WSS_HOST=") < text.index("connections 0")
    # Ordinary text that stays: no other screen.
    assert "\x1b[?1049h" not in text and "paper-key" in text


def read_until(descriptor: int, is_enough: Callable[[str], bool]) -> str:
    received = b""
    while not is_enough(received.decode("utf-8", "replace")):
        block = os.read(descriptor, 65536)
        assert block, received
        received += block
    return received.decode("utf-8", "replace")
