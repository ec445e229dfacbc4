"""
The REST endpoints, answered from the markets of the channels and the accounts of the engine.

`routes` and `private_routes` list them, `app` serves them; the other modules compute answers and
are independent of HTTP.
"""
