"""
The public REST endpoints of the paper exchange, answered from the markets of its channels.

`routes` says which there are, `app` serves them; all others compute answers and know nothing of
HTTP. A market moves only while somebody is subscribed to it.
"""
