"""The command ``bfxsync``; it uses the public face of the library only."""
