#!/bin/sh
# What a request's JSON can be: test/faults/request.py, in a small stack.
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh
printf '#!/bin/sh\nulimit -s 128\nexec "$@"\n' >"$T/small"
chmod +x "$T/small"
# valgrind needs more
[ -n "${SLOW:-}" ] || WRAP=$T/small
bench request UP_KEEPALIVE_MS=0
