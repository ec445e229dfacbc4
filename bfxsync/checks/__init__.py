"""
Argument checks by topic, shared by both transports.

Each returns the value as it is sent and raises `UsageError` for a value that can never work. The
first parameter is the argument's name for the message, unless only one argument is of that kind.
"""
