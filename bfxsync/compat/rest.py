"""The REST classes of ohenrik/bitfinex: they can be imported, and name what replaces them."""

from bfxsync.errors import UsageError

__all__ = ["Client", "ClientV1", "ClientV2"]


class ClientV2:
    """Not part of bfxsync; programs that only import it run."""

    def __init__(self, *_: object, **__: object) -> None:
        raise UsageError(
            f"{type(self).__name__} is not part of bfxsync.compat: use bfxsync.Client(key, secret),"
            " whose rest.public, rest.auth and rest.merchant have every REST call of the API v2"
        )


class ClientV1(ClientV2):
    """Not part of bfxsync; that version of the API has been replaced by the second."""


Client = ClientV1
