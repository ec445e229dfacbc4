"""
For notebooks: live views, a client by name, the extension for IPython.

>>> %load_ext bfxsync
>>> bfx = bfxsync.notebook.client("main")
>>> bfxsync.notebook.board(bfx, "tBTCUSD", "tETHUSD")
"""

from bfxsync.notebook.charts import chart
from bfxsync.notebook.clients import client
from bfxsync.notebook.html.shown import html_of
from bfxsync.notebook.live_view import LiveView
from bfxsync.notebook.picture import Picture
from bfxsync.notebook.views import board, orders

__all__ = ["LiveView", "Picture", "board", "chart", "client", "html_of", "orders"]
