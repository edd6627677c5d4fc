#!/bin/sh
# -i: one connection on fds 0 and 1, pipes or a socket; nothing else is written
# anywhere, and the process ends with the connection.
. "$(dirname "$0")/lib.sh"

script <<'END'
when wait-for-it
	text "one "
	head
	hang
when *
	text "hello"
END
cat >"$T/env" <<END
OPENAI_BASE_URL=http://127.0.0.1:$provider/v1
ANTHROPIC_API_KEY=$key
LOG_LEVEL=DEBUG
KEEPALIVE_MS=60000
PORT=$provider
END
chmod 600 "$T/env"

# message_request TEXT MEMBERS [FIELD]
message_request() {
	printf '{"model":"claude-opus-4-8","max_tokens":50%s,"messages":[{"role":"user","content":"%s"}]}' "$2" "$1" >"$T/json"
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n' \
		"$key" "$(wc -c <"$T/json" | tr -d ' ')"
	printf "${3:-}\r\n"
	cat "$T/json"
}

# pipe and inetd: what comes of $T/send; both set $rc
pipe() {
	timeout 20 "$PROXY" -i --env "$T/env" <"$T/send" >"$T/answer" 2>"$T/said"
	rc=$?
	took_answer
}
inetd() {
	timeout 20 test/tool inetd "$PROXY" -i --env "$T/env" <"$T/send" >"$T/answer" 2>"$T/said"
	rc=$?
	took_answer
}

# what was answered, with what differs each time, and interim heads, left out; lines instead of CR LF, each head on its own
plain() {
	tr -d '\r' <"$T/answer" | sed 's/HTTP\/1\.1/\
&/g; s/req_[A-Za-z0-9]*/REQ/g; s/msg_[A-Za-z0-9]*/MSG/g' | awk '/^HTTP\/1.1 102/ { skip = 3 } skip-- > 0 { next } { print }'
}

{
	printf 'GET /no/such HTTP/1.1\r\nHost: localhost\r\n\r\n'
	printf 'HEAD /v1/models/claude-opus-4-8 HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\n\r\n' "$key"
	message_request one ''
	message_request two ',"stream":true'
	printf 'GET /v1/models/claude-opus-4-8 HTTP/1.0\r\nx-api-key: %s\r\n\r\n' "$key"
} >"$T/send"
error='{"type":"error","error":{"type":"not_found_error","message":"no such path here: POST /v1/messages is the one for Claude Code"},"request_id":"REQ"}'
model='{"type":"model","id":"claude-opus-4-8","display_name":"gpt-4o","created_at":"2025-01-01T00:00:00Z","object":"model","created":1735689600,"owned_by":"claude-code-proxy"}'
cat >"$T/heads" <<END

HTTP/1.1 404 Not Found
content-type: application/json
request-id: REQ
content-length: $((${#error} + 25))

$error
HTTP/1.1 200 OK
content-type: application/json
request-id: REQ
content-length: ${#model}


HTTP/1.1 200 OK
content-type: application/json
request-id: REQ
content-length: N

MESSAGE
HTTP/1.1 200 OK
content-type: text/event-stream; charset=utf-8
request-id: REQ
transfer-encoding: chunked
cache-control: no-cache

STREAM
HTTP/1.1 200 OK
content-type: application/json
request-id: REQ
content-length: ${#model}
connection: close

$model
END
for way in pipe inetd; do
	$way
	is "$way: exit status" $rc 0
	is "$way: nothing on fd 2" "$(wc -c <"$T/said" | tr -d ' ')" 0
	plain | awk '
		/^HTTP/ { n++ }
		n == 3 && /^content-length/ { print "content-length: N"; next }
		n == 3 && /^\{/ { print "MESSAGE"; next }
		n == 4 && /^[0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/ { if (!stream++) print "STREAM" }
		n == 4 && stream { next }
		{ print }' >"$T/got"
	same "$way: five requests, five answers, byte for byte" "$T/got" "$T/heads"
	is "$way: the message" "$(sed -n '/"type":"message",/{s/HTTP.*//p;q;}' "$T/answer" | test/tool json content.0.text)" hello
	awk '/^HTTP.* 200/ { n++ } /}HTTP.* 200/ { n++ } n >= 3' "$T/answer" | sed '1s/.*HTTP/HTTP/' >"$T/rest"
	test/tool body <"$T/rest" >"$T/body"
	is "$way: the stream" "$(message | head -n 1)" 'text hello'
done

# ---- ends ----

: >"$T/send"
for way in pipe inetd; do
	$way
	is "$way: no request, no answer" "$rc $(wc -c <"$T/answer" | tr -d ' ')" '0 0'
done
timeout 20 "$PROXY" -i --env "$T/env" <&- >"$T/answer" 2>"$T/said"
is 'fd 0 closed' "$? $(wc -c <"$T/answer" | tr -d ' ')" '0 0'
timeout 20 "$PROXY" -i --env "$T/env" </dev/null >&- 2>&-
is 'fds 1 and 2 closed' "$?" 0

# until the answer's first word is there
first_word() {
	grep -aq 'one ' "$T/answer"
}
upstream_closed() {
	[ "$(ls "$up" | grep -c '\.closed$')" = "$1" ]
}
message_request wait-for-it ',"stream":true' >"$T/send"
mkfifo "$T/fifo"

# the reader of fd 1 goes away in the middle
timeout 20 "$PROXY" -i --env "$T/env" <"$T/fifo" 2>/dev/null | head -c 10 >"$T/answer" &
reader=$!
keep_pid $reader
exec 3>"$T/fifo"
cat "$T/send" >&3
check 'a reader that goes away: the upstream is closed' until_true upstream_closed 1
exec 3>&-
wait $reader

# an idle connection
rm "$T/fifo"
mkfifo "$T/fifo"
{ cat "$T/env"; echo KEEPALIVE_MS=100; } >"$T/env.short"
chmod 600 "$T/env.short"
timeout 20 "$PROXY" -i --env "$T/env.short" <"$T/fifo" >"$T/answer" 2>/dev/null &
idle=$!
keep_pid $idle
exec 3>"$T/fifo"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
wait $idle
is 'an idle connection ends, in silence' "$? $(grep -ao 'HTTP/1' "$T/answer" | wc -l | tr -d ' ')" '0 1'
exec 3>&-

# SIGTERM while idle
: >"$T/answer"
"$PROXY" -i --env "$T/env" <"$T/fifo" >"$T/answer" 2>/dev/null &
idle=$!
keep_pid $idle
exec 3>"$T/fifo"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >&3
until_true grep -aq running "$T/answer"
kill $idle
wait $idle
is 'SIGTERM while idle' "$?" 0
exec 3>&-

# ---- what is wrong is told where it does no harm ----

echo 'PORT=x' >"$T/bad"
chmod 600 "$T/bad"
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >"$T/send"
timeout 20 "$PROXY" -i --env "$T/bad" <"$T/send" >"$T/answer" 2>"$T/said"
is 'a bad configuration: exit status' "$?" 100
is 'a bad configuration: nothing on fd 1' "$(wc -c <"$T/answer" | tr -d ' ')" 0
has 'a bad configuration: told on fd 2' "$T/said" 'PORT is "x"'
timeout 20 test/tool inetd "$PROXY" -i --env "$T/bad" <"$T/send" >"$T/answer" 2>"$T/said"
is 'a bad configuration under inetd: exit status, not a word' "$? $(wc -c <"$T/answer" | tr -d ' ')" '100 0'
timeout 20 "$PROXY" -i --env "$T/env" --env "$T/env" <"$T/send" >"$T/answer" 2>"$T/said"
is 'one --env only' "$? $(wc -c <"$T/answer" | tr -d ' ')" '100 0'
