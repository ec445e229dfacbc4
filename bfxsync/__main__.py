"""Makes ``python -m bfxsync`` do what the command ``bfxsync`` does."""

from __future__ import annotations

import sys

from bfxsync.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
