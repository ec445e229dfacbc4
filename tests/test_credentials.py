"""Where keys come from: function, .env file and keyring, beside arguments and environment."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple, Optional

import pytest

import bfxsync
from bfxsync import Client, UsageError
from bfxsync.auth.signer import TokenSigner
from bfxsync.credentials import Credentials, from_env_file, from_keyring

keyring = pytest.importorskip("keyring")
from keyring.backend import KeyringBackend  # noqa: E402
from keyring.errors import KeyringLocked  # noqa: E402

KEY, SECRET = "sentinel-key-81f0", "sentinel-secret-3c5d"
TEXT = f"BFX_API_KEY={KEY}\nBFX_API_SECRET='{SECRET}'\n"


class Pair(NamedTuple):
    """What a program may keep its key in; its `repr` shows the secret."""

    key: str
    secret: Optional[str]


@dataclasses.dataclass
class Entry:
    """As `Pair`, and no tuple."""

    key: str
    secret: str


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BFX_API_KEY", "BFX_API_SECRET"):
        monkeypatch.delenv(name, raising=False)


class FileKeyring(KeyringBackend):
    """A keyring that keeps its entries in a file."""

    priority = 1  # type: ignore[assignment]
    path: Path
    is_locked = False

    def _entries(self) -> Any:
        if self.is_locked:
            raise KeyringLocked("it is locked")
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service: str, username: str) -> Any:
        return self._entries().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        entries = {**self._entries(), f"{service} {username}": password}
        self.path.write_text(json.dumps(entries))


@pytest.fixture
def file_keyring(tmp_path: Path) -> Iterator[FileKeyring]:
    before, backend = keyring.get_keyring(), FileKeyring()
    backend.path = tmp_path / "keyring.json"
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes = TEXT, mode: int = 0o600) -> Path:
        path = tmp_path / ".env"
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


def signer_of(**options: Any) -> Any:
    with Client(**options) as client:
        return client._credentials.current.signer


def pair_of(**options: Any) -> tuple[str, str]:
    signer = signer_of(**options)
    return signer.api_key, signer.api_secret


# --- a function -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "found",
    [(KEY, SECRET), [KEY, SECRET], Pair(KEY, SECRET), Credentials(KEY, SECRET)],
    ids=["tuple", "list", "named tuple", "Credentials"],
)
def test_a_function_brings_key_and_secret(found: Any) -> None:
    assert pair_of(credentials=lambda: found) == (KEY, SECRET)


def test_a_function_may_bring_a_token() -> None:
    token = Credentials(auth_token="pub:api:t")
    signer = signer_of(credentials=lambda: token)
    assert isinstance(signer, TokenSigner) and signer.token == "pub:api:t"
    assert repr(token) == "<Credentials with a token>"


@pytest.mark.parametrize(
    "source, match",
    [
        ((KEY, SECRET), "must be a function .*, not a tuple"),
        (SECRET, "must be a function .*, not text"),
        (Entry(KEY, SECRET), "must be a function .*, not a Entry"),
        (lambda: Entry(KEY, SECRET), "must return .*, not a Entry"),
        (lambda: Pair(KEY, None), "api_secret is missing"),
        (lambda: None, "must return .*, not a NoneType"),
        (lambda: (KEY, SECRET, 1), "must return .*, not a tuple"),
        (lambda: {"api_key": KEY}, "must return .*, not a dict"),
        (lambda: KEY + SECRET, "must return .*, not text"),
        (lambda: (KEY, None), "api_secret is missing"),
        (lambda: (KEY, 5), "api_secret must be non-empty text"),
        (lambda: (KEY, SECRET + "\n"), "api_secret has invalid characters"),
    ],
    ids=[
        "pair",
        "text",
        "object",
        "Entry",
        "half a Pair",
        "None",
        "three",
        "dict",
        "one",
        "half",
        "number",
        "line",
    ],
)
def test_an_impossible_source_is_refused_without_its_value(
    source: Any, match: str
) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        Client(credentials=source)
    check_report(caught.value)


async def fetch() -> tuple[str, str]:
    return KEY, SECRET


def test_a_coroutine_function_is_refused() -> None:
    with pytest.raises(UsageError, match="must return .*, not a coroutine"):
        Client(credentials=fetch)  # type: ignore[arg-type]


def test_an_error_of_the_function_comes_through() -> None:
    def fail(secret: str) -> tuple[str, str]:
        raise LookupError("the vault is sealed")

    with pytest.raises(LookupError, match="sealed") as caught:
        Client(credentials=functools.partial(fail, SECRET))
    check_report(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"api_key": KEY}, {"api_key": KEY, "api_secret": SECRET}, {"auth_token": SECRET}],
    ids=["half", "key", "token"],
)
def test_two_sources_at_once_are_refused(options: Any) -> None:
    calls: list[int] = []

    def source() -> tuple[str, str]:
        calls.append(1)
        return KEY, SECRET

    with pytest.raises(UsageError) as caught:
        Client(credentials=source, **options)
    check_report(caught.value)
    assert calls == []


def test_a_function_comes_before_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BFX_API_KEY", "env-key")
    monkeypatch.setenv("BFX_API_SECRET", "env-secret")
    assert pair_of(credentials=lambda: (KEY, SECRET)) == (KEY, SECRET)
    assert pair_of() == ("env-key", "env-secret")


def test_credentials_compare_by_value_and_show_nothing() -> None:
    both = [Credentials(KEY, SECRET) for _ in range(2)]
    assert both[0] == both[1] != Credentials(KEY, "x")
    assert both[0] != (KEY, SECRET)
    assert repr(both) == "[<Credentials with a key>, <Credentials with a key>]"
    for arguments in [(KEY,), (None, SECRET), ()]:
        with pytest.raises(UsageError, match="is missing"):
            Credentials(*arguments)


# --- a file -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.replace("\n", "\r\n"),
        "\ufeff" + TEXT,
        f'# mine\n\nexport BFX_API_KEY="{KEY}"  # key\n'
        f"export BFX_API_SECRET = {SECRET}\nDJANGO_DEBUG=1\n",
    ],
    ids=["plain", "CRLF", "mark", "export"],
)
def test_a_file_brings_key_and_secret(
    env_file: Callable[..., Path], content: str
) -> None:
    path = env_file(content)
    assert pair_of(credentials=from_env_file(path)) == (KEY, SECRET)
    assert pair_of(credentials=from_env_file(str(path))) == (KEY, SECRET)
    assert "BFX_API_KEY" not in os.environ


def test_a_path_is_that_of_the_moment(
    env_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = env_file()
    monkeypatch.chdir(path.parent)
    relative = from_env_file(".env")
    monkeypatch.setenv("HOME", str(path.parent))
    monkeypatch.chdir("/")
    assert pair_of(credentials=relative) == (KEY, SECRET)
    assert pair_of(credentials=from_env_file("~/.env")) == (KEY, SECRET)


@pytest.mark.parametrize(
    "content, match",
    [
        ("", "does not set BFX_API_KEY"),
        (f"BFX_API_KEY={KEY}", "does not set BFX_API_SECRET"),
        (f"BFX_API_KEY=\nBFX_API_SECRET={SECRET}", "does not set BFX_API_KEY"),
        (f"{TEXT}{TEXT}", "BFX_API_KEY is set twice, in lines 1 and 3"),
        (f"BFX_API_KEY='{KEY}", "no closing quote"),
        (f"BFX_API_KEY=${KEY}", "use single quotes"),
        (
            f"BFX_API_KEY={KEY} x\nBFX_API_SECRET={SECRET}",
            "api_key has invalid characters",
        ),
        (TEXT.encode("utf-16"), "is not UTF-8"),
        (TEXT.encode() + b"\xff", "is not UTF-8"),
        (TEXT + "#" * 65_536, "has more than 65536 bytes"),
    ],
    ids=range(10),
)
def test_a_file_that_does_not_fit_is_refused(
    env_file: Callable[..., Path], content: Any, match: str
) -> None:
    with pytest.raises(UsageError, match=match) as caught:
        Client(credentials=from_env_file(env_file(content)))
    check_report(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666], ids=oct)
def test_a_file_open_to_all_users_is_refused(
    env_file: Callable[..., Path], mode: int
) -> None:
    path = env_file(mode=mode)
    with pytest.raises(UsageError, match=f"chmod o= {path}"):
        Client(credentials=from_env_file(path))
    assert pair_of(credentials=from_env_file(path, allow_readable=True))[0] == KEY
    subprocess.run(["chmod", "o=", path], check=True)
    assert pair_of(credentials=from_env_file(path))[0] == KEY


def test_a_file_of_a_group_is_accepted(env_file: Callable[..., Path]) -> None:
    assert pair_of(credentials=from_env_file(env_file(mode=0o640)))[0] == KEY


def test_a_link_is_followed_to_its_file(env_file: Callable[..., Path]) -> None:
    link = env_file().with_name("link")
    link.symlink_to(".env")
    assert pair_of(credentials=from_env_file(link))[0] == KEY


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, match in [
        ("absent", "cannot be read: .*No such file"),
        ("pipe", "is not a regular file"),
        ("", "is not a regular file"),
        ("a\0b", "cannot be read"),
    ]:
        with pytest.raises(UsageError, match=match):
            Client(credentials=from_env_file(f"{tmp_path}/{name}"))


@pytest.mark.parametrize("path", [None, 5, (KEY, SECRET)], ids=str)
def test_an_impossible_path_is_refused_by_its_type(path: Any) -> None:
    with pytest.raises(UsageError, match="path must be the path of a file") as caught:
        from_env_file(path)
    assert KEY not in str(caught.value)
    with pytest.raises(UsageError, match="allow_readable must be True or False"):
        from_env_file("x", allow_readable="yes")  # type: ignore[arg-type]


# --- the keyring ------------------------------------------------------------------------------


def test_the_keyring_brings_key_and_secret(file_keyring: FileKeyring) -> None:
    source = from_keyring()
    for user, value in (("api_key", KEY), ("api_secret", SECRET)):
        with pytest.raises(UsageError, match=f"keyring set bfxsync {user}"):
            Client(credentials=source)
        keyring.set_password("bfxsync", user, value)
    assert pair_of(credentials=source) == (KEY, SECRET)
    with pytest.raises(UsageError, match="no api_key of 'other'"):
        Client(credentials=from_keyring("other"))


def test_a_locked_keyring_says_so(file_keyring: FileKeyring) -> None:
    keyring.set_password("bfxsync", "api_key", KEY)
    file_keyring.is_locked = True
    with pytest.raises(UsageError, match="KeyringLocked: it is locked") as caught:
        Client(credentials=from_keyring())
    check_report(caught.value)


@pytest.mark.parametrize("service", ["", None, 5])
def test_an_impossible_service_is_refused(service: Any) -> None:
    with pytest.raises(UsageError, match="service must be non-empty text"):
        from_keyring(service)


def test_a_missing_extra_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match=r"pip install \"bfxsync\[keyring\]\""):
        from_keyring()


# --- rotation by source -----------------------------------------------------------------------


def test_every_source_is_read_again(
    env_file: Callable[..., Path],
    file_keyring: FileKeyring,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def to_environment(number: int) -> None:
        monkeypatch.setenv("BFX_API_KEY", f"key-{number}")
        monkeypatch.setenv("BFX_API_SECRET", f"secret-{number}")

    def to_keyring(number: int) -> None:
        keyring.set_password("bfxsync", "api_key", f"key-{number}")
        keyring.set_password("bfxsync", "api_secret", f"secret-{number}")

    def to_file(number: int) -> Path:
        return env_file(f"BFX_API_KEY=key-{number}\nBFX_API_SECRET=secret-{number}")

    pairs: list[tuple[str, str]] = []
    path = to_file(0)
    for write, options in [
        (to_environment, {}),
        (to_keyring, {"credentials": from_keyring()}),
        (to_file, {"credentials": from_env_file(path)}),
        (
            lambda n: pairs.append((f"key-{n}", f"secret-{n}")),
            {"credentials": lambda: pairs[-1]},
        ),
    ]:
        write(1)
        with Client(**options) as client:
            first = client._credentials.current.signer
            assert client.rotate() is False
            assert client._credentials.current.signer is first
            write(2)
            assert client.rotate() is True
            signer: Any = client._credentials.current.signer
            assert (signer.api_key, signer.api_secret) == ("key-2", "secret-2")
        monkeypatch.delenv("BFX_API_KEY", raising=False)
        monkeypatch.delenv("BFX_API_SECRET", raising=False)


def test_a_slow_source_does_not_bring_back_an_old_key() -> None:
    """Several threads rotate when calls are refused, while the key changes."""
    asked, released = threading.Event(), threading.Event()
    numbers = iter(range(3))

    def source() -> tuple[str, str]:
        number = next(numbers)
        if number == 1:
            asked.set()
            assert released.wait(10)
        return f"key-{number}", f"secret-{number}"

    with Client(credentials=source) as client:
        slow: list[bool] = []
        thread = threading.Thread(target=lambda: slow.append(client.rotate()))
        thread.start()
        assert asked.wait(10)
        assert client.rotate()
        released.set()
        thread.join(10)
        assert slow == [False]
        signer: Any = client._credentials.current.signer
        assert signer.api_key == "key-2"


def test_a_rotation_that_fails_changes_nothing() -> None:
    answers: list[Any] = [(KEY, SECRET)]
    with Client(credentials=lambda: answers[-1]) as client:
        before = client._credentials.current.signer
        for wrong in (None, (KEY, None), ("other", "with space ")):
            answers.append(wrong)
            with pytest.raises(UsageError) as caught:
                client.rotate()
            check_report(caught.value)
        for options in ({"api_key": "x"}, {"auth_token": "t", "api_key": "x"}):
            with pytest.raises(UsageError):
                client.rotate(**options)  # type: ignore[arg-type]
        assert client._credentials.current.signer is before


def test_a_key_that_was_an_argument_cannot_be_read_again() -> None:
    with Client(KEY, SECRET) as client:
        with pytest.raises(UsageError, match="needs the new key"):
            client.rotate()
        assert client.rotate("k2", "s2") and not client.rotate("k2", "s2")


def test_a_client_without_a_key_may_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with Client() as client:
        with pytest.raises(UsageError, match="BFX_API_KEY and BFX_API_SECRET are not"):
            client.rotate()
        assert repr(client).endswith("without a key>")
        assert client.rotate(KEY, SECRET)
        assert repr(client).endswith("with a key>")


def test_a_new_key_is_not_sent_in_clear_text() -> None:
    host = "http://192.0.2.1:8000/v2"
    with Client("paper-key", "paper-secret", rest_host=host) as client:
        with pytest.raises(UsageError, match="is not encrypted"):
            client.rotate(KEY, SECRET)
        assert client.rotate("paper-other", "paper-secret")


def test_a_closed_client_is_not_given_a_key() -> None:
    client = Client(KEY, SECRET)
    client.close()
    with pytest.raises(bfxsync.ClosedError):
        client.rotate("k2", "s2")


def check_report(error: BaseException) -> None:
    """Fail if a report of the error shows a key or secret, variables of our frames included."""
    seen: Any = error
    while seen is not None:
        report = traceback.TracebackException.from_exception(seen, capture_locals=True)
        ours = [frame for frame in report.stack if __file__ not in frame.filename]
        text = repr([frame.locals for frame in ours]) + repr(vars(seen)) + repr(seen)
        assert KEY not in text and SECRET not in text
        seen = seen.__cause__ or seen.__context__
