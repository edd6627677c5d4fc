#!/bin/sh
# Upstream connections: kept and used again, replaced when stale, left when in
# doubt; what is sent twice and what never; failures before a byte was sent;
# answers that come before the request is sent.
. "$(dirname "$0")/lib.sh"

ok_json='{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"first\"},\"finish_reason\":\"stop\"}]}'
length=$(printf '%s' "$ok_json" | tr -d '\\' | wc -c | tr -d ' ')
script <<END
when stale-now
	times 1
	cut
when stale-reset
	times 1
	reset
when stale-twice
	times 2
	cut
when cut-fresh
	cut
when part-of-head
	wire "HTTP/1.1 2"
when says-close
	header Connection: close
	text closing
when old-version
	wire "HTTP/1.0 200 OK\r\nContent-Length: $length\r\n\r\n$ok_json"
	hang
when both-framings
	wire "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n$(printf %x "$length")\r\n$ok_json\r\n0\r\n\r\n"
	hang
when extra-bytes
	wire "HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n${ok_json}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
	hang
when closes-after
	wire "HTTP/1.1 200 OK\r\nContent-Length: $length\r\n\r\n$ok_json"
when late-chunk
	data {"choices":[{"index":0,"delta":{"content":"early"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}
	data [DONE]
	pause 50
when early-401
	deaf
	error 401 invalid_request_error "no such key"
when early-reset
	early
	error 401 invalid_request_error "no such key"
	reset
when early-stream
	early
	text "answered at once"
when an-error
	error 500 server_error "oops"
when *
	text "some text"
END

# connection: the number of the upstream connection that the last request came on
connection() {
	tail -n 1 "$up/log" | cut -d ' ' -f 3
}

# one WORDS FIELD: a streamed request as bytes, FIELD with its line end or nothing
cr=$(printf '\r')
close="Connection: close$cr
"
one() {
	body="{\"model\":\"claude-x\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"$1\"}]}"
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n%s\r\n%s' \
		"$key" ${#body} "$2" "$body"
}

start_proxy
for n in 1 2 3; do
	ask hello
	ask an-error
	ask an-error '"stream":true'
	ask hello
done
{
	for n in 1 2 3; do
		one hello ''
		sleep 0.3
	done
	one hello "$close"
} | timeout 20 nc 127.0.0.1 "$port" >"$T/answer"
is 'four streamed answers on a connection' "$(grep -c '^event: message_stop' "$T/answer")" 4
is 'sixteen requests, one connection upstream' "$(sent_count) $(cut -d ' ' -f 3 "$up/log" | sort -u)" '16 1'

# new_after WHAT RULE: the request behind RULE gets a connection of its own, and its answer
new_after() {
	ask hello
	ask "$2" "${3:-}"
	old=$(connection)
	ask hello
	[ "$(connection)" -gt "$old" ] && ok "F108 $1: not used again" || not_ok "F108 $1: not used again" "$(tail -n 3 "$up/log")"
	is "$1: the next answer" "$(json content.0.text)" 'some text'
}
new_after 'Connection: close' says-close
is 'Connection: close' "$status" 200
new_after 'HTTP/1.0' old-version
new_after 'two framings' both-framings
new_after 'bytes behind the body' extra-bytes
new_after 'closed behind its answer' closes-after
new_after 'cut within its answer' part-of-head
ask old-version
is 'HTTP/1.0: the answer' "$(json content.0.text)" first
ask both-framings
is 'F80 two framings: chunks count' "$(json content.0.text)" first
ask extra-bytes
is 'F78 bytes behind the body: the answer' "$(json content.0.text)" first
ask closes-after
is 'closed behind its answer: the answer' "$(json content.0.text)" first

# ---- stale connections ----

for rule in stale-now stale-reset; do
	ask hello
	old=$(connection)
	before=$(sent_count)
	ask $rule
	is "F104 $rule: the client sees nothing of it" "$status $(json content.0.text)" '200 some text'
	is "$rule: sent on the old, then on a new one" "$(tail -n 2 "$up/log" | cut -d ' ' -f 3 | tr '\n' ' ')" "$old $(connection) "
	is "F104 $rule: twice" $(($(sent_count) - before)) 2
	[ "$(connection)" -gt "$old" ] && ok "$rule: a new one" || not_ok "$rule: a new one"
	cmp -s "$(sent $((before + 1)))" "$(sent $((before + 2)))" && ok "$rule: the same bytes" || not_ok "$rule: the same bytes"
done
ask hello
before=$(sent_count)
ask stale-twice '"stream":true'
is 'a fresh one that closes is the end' "$status $(json error.type)" '502 api_error'
is 'F105 a fresh one that closes: sent twice' $(($(sent_count) - before)) 2
ask hello
before=$(sent_count)
ask part-of-head
is 'F105 closed within the head: no resend' "$status $(($(sent_count) - before))" '502 1'
ask says-close
before=$(sent_count)
ask cut-fresh
is 'F105 a fresh connection that closes: no resend' "$status $(json error.type) $(($(sent_count) - before))" '502 api_error 1'

# ---- the end of the answer comes late ----

ask hello
old=$(connection)
{
	one late-chunk ''
	sleep 0.3
	one late-chunk "$close"
} | timeout 20 nc 127.0.0.1 "$port" >"$T/answer"
is 'two answers' "$(grep -c '^event: message_stop' "$T/answer")" 2
is 'read to its end, then used again' "$(tail -n 2 "$up/log" | cut -d ' ' -f 3 | tr '\n' ' ')" "$old $old "

# ---- answers before the request is sent ----

{
	printf '{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"'
	head -c 8000000 /dev/zero | tr '\0' x
	printf '"}]}'
} >"$T/large"
# large RULE: eight megabytes upstream; the rule is found in a header
large() {
	stop $proxy_pid
	start_proxy "CUSTOM_HEADER_X_RULE=$1"
	request POST /v1/messages <"$T/large"
}
large early-401
is 'F87 refused before all was sent' "$status $(json error.type)" '401 authentication_error'
large early-reset
is 'F88 refused, then reset' "$status" 401
large early-stream
is 'answered before all was sent' "$status $(json content.0.text)" '200 answered at once'
large none
is 'eight megabytes' "$status $(json content.0.text)" '200 some text'
is 'eight megabytes came' "$(wc -c <"$(ls "$up"/*.body | tail -n 1)" | tr -d ' ')" 8000075

# ---- before a byte was sent ----

free=$("$top/test/tool" port)
stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$free/v1" MAX_RETRIES=2
ask hello
is 'F53 refused' "$status $(json error.type)" '502 api_error'
has 'refused: where' "$T/body" "127.0.0.1 port $free"
is 'refused: two more attempts' "$(grep -c ' try [0-9]' "$log")" 2
is 'refused: may be tried again' "$(field x-should-retry)" ''
ask hello '"stream":true'
is 'refused, streamed' "$status $(json error.type)" '502 api_error'
stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$free/v1" MAX_RETRIES=0
ask hello
is 'MAX_RETRIES=0' "$status $(grep -c ' try [0-9]' "$log")" '502 0'
stop $proxy_pid
start_proxy OPENAI_BASE_URL=http://no-such-host.invalid/v1 ALLOW_PLAINTEXT=true RESOLVE_MS=1000 MAX_RETRIES=0
ask hello
case $status in 502 | 504) ok 'F45 no such name' ;; *) not_ok 'F45 no such name' "$status" ;; esac
has 'no such name: said' "$T/body" 'cannot resolve no-such-host.invalid'
alive 'no such name: still serving'

# ---- none kept, none shared ----

stop $proxy_pid
start_proxy UP_KEEPALIVE_MS=0
ask hello
old=$(connection)
ask hello
[ "$(connection)" -gt "$old" ] && ok 'none is kept' || not_ok 'none is kept'

# a second instance in the same process
stop $proxy_pid
second_port=$("$top/test/tool" port)
{
	echo "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1"
	echo OPENAI_API_KEY=another-key
	echo "ANTHROPIC_API_KEY=$key"
	echo "PORT=$second_port"
} >"$T/second"
chmod 600 "$T/second"
cat >"$T/both" <<END
#!/bin/sh
exec "$PROXY" "\$@" --env "$T/second"
END
chmod +x "$T/both"
PROXY=$T/both
start_proxy
ask hello
old=$(connection)
mine=$port port=$second_port
ask hello
[ "$(connection)" -gt "$old" ] && ok 'F108 another key, another connection' || not_ok 'F108 another key, another connection'
port=$mine
ask hello
is 'the same key, the same connection' "$(connection)" "$old"
