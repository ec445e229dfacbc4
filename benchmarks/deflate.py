"""
What permessage-deflate would save and cost: compressed sizes, and CPU time to inflate a frame.

Strategy: the frames of the bundled recordings, as the real exchange sent them, are compressed as a
server would (RFC 7692: one window for all messages, or a new one for each), and inflated one by
one, as a client would have to. For comparison: splitting and decoding the same frames as they are.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import time
import zlib
from pathlib import Path
from typing import Callable, List

from bfxsync.paper import exchange
from bfxsync.wire.websocket import Splitter

DATA = Path(exchange.__file__).parent / "data"
_TAIL = b"\x00\x00\xff\xff"


def recorded(name: str) -> List[bytes]:
    """Return the frames of a recording, in order."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        lines = map(json.loads, file)
        return [
            line["frame"].encode()
            for line in lines
            if isinstance(line.get("frame"), str)
            and line.get("dir") != "client->server"
        ]


def deflated(frames: List[bytes], is_shared: bool) -> List[bytes]:
    """Compress each frame; with `is_shared` the window is kept between them."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found = []
    for frame in frames:
        if not is_shared:
            packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = packer.compress(frame) + packer.flush(zlib.Z_SYNC_FLUSH)
        found.append(data[: -len(_TAIL)])
    return found


def inflate(packed: List[bytes], is_shared: bool, most: int) -> List[bytes]:
    """Inflate each frame, to at most so many bytes."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    found = []
    for data in packed:
        if not is_shared:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        found.append(unpacker.decompress(data + _TAIL, most))
    return found


def split(wire: bytes) -> List[bytes]:
    """Split frames as the client does, a block at a time."""
    splitter, found = Splitter(2**24), []
    for start in range(0, len(wire), 65_536):
        found += splitter.feed(wire[start : start + 65_536])
    return found


def framed(frames: List[bytes]) -> bytes:
    """Return what a server writes."""
    found = bytearray()
    for frame in frames:
        size = len(frame)
        found += bytes([0x81]) + (
            bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
        )
        found += frame
    return bytes(found)


def cost_us(function: Callable[[], object], count: int, rounds: int) -> float:
    """Return the least CPU time per frame of several rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times) / count * 1e6


def main() -> None:
    """Measure and print."""
    from orjson import loads

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    print(f"CPython {platform.python_version()}, zlib {zlib.ZLIB_RUNTIME_VERSION}")
    for path in sorted(DATA.glob("*.jsonl.gz")):
        frames = [frame for frame in recorded(path.name) if len(frame) < 65_536]
        count, size, wire = len(frames), sum(map(len, frames)), framed(frames)
        print(f"\n{path.name}: {count:,} frames of {size / count:.0f} bytes on average")
        assert split(wire) == frames
        spent = cost_us(lambda: split(wire), count, rounds)
        print(f"{'split':24} {spent:6.2f} us/frame")
        spent = cost_us(lambda: list(map(loads, frames)), count, rounds)
        print(f"{'decode, orjson':24} {spent:6.2f} us/frame")
        for name, is_shared in (("shared window", True), ("window per message", False)):
            packed = deflated(frames, is_shared)
            most = max(map(len, frames)) + 1
            assert inflate(packed, is_shared, most) == frames
            spent = cost_us(lambda: inflate(packed, is_shared, most), count, rounds)
            ratio = sum(map(len, packed)) / size
            print(
                f"{'inflate, ' + name:24} {spent:6.2f} us/frame, {ratio:.0%} of the bytes"
            )


if __name__ == "__main__":
    main()
