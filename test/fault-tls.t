#!/bin/sh
# Faults of an upstream with TLS: test/faults/tls.py.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
SECURE=1
bench tls "REQUEST_TIMEOUT=$second" UP_KEEPALIVE_MS=0 "TLS_MS=$((second * 500))" MAX_RETRIES=1
