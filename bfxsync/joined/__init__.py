"""Histories: the past from REST, then the stream, as one."""
