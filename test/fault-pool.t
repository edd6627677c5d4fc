#!/bin/sh
# Faults of connections that are used again: test/faults/pool.py.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
bench pool "REQUEST_TIMEOUT=$second"
