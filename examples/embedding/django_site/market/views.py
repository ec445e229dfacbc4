from django.http import JsonResponse

from bfxsync import BfxError
from market.client import bfx, book


def price(request):
    try:
        current = book("tBTCUSD")
    except BfxError as exc:
        # Not cached: the next request tries again.
        return JsonResponse({"error": str(exc)}, status=503)
    if current.is_stale:
        return JsonResponse({"error": "no current price"}, status=503)
    return JsonResponse({"bid": current.best_bid.price, "ask": current.best_ask.price})


def readyz(request):
    # The probe connects, as a process that is not ready gets no other request.
    try:
        book("tBTCUSD")
    except BfxError:
        pass  # health() says why
    health = bfx.health()
    return JsonResponse(health, status=200 if health["is_ready"] else 503)
