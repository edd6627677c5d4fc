#!/bin/sh
# Clients that go, stay silent, dawdle or do not read: a half-close is served,
# one that is gone makes the upstream close, slow ones get their time and no
# more, and nothing of them is left behind.
. "$(dirname "$0")/lib.sh"

script <<END
when never-answers
	hang
when stalls-inside
	text "one "
	head
	hang
when after-a-while
	head
	pause 300
	text "late"
when large
	repeat 30000 "$(head -c 1000 /dev/zero | tr '\0' y) "
when *
	text "hello"
END
start_proxy LINGER_MS=200
fds() {
	ls /proc/$proxy_pid/fd | wc -l | tr -d ' '
}
get /health
base=$(fds)

# asks TEXT [MEMBERS [VERSION]]: the bytes of a request
asks() {
	body=$(printf '{"model":"claude-opus-4-8","max_tokens":50%s,"messages":[{"role":"user","content":"%s"}]}' "${2:-}" "$1")
	printf 'POST /v1/messages HTTP/%s\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"${3:-1.1}" "$key" ${#body} "$body"
}
stream=',"stream":true'

# ---- a half-close ----

for members in '' "$stream"; do
	kind=${members:+streamed}
	kind=${kind:-whole}
	for round in 1 2 3; do
		asks after-a-while "$members" >"$T/send"
		raw -N <"$T/send"
		is "half-closed, $kind: served ($round)" "$status $(grep -c late "$T/body")" '200 1'
		is "half-closed, $kind: the 102 before it ($round)" "$(head -n 1 "$T/answer" | tr -d '\r')" 'HTTP/1.1 102 Processing'
	done
	asks after-a-while "$members" 1.0 >"$T/send"
	raw -N <"$T/send"
	is "half-closed, $kind, HTTP/1.0: served, no 102" "$status $(grep -ac ' 102 ' "$T/answer") $(grep -c late "$T/body")" '200 0 1'
done
asks after-a-while "$stream" >"$T/send"
raw -N <"$T/send"
is 'half-closed: the stream is whole' "$(message | head -n 1)" 'text late'
is 'served ones are not cancelled' "$(ls "$up" | grep -c '\.closed$')" 0
{ asks one; asks two "$stream"; } >"$T/send"
raw -N <"$T/send"
is 'half-closed behind two requests: both served' "$(grep -ao 'HTTP/1.1 200' "$T/answer" | wc -l | tr -d ' ')" 2

# ---- gone ----

# leaves WHAT REQUEST PATTERN: the client ends once the pattern is in its answer ("": once the upstream has the request)
closed() {
	[ -e "$up/$n.closed" ]
}
leaves() {
	n=$(printf %04d $(($(sent_count) + 1)))
	asks "$2" "$4" >"$T/send"
	: >"$T/answer"
	nc 127.0.0.1 "$port" <"$T/send" >"$T/answer" 2>/dev/null &
	client=$!
	keep_pid $client
	until_true test -e "$up/$n.body"
	[ -z "$3" ] || until_true grep -aq "$3" "$T/answer"
	kill $client
	wait $client 2>/dev/null
	check "F102 $1: the upstream is closed" until_true closed
	check "$1: the log says so" until_true grep -q "$5.*client gone" "$log"
}
leaves 'gone before the head, streamed' never-answers '' "$stream" ' 499 '
leaves 'gone before the head, whole' never-answers '' '' ' 499 '
leaves 'gone inside a stream' stalls-inside 'one ' "$stream" ' 200 '
leaves 'gone inside a whole answer' stalls-inside '' '' ' 499 '

for members in '' "$stream"; do
	for want in 0 1; do
		[ "$members$want" = 1 ] && continue
		n=$(printf %04d $(($(sent_count) + 1)))
		asks stalls-inside "$members" | timeout 20 test/tool reset "$port" $want
		# a reset can come before the request is read: then nothing is sent on
		until_true test -e "$up/$n.body" -o "$want" = 0
		[ ! -e "$up/$n.body" ] || check "F102 reset after $want bytes: the upstream is closed" until_true closed
	done
done
i=0
while [ $i -lt 30 ]; do
	test/tool reset "$port" 0 </dev/null
	printf 'GET /health HT' | test/tool reset "$port" 0
	printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' | test/tool reset "$port" 1
	i=$((i + 1))
done
alive 'resets at any time'

# ---- one that does not read ----

ticks() {
	awk '{ print $14 + $15 }' /proc/$proxy_pid/stat
}
# nothing more is done: two looks at the clock of the process
quiet() {
	looked=$(ticks)
	sleep 0.2
	[ "$(ticks)" = "$looked" ]
}
rss() {
	awk '/^VmRSS/ { print $2 }' /proc/$proxy_pid/status
}
mkfifo "$T/slow"
asks large "$stream" >"$T/send"
before=$(rss)
nc -I 4096 -N 127.0.0.1 "$port" <"$T/send" >"$T/slow" &
client=$!
keep_pid $client
exec 4<"$T/slow"
until_true test -e "$up/$(printf %04d "$(sent_count)").body"
check 'a client that does not read: the proxy waits' until_true quiet
[ -n "${SLOW:-}" ] || is 'and takes no memory for it' "$(($(rss) - before < 1500))" 1
alive 'others are served meanwhile'
cat <&4 >"$T/answer"
exec 4<&-
wait $client
took_answer
is 'when it reads again, all comes' "$status $(message | head -n 1 | tr -d 'y\n' | wc -c | tr -d ' ') $(message | tail -n 1 | cut -c 1-12)" \
	'200 30005 end end_turn'
[ -n "${SLOW:-}" ] || is 'no memory after it either' "$(($(rss) - before < 1500))" 1

stop $proxy_pid
start_proxy WRITE_STALL_MS=300 HEAD_TIMEOUT_MS=400 BODY_IDLE_MS=300 BODY_MAX_MS=900 KEEPALIVE_MS=300 LINGER_MS=200
asks large "$stream" >"$T/send"
n=$(printf %04d $(($(sent_count) + 1)))
nc -I 4096 127.0.0.1 "$port" <"$T/send" >"$T/slow" &
client=$!
keep_pid $client
exec 4<"$T/slow"
check 'a client that never reads: the upstream is closed' until_true closed
check 'and the log says why' until_true grep -q 'client stalled' "$log"
cat <&4 >/dev/null
exec 4<&-
wait $client

# ---- slow ones ----

# dawdles FIRST REST: sends FIRST, then one byte of REST every 50 ms; the answer is in $T/answer
dawdles() {
	{
		printf "$1"
		rest=$2
		while [ -n "$rest" ]; do
			sleep 0.05
			printf %.1s "$rest" || break
			rest=${rest#?}
		done
	} 2>/dev/null | timeout 20 nc 127.0.0.1 "$port" >"$T/answer"
	took_answer
}
# holds BYTES: sends them and leaves the connection open until the proxy ends it
holds() {
	printf "$1" | timeout 20 test/tool drip "$port" >"$T/answer"
	took_answer
}
sixty=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
head="POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: $key\r\nContent-Type: application/json\r\n"
before=$(sent_count)
dawdles 'GET /health HTTP/1.1\r\nX: ' $sixty
fails 'a head in drops: 408 within its time' 408 timeout_error
is 'and closed' "$(field connection)" close
dawdles "${head}Content-Length: 60\r\n\r\n" $sixty
fails 'a body in drops: 408 within its whole time' 408 timeout_error
holds "${head}Content-Length: 60\r\n\r\n{"
fails 'a body that stops: 408' 408 timeout_error
holds "${head}Transfer-Encoding: chunked\r\n\r\n7\r\n{"
fails 'a body in chunks that stops: 408' 408 timeout_error
holds 'GET /health HT'
fails 'a head that stops: 408' 408 timeout_error
is 'none was sent on' "$(($(sent_count) - before))" 0

holds ''
is 'a connection without a request: closed in silence' "$(wc -c <"$T/answer" | tr -d ' ')" 0
holds 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
is 'an idle one after an answer: likewise' "$(grep -ao 'HTTP/1' "$T/answer" | wc -l | tr -d ' ') $status" '1 200'
holds 'GET /no HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
is 'one that does not close after the last answer' "$status" 404

at_base() {
	[ "$(fds)" -le $((base + 1)) ]
}
check 'no descriptor is left' until_true at_base
alive
