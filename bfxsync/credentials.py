"""
Where a client gets its key from: arguments, the environment, a file, the keyring, or a function.

Strategy: a source is a function without arguments. It is called when the client is made and once
for each `Client.rotate`, on the caller's thread. What it returns is masked before anything can
raise, and it is never part of a message.
"""

from __future__ import annotations

import importlib
import inspect
import os
import stat
from typing import Any, Callable, Optional, Tuple, Union

from bfxsync._base.describe import also_half_made, type_name
from bfxsync._base.forks import lazily
from bfxsync._base.hidden import HiddenBytes, hide, without_frames
from bfxsync._base.plain import plain_text
from bfxsync._base.regular_files import open_regular
from bfxsync.auth.current_signer import CurrentSigner
from bfxsync.auth.env_file import variables_in
from bfxsync.auth.nonce import Nonce
from bfxsync.auth.signer import RestSigner, Signer, TokenSigner
from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError

API_KEY, API_SECRET = "BFX_API_KEY", "BFX_API_SECRET"

_MOST_BYTES = 65_536


class Credentials:
    """
    A key with its secret, or a token; not shown by `repr`.

    Parameters
    ----------
    api_key, api_secret : str, optional
    auth_token : str, optional
        Instead of both; see `TokenSigner`.
    """

    __slots__ = ("api_key", "api_secret", "auth_token")

    def __init__(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        auth_token: str | None = None,
    ) -> None:
        # In their place, as error reports show the variables of a frame.
        api_key, api_secret, auth_token = map(hide, (api_key, api_secret, auth_token))
        self.api_key: Optional[str] = api_key
        self.api_secret: Optional[str] = api_secret
        self.auth_token: Optional[str] = auth_token
        if auth_token is not None:
            if api_key is not None or api_secret is not None:
                raise UsageError("auth_token stands instead of api_key and api_secret")
        elif api_key is None or api_secret is None:
            missing = "api_key" if api_key is None else "api_secret"
            raise UsageError(f"{missing} is missing: both or neither")

    @also_half_made
    def __repr__(self) -> str:
        kind = "a key" if self.auth_token is None else "a token"
        return f"<{type(self).__name__} with {kind}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Credentials) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    def signer(self, nonce: Nonce | None = None) -> RestSigner:
        """Return what signs with them; `UsageError` if they are no possible key."""
        if self.auth_token is not None:
            return TokenSigner(self.auth_token, nonce)
        assert self.api_key is not None and self.api_secret is not None
        return Signer(self.api_key, self.api_secret, nonce)


CredentialSource = Callable[[], Union[Credentials, Tuple[str, str]]]
"""Returns `Credentials`, or the key and its secret."""


def from_env_file(
    path: str | os.PathLike[str], *, allow_readable: bool = False
) -> CredentialSource:
    """
    Read ``BFX_API_KEY`` and ``BFX_API_SECRET`` from a ``.env`` file; for ``credentials=``.

    Lines are ``NAME=value``, also after ``export`` and with quotes and comments. Nothing is
    expanded, other variables are ignored, and the environment is not changed.

    Parameters
    ----------
    path : str or os.PathLike
        ``~`` is the home directory.
    allow_readable : bool
        Accept a file that all users of the machine may read or write, as secrets in containers
        often are; not checked on Windows.

    Raises
    ------
    UsageError
        Invalid argument. When it is read: the file is unusable, open to others, or lacks one of
        both.
    """
    if not isinstance(path, (str, os.PathLike)):
        # Without the value, which may be a misplaced secret.
        raise UsageError(f"path must be the path of a file, not a {type_name(path)}")
    place = os.path.abspath(os.path.expanduser(os.fsdecode(path)))
    allow_readable = check_bool("allow_readable", allow_readable)

    def read() -> Credentials:
        data = _content(place, allow_readable)
        try:
            text = hide(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            text = None
        # Not in the block above: the error has the bytes.
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


def from_keyring(service: str = "bfxsync") -> CredentialSource:
    """
    Read the key from the keyring of the operating system; for ``credentials=``.

    It is stored once with ``keyring set bfxsync api_key`` and ``keyring set bfxsync api_secret``.

    Parameters
    ----------
    service : str
        Its name in the keyring; one for each account.

    Raises
    ------
    UsageError
        Invalid argument, or the extra ``keyring`` is not installed. When it is read: there is no
        keyring, or it is locked or has no such entry.
    """
    name = plain_text(service)
    if not name:
        raise UsageError(f"service must be text that is not empty, not {service!r}")
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
            # Of any backend.
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
    The source of a client's key, and the signer made of it.

    Parameters
    ----------
    api_key, api_secret, auth_token, nonce_file
        As for `Client`.
    source : callable, optional
        From `hidden_source`.
    check : callable
        Raises if a key, which it takes, must not be used.

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
                "credentials stands instead of api_key, api_secret and auth_token"
            )
        self._check = check
        self._source: Optional[Callable[[], Optional[Credentials]]] = None
        if given is None:
            # A mixed pair would never match: both come from one place.
            self._source = source or _from_environment
            given = self._source()
        if given is None and nonce_file is not None:
            raise UsageError("nonce_file needs a key")
        self._nonce: Optional[Nonce] = None
        if nonce_file is not None:
            # Loads nothing that is not there yet.
            from bfxsync.auth.nonce_file import FileNonce

            self._nonce = FileNonce(nonce_file)
        self._known = given
        signer = None if given is None else self._signer(given)
        self.current: CurrentSigner = CurrentSigner(signer)

    def rotate(
        self,
        api_key: str | None = None,
        api_secret: str | None = None,
        auth_token: str | None = None,
    ) -> bool:
        """Use another key, by default that of the source; return whether it is another one."""
        found = _given(api_key, api_secret, auth_token)
        if found is None:
            if self._source is None:
                raise UsageError(
                    "rotate() has nothing to read again, as the key was an argument: pass the new "
                    "one, or make the client with credentials="
                )
            found = self._source()
            if found is None:
                raise UsageError(f"{API_KEY} and {API_SECRET} are not set")
        signer = self._signer(found)
        if found == self._known:
            return False
        self.current.replace(signer)
        self._known = found
        return True

    def _signer(self, found: Credentials) -> RestSigner:
        signer = found.signer(self._nonce)
        self._check(signer.identity)
        return signer


class _HiddenSource:
    """A function that returns credentials, checked; its own `repr` may show what it holds."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __call__(self) -> Credentials:
        found = hide(self._source())
        if isinstance(found, Credentials):
            return found
        if type(found) in (tuple, list) and len(found) == 2:
            return Credentials(*found)
        if inspect.iscoroutine(found):
            found.close()
        raise UsageError(
            "the function of credentials must return (api_key, api_secret) or Credentials, "
            f"not {_kind_of(found)}"
        )


def _kind_of(value: object) -> str:
    """Return what a value is, which may be a secret, for a message."""
    return "text" if isinstance(value, str) else f"a {type_name(value)}"


def hidden_source(source: Any) -> _HiddenSource | None:
    """Return a source for `ClientCredentials`; `UsageError` if it is no function."""
    source = hide(source)
    if source is None or isinstance(source, _HiddenSource):
        return source
    if not callable(source):
        # Without the value, which may be a pair of secrets.
        raise UsageError(
            "credentials must be a function that returns (api_key, api_secret) or Credentials, "
            f"such as from_env_file(path), not {_kind_of(source)}"
        )
    return _HiddenSource(source)


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
    """Return the content of a small file that is closed to other users."""
    try:
        with open_regular(path, os.O_RDONLY) as file:
            mode = os.fstat(file.fileno()).st_mode
            data = HiddenBytes(file.read(_MOST_BYTES + 1))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path} cannot be read: {exc}") from exc
    if mode & stat.S_IRWXO and os.name == "posix" and not allow_readable:
        raise UsageError(
            f"{path} is open to all users of this machine: chmod o= {path}, or "
            "allow_readable=True"
        )
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path} has more than {_MOST_BYTES} bytes")
    return data
