"""
The commands, one module per group; imported when one of them is used or completed.

Strategy: these modules import click and `bfxsync.cli.shared` only, as completion must not import
the library. What a command needs is imported when it runs.
"""
