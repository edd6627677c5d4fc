#!/bin/sh
# HOST as the path of a Unix socket: made, used, taken over, handed over and
# removed; never in another's place.
. "$(dirname "$0")/lib.sh"

script_long 700
at=$T/here.sock

# through NAME <BYTES: sends them to that socket; fills $T/answer, $T/body and $status
through() {
	timeout "${SECONDS_MAX:-20}" nc -U "$1" >"$T/answer"
	took_answer
}
# call PATH [HOST]: a request for /health
call() {
	printf 'GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${2:-localhost}" >"$T/send"
	through "$1" <"$T/send"
}
# question TEXT [FIELD]: the user says TEXT, through $at
question() {
	body='{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"'$1'"}]}'
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n%s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"${2:-x-api-key: $key}" ${#body} "$body" >"$T/send"
	through "$at" <"$T/send"
}
# settings FILE LINE ...
settings() {
	to=$1
	shift
	printf '%s\n' "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1" OPENAI_API_KEY=k "$@" >"$to"
	chmod 600 "$to"
}
# begin [LINE ...]: an instance at $at; sets $proxy_pid, $env and $log
begin() {
	count=$((count + 1))
	env=$T/env.$count log=$T/proxy.$count.log
	settings "$env" "HOST=${host:-$at}" "$@"
	"$PROXY" --env "$env" >"$log" 2>&1 </dev/null &
	proxy_pid=$!
	keep_pid $proxy_pid
	until_true begun || { cat "$log"; exit 1; }
}
begun() {
	! kill -0 $proxy_pid 2>/dev/null || grep -q '^[^ ]* *INFO limits\|INFO limits' "$log"
}
# fails_at WHAT CODE WORDS: the instance of $env does not start
fails_at() {
	timeout 20 "$PROXY" --env "$env" >"$T/out" 2>&1 </dev/null
	is "$1: exit status" "$?" "$2"
	is "$1: one line" "$(wc -l <"$T/out" | tr -d ' ')" 1
	has "$1: why" "$T/out" "$3"
}
mode() {
	ls -ld "$1" | cut -c 1-10
}
said() {
	grep -qF -- "$1" "$log"
}

# ---- serving ----

umask 077
begin
has 'the line at the start' "$log" "listening on unix:$at -> http://127.0.0.1:$provider/v1"
is 'its owner and its group, whatever the umask' "$(mode "$at")" srw-rw----
umask 022
call "$at"
is '/health' "$status $(json server.host) $(json server.port)" "200 $at 0"
if command -v curl >/dev/null; then
	is 'curl --unix-socket' "$(curl -s --unix-socket "$at" http://localhost/health | "$top/test/tool" json status)" healthy
fi
question hi
is 'a request' "$status $(json content.0.text)" '200 hello'
has 'from whom' "$log" ' 200 in '
question hi 'Origin: https://evil.example'
is 'a web page is refused here too' "$status" 403
call "$at" evil.example
is 'and another name' "$status" 421
timeout 20 "$PROXY" status --env "$env" >"$T/out"
is 'status' "$? $(sed 1d "$T/out" | grep -c "^$at  *0:00:")" '0 1'
timeout 20 "$PROXY" --check --env "$env" >"$T/out"
is '--check' "$? $(tail -n 1 "$T/out")" '0 all is well'
timeout 20 "$PROXY" env sh --env "$env" >"$T/out" 2>"$T/err"
is 'env: nothing for the shell' "$? $(cat "$T/out")" '100 '
has 'env: how to go on' "$T/err" "UNIX-CONNECT:$at"

# ---- one that is in use, or that is no socket ----

fails_at 'a socket in use' 111 "cannot listen on unix:$at: the socket is in use"
call "$at"
is 'goes on' "$status" 200
kill -9 $proxy_pid
wait $proxy_pid 2>/dev/null
check 'one that was killed leaves it' test -S "$at"
timeout 20 "$PROXY" status --env "$env" >"$T/out"
is 'status: nobody listens' "$? $(sed 1d "$T/out")" "111 $at  $refused"
host=unix:$at begin
call "$at"
is 'it is taken over; unix: before it' "$status" 200
stop $proxy_pid
is 'TERM removes it' "$stopped $(test -e "$at" || echo gone)" '0 gone'
echo precious >"$at"
fails_at 'a file that is no socket' 111 'no socket'
is 'stays' "$(cat "$at")" precious
rm "$at"
mkdir "$at"
fails_at 'a directory' 111 'no socket'
rmdir "$at"
ln -s "$T/nowhere" "$at"
fails_at 'a link' 111 'no socket'
check 'stays a link' test -L "$at"
rm "$at"
settings "$env" "HOST=$T/no/such/directory"
fails_at 'no such directory' 111 'No such file'
long=/no-such-directory/$(printf '%089d' 0)
settings "$env" "HOST=$long"
fails_at 'a path that is too long' 100 "$env:3: HOST: the path of a socket may have 107 bytes"
settings "$env" "HOST=${long%?}"
fails_at 'the longest: only the system says no' 111 'cannot listen on unix:/no-such-directory/00'
settings "$env" HOST=unix:here.sock
fails_at 'a path that begins nowhere' 100 "$env:3: HOST"
# another that came to its place stays
begin
mv "$at" "$T/moved.sock"
echo other >"$at"
stop $proxy_pid
is 'what stands in its place at the end stays' "$stopped $(cat "$at")" '0 other'
rm -f "$at" "$T/moved.sock"

# ---- a key; ALLOWED_HOSTS ----

begin ANTHROPIC_API_KEY=$key
question hi
is 'the key' "$status" 200
question hi 'x-api-key: wrong'
is 'another' "$status" 401
call "$at" proxy.example
is 'where keys are asked for, the name is that of the server before it' "$status" 200
stop $proxy_pid

# ---- beside a port, and logs ----

port=$("$top/test/tool" port)
settings "$T/port.env" "PORT=$port" "LOG_DIR=$T"
settings "$T/socket.env" "HOST=$at" "LOG_DIR=$T"
"$PROXY" --env "$T/socket.env" --env "$T/port.env" 2>"$T/both.log" </dev/null &
proxy_pid=$!
keep_pid $proxy_pid
until_true nc -z 127.0.0.1 "$port"
until_true call "$at"
is 'beside a port: the socket' "$status" 200
get /health
is 'beside a port: the port' "$status" 200
has 'its log has the name of the socket' "$T/claude-code-proxy-here.sock.log" "listening on unix:$at"
has 'the other that of the port' "$T/claude-code-proxy-$port.log" 'listening on http://127.0.0.1'
stop $proxy_pid
# a second instance that cannot start takes the first's socket away again
settings "$T/port.env" HOST=192.0.2.7 ALLOW_ANONYMOUS=true
timeout 20 "$PROXY" --env "$T/socket.env" --env "$T/port.env" >/dev/null 2>&1 </dev/null
is 'a start that fails leaves none' "$? $(test -e "$at" || echo gone)" '111 gone'

# ---- reload: from a port to a socket, to another, and back ----

start_proxy
count_of() {
	[ "$(grep -c 'listening on' "$log")" -ge "$1" ]
}
# move N LINE: another HOST, and the Nth banner
move() {
	grep -v '^HOST=' "$env" >"$T/env.new"
	echo "$2" >>"$T/env.new"
	cat "$T/env.new" >"$env"
	kill -HUP $proxy_pid
	until_true count_of "$1"
}
move 2 "HOST=$at"
call "$at"
is 'reload: from a port to a socket' "$status" 200
check 'reload: nobody is at the port any more' sh -c "! nc -z 127.0.0.1 $port"
move 3 "HOST=$at.2"
call "$at.2"
is 'reload: to another socket' "$status $(test -e "$at" || echo gone)" '200 gone'
move 4 "HOST=$at.2"
call "$at.2"
is 'reload: the same' "$status" 200
echo precious >"$at"
kill -HUP $proxy_pid
grep -v '^HOST=' "$env" >"$T/env.new"
echo "HOST=$at" >>"$T/env.new"
cat "$T/env.new" >"$env"
kill -HUP $proxy_pid
check 'reload: one that cannot be made is told' until_true said "cannot listen on unix:$at: there is a file"
call "$at.2"
is 'reload: and the one before stays' "$status" 200
rm "$at"
before=$(grep -c 'listening on' "$log")
move $((before + 1)) HOST=127.0.0.1
get /health
is 'reload: back to the port' "$status $(test -e "$at.2" || echo gone)" '200 gone'
stop $proxy_pid

# ---- upgrade ----

begin
old=$proxy_pid
body='{"model":"claude-opus-4-8","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"long-stream"}]}'
printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' ${#body} "$body" >"$T/send"
timeout 20 nc -U "$at" <"$T/send" >"$T/stream" &
client=$!
keep_pid $client
until_true grep -q '"one ' "$T/stream"
kill -USR2 $old
check 'USR2: the new one serves' until_true said 'serves now'
new=$(sed -n 's/.*upgrade: process \([0-9]*\) serves now.*/\1/p' "$log")
keep_pid "$new"
call "$at"
is 'USR2: /health' "$status" 200
check 'USR2: what ran is finished' until_true grep -q message_stop "$T/stream"
stop $client
wait $old 2>/dev/null
check 'USR2: the socket was handed over' test -S "$at"
call "$at"
is 'USR2: and is served' "$status" 200
kill "$new"
gone() {
	test ! -e "$at"
}
check 'and removed by the new one' until_true gone
