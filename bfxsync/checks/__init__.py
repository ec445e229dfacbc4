"""
Argument checks by topic, shared by both transports.

Each check returns the value as it is sent, and raises `UsageError` for a value that can never work.
Its first parameter is the name of the argument, unless it checks only one argument.
"""
