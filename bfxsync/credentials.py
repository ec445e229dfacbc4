"""
Sources of API keys: arguments, the environment, a file, the keyring, or a function.

Strategy: a source is a function without arguments. It is called when the client is created and once
by each `Client.rotate`, on the caller's thread. Its result is masked before anything can raise, and
is never part of a message.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import os
import stat
from typing import Any, Callable, Optional, Tuple, Union

from bfxsync._base.describe import also_half_made, type_name
from bfxsync._base.forks import lazily
from bfxsync._base.hidden import HiddenBytes, hide, without_frames
from bfxsync._base.plain import plain_text
from bfxsync._base.regular_files import open_regular
from bfxsync.auth.current_signer import CurrentSigner
from bfxsync.auth.nonce import Nonce
from bfxsync.auth.signer import RestSigner, Signer, TokenSigner
from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError

__all__ = ["CredentialSource", "Credentials", "from_env_file", "from_keyring"]

API_KEY, API_SECRET = "BFX_API_KEY", "BFX_API_SECRET"

_MOST_BYTES = 65_536


class Credentials:
    """
    An API key with its secret, or a token; `repr` does not show them.

    Parameters
    ----------
    api_key, api_secret : str, optional
    auth_token : str, optional
        Token from `generate_token`, instead of key and secret.
    """

    __slots__ = ("api_key", "api_secret", "auth_token")

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        auth_token: str | None = None,
    ) -> None:
        # Replaced by masked values, as error reports show the variables of a frame.
        api_key, api_secret, auth_token = map(hide, (api_key, api_secret, auth_token))
        self.api_key: Optional[str] = api_key
        self.api_secret: Optional[str] = api_secret
        self.auth_token: Optional[str] = auth_token
        if auth_token is not None:
            if api_key is not None or api_secret is not None:
                raise UsageError(
                    "auth_token cannot be combined with api_key and api_secret"
                )
        elif api_key is None or api_secret is None:
            missing = "api_key" if api_key is None else "api_secret"
            raise UsageError(
                f"{missing} is missing: pass both api_key and api_secret, or neither"
            )

    @also_half_made
    def __repr__(self) -> str:
        kind = "a key" if self.auth_token is None else "a token"
        return f"<{type(self).__name__} with {kind}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def signer(self, nonce: Nonce | None = None) -> RestSigner:
        """Return a signer; raise `UsageError` if key, secret or token is malformed."""
        if self.auth_token is not None:
            return TokenSigner(self.auth_token, nonce)
        assert self.api_key is not None and self.api_secret is not None
        return Signer(self.api_key, self.api_secret, nonce)


CredentialSource = Callable[[], Union[Credentials, Tuple[str, str]]]
"""A function that returns `Credentials`, or the key and its secret."""


def from_env_file(
    path: str | os.PathLike[str], *, allow_readable: bool = False
) -> CredentialSource:
    """
    Return a source that reads ``BFX_API_KEY`` and ``BFX_API_SECRET`` from a ``.env`` file.

    Pass it as ``credentials=``. Lines have the form ``NAME=value``; ``export``, quotes and comments
    are allowed. Nothing is expanded, other variables are ignored, and the environment is not
    changed.

    Parameters
    ----------
    path : str or os.PathLike
        ``~`` is the home directory.
    allow_readable : bool
        Accept a file that all users of the machine can read or write, as is common for secrets in
        containers. Permissions are not checked on Windows.

    Raises
    ------
    UsageError
        Invalid argument. The source raises it if the file is unreadable, accessible to all users,
        or lacks one of the variables.
    """
    if not isinstance(path, (str, os.PathLike)):
        # The message omits the value, which may be a misplaced secret.
        raise UsageError(f"path must be the path of a file, not a {type_name(path)}")
    place = os.path.abspath(os.path.expanduser(os.fsdecode(path)))
    allow_readable = check_bool("allow_readable", allow_readable)
    # Imported lazily: most programs have no such file.
    variables_in = lazily(_variables_in)

    def read() -> Credentials:
        data = _content(place, allow_readable)
        try:
            text = hide(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            text = None
        # Raised outside the block above, whose error holds the bytes of the file.
        if text is None:
            raise UsageError(f"{place} is not UTF-8 text")
        try:
            found = variables_in(text, (API_KEY, API_SECRET))
        except UsageError as exc:
            raise UsageError(f"{place}: {exc}") from None
        for name in (API_KEY, API_SECRET):
            if name not in found:
                raise UsageError(f"{place} does not set {name}")
        return Credentials(found[API_KEY], found[API_SECRET])

    return read


def _variables_in() -> Any:
    from bfxsync.auth.env_file import variables_in

    return variables_in


def from_keyring(service: str = "bfxsync") -> CredentialSource:
    """
    Return a source that reads key and secret from the keyring of the operating system.

    Pass it as ``credentials=``. They are stored with ``keyring set bfxsync api_key`` and
    ``keyring set bfxsync api_secret``.

    Parameters
    ----------
    service : str
        Name of the service in the keyring; one for each account.

    Raises
    ------
    UsageError
        Invalid argument, or the extra ``keyring`` is not installed. The source raises it if there
        is no keyring, or if it is locked or lacks an entry.
    """
    name = plain_text(service)
    if not name:
        raise UsageError(f"service must be non-empty text, not {service!r}")
    try:
        keyring = lazily(lambda: importlib.import_module("keyring"))
    except ImportError as exc:
        raise UsageError(
            'the keyring needs the extra "keyring": pip install "bfxsync[keyring]"'
        ) from exc

    def entry(user: str) -> Any:
        try:
            return hide(keyring.get_password(name, user))
        except Exception as exc:
            # The backends have exceptions of their own.
            raise UsageError(
                f"the keyring cannot be read: {type_name(exc)}: {exc}"
            ) from without_frames(exc)

    def read() -> Credentials:
        key, secret = entry("api_key"), entry("api_secret")
        for user, value in (("api_key", key), ("api_secret", secret)):
            if value is None:
                raise UsageError(
                    f"the keyring has no {user} of {name!r}: keyring set {name} {user}"
                )
        return Credentials(key, secret)

    return read


class ClientCredentials:
    """
    The source of a client's key, and the signer that uses the key.

    Parameters
    ----------
    api_key, api_secret, auth_token, nonce_file
        As for `Client`.
    source : callable, optional
        From `hidden_source`.
    check : callable
        Called with a key; raises if the key must not be used.

    Attributes
    ----------
    current : CurrentSigner
    """

    def __init__(
        self,
        api_key: str | None,
        api_secret: str | None,
        auth_token: str | None,
        source: Callable[[], Credentials] | None,
        nonce_file: str | os.PathLike[str] | None,
        check: Callable[[str], None],
    ) -> None:
        given = _given(api_key, api_secret, auth_token)
        if given is not None and source is not None:
            raise UsageError(
                "credentials cannot be combined with api_key, api_secret or auth_token"
            )
        self._check = check
        self._source: Optional[Callable[[], Optional[Credentials]]] = None
        if given is None:
            # Key and secret come from one place: a mixed pair would never match.
            self._source = source or _from_environment
            given = self._source()
        if given is None and nonce_file is not None:
            raise UsageError("nonce_file needs a key")
        self._nonce: Optional[Nonce] = None
        if nonce_file is not None:
            # Imported lazily: most clients have no nonce file.
            from bfxsync.auth.nonce_file import FileNonce

            self._nonce = FileNonce(nonce_file)
        # Numbers of the calls of `rotate`; `_newest` is the one that replaced the key last.
        self._turns = itertools.count(1)
        self._newest = 0
        self._known = given
        signer = None if given is None else self._signer(given)
        self.current: CurrentSigner = CurrentSigner(signer)

    @property
    def has_key(self) -> bool:
        """Whether calls are signed."""
        return self.current.signer is not None

    def rotate(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        auth_token: str | None = None,
    ) -> bool:
        """Replace the key, by default from the source; return whether it has changed."""
        turn = next(self._turns)
        found = _given(api_key, api_secret, auth_token)
        if found is None:
            if self._source is None:
                raise UsageError(
                    "rotate() needs the new key, as the old one was an argument; or create the "
                    "client with credentials="
                )
            found = self._source()
            if found is None:
                raise UsageError(f"{API_KEY} and {API_SECRET} are not set")
        signer = self._signer(found)
        # The result of a slow source must not replace the key of a later call.
        if found == self._known or turn < self._newest:
            return False
        self._newest = turn
        self.current.replace(signer)
        self._known = found
        return True

    def _signer(self, found: Credentials) -> RestSigner:
        signer = found.signer(self._nonce)
        self._check(signer.identity)
        return signer


class _HiddenSource:
    """Wraps a user's function that returns credentials, whose `repr` may show secrets."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __call__(self) -> Credentials:
        found = self._source()
        kind = _kind_of(found)
        if isinstance(found, Credentials):
            return found
        if isinstance(found, (tuple, list)):
            # As a plain list, as a named tuple shows its fields.
            found = hide(list(found))
            if len(found) == 2:
                return Credentials(*found)
        if inspect.iscoroutine(found):
            found.close()
        del found
        raise UsageError(
            f"credentials() must return (api_key, api_secret) or Credentials, not {kind}"
        )


def _kind_of(value: object) -> str:
    """Describe the type of a value that may be a secret, for a message."""
    return "text" if isinstance(value, str) else f"a {type_name(value)}"


def hidden_source(source: Any) -> _HiddenSource | None:
    """Return a source for `ClientCredentials`; raise `UsageError` if it is not callable."""
    source = hide(source)
    if source is None or isinstance(source, _HiddenSource):
        return source
    if callable(source):
        return _HiddenSource(source)
    kind = _kind_of(source)
    # The value may hold secrets.
    del source
    raise UsageError(
        "credentials must be a function that returns (api_key, api_secret) or Credentials, "
        f"such as from_env_file(path), not {kind}"
    )


def _given(
    api_key: str | None, api_secret: str | None, auth_token: str | None
) -> Credentials | None:
    """Return the credentials among arguments, or None if there are none."""
    api_key, api_secret, auth_token = map(hide, (api_key, api_secret, auth_token))
    if api_key is None and api_secret is None and auth_token is None:
        return None
    return Credentials(api_key, api_secret, auth_token=auth_token)


def _from_environment() -> Credentials | None:
    key, secret = (hide(os.environ.get(name) or None) for name in (API_KEY, API_SECRET))
    return _given(key, secret, None)


def _content(path: str, allow_readable: bool) -> HiddenBytes:
    """Return the content of a small file that other users cannot access."""
    try:
        with open_regular(path, os.O_RDONLY) as file:
            mode = os.fstat(file.fileno()).st_mode
            data = HiddenBytes(file.read(_MOST_BYTES + 1))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path} cannot be read: {exc}") from exc
    if mode & stat.S_IRWXO and os.name == "posix" and not allow_readable:
        raise UsageError(
            f"{path} is accessible to all users of this machine: use chmod o= {path}, or "
            "allow_readable=True"
        )
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path} has more than {_MOST_BYTES} bytes")
    return data
