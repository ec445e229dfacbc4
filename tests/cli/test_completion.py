"""Completion and help, which import no more than they need."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from bfxsync.cli.group import SECTIONS, root
from bfxsync.cli.main import main

Output = pytest.CaptureFixture[str]

COMMANDS = [name for commands in SECTIONS.values() for name in commands]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", no_check)
    monkeypatch.setenv("_BFXSYNC_COMPLETE", f"{shell}_source")
    assert main([]) == 0
    assert "_BFXSYNC_COMPLETE" in capsys.readouterr().out


def no_check(*_: Any) -> None:
    """The script for bash looks for bash itself."""


@pytest.mark.parametrize(
    ("words", "found"),
    [("", COMMANDS), ("dem", ["demo"]), ("demo --s", ["--seconds"])],
)
def test_commands_and_options_are_completed(
    words: str, found: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    assert completed(f"bfxsync {words}", monkeypatch, capsys) == found


def completed(words: str, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> list[str]:
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    monkeypatch.setenv("_BFXSYNC_COMPLETE", "bash_complete")
    assert main([]) == 0
    return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.once
def test_completion_imports_no_client_and_no_screen() -> None:
    # Each command's arguments, in one process, as a shell would ask for them one by one.
    code = (
        "import sys; from bfxsync.cli.group import root; context = root.make_context('x', [])\n"
        "for name in root.list_commands(context): root.get_command(context, name).params\n"
        "print(*sys.modules)"
    )
    command = [sys.executable, "-c", code]
    modules = subprocess.check_output(command, text=True, env={**os.environ}).split()
    assert "bfxsync.cli.commands.demo" in modules
    heavy = {"attrs", "attr", "requests", "websocket", "rich", "keyring", "aiohttp"}
    assert not heavy & {*modules}
    assert not [name for name in modules if name.startswith("bfxsync.models")]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_that_fits(name: str) -> None:
    result = CliRunner().invoke(root, [name, "--help"])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith(f"Usage: bfxsync {name}")
    assert max(map(len, lines)) <= 80 and result.output.isascii()


def test_a_similar_command_is_proposed(capsys: Output) -> None:
    with pytest.raises(SystemExit):
        main(["dem"])
    expected = (
        "bfxsync: there is no command 'dem'; did you mean demo? (see bfxsync --help)\n"
    )
    assert capsys.readouterr().err == expected


def documented() -> list[str]:
    """The commands that the documents show, without pipes and redirections."""
    root_folder = Path(__file__).parents[2]
    lines = []
    for page in (
        "README.rst",
        "docs/reference/command_line.rst",
        "docs/howto/recording.rst",
    ):
        text = (root_folder / page).read_text("utf-8")
        lines += re.findall(r"^    (?:\$ )?bfxsync ([^|>#\n]+)", text, re.MULTILINE)
    return sorted({line.strip() for line in lines})


@pytest.mark.parametrize("line", documented())
def test_the_documents_show_commands_that_exist(line: str) -> None:
    arguments = shlex.split(line)
    context = root.make_context("bfxsync", arguments)
    command: click.Command = root
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert name is not None and found is not None
        command = found
        context = command.make_context(name, list(arguments), parent=context)
        # Their name before and since click 8.2.
        kept = vars(context).get(
            "_protected_args", vars(context).get("protected_args", [])
        )
        arguments = [*kept, *context.args]
