#!/bin/sh
# Faults of an upstream's whole answers: test/faults/http.py.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
bench http "REQUEST_TIMEOUT=$second" UP_KEEPALIVE_MS=0
