#!/bin/sh
# Faults of an upstream's streams: test/faults/stream.py.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
bench stream "REQUEST_TIMEOUT=$second" UP_KEEPALIVE_MS=0
