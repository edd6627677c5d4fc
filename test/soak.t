#!/bin/sh
# alone
# Ten thousand requests leave nothing behind: memory as it was after the first
# thousand, descriptors as before, no children. REQUESTS changes the number; with
# SLOW, under a program that has memory of its own, there are fewer and sizes are not compared.
. "$(dirname "$0")/lib.sh"
[ -z "${SLOW:-}" ] || REQUESTS=${REQUESTS:-500}
REQUESTS=${REQUESTS:-10000}

if [ ! -r /proc/self/statm ] || [ ! -d /proc/self/fd ]; then
	ok 'no /proc to look at memory'
	exit 0
fi

# resident: of the proxy, in KB; descriptors: how many it has; children: how many, dead ones too
resident() {
	awk '/^VmRSS/ { print $2 }' /proc/$proxy_pid/status
}
descriptors() {
	ls /proc/$proxy_pid/fd | wc -l | tr -d ' '
}
children() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' | awk -v parent=$proxy_pid '$2 == parent' | wc -l | tr -d ' '
}

cat >"$T/rules" <<'END'
when flood-slow
	text "begun "
	pause 30
	text "goes on"
when flood-cut
	text "begun"
	cut
when flood-call
	think "Let me see. "
	text "So: "
	call Bash {"command":"ls -la"}
when flood-error
	error 429 rate_limit_error "slow down"
when *
	repeat 20 "some words of text "
END
# without --log: there would be files by the ten thousand
"$top/test/provider" --port-file "$T/provider" --seconds 600 --dialect any --script "$T/rules" >/dev/null 2>"$T/provider.log" &
keep_pid $!
until_true test -s "$T/provider" || exit 1
provider=$(cat "$T/provider")

start_secure 'keepalive_requests 100;' 'ssl_session_cache shared:s:1m;'

# one process, two instances: plain and TLS; idle connections are not kept long, so that what is there is a leak
second=$("$top/test/tool" port)
cat >"$T/second" <<END
OPENAI_BASE_URL=https://localhost:$secure/v1
SSL_CERT_FILE=$T/ca/ca.pem
OPENAI_API_KEY=another-key
ANTHROPIC_API_KEY=$key
PORT=$second
UP_KEEPALIVE_MS=300
END
chmod 600 "$T/second"
cat >"$T/both" <<END
#!/bin/sh
exec "$PROXY" "\$@" --env "$T/second"
END
chmod +x "$T/both"
PROXY=$T/both start_proxy UP_KEEPALIVE_MS=300
until_true nc -z 127.0.0.1 "$second"

# settled: what tried whether it listens is closed on the other side too
settled() {
	before=$(descriptors)
	sleep 0.3
	[ "$before" = "$(descriptors)" ]
}
until_true settled
# quiet: no connection is left, on either side
base=$(descriptors)
quiet() {
	[ "$(descriptors)" = "$base" ] && [ "$(children)" = 0 ]
}
idle=$(resident)
check 'the first tenth' "$top/test/flood" $((REQUESTS / 10)) 32 "$key" "$port" "$second"
check 'they leave no descriptor and no child' until_true quiet
first=$(resident)
check 'all of them' "$top/test/flood" $((REQUESTS - REQUESTS / 10)) 32 "$key" "$port" "$second"
check 'F122 all of them leave no descriptor and no child' until_true quiet
last=$(resident)
[ -n "${SLOW:-}" ] || [ "$last" -le $((first + 64)) ] && ok "resident size: idle $idle KB, then $first KB, at the end $last KB" ||
	not_ok 'resident size' "idle $idle KB, after a tenth $first KB, after $REQUESTS $last KB"
alive
stop $proxy_pid
is 'it ends well' "$stopped" 0

if [ -z "${SLOW:-}" ] && [ -x build/static/claude-code-proxy ]; then
	PROXY=$top/build/static/claude-code-proxy start_proxy
	[ "$(resident)" -lt 1536 ] && ok "the static binary, idle: $(resident) KB" || not_ok 'the static binary, idle' "$(resident) KB"
fi
