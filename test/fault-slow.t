#!/bin/sh
# Clients that take their time, and crowds: test/faults/slow.py. Timers and MAX_PER_ADDRESS on both sides.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
bench slow HEAD_TIMEOUT_MS=500 BODY_IDLE_MS=400 BODY_MAX_MS=900 WRITE_STALL_MS=500 KEEPALIVE_MS=500 LINGER_MS=200 \
	MAX_CONNECTIONS=300 UP_KEEPALIVE_MS=0
