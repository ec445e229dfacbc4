"""Pure drawing: SVG and tables of plain values, without notebooks, threads or clocks."""
