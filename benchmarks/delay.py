"""Run the fault proxy of the tests before a port, with a delay each way; it ends with its input."""

from __future__ import annotations

import sys

from environments import ROOT

sys.path.insert(0, str(ROOT))

from tests.integration.fault_proxy import FaultProxy  # noqa: E402

with FaultProxy(int(sys.argv[1])) as proxy:
    proxy.delay(float(sys.argv[2]))
    print(proxy.port, flush=True)
    sys.stdin.read()
