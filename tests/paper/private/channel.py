"""Sessions and sockets that log in to the account channel."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Callable

from bfxsync.paper.server.account_channel import SNAPSHOT_S
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.ws_session import WsSession

from ..support import Client
from .support import EngineHarness, next_nonce

KEY, SECRET = "paper-key", "paper-secret"


def auth_message(
    key: str = KEY, secret: str = SECRET, nonce: Any = None, **more: Any
) -> dict[str, Any]:
    """An auth event as the official Python client sends it."""
    number = next_nonce() if nonce is None else nonce
    payload = more.pop("authPayload", f"AUTH{number}")
    signature = hmac.new(secret.encode(), str(payload).encode(), hashlib.sha384)
    return {
        "event": "auth",
        "filter": None,
        "apiKey": key,
        "authNonce": number,
        "authPayload": payload,
        "authSig": signature.hexdigest(),
        **more,
    }


def rows_of(code: str, frames: list[Any]) -> list[Any]:
    """The payloads of the account frames with a code."""
    return [frame[2] for frame in frames if frame[:2] == [0, code]]


def codes_of(frames: list[Any]) -> list[str]:
    """The codes of all account frames."""
    return [frame[1] for frame in frames if isinstance(frame, list) and frame[0] == 0]


class ChannelSession:
    """A session without a socket, of an exchange whose markets stand still."""

    def __init__(self, harness: EngineHarness, **options: Any) -> None:
        self.harness = harness
        self.texts: list[str] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        registry: AccountRegistry = harness.registry
        self.session = WsSession(
            harness.market_data,
            registry,
            self.texts.append,
            lambda: harness.now,
            lambda delay_s, call: self.later.append((delay_s, call)),
            **options,
        )

    def take(self) -> list[Any]:
        """What was sent since the last call."""
        messages = [json.loads(text) for text in self.texts]
        self.texts.clear()
        return messages

    def send(self, message: Any) -> list[Any]:
        """Send a message, and return what was sent in answer."""
        self.texts.clear()
        self.session.receive(json.dumps(message))
        return self.take()

    def log_in(self, *args: Any, **more: Any) -> list[Any]:
        """Authenticate, and return the snapshots."""
        (answer,) = self.send(auth_message(*args, **more))
        assert answer["status"] == "OK", answer
        return self.pass_time()

    def pass_time(self, seconds: float = SNAPSHOT_S) -> list[Any]:
        """Do what was to be done within this time, and return what was sent."""
        due = [call for delay_s, call in self.later if delay_s <= seconds]
        self.later[:] = [entry for entry in self.later if entry[0] > seconds]
        for call in due:
            call()
        return self.take()


def logged_in(client: Client, **more: Any) -> list[Any]:
    """Authenticate on a real socket; all messages up to the last snapshot."""
    client.send(**auth_message(**more))
    return client.until(lambda message: is_code("fls", message))


def is_code(code: str, message: Any) -> bool:
    return isinstance(message, list) and message[:2] == [0, code]


def node_audit(frames: list[Any]) -> None:
    """The sequence rules of bitfinex-api-node 9.1.0, after its first frame."""
    last = last_auth = None
    for frame in frames:
        if isinstance(frame, dict):
            continue
        on_account = frame[0] == 0 and frame[1] != "hb"
        is_request = on_account and frame[1] == "n" and frame[2][1].endswith("-req")
        if not is_request:
            seq = frame[-2] if on_account else frame[-1]
            assert last is None or seq == last + 1, frame
            last = seq
        auth_seq = frame[-1] if on_account else 0
        if auth_seq == 0:
            continue
        if frame[1] == "n":
            assert auth_seq == last_auth, frame
        else:
            assert auth_seq == (1 if last_auth is None else last_auth + 1), frame
            last_auth = auth_seq


def plain_audit(frames: list[Any]) -> None:
    """Every array frame counts, and on the account channel it has two numbers."""
    arrays = [frame for frame in frames if isinstance(frame, list)]
    numbers = [
        frame[3] if frame[0] == 0 and frame[1] != "hb" else frame[-1]
        for frame in arrays
    ]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    notes = [frame for frame in arrays if frame[:2] == [0, "n"]]
    assert notes and all(len(frame) == 5 for frame in notes)
