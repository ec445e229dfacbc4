"""The REST side: composition only."""

from __future__ import annotations

from typing import Any, Mapping, TypeVar

from bfxsync.hosts import PUB_REST_HOST
from bfxsync.rest.public import PublicEndpoints
from bfxsync.rest.transport import RestTransport
from bfxsync.types import NumberType

R = TypeVar("R", bound="RestClient")


class RestClient:
    """
    Questions and answers, from any thread.

    Parameters
    ----------
    host : str
        Address before the paths.
    numbers : type
        What the number fields of the models are: `float` or `decimal.Decimal`.
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
        numbers: NumberType = float,
        **options: Any,
    ) -> None:
        self._transport = RestTransport(host=host, numbers=numbers, **options)
        self.public = PublicEndpoints(self._transport, numbers=numbers)

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

        It counts against the budget of the path's first part.

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
        NetworkError
            The link failed.
        ClosedError
            The client is closed.
        """
        return self._transport.request(method, path, params=params, body=body)

    def close(self) -> None:
        """End everything; calls that wait raise `ClosedError`."""
        self._transport.close()
