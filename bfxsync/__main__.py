"""Entry point of ``python -m bfxsync``, the command ``bfxsync``."""

from __future__ import annotations

import sys

from bfxsync.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
