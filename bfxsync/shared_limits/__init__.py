"""Rate limits that several processes or machines share, through a file or through Redis."""
