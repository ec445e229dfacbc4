"""
Whether something grows: a robust slope of samples, with its uncertainty.

Strategy: the time after the warm-up is divided into blocks, and each is represented by its median,
so that neither a burst of reconnects nor a garbage collection counts, and neighbours are nearly
independent. Of these the slope is estimated by Theil and Sen (the median of the slopes of all
pairs), and its interval by Kendall's statistic, which assumes no distribution.
"""

from __future__ import annotations

from math import sqrt
from statistics import median
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

#: Of a standard normal distribution: the interval covers 99 %.
Z = 2.576

#: With fewer blocks the interval would be all slopes.
FEWEST_BLOCKS = 6
MOST_BLOCKS = 24

#: Growth between the warm-up and the end that is no failure, whatever its significance. A client
#: that leaked ten objects or 1 kB per lost connection would exceed the first two after a thousand
#: of them: blocks of Python's allocator, of up to 512 bytes, and the larger ones of the C library.
#: The resident memory is also what both keep free, so it grows with the largest burst until then.
#: Threads and descriptors are whole, so that one of each that is left behind exceeds the others.
ALLOWED: Dict[str, float] = {
    "blocks": 10_000.0,
    "malloc_kb": 1024.0,
    "rss_kb": 8192.0,
    "threads": 0.5,
    "descriptors": 0.5,
    "connections": 0.5,
}


class Trend(NamedTuple):
    """
    Growth over the time of the samples.

    Attributes
    ----------
    start : float
        Median of the first block.
    growth, low, high : float
        Growth in all the time: estimate, and limits of its interval.
    """

    start: float
    growth: float
    low: float
    high: float

    def is_leak(self, allowed: float) -> bool:
        """Return whether it has grown by more than that beyond doubt."""
        return self.low > allowed


def trend(times_s: Sequence[float], values: Sequence[float]) -> Optional[Trend]:
    """Return the growth of samples; None if there are too few of them."""
    blocks = blocks_of(times_s, values)
    if blocks is None:
        return None
    slopes = sorted(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(blocks)
        for later in blocks[number + 1 :]
    )
    count = len(blocks)
    spread = Z * sqrt(count * (count - 1) * (2 * count + 5) / 18)
    below = max(0, int((len(slopes) - spread) / 2))
    length_s = times_s[-1] - times_s[0]
    return Trend(
        blocks[0][1],
        median(slopes) * length_s,
        slopes[below] * length_s,
        slopes[-1 - below] * length_s,
    )


def blocks_of(
    times_s: Sequence[float], values: Sequence[float]
) -> Optional[List[Tuple[float, float]]]:
    """Return the medians of time and value of each block."""
    count = min(MOST_BLOCKS, len(values) // 4)
    if count < FEWEST_BLOCKS:
        return None
    edges = [len(values) * number // count for number in range(count + 1)]
    pairs = zip(edges, edges[1:])
    return [(median(times_s[a:b]), median(values[a:b])) for a, b in pairs]
