"""
For notebooks: a client by name, the extension for IPython.

>>> %load_ext bfxsync
>>> bfx = bfxsync.notebook.client("main")
"""

from bfxsync.notebook.clients import client

__all__ = ["client"]
