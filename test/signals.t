#!/bin/sh
# The process: how it starts and ends, what signals do, what it makes of the
# descriptors that it is given, several instances in one.
. "$(dirname "$0")/lib.sh"

script <<'END'
when never-ends
	text "one "
	head
	hang
when long-stream
	text "one "
	pause 400
	text two
when *
	text "hello"
END

# ends_well WHAT: the proxy ends by itself, with 0
ends_well() {
	wait $proxy_pid 2>/dev/null
	is "$1" "$?" 0
	pids=$(echo " $pids " | sed "s/ $proxy_pid / /")
}
ask_ok() {
	ask hi
	is "$1" "$status $(json content.0.text)" '200 hello'
}

# ---- SIGTERM, SIGINT ----

for signal in TERM INT; do
	start_proxy
	: >"$T/idle"
	printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' | timeout 20 test/tool drip "$port" >"$T/idle" &
	idle=$!
	keep_pid $idle
	until_true grep -q healthy "$T/idle"
	stream long-stream
	kill -$signal $proxy_pid
	check "SIG$signal: said" until_true grep -q stopping "$log"
	wait $idle
	is "SIG$signal: an idle connection is closed" "$?" 0
	check "SIG$signal: nothing more is accepted" test "$(nc -z 127.0.0.1 "$port" && echo open)" = ''
	ended
	is "SIG$signal: what runs is finished" "$(message | head -n 1)" 'text one two'
	ends_well "SIG$signal: then it ends well"
done

start_proxy
stream never-ends
kill $proxy_pid
until_true grep -q stopping "$log"
kill $proxy_pid
ends_well 'a second SIGTERM ends at once'
check 'what it cut off is in the log' grep -q 'messages .* 200 .*: stopped$' "$log"
ended
check 'and what ran has no end' test "$(grep -c message_stop "$T/body")" = 0
closed() {
	[ -e "$up/$(printf %04d "$(sent_count)").closed" ]
}
check 'and the upstream is closed' until_true closed

start_proxy DRAIN_MS=200
stream never-ends
kill $proxy_pid
ends_well 'a drain is bounded'
ended
start_proxy
kill $proxy_pid
ends_well 'an idle one ends at once'

# ---- other signals ----

start_proxy
stream long-stream
for signal in PIPE HUP CHLD USR1 PIPE HUP CONT STOP CONT; do
	kill -$signal $proxy_pid
done
i=0
while [ $i -lt 100 ]; do
	kill -HUP $proxy_pid
	kill -CHLD $proxy_pid
	i=$((i + 1))
done
ended
is 'F114 T20 PIPE, HUP, CHLD, USR1, STOP, CONT: the stream goes on' "$(message | head -n 1)" 'text one two'
ask_ok 'and the next one'

# ---- a busy port ----

busy=$port
printf 'PORT=%s\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n' "$busy" >"$T/busy"
chmod 600 "$T/busy"
timeout 20 "$PROXY" --env "$T/busy" >"$T/out" 2>&1 </dev/null
is 'F127 a busy port: exit status' "$?" 111
has 'a busy port: which one' "$T/out" "127.0.0.1:$busy"
has 'a busy port: why, and what to do' "$T/out" 'in use; set another PORT'
alive 'the first is untouched'
stop $proxy_pid
is 'SIGTERM: exit status' $stopped 0
(
	port=$busy
	"$PROXY" --env "$env" >"$T/again.log" 2>&1 </dev/null &
	proxy_pid=$!
	until_true nc -z 127.0.0.1 "$port"
	kill $proxy_pid
	wait $proxy_pid
	exit $?
)
is 'the port is free at once' "$?" 0

# ---- bad starts ----

# refuses WHAT TEXT: $T/bad does not start, and says TEXT
refuses() {
	timeout 20 "$PROXY" --env "$T/bad" >"$T/out" 2>&1 </dev/null
	is "$1: exit status" "$?" 100
	has "$1: why" "$T/out" "$2"
}
bad() {
	printf 'OPENAI_BASE_URL=http://127.0.0.1:9/v1\n%s\n' "$1" >"$T/bad"
	chmod 600 "$T/bad"
}
bad PORT=70000
refuses 'a value out of bounds' "$T/bad:2: PORT"
bad HOST=0.0.0.0
refuses 'all addresses without a key' ANTHROPIC_API_KEY
bad HOST=192.0.2.7
refuses 'another address without a key' ANTHROPIC_API_KEY
bad OPENAI_BASE_URL=https://api.example/v1
refuses 'no key for the provider' OPENAI_API_KEY
rm -f "$T/bad"
refuses 'no such file' "$T/bad"
bad PORT=0
chmod 666 "$T/bad"
refuses 'F120 a file that others may write' "$T/bad"
bad HOST=192.0.2.7
echo ALLOW_ANONYMOUS=true >>"$T/bad"
timeout 20 "$PROXY" --env "$T/bad" >"$T/out" 2>&1 </dev/null
is 'an address that is not ours: exit status' "$?" 111
has 'an address that is not ours' "$T/out" 192.0.2.7:8082
bad HOST=no-such-host.invalid
echo ALLOW_ANONYMOUS=true >>"$T/bad"
timeout 20 "$PROXY" --env "$T/bad" >"$T/out" 2>&1 </dev/null
is 'a HOST that is no address: exit status' "$?" 111
has 'a HOST that is no address' "$T/out" no-such-host.invalid

# ---- PORT=0, the environment alone, IPv6 ----

# banner_port: where the log says that it listens
banner_port() {
	sed -n 's/.*listening on http:\/\/.*:\([0-9][0-9]*\) ->.*/\1/p' "$1"
}
listens() {
	[ -n "$(banner_port "$1")" ]
}
env PORT=0 OPENAI_BASE_URL="http://127.0.0.1:$provider/v1" BIG_MODEL=from-the-environment "$PROXY" >"$T/zero.log" 2>&1 </dev/null &
proxy_pid=$!
keep_pid $proxy_pid
until_true listens "$T/zero.log"
port=$(banner_port "$T/zero.log")
get /health
is 'PORT=0: the banner and /health tell the real one' "$status $(json server.port)" "200 $port"
is 'without --env the environment counts' "$(json models.big_model)" from-the-environment
has 'the banner: base URL' "$T/zero.log" "http://127.0.0.1:$provider/v1"
has 'the banner: version' "$T/zero.log" "$("$PROXY" --version)"
has 'the banner: models' "$T/zero.log" 'big from-the-environment, middle from-the-environment, small gpt-4o-mini'
has 'the banner: limits' "$T/zero.log" 'limits: max_tokens 131072, bodies of 33554432 bytes, 1024 connections'
has 'the banner: keys' "$T/zero.log" 'client keys are not checked'
stop $proxy_pid
if grep -q '^00000000000000000000000000000001' /proc/net/if_inet6 2>/dev/null; then
	printf 'HOST=::1\nPORT=0\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$provider" >"$T/six"
	chmod 600 "$T/six"
	"$PROXY" --env "$T/six" >"$T/six.log" 2>&1 </dev/null &
	keep_pid $!
	until_true listens "$T/six.log"
	has 'IPv6: the banner' "$T/six.log" 'http://[::1]:'
	port=$(banner_port "$T/six.log")
	printf 'GET /health HTTP/1.1\r\nHost: [::1]:%s\r\nConnection: close\r\n\r\n' "$port" | timeout 20 nc ::1 "$port" >"$T/answer"
	took_answer
	is 'F128 IPv6: answers' "$status" 200
	printf 'HOST=::\nPORT=0\nANTHROPIC_API_KEY=%s\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$key" "$provider" >"$T/both"
	chmod 644 "$T/both"
	"$PROXY" --env "$T/both" >"$T/both.log" 2>&1 </dev/null &
	keep_pid $!
	until_true listens "$T/both.log"
	port=$(banner_port "$T/both.log")
	for address in ::1 127.0.0.1; do
		printf 'GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | timeout 20 nc $address "$port" >"$T/answer"
		took_answer
		is "HOST=::, by $address" "$status" 200
	done
	has 'a file that others can read: a warning' "$T/both.log" 'chmod 600'
fi

# ---- several in one ----

a=$(test/tool port) b=$(test/tool port)
for x in "$a one" "$b two"; do
	printf 'PORT=%s\nBIG_MODEL=%s\nANTHROPIC_API_KEY=key-of-%s\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "${x% *}" "${x#* }" "${x#* }" "$provider" \
		>"$T/${x#* }"
	chmod 600 "$T/${x#* }"
done
if [ "$a" != "$b" ]; then
	log=$T/several.log
	"$PROXY" --env "$T/one" --env="$T/two" >"$log" 2>&1 </dev/null &
	proxy_pid=$!
	keep_pid $proxy_pid
	for x in "$a one" "$b two"; do
		port=${x% *} key=key-of-${x#* }
		until_true nc -z 127.0.0.1 "$port"
		ask hi
		is "several: ${x#* } answers" "$status $(json model "$(sent "$(sent_count)")")" "200 ${x#* }"
	done
	port=$a
	ask hi
	is 'several: each has its own key' "$status" 401
	stop $proxy_pid
	is 'several: one SIGTERM ends them' $stopped 0
fi
cp "$T/one" "$T/twin"
timeout 20 "$PROXY" --env "$T/one" --env "$T/twin" >"$T/out" 2>&1 </dev/null
is 'several on one port: exit status' "$?" 111
key=test-client-key

# ---- descriptors ----

port=$(test/tool port)
printf 'PORT=%s\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$port" "$provider" >"$T/closed"
chmod 600 "$T/closed"
"$PROXY" --env "$T/closed" <&- >&- 2>&- &
proxy_pid=$!
keep_pid $proxy_pid
until_true nc -z 127.0.0.1 "$port"
ask_ok 'F124 with fds 0, 1 and 2 closed'
# valgrind takes one for itself
[ -n "${SLOW:-}" ] || is 'no socket got their numbers' "$(for i in 0 1 2; do readlink /proc/$proxy_pid/fd/$i; done | sort -u)" /dev/null
stop $proxy_pid

# logs LEVEL: starts one that logs to fd 5
logs() {
	port=$(test/tool port)
	printf 'PORT=%s\nLOG_LEVEL=DEBUG\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$port" "$provider" >"$T/logs"
	chmod 600 "$T/logs"
	"$PROXY" --env "$T/logs" >/dev/null 2>&5 </dev/null &
	proxy_pid=$!
	keep_pid $proxy_pid
	until_true nc -z 127.0.0.1 "$port"
}
exec 5>/dev/full
logs
ask_ok 'F116 a log on a full disk'
stop $proxy_pid
mkfifo "$T/log"
exec 6<>"$T/log" 5>"$T/log"
logs
i=0
while [ $i -lt 60 ]; do
	ask hi
	i=$((i + 1))
done
is 'a log that nobody reads' "$status" 200
cat "$T/log" >"$T/log.read" 5>&- 6>&- &
reader=$!
keep_pid $reader
has_lost() {
	ask hi
	grep -q 'log lines lost' "$T/log.read"
}
check 'what was lost is counted, once it is read again' until_true has_lost
is 'a pipe gets no time stamps' "$(grep -c '^20' "$T/log.read")" 0
stop $proxy_pid
exec 5>&- 6>&-
wait $reader
(
	sleep 0.1
	exec cat
) <"$T/log" >/dev/null &
reader=$!
exec 5>"$T/log"
logs
stop $reader
ask_ok 'a log whose reader is gone'
ask_ok 'and again'
exec 5>&-
stop $proxy_pid
is 'it ends well' $stopped 0
