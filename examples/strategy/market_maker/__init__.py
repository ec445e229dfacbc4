"""A market maker with inventory limits, on bfxsync: an example to copy and to change."""
