"""Live data at a terminal: a feed for the main thread, lines for programs, views for people."""
