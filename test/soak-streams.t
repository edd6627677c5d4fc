#!/bin/sh
# Many streams at once for a while, among clients that stall, abort and read
# slowly and upstreams that stall and cut, with the settings read again in
# between: every stream's text comes whole, to the byte, and nothing grows.
# STREAMS, TLS_STREAMS (with TLS to the upstream; 0: none of these), SECONDS_LONG
# and RELOAD_EVERY (seconds) are the size, SEED makes a run the one that it was.
. "$(dirname "$0")/lib.sh"
if [ -n "${SLOW:-}" ]; then
	STREAMS=${STREAMS:-8} TLS_STREAMS=${TLS_STREAMS:-0}
fi
STREAMS=${STREAMS:-60} TLS_STREAMS=${TLS_STREAMS:-20} SECONDS_LONG=${SECONDS_LONG:-3} RELOAD_EVERY=${RELOAD_EVERY:-2}
SEED=${SEED:-$(date +%s)}

if [ ! -r /proc/self/status ] || [ ! -d /proc/self/fd ]; then
	ok 'no /proc to look at the proxy'
	exit 0
fi

# soak STREAMS: begins with the upstream, its port to $provider
soak() {
	rm -f "$T/port" "$T/go"
	"$top/test/soaker" "$T/port" "$T/go" "$1" "$SECONDS_LONG" "$SEED" >"$T/said" 2>"$T/soaker.log" &
	soaker=$!
	keep_pid $soaker
	until_true test -s "$T/port" || exit 1
	provider=$(cat "$T/port")
}

descriptors() {
	ls /proc/$proxy_pid/fd | wc -l | tr -d ' '
}
quiet() {
	[ "$(descriptors)" -le "$base" ] && [ -z "$(cat /proc/$proxy_pid/task/$proxy_pid/children 2>/dev/null)" ]
}
settled() {
	base=$(descriptors)
	sleep 0.3
	[ "$base" = "$(descriptors)" ]
}

# reloads: as long as the soaker runs, with another setting each time
reloads() {
	reloaded=0 due=$(($(date +%s) + RELOAD_EVERY))
	while kill -0 $soaker 2>/dev/null; do
		sleep 0.2
		if [ "$(date +%s)" -ge $due ]; then
			due=$((due + RELOAD_EVERY)) reloaded=$((reloaded + 1))
			grep -v '^BIG_MODEL=' "$env" >"$T/env.new"
			echo "BIG_MODEL=model-$reloaded" >>"$T/env.new"
			cat "$T/env.new" >"$env"
			kill -HUP $proxy_pid
		fi
	done
}

all_reloaded() {
	[ "$(grep -c 'settings again' "$log")" = "$reloaded" ]
}

# figure NAME N: the Nth of what the soaker said
figure() {
	awk -v name="$1" -v n="$2" '$1 == name { print $(n + 1) }' "$T/said"
}

# judge WHAT: what the soaker said, and what is left
judge() {
	is "$1, seed $SEED: healthy streams lost: 0" "$(figure lost 1)" 0
	is "$1: cut ones that were not told: 0" "$(figure untold 1)" 0
	check "$1: reloaded $reloaded times" until_true all_reloaded
	for name in rss descriptors children; do
		ok "$1: $name: first $(figure $name 1), after two thirds $(figure $name 2), highest $(figure $name 3), last $(figure $name 4)"
	done
	ok "$1: $(figure streams 1) streams, $(figure text 1) bytes of text in $(figure received 1)"
	if [ "$SECONDS_LONG" -ge 300 ]; then
		# the allocator finds its size in the first minutes, and pages of it are touched that were not; a leak goes on
		check "$1: in the last third the resident size grows by less than 1 MB" \
			test "$(figure rss 4)" -lt $(($(figure rss 2) + 1024))
		check "$1: descriptors are what they were, but for one stream in twenty" \
			test "$(figure descriptors 4)" -le $(($(figure descriptors 1) + $(figure descriptors 1) / 20))
	fi
	check "$1: no descriptor and no child is left" until_true quiet
	stop $proxy_pid
	is "$1: it ends well" "$stopped" 0
}

# streams WHAT [NAME=VALUE ...]: the proxy, all of the run, and what comes of it
streams() {
	what=$1
	shift
	start_proxy UP_KEEPALIVE_MS=300 PING_MS=2000 MAX_CONNECTIONS=4000 BIG_MODEL=model-0 "$@"
	until_true settled
	echo "$port $proxy_pid $key" >"$T/go.new"
	mv "$T/go.new" "$T/go"
	reloads
	wait $soaker
	is "$what: all is as it should be" "$? $(cat "$T/soaker.log")" '0 '
	judge "$what"
	sed -n 's/^/# /; /:/p' "$T/said"
}

if [ "$STREAMS" != 0 ]; then
	soak "$STREAMS"
	streams "$STREAMS streams"
fi
if [ "$TLS_STREAMS" != 0 ]; then
	soak "$TLS_STREAMS"
	start_secure 'ssl_session_cache shared:s:1m;'
	streams "$TLS_STREAMS streams by TLS" "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/ca/ca.pem"
fi
