"""
The pictures of the README, of simulated markets: ``board.svg``, a terminal, and ``chart.png``.

Usage: python docs/pictures.py [--chromium COMMAND]
"""

from __future__ import annotations

import argparse
import io
import subprocess
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console, Group

from bfxsync import Client
from bfxsync.cli.live.board_data import BoardData
from bfxsync.cli.live.board_screen import draw
from bfxsync.notebook import chart
from bfxsync.paper import PaperExchange

FOLDER = Path(__file__).parent
SYMBOLS = ("tBTCUSD", "tETHUSD", "tLTCUSD", "tXRPUSD")
WIDTH, HEIGHT = 100, 34
CHART_WIDTH, CHART_HEIGHT = 730, 296

# Like rich's own format, which loads fonts from another server. At 21 px lines have no gaps.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
    <style>
    .{unique_id}-matrix {{
        font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
        font-size: 21px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}
    .{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})"
       clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def board(bfx: Client) -> str:
    """Return a picture of the board, with open orders."""
    submit = bfx.wss.inputs.submit_order
    for symbol, amount, price in [
        ("tBTCUSD", "0.05", "63800"),
        ("tBTCUSD", "-0.05", "64900"),
        ("tETHUSD", "1.5", "2410"),
    ]:
        submit("EXCHANGE LIMIT", symbol, amount, price).result(timeout=10)
    data = BoardData(bfx, SYMBOLS, "1m", "local exchange", True)
    bfx.wss.wait_for(
        lambda: (
            len(data.view().tickers) == len(SYMBOLS)
            and len(data.view().candles) > 60
            and len(data.view().trades) > 20
            and len(data.view().orders or ()) == 3
        ),
        timeout=120,
    )
    console = Console(
        record=True,
        width=WIDTH,
        height=HEIGHT,
        file=io.StringIO(),
        color_system="truecolor",
    )
    console.print(Group(*draw(data.view(), WIDTH, HEIGHT)))
    return console.export_svg(title="bfxsync board --paper", code_format=_FORMAT)


def candle_chart(bfx: Client, chromium: str, path: Path) -> None:
    """Write the chart of a notebook as a picture of pixels."""
    candles = bfx.rest.public.get_candles_hist("tBTCUSD", "1m", limit=90)
    style = "margin: 12px; font-family: sans-serif; background: white"
    with TemporaryDirectory() as folder:
        page = Path(folder, "chart.html")
        page.write_text(f'<body style="{style}">{chart(candles).html}</body>', "utf-8")
        subprocess.run(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--hide-scrollbars",
                "--force-device-scale-factor=2",
                f"--window-size={CHART_WIDTH},{CHART_HEIGHT}",
                f"--screenshot={path}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--chromium", default="chromium", help="the command of a browser"
    )
    chromium = parser.parse_args().chromium
    with PaperExchange() as exchange, exchange.client(numbers=Decimal) as bfx:
        (FOLDER / "board.svg").write_text(board(bfx), "utf-8")
        candle_chart(bfx, chromium, FOLDER / "chart.png")


if __name__ == "__main__":
    main()
