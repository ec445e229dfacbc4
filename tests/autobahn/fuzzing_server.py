"""
The fuzzing server of the Autobahn test suite on a socket that is listening already.

For CPython 2.7, which the suite needs, so this file keeps to what both Pythons read. The suite's
own command would listen on every interface, on a port that something else may have taken.

Usage: python2.7 fuzzing_server.py SPEC DESCRIPTOR
"""

import json
import socket
import sys

# Before the reactor, which it chooses.
from autobahntestsuite.fuzzing import FuzzingServerFactory
from twisted.internet import reactor


def main(spec_path, descriptor):
    with open(spec_path) as file:
        factory = FuzzingServerFactory(json.load(file))
    reactor.adoptStreamPort(descriptor, socket.AF_INET, factory)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
