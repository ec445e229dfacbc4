#!/bin/sh
# Market data at a terminal and for other programs. Without --paper it is that of the real exchange.
set -eu
recording=${1:-run.jsonl.gz}

# The best prices of two pairs as JSON, an object per line.
bfxsync ticker BTC/USD ETH/USD --paper --json --count 2

# The two latest trades as CSV, all digits as they came.
bfxsync trades BTC/USD --paper --csv --count 2

# Record for a second, then print the best levels at two moments.
bfxsync record BTC/USD --paper --channel book --seconds 1 --out "$recording"
bfxsync replay "$recording" --count 2

# The whole market on the screen, here for a second instead of until "q"; in a pipe lines.
bfxsync board BTC/USD ETH/USD --paper --seconds 1
