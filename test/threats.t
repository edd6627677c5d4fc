#!/bin/sh
# Threats to a program that holds keys (T1 to T30 of test/faults/INDEX): those that settings, files, and an upstream of
# its own kind can be (test/faults/threats.py).
. "$(dirname "$0")/lib.sh"
. test/faults/bench.sh

# refuses WHAT WORDS LINE ...: a file with these lines does not start, and says so
refuses() {
	what=$1 words=$2
	shift 2
	printf 'PORT=0\nOPENAI_API_KEY=k\n' >"$T/bad"
	for line do
		printf '%b\n' "$line" >>"$T/bad"
	done
	chmod 600 "$T/bad"
	timeout 20 "$PROXY" --env "$T/bad" >"$T/bad.out" 2>&1
	is "$what: no start" $? 100
	has "$what: why" "$T/bad.out" "$words"
}

# ---- T6: no setting can hold what ends a line of a head ----

for name in OPENAI_API_KEY BIG_MODEL AZURE_API_VERSION CUSTOM_HEADER_X_A UP_EXTRA; do
	refuses "T6 CR and LF in $name" 'control character' "$name=\"a\\\\r\\\\nX-Evil: 1\""
	refuses "T6 CR in $name" 'control character' "$name=a\\rX-Evil: 1"
done
refuses 'T6 CR and LF in a URL' 'OPENAI_BASE_URL' 'OPENAI_BASE_URL="https://h.example/v1\\r\\nX-Evil: 1"'
refuses 'T6 a space in a URL' 'OPENAI_BASE_URL' 'OPENAI_BASE_URL="https://h.example/v1 HTTP/1.1"'
printf 'PORT=0\nOPENAI_API_KEY=a\0b\n' >"$T/bad"
timeout 20 "$PROXY" --env "$T/bad" >"$T/bad.out" 2>&1
is 'T6 NUL in a file: no start' $? 100

# ---- T16: nothing takes verification off, and nothing goes in the clear unasked ----

"$PROXY" --help >"$T/help" 2>&1
is 'T16 no setting that takes verification off' "$(grep -ciE 'insecure|no_?verif|skip_?verif|verify=|tls_?min|ssl_?verify' "$T/help")" 0
refuses 'T16 http:// to another machine' ALLOW_PLAINTEXT OPENAI_BASE_URL=http://192.0.2.1/v1
refuses 'T16 http:// to what sounds like this one' ALLOW_PLAINTEXT OPENAI_BASE_URL=http://localhost.evil.example/v1
refuses 'T16 an address that no certificate names' OPENAI_BASE_URL OPENAI_BASE_URL=https://192.0.2.1/v1

# ---- T18: files ----

printf 'PORT=0\n' >"$T/open"
chmod 602 "$T/open"
timeout 20 "$PROXY" --env "$T/open" >"$T/open.out" 2>&1
is 'T18 settings that everyone may write: no start' $? 100
: >"$T/precious"
ln -s "$T/precious" "$T/link.log"
refuses 'T18 a log that is a symbolic link' link.log "LOG_FILE=$T/link.log"
is 'T18 nothing was written through it' "$(wc -c <"$T/precious" | tr -d ' ')" 0
mkdir "$T/logs"
start_proxy "LOG_DIR=$T/logs"
is 'T18 logs are for their owner' "$(ls -l "$T"/logs/*.log | cut -c 1-10)" '-rw-------'
stop $proxy_pid

# ---- T21: of the clocks, timers know one that does not jump ----

is 'F117 T21 what has timers reads no clock but that one' \
	"$(grep -lE 'CLOCK_REALTIME|[^a-z_]time\(NULL\)|gettimeofday' proxy.c conn.c client.c relay.c talk.c pool.c upstream*.c dial.c dns.c via.c park.c)" ''
has 'T21 which does not jump' options.c 'clock_gettime(CLOCK_MONOTONIC'

# ---- the rest ----

bench threats "REQUEST_TIMEOUT=$second" UP_KEEPALIVE_MS=0 'UP_HEADERS="X-Session: {session}"'
