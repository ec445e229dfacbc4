"""Where the key of a command comes from: the environment, the keyring, or a prompt."""

from __future__ import annotations

import sys
from typing import Any

import click
import keyring
import pytest
from keyring.backend import KeyringBackend

from bfxsync import Client, UsageError
from bfxsync.cli.shared import key_source, open_client


class Backend(KeyringBackend):
    """A keyring in memory."""

    priority = 1  # type: ignore[assignment]

    def __init__(self, entries: dict[str, str]) -> None:
        super().__init__()
        self._entries = entries

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._entries[username] = password


STORED = {"api_key": "paper-stored", "api_secret": "paper-secret"}


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BFX_API_KEY", raising=False)
    monkeypatch.delenv("BFX_API_SECRET", raising=False)
    monkeypatch.setattr(keyring, "get_keyring", lambda: Backend({}))
    monkeypatch.setattr(keyring, "get_password", Backend({}).get_password)


def store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_password", Backend(dict(STORED)).get_password)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch)
    monkeypatch.setenv("BFX_API_KEY", "paper-key")
    assert key_source("needed") is None


def test_the_keyring_is_next(monkeypatch: pytest.MonkeyPatch) -> None:
    store(monkeypatch)
    for key in ("needed", "if any"):
        source: Any = key_source(key)
        assert (source().api_key, source().api_secret) == tuple(STORED.values())
    assert key_source("none") is None


def test_a_terminal_is_asked_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"API key": "paper-typed", "API secret": "paper-secret"}
    hidden = []

    def prompt(text: str, hide_input: bool, err: bool) -> str:
        hidden.append(hide_input and err)
        return answers[text]

    monkeypatch.setattr(click, "prompt", prompt)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert key_source("if any") is None
    source: Any = key_source("needed")
    with Client(credentials=source):
        pass
    assert hidden == [True, True]


def test_a_script_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(
        UsageError, match="no API key: set BFX_API_KEY .* or try --paper"
    ):
        key_source("needed")


def test_paper_needs_no_key() -> None:
    with open_client("x", paper=True, key="needed") as bfx:
        assert bfx.rest.auth.get_wallets()
