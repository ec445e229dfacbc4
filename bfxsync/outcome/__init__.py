"""What became of a write whose outcome is unknown, for REST and for the account channel."""
