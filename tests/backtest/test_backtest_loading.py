"""Reading of strategy files."""

from __future__ import annotations

import sys

import pytest

from bfxsync.backtest.loading import bind, loaded, parameter
from bfxsync.errors import UsageError

MAIN = "def main(bfx):\n    return bfx\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_a_file_has_a_function_and_options(write):
    path = write(f"client_options = {{'post_only': True}}\n{MAIN}")
    with loaded(path) as strategy:
        assert strategy.main(7) == 7
        assert strategy.client_options == {"post_only": True}
        assert strategy.name == str(path)
        assert [names["__name__"] for names in strategy.modules] == ["mine"]
    assert "mine" not in sys.modules and str(path.parent) not in sys.path


def test_a_file_imports_its_neighbours(write):
    write("VALUE = 3\n", "neighbour_of_mine.py")
    with loaded(write(f"from neighbour_of_mine import VALUE\n{MAIN}")) as strategy:
        assert len(strategy.modules) == 2
    assert "neighbour_of_mine" not in sys.modules


def test_a_file_of_a_package_imports_relatively(write):
    write("", "bundle_of_mine/__init__.py")
    write("VALUE = 3\n", "bundle_of_mine/parts.py")
    path = write(f"from .parts import VALUE\n{MAIN}", "bundle_of_mine/run.py")
    for _ in range(2):
        with loaded(path) as strategy:
            assert strategy.main.__globals__["VALUE"] == 3
            assert len(strategy.modules) == 3
    assert "bundle_of_mine.run" not in sys.modules


def test_a_module_of_the_same_name_comes_back(write):
    before = sys.modules["json"]
    with loaded(write(MAIN, "json.py")):
        assert sys.modules["json"] is not before
    assert sys.modules["json"] is before


def test_a_function_is_a_strategy():
    def main(bfx):
        pass

    with loaded(main) as strategy:
        assert strategy.name.endswith("main") and strategy.client_options == {}
    with loaded(print) as strategy:
        assert strategy.modules == []


@pytest.mark.parametrize(
    "text, message",
    [
        ("", r"mine.py has no function main\(bfx\)"),
        ("main = 7", "has no function main"),
        (f"client_options = 7\n{MAIN}", "client_options must be a mapping, not 7"),
        (f"client_options = {{'api_key': 1}}\n{MAIN}", "must not have api_key"),
    ],
)
def test_other_files_are_refused(write, text, message):
    with pytest.raises(UsageError, match=message), loaded(write(text)):
        pass


def test_only_python_files_are_read(tmp_path):
    for path, message in (
        (tmp_path, "must be a file .py"),
        (tmp_path / "x.py", "no file"),
    ):
        with pytest.raises(UsageError, match=message), loaded(path):
            pass


def test_errors_of_the_file_are_its_own(write):
    with pytest.raises(SyntaxError), loaded(write("def")):
        pass


def test_parameters_are_bound_by_name():
    def main(bfx, edge=1, *, size):
        return bfx, edge, size

    assert bind(main, "client", {"size": 2})() == ("client", 1, 2)
    for given in ({}, {"size": 1, "other": 2}):
        with pytest.raises(UsageError, match="cannot be called with a client"):
            bind(main, "client", given)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("edge=0.1", ("edge", 0.1)),
        ("symbol=tBTCUSD", ("symbol", "tBTCUSD")),
        ("text='1'", ("text", "1")),
        ("empty=", ("empty", "")),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_parameters_of_the_command_line(text, expected):
    assert parameter(text) == expected


@pytest.mark.parametrize("text", ["edge", "=1", "2x=1", "a-b=1"])
def test_other_parameters_are_refused(text):
    with pytest.raises(UsageError, match="must look like name=value"):
        parameter(text)
