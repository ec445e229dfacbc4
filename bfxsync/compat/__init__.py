"""Names of other clients, for programs that move over from them."""
