#!/bin/sh
# Heads, framing, pages and other machines: test/faults/client.py.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
bench client MAX_BODY=1M LINGER_MS=300 UP_KEEPALIVE_MS=0 ALLOWED_ORIGINS=https://app.example ALLOWED_HOSTS=proxy.example \
	'CUSTOM_HEADER_X_SECRET=secret'
