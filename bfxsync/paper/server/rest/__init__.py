"""
The REST endpoints, answered from the markets of the channels and the accounts of the engine.

`routes` lists them, `app` serves them; the other modules compute answers, independent of HTTP.
"""
