#!/bin/sh
# Every call of the system fails once, in turn, in each of its ways: see
# test/torture. Here in a few of the cases, those of the network first; make torture tries them all.
. "$(dirname "$0")/lib.sh"
SAMPLE=${SAMPLE-8}

if [ -n "${SLOW:-}" ] || ! command -v python3 >/dev/null || ! command -v nginx >/dev/null; then
	ok 'not tortured here'
	exit 0
fi
[ -x build/tortured ] || { not_ok 'build/tortured is there (make build/tortured)'; exit 1; }
# the provider outlives them all
script --seconds 40000 <<'END'
when *
	text "hello from the upstream"
END
start_secure
python3 test/torture "$T" "$provider" "$secure" "$SAMPLE" >"$T/out" 2>&1 || failures=1
cat "$T/out"
rm -f "$T"/*.log "$T/nginx/error"
