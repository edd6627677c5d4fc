#!/bin/sh
# Small boxes: how much memory is resident at rest, for each stream with TLS and
# for a large request; that 24 MB of address space are enough for a session with
# tools and an image; that what is too large is refused. Sizes, never times:
# test/figures measures those.
. "$(dirname "$0")/lib.sh"

# a static binary is held to what README says; libraries that others share come on top of another
most_idle=1536
case $(readelf -l "$PROXY" 2>/dev/null) in
'') sized='' ;;
*INTERP*) sized=1 most_idle=4096 ;;
*) sized=1 ;;
esac
if [ -n "${SLOW:-}" ] || [ ! -r /proc/self/status ]; then
	sized=''
fi
[ -n "$sized" ] || ok 'sizes are not looked at: the program runs within another'

# kb NAME: of /proc/PID/status of the proxy
kb() {
	awk -v name="$1:" '$1 == name { print $2 }' /proc/$proxy_pid/status
}
# at_most WHAT KB MOST
at_most() {
	[ -n "$sized" ] || return 0
	if [ "$2" -le "$3" ]; then ok "$1: at most $3 KB"; else not_ok "$1" "$2 KB, at most $3"; fi
}

script <<'END'
when never-ends
	text "one "
	head
	hang
when "round 5"
	text "all five are done"
when tools-please
	think "Let me see. "
	text "So: "
	call Bash {"command":"ls -la"}
when *
	text "hello"
END
start_secure 'client_max_body_size 0;'

# ---- at rest, and 100 streams with TLS ----

secure="OPENAI_BASE_URL=https://localhost:$secure/v1"
start_proxy "$secure" "SSL_CERT_FILE=$T/ca/ca.pem" TLS_MS=60000 CONNECT_MS=60000
get /health
rest=$(kb VmRSS)
at_most 'at rest' "$rest" $most_idle
body='{"model":"claude-opus-4-8","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"never-ends"}]}'
printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
	"$key" ${#body} "$body" >"$T/stream"
mkfifo "$T/hold"
# streams N: and sets $held to what is resident while they last
streams() {
	: >"$T/crowd"
	"$top/test/tool" crowd "$port" "$1" "$T/stream" <"$T/hold" >"$T/crowd" &
	crowd=$!
	keep_pid $crowd
	exec 3>"$T/hold"
	until_true grep -q open "$T/crowd" || not_ok "$1 streams at a time" "$(tail -n 3 "$log")"
	held=$(kb VmRSS)
	exec 3>&-
	wait $crowd
}
if [ -n "$sized" ]; then
	streams 1
	first=$held
	streams 101
	at_most 'each further stream with TLS' $(((held - first) / 100)) 63
	at_most 'and at their most, with handshakes' $((($(kb VmHWM) - first) / 100)) 63
fi
alive

# ---- 30 MB of a request ----

size=$((30 * 1024 * 1024))
most=$((30 * 1024 * 11 / 10))
# large HEAD PIECE TAIL: a body of about that size, in which the piece is repeated
large() {
	printf '%s' "$1"
	yes "$2" | tr -d '\n' | head -c $((size / ${#2} * ${#2}))
	printf '%s' "$3"
}
before='{"model":"claude-opus-4-8","max_tokens":100,"messages":[{"role":"user","content":'
text=0123456789abcdef
text=$text$text$text$text
text=$text$text$text$text
text=$text$text$text$text
text=$text$text$text$text$text$text$text$text
# costs WHAT: the request in $T/large
costs() {
	start_proxy
	get /health
	rest=$(kb VmRSS)
	request POST /v1/messages <"$T/large"
	is "30 MB, $1: answered" "$status" 200
	at_most "30 MB, $1" $(($(kb VmHWM) - rest)) $most
	stop $proxy_pid
}
if [ -n "$sized" ]; then
	large "$before\"" "$text" '"}]}' >"$T/large"
	costs 'one text'
	large "${before}[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" "$text" \
		'"}},{"type":"text","text":"hi"}]}]}' >"$T/large"
	costs 'an image'
	turn='{"role":"assistant","content":[{"type":"text","text":"So."},{"type":"tool_use","id":"toolu_01","name":"Bash","input":{"command":"ls"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01","content":"'$text$text'"}]},'
	large "$before\"hi\"}," "$turn" '{"role":"assistant","content":"So."},{"role":"user","content":"hi"}]}' >"$T/large"
	costs 'of turns with 8 KB'
	rm "$T/large"
fi

# ---- in 24 MB ----

cat >"$T/within" <<END
#!/bin/sh
ulimit -v 24576
exec "$PROXY" "\$@"
END
chmod +x "$T/within"
[ -z "$sized" ] || PROXY=$T/within
{
	printf '%s' "$before"'[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"'
	yes "$text" | tr -d '\n' | head -c 5000000
	printf '%s' '"}},{"type":"text","text":"hi"}]}]}'
} >"$T/image"

# session: five rounds of tools, each with a result of 48 KB
result=$text$text$text$text$text$text
result=$result$result
session() {
	messages='{"role":"user","content":"tools-please"}'
	for round in 1 2 3 4 5; do
		printf '{"model":"claude-opus-4-8","max_tokens":100,"messages":[%s]}' "$messages" >"$T/ask"
		request POST /v1/messages <"$T/ask"
		is "in 24 MB: round $round" "$status $(json stop_reason)" '200 tool_use'
		messages="$messages,{\"role\":\"assistant\",\"content\":$(json content)},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"$(json content.2.id)\",\"content\":\"round $round $result\"}]}"
	done
	printf '{"model":"claude-opus-4-8","max_tokens":100,"messages":[%s]}' "$messages" >"$T/ask"
	request POST /v1/messages <"$T/ask"
	is 'in 24 MB: the session' "$status $(json content.0.text)" '200 all five are done'
}
start_proxy MAX_CONNECTIONS=16 "$secure" "SSL_CERT_FILE=$T/ca/ca.pem"
session
request POST /v1/messages <"$T/image"
is 'in 24 MB: an image of 5 MB' "$status $(json content.0.text)" '200 hello'
hasnt 'in 24 MB: memory never lacks' "$log" memory
at_most 'in 24 MB: of address space' "$(kb VmPeak)" 24576
stop $proxy_pid

# ---- a limit of 2 MB ----

start_proxy MAX_CONNECTIONS=16 MAX_BODY=2M
request POST /v1/messages <"$T/image"
fails '2 MB: 5 MB are too much' 413 request_too_large
printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4c4b40\r\n' \
	"$key" >"$T/send"
head -c 5000000 "$T/image" >>"$T/send"
printf '\r\n0\r\n\r\n' >>"$T/send"
raw <"$T/send"
fails '2 MB: nor in chunks' 413 request_too_large
at_most '2 MB: nor are they kept' "$(kb VmHWM)" $((most_idle + 2560))
ask hi
is '2 MB: the next is served' "$status" 200
