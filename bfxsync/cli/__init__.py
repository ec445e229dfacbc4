"""The command ``bfxsync``; it uses the public interface of the library only."""
