#!/bin/sh
# Requests as bytes, over TCP and over pipes (-i): what may be read in two ways
# is refused, what is allowed works in pieces of every size, limits hold on both
# sides of them, and no other connection notices.
. "$(dirname "$0")/lib.sh"

script <<'END'
when long-stream
	text begin.
	pause 700
	text middle.
	pause 700
	text end.
when *
	text "hello"
END
start_proxy MAX_BODY=3000 HEAD_TIMEOUT_MS=60000 BODY_IDLE_MS=60000
head="Host: localhost\r\nx-api-key: $key\r\nContent-Type: application/json\r\n"
hi='{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}'
post="POST /v1/messages HTTP/1.1\r\n$head"

# a stream that runs while all else happens
printf '%s' "$hi" | sed 's/"hi"/"long-stream"/; s/{/{"stream":true,/' >"$T/long"
{
	printf "${post}Content-Length: %s\r\nConnection: close\r\n\r\n" "$(wc -c <"$T/long" | tr -d ' ')"
	cat "$T/long"
} >"$T/long.send"
nc 127.0.0.1 "$port" <"$T/long.send" >"$T/long.answer" &
long=$!
keep_pid $long

# pipe: what -i answers to $T/send
pipe() {
	timeout 20 "$PROXY" -i --env "$env" <"$T/send" >"$T/answer" 2>"$T/pipe.log"
	took_answer
}

# under valgrind a process for each case takes too long
ways='raw pipe'
[ -z "${SLOW:-}" ] || ways=raw

# answers: how many there are, interim ones left out
answers() {
	grep -ao 'HTTP/1\.1 [2-9]' "$T/answer" | wc -l | tr -d ' '
}

type_of() {
	case $1 in
	413) echo request_too_large ;;
	*) echo invalid_request_error ;;
	esac
}

# bad WHAT STATUS FORMAT: refused and closed, and what stands behind it is no request
bad() {
	before=$(sent_count)
	# shellcheck disable=SC2059
	printf "$3" >"$T/send"
	for way in $ways; do
		$way <"$T/send"
		fails "$1 ($way)" "$2" "$(type_of "$2")"
		is "$1 ($way): closed" "$(field connection) $(answers)" 'close 1'
	done
	is "$1: not sent on" "$(($(sent_count) - before))" 0
}

# good WHAT FORMAT: answered by the upstream
good() {
	printf "$2" >"$T/send"
	for way in $ways; do
		$way <"$T/send"
		is "$1 ($way)" "$status $(json content.0.text)" '200 hello'
	done
}
smuggled="POST /v1/messages HTTP/1.1\r\n${head}Content-Length: 88\r\n\r\n$hi"
n=${#hi}

# ---- lengths ----

good 'a length' "${post}Content-Length: $n\r\nConnection: close\r\n\r\n$hi"
for length in +7 0x7 '' 18446744073709551623 99999999999999999999999 7,7 '7 7' -1 7.0 '7;' 1e3 '"7"' 9223372036854775808; do
	bad "Content-Length '$length'" 400 "${post}Content-Length: $length\r\n\r\n{\"a\":1}$smuggled"
done
bad 'two lengths' 400 "${post}Content-Length: 7\r\nContent-Length: 7\r\n\r\n{\"a\":1}$smuggled"
bad 'two different lengths' 400 "${post}Content-Length: 7\r\nContent-Length: 8\r\n\r\n{\"a\":1}$smuggled"
bad 'a length and chunks' 400 "${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n$smuggled"
bad 'chunks and a length' 400 "${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$smuggled"

# ---- codings ----

chunked="$(printf %x $((n - 10)))\r\n$(echo "$hi" | cut -c 1-$((n - 10)))\r\na;ext=\"v\"\r\n$(echo "$hi" | cut -c $((n - 9))-)\r\n0\r\nContent-Length: 9\r\nX-Trailer: 1\r\n\r\n"
good 'chunks, an extension, trailers' "${post}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n$chunked"
good 'Chunked in capitals' "${post}transfer-encoding: CHUNKED\r\nConnection: close\r\n\r\n$chunked"
for coding in identity 'gzip, chunked' 'chunked, gzip' xchunked chunkedx 'chunked;q=1' '"chunked"' 'chunked,' ', chunked' '' \
	'chunked chunked' "'chunked'" 'cow, chunked'; do
	bad "Transfer-Encoding '$coding'" 501 "${post}Transfer-Encoding: $coding\r\n\r\n$chunked"
done
bad 'Transfer-Encoding twice' 400 "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n$chunked"
bad 'Transfer-Encoding twice, once identity' 400 "${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n$chunked"
bad 'Transfer-Encoding in HTTP/1.0' 400 "POST /v1/messages HTTP/1.0\r\n${head}Transfer-Encoding: chunked\r\n\r\n$chunked"
for field in 'Transfer-Encoding : chunked' ' Transfer-Encoding: chunked' 'Transfer-Encoding\t: chunked' 'Transfer-Encoding: chunk\0ed' \
	'Transfer-Encoding: \013chunked' 'Transfer-Encoding:\n chunked' 'Transfer-Encoding: chunked\rX: y' 'Transfer\0Encoding: chunked' \
	'Transfer-Encoding: chunked\n' 'Transfer-Encoding' ': chunked' 'Transfer-\377Encoding: chunked' 'X: y\r\n Transfer-Encoding: chunked' \
	'X: y\nTransfer-Encoding: chunked' 'X: y\rTransfer-Encoding: chunked' 'Transfer-Encoding: chunked\177' '"Transfer-Encoding": chunked'; do
	bad "field $field" 400 "${post}Content-Length: 5\r\n$field\r\n\r\n0\r\n\r\n$smuggled"
done
# other names are other fields: the length alone counts, and the body is no JSON object
for field in Transfer_Encoding: Transfer-Encodings: X-Transfer-Encoding: Transfer-Enc0ding: TransferEncoding: Content_Length:; do
	before=$(sent_count)
	printf "${post}Content-Length: 5\r\n$field chunked\r\nConnection: close\r\n\r\n0\r\n\r\n$smuggled" >"$T/send"
	for way in $ways; do
		$way <"$T/send"
		is "field $field ($way)" "$status $(answers) $(($(sent_count) - before))" '400 1 0'
	done
done

# ---- chunks ----

for size in 0x7 +7 ' 7' '7 ' -7 '' 7g 00000000000000007 fffffffffffffffff '7\t'; do
	bad "chunk size '$size'" 400 "${post}Transfer-Encoding: chunked\r\n\r\n$size\r\n{\"a\":1}\r\n0\r\n\r\n$smuggled"
done
bad 'no CR LF behind a chunk' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}0\r\n\r\n$smuggled"
bad 'LF alone behind a size' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7\n{\"a\":1}\r\n0\r\n\r\n$smuggled"
bad 'LF alone behind a chunk' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\n0\r\n\r\n$smuggled"
bad 'a control character in an extension' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7;a\0b\r\n{\"a\":1}\r\n0\r\n\r\n"
bad 'a broken trailer' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\nno colon\r\n\r\n"
long_ext=$(head -c 300 /dev/zero | tr '\0' e)
bad 'an extension without end' 400 "${post}Transfer-Encoding: chunked\r\n\r\n7;$long_ext\r\n{\"a\":1}\r\n0\r\n\r\n"

# ---- heads ----

bad 'a space before the colon' 400 "GET /health HTTP/1.1\r\nHost : localhost\r\n\r\n"
bad 'a folded field' 400 "GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n"
bad 'NUL' 400 'GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n'
bad 'LF alone' 400 'GET /health HTTP/1.1\nHost: localhost\n\n'
bad 'a field without a name' 400 'GET /health HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n'
bad 'two spaces in the request line' 400 'GET  /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
bad 'no target' 400 'GET HTTP/1.1\r\nHost: localhost\r\n\r\n'
bad 'two Hosts' 400 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n'
bad 'no Host' 400 'GET /health HTTP/1.1\r\n\r\n'
bad 'HTTP/0.9' 400 'GET /health\r\n\r\n'
bad 'HTTP/2 by prior knowledge' 505 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
bad 'HTTP/3.0' 505 'GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n'
bad 'http in lower case' 400 'GET /health http/1.1\r\nHost: localhost\r\n\r\n'
bad 'a TLS hello' 400 '\026\003\001\002\000\001\000\001\374\003\003abcdefgh'
bad 'SSH' 400 'SSH-2.0-OpenSSH_9.6\r\n'
send 'GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n'
is 'HTTP/1.0 is answered and closed' "$status $(field connection)" '200 close'
printf 'GET /health HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET / HTTP/1.0\r\n\r\n' >"$T/send"
raw <"$T/send"
is 'HTTP/1.0 with keep-alive' "$(answers) $(field connection)" '2 keep-alive'
printf '\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >"$T/send"
raw <"$T/send"
is 'empty lines before a request' "$status" 200

# big ones: one below a limit, one above
fill() {
	head -c "$1" /dev/zero | tr '\0' x
}
printf "GET /health?%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" "$(fill $((4096 - 21)))" >"$T/send"
raw <"$T/send"
is 'a request line of 4096 bytes' "$status" 200
bad 'a request line of 4097 bytes' 414 "GET /health?$(fill $((4096 - 20))) HTTP/1.1\r\nHost: localhost\r\n\r\n"
bad 'a request line of 64 KB' 414 "GET /$(fill 65536) HTTP/1.1\r\nHost: localhost\r\n\r\n"
for extra in 0 1; do
	{
		printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n'
		i=$((2 - extra))
		while [ $i -lt 64 ]; do
			printf 'X-%d: y\r\n' $i
			i=$((i + 1))
		done
		printf '\r\n'
	} >"$T/fields.$extra"
done
raw <"$T/fields.0"
is '64 fields' "$status" 200
raw <"$T/fields.1"
fails '65 fields' 431 invalid_request_error
start="GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: "
size=$(printf "$start" | wc -c)
printf "$start%s\r\n\r\n" "$(fill $((16384 - size - 4)))" >"$T/send"
raw <"$T/send"
is 'a head of 16384 bytes' "$status $(wc -c <"$T/send" | tr -d ' ')" '200 16384'
bad 'a head of 16385 bytes' 431 "$start$(fill $((16384 - size - 3)))\r\n\r\n"
bad 'a head of 128 KB' 431 "$start$(fill 131072)\r\n\r\n"
before=$(wc -l <"$log")
head -c 10000000 /dev/zero | timeout 20 nc 127.0.0.1 "$port" >"$T/answer"
took_answer
is '10 MB of garbage' "$status" 400
is 'and one line of log' "$(($(wc -l <"$log") - before))" 1

# ---- Expect ----

bad 'another Expect' 417 "${post}Content-Length: $n\r\nExpect: a-miracle\r\n\r\n$hi"

# talk FIFO ...: an open connection, or -i, that is written to through fd 3 and says $T/said
talk() {
	rm -f "$T/fifo"
	mkfifo "$T/fifo"
	: >"$T/said"
	if [ "$1" = raw ]; then
		timeout 20 nc 127.0.0.1 "$port" <"$T/fifo" >"$T/said" &
	else
		timeout 20 "$PROXY" -i --env "$env" <"$T/fifo" >"$T/said" 2>/dev/null &
	fi
	talker=$!
	keep_pid $talker
	exec 3>"$T/fifo"
}
said() {
	grep -aq "$1" "$T/said"
}
hang_up() {
	exec 3>&-
	wait $talker
	cp "$T/said" "$T/answer"
	took_answer
}
for way in raw pipe; do
	talk $way
	printf "${post}Content-Length: $n\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n" >&3
	check "100 Continue ($way)" until_true said '^HTTP/1.1 100 Continue'
	printf '%s' "$hi" >&3
	hang_up
	is "100 Continue: then the answer ($way)" "$status $(json content.0.text) $(answers)" '200 hello 1'
	talk $way
	printf "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: $n\r\nExpect: 100-continue\r\n\r\n" >&3
	check "no 100 Continue for who may not ($way)" until_true said '^HTTP/1.1 401'
	hang_up
	is "but the refusal at once ($way)" "$(grep -ac '^HTTP/1.1 100' "$T/said")" 0
done
good 'Expect with the body behind it' "${post}Content-Length: $n\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n$hi"
is 'needs no invitation' "$(grep -ac '^HTTP/1.1 100' "$T/answer")" 0

# ---- limits of a body ----

# body N: a request body of N bytes
body() {
	printf '{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"%s"}]}' "$(fill $(($1 - n + 2)))"
}
good 'a body at MAX_BODY' "${post}Content-Length: 3000\r\nConnection: close\r\n\r\n$(body 3000)"
bad 'a body above MAX_BODY' 413 "${post}Content-Length: 3001\r\n\r\n$(body 3001)$smuggled"
good 'chunks up to MAX_BODY' "${post}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nbb8\r\n$(body 3000)\r\n0\r\n\r\n"
bad 'chunks above MAX_BODY' 413 "${post}Transfer-Encoding: chunked\r\n\r\nbb9\r\n$(body 3001)\r\n0\r\n\r\n$smuggled"
bad 'a GET with a large body' 413 "GET /health HTTP/1.1\r\n${head}Content-Length: 4294967306\r\n\r\n"
send "GET /health HTTP/1.1\r\n${head}Content-Length: 4\r\nConnection: close\r\n\r\nbody"
is 'a GET with a small one' "$status" 200
for way in raw pipe; do
	talk $way
	printf "${post}Content-Length: 3001\r\n\r\n" >&3
	check "413 before the body comes ($way)" until_true said '^HTTP/1.1 413'
	hang_up
	talk $way
	printf "${post}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n%s" "$(body 3001)" >&3
	check "413 where chunks cross it ($way)" until_true said '^HTTP/1.1 413'
	hang_up
done

# ---- ends ----

for part in 'POST /v1/mess' "${post}Content-Le" "${post}Content-Length: $n\r\n\r\n" "${post}Content-Length: $n\r\n\r\n{\"model\"" \
	"${post}Transfer-Encoding: chunked\r\n\r\n" "${post}Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\"" \
	"${post}Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n"; do
	before=$(sent_count)
	printf "$part" >"$T/send"
	for way in 'raw -N' pipe; do
		$way <"$T/send"
		fails "the end after '$(printf "$part" | tail -n 1 | tail -c 20)' ($way)" 400 invalid_request_error
	done
	is 'and nothing was sent on' "$(($(sent_count) - before))" 0
done
: >"$T/send"
for way in 'raw -N' pipe; do
	$way <"$T/send"
	is "the end before a byte ($way)" "$(wc -c <"$T/answer" | tr -d ' ')" 0
done

# ---- in pieces, and several at once ----

printf "${post}Content-Length: $n\r\n\r\n${hi}POST /v1/messages HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n${chunked}GET /v1/models/claude-x HTTP/1.1\r\n${head}Connection: close\r\n\r\n" >"$T/send"
expected='200 text hello 200 text hello 200 display_name gpt-4o'
in_order() {
	tr '\r' '\n' <"$T/answer" | sed 's/HTTP\/1/\
&/' | sed -n 's/^HTTP\/1.1 \([0-9]*\) .*/\1/p
		s/.*"\(text\)":"\([^"]*\)".*/\1 \2/p
		s/.*"\(display_name\)":"\([^"]*\)".*/\1 \2/p' | paste -sd ' ' -
}
for way in raw pipe; do
	$way <"$T/send"
	is "three requests in one piece, in order ($way)" "$(in_order)" "$expected"
done
timeout 20 test/tool drip "$port" <"$T/send" >"$T/answer"
is 'byte by byte' "$(in_order)" "$expected"
test/tool drip <"$T/send" | timeout 20 "$PROXY" -i --env "$env" >"$T/answer" 2>/dev/null
is 'byte by byte through a pipe' "$(in_order)" "$expected"

# ---- JSON ----

# json_bad WHAT TEXT PLACE
json_bad() {
	before=$(sent_count)
	printf '%s' "$2" >"$T/bad"
	{
		printf "${post}Content-Length: %s\r\nConnection: close\r\n\r\n" "$(wc -c <"$T/bad" | tr -d ' ')"
		cat "$T/bad"
	} >"$T/send"
	for way in $ways; do
		$way <"$T/send"
		fails "$1 ($way)" 400 invalid_request_error
		has "$1: where ($way)" "$T/body" "$3"
	done
	is "$1: not sent on" "$(($(sent_count) - before))" 0
}
json_bad 'a comma too many' '{"model":"m",}' 'line 1 column 14 (byte 13)'
json_bad 'on the third line' '{
"a":1,
  x}' 'line 3 column 3'
json_bad 'the end too early' '{"model":"m"' 'byte 12'
json_bad 'text behind it' "$hi x" "byte $((n + 1))"
json_bad 'no object' '[]' object
json_bad 'a string' '"x"' object
json_bad 'messages missing' '{"model":"m","max_tokens":5}' messages
json_bad 'max_tokens missing' '{"model":"m","messages":[{"role":"user","content":"x"}]}' max_tokens
json_bad 'a wrong type deep inside' '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"text","text":5}]}]}' \
	messages.1.content.0.text
send "${post}Content-Length: 0\r\nConnection: close\r\n\r\n"
fails 'an empty body' 400 invalid_request_error
send "${post}Connection: close\r\n\r\n"
fails 'no body' 400 invalid_request_error
send "${post}Content-Length: 9\r\nConnection: close\r\n\r\n{\"a\":\"\377\"}"
fails 'bytes that are no UTF-8' 400 invalid_request_error

# every prefix of a request is refused, and the connection is good for the next
i=1
while [ $i -lt "$n" ]; do
	printf "${post}Content-Length: $i\r\n\r\n%s" "$(echo "$hi" | cut -c 1-$i)"
	i=$((i + 1))
done >"$T/send"
printf "${post}Content-Length: $n\r\nConnection: close\r\n\r\n$hi" >>"$T/send"
before=$(sent_count)
for way in raw pipe; do
	$way <"$T/send"
	is "every prefix of a body ($way)" "$(answers) $(grep -ao 'HTTP/1\.1 400' "$T/answer" | wc -l | tr -d ' ') $(tail -c 400 "$T/answer" | grep -ac hello)" \
		"$n $((n - 1)) 1"
done
is 'only the whole ones were sent on' "$(($(sent_count) - before))" 2

# ---- nobody else noticed ----

wait $long
cp "$T/long.answer" "$T/answer"
took_answer
is 'the stream beside it all' "$status $(message | head -n 1)" '200 text begin.middle.end.'
alive
