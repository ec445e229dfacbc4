"""Lists of the exchange: names of currencies, pairs, and all currencies."""

from bfxsync import Client

bfx = Client()

print(bfx.rest.public.conf("pub:map:currency:sym"))
print(bfx.rest.public.conf("pub:list:pair:exchange"))
print(bfx.rest.public.conf("pub:list:currency"))
