"""Market data in Redis Streams: keys, entries and what they mean, without I/O."""
