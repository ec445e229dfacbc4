"""The REST side: composition only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, TypeVar

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.forks import lazily
from bfxsync._base.hidden import hide, hide_private
from bfxsync._base.hosts import PUB_REST_HOST
from bfxsync.auth.signer import RestSigner
from bfxsync.checks.hosts import check_rest_host, signed_rest_host
from bfxsync.checks.options import check_bool
from bfxsync.rest.http.request import SIGNED
from bfxsync.rest.http.transport import RestTransport
from bfxsync.rest.public import PublicEndpoints

if TYPE_CHECKING:
    from bfxsync.rest.auth import AuthEndpoints
    from bfxsync.rest.merchant import MerchantEndpoints

R = TypeVar("R", bound="RestClient")


class RestClient:
    """
    Questions and answers, from any thread.

    Parameters
    ----------
    host : str
        Address before the paths.
    auth_host : str, optional
        The same for what is signed. Without it `REST_HOST`, or the other one if that is not the
        exchange's public one, which takes no signed calls: a local exchange has one address for
        both.
    signer : Signer or TokenSigner, optional
        For what needs a key.
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`.
    strict : bool
        False: rows of a list that cannot be read are left out with a warning in the log, instead
        of a `RemoteError` that has the others.
    **options
        All other keyword arguments of `RestTransport`.

    Attributes
    ----------
    public : PublicEndpoints
        What can be asked without a key.
    """

    def __init__(
        self,
        host: str = PUB_REST_HOST,
        *,
        auth_host: str | None = None,
        signer: RestSigner | None = None,
        numbers: NumberType = float,
        strict: bool = True,
        **options: Any,
    ) -> None:
        if "proxy" in options:
            # First of all: from here on no frame shows a password in it.
            options["proxy"] = hide(options["proxy"])
        strict = check_bool("strict", strict)
        host = check_rest_host(host)
        auth_host = signed_rest_host(host, auth_host)
        self._options: dict[str, Any] = {"numbers": numbers, "strict": strict}
        self._transport = RestTransport(host=host, numbers=numbers, **options)
        self._signed = RestTransport(
            host=auth_host, numbers=numbers, signer=signer, **options
        )
        self.public: PublicEndpoints = PublicEndpoints(self._transport, **self._options)
        self._auth: AuthEndpoints | None = None
        self._merchant: MerchantEndpoints | None = None

    @property
    def auth(self) -> AuthEndpoints:
        """
        What can be done with a key; without one every method raises `UsageError`.

        Made when it is used first: who has no key need not load it.
        """
        if self._auth is None:
            # Two threads may come here at the same time: both results are the same.
            self._auth = lazily(_auth_endpoints)(self._signed, **self._options)
        return self._auth

    @property
    def merchant(self) -> MerchantEndpoints:
        """
        What merchants can do with a key; without one every method raises `UsageError`.

        Made when it is used first: who is no merchant need not load it.
        """
        if self._merchant is None:
            # Two threads may come here at the same time: both results are the same.
            self._merchant = lazily(_merchant_endpoints)(self._signed, **self._options)
        return self._merchant

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._transport.host}>"

    def __enter__(self: R) -> R:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """
        Ask for anything else and return the answer's JSON as it is.

        It counts against the budget of the path's first part. What begins with ``auth/`` is
        signed; of that ``auth/r/`` and ``auth/calc/`` count as reads, which are repeated.

        Parameters
        ----------
        method : str
            ``"GET"`` or ``"POST"``.
        path : str
            What follows the host: ``ticker/tBTCUSD``.
        params : mapping, optional
            The query; what is None is left out.
        body : mapping, optional
            Sent as JSON; what is None is left out.

        Raises
        ------
        UsageError
            An argument is impossible.
        ApiError
            The exchange refuses.
        RemoteError
            The answer is unreadable.
        OutcomeUnknown
            It was no read, and may or may not have been executed.
        NetworkError
            The link failed.
        ClosedError
            The client is closed.
        """
        body = hide_private(body)
        is_signed = isinstance(path, str) and path.startswith(SIGNED)
        transport = self._signed if is_signed else self._transport
        return transport.request(method, path, params=params, body=body)

    def close(self) -> None:
        """End everything; calls that wait raise `ClosedError`."""
        self._transport.close()
        self._signed.close()


def _auth_endpoints() -> type[AuthEndpoints]:
    from bfxsync.rest.auth import AuthEndpoints

    return AuthEndpoints


def _merchant_endpoints() -> type[MerchantEndpoints]:
    from bfxsync.rest.merchant import MerchantEndpoints

    return MerchantEndpoints
