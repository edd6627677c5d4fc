#!/bin/sh
# More connections than there are places or descriptors: idle ones make room,
# the rest is told to come again, nothing spins, and all is well afterwards.
. "$(dirname "$0")/lib.sh"

script <<'END'
when never-ends
	text "one "
	head
	hang
when *
	text "hello"
END
start_proxy MAX_CONNECTIONS=4 LINGER_MS=500
body='{"model":"claude-opus-4-8","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"never-ends"}]}'
busy_request() {
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"$key" ${#body} "$body"
}
busy_request >"$T/busy"

# busy N: opens N streams that do not end, one behind another: who has not asked yet counts as idle. Their pids in $clients
reached() {
	[ "$(sent_count)" -ge "$1" ]
}
busy() {
	i=0 clients= want=$(sent_count)
	while [ $i -lt "$1" ]; do
		nc "${at:-127.0.0.1}" "$port" <"$T/busy" >/dev/null &
		clients="$clients $!"
		keep_pid $!
		i=$((i + 1))
		until_true reached $((want + i))
	done
}
free() {
	for pid in $clients; do
		stop $pid
	done
}
served() {
	ask hi
	[ "$status" = 200 ]
}
ticks() {
	awk '{ print $14 + $15 }' /proc/$proxy_pid/stat
}
fds() {
	ls /proc/$proxy_pid/fd | wc -l | tr -d ' '
}
base=$(fds)

busy 4
ask hi
fails 'one too many' 529 overloaded_error
is 'it is told when to come again' "$(field retry-after) $(field connection)" '2 close'
has 'and why' "$T/body" MAX_CONNECTIONS
{
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n' "$key"
	head -c 3000000 /dev/zero
} >"$T/send"
raw <"$T/send"
fails 'a large request does not lose the answer' 529 overloaded_error
i=0 many=
while [ $i -lt 40 ]; do
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | timeout 20 nc 127.0.0.1 "$port" >"$T/many.$i" &
	many="$many $!"
	i=$((i + 1))
done
for pid in $many; do
	wait $pid
done
is 'forty too many: each is told' "$(cat "$T"/many.* | grep -ao 'HTTP/1\.1 529' | wc -l | tr -d ' ')" 40
free
check 'when places are free, all is well' until_true served

busy 3
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' | timeout 20 test/tool drip "$port" >"$T/idle" &
idle=$!
keep_pid $idle
until_true grep -q running "$T/idle"
ask hi
is 'an idle one makes room' "$status" 200
wait $idle
is 'it is closed in silence' "$? $(grep -ao 'HTTP/1' "$T/idle" | wc -l | tr -d ' ')" '0 1'
# of two idle ones the older
free
check 'and again' until_true served
busy 2
for n in 1 2; do
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' | timeout 20 test/tool drip "$port" >"$T/idle.$n" &
	eval "idle$n=$!"
	keep_pid $!
	until_true grep -q running "$T/idle.$n"
done
ask hi
is 'of two idle ones' "$status" 200
wait $idle1
is 'the older makes room' "$(kill -0 $idle2 2>/dev/null && echo 'the other stays')" 'the other stays'
free
stop $idle2
at_base() {
	[ "$(fds)" -le $((base + 2)) ]
}
check 'no descriptor is left' until_true at_base
stop $proxy_pid

# a crowd that says nothing: the oldest make room
start_proxy MAX_CONNECTIONS=50
mkfifo "$T/crowd"
test/tool crowd "$port" 400 <"$T/crowd" >"$T/crowd.out" &
crowd=$!
keep_pid $crowd
exec 3>"$T/crowd"
until_true grep -q open "$T/crowd.out"
ask hi
is 'a crowd of idle ones: others are served' "$status" 200
is 'and it stays within its places' "$(($(fds) <= base + 50 + 2))" 1
exec 3>&-
wait $crowd
stop $proxy_pid

# ---- from one address ----

# held FROM: /health, from an address of this machine
held() {
	printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >"$T/send"
	raw -s "$1" <"$T/send"
}
start_proxy MAX_CONNECTIONS=10 MAX_PER_ADDRESS=3 LINGER_MS=300
busy 3
ask hi
fails 'MAX_PER_ADDRESS: one more' 529 overloaded_error
is 'it is told when to come again' "$(field retry-after) $(field connection)" '2 close'
has 'and why' "$T/body" MAX_PER_ADDRESS
held 127.0.0.1
is 'it is answered /health' "$status" 200
printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' \
	"$key" "$(wc -c <"$T/ask" | tr -d ' ')" | cat - "$T/ask" >"$T/send"
raw -s 127.0.0.2 <"$T/send"
is 'another address is served' "$status" 200
i=0 many=
while [ $i -lt 30 ]; do
	timeout 20 nc -d 127.0.0.1 "$port" >"$T/silent.$i" &
	many="$many $!"
	i=$((i + 1))
done
held 127.0.0.2
is 'a crowd from one address keeps no other out' "$status" 200
for pid in $many; do
	wait $pid
done
is 'and most of it is told nothing' "$(($(cat "$T"/silent.* | grep -ac 'HTTP/1.1 529') <= 8))" 1
free
check 'when it has places again, all is well' until_true served
busy 2
printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' | timeout 20 test/tool drip "$port" >"$T/idle" &
idle=$!
keep_pid $idle
until_true grep -q running "$T/idle"
ask hi
is 'its own idle one makes room' "$status" 200
check 'and is closed' wait $idle
free
stop $proxy_pid

# not set, another machine's has three quarters, this machine's all
for at in $(hostname -I 2>/dev/null); do
	case $at in
	*:* | 127.*) continue ;;
	esac
	start_proxy HOST=0.0.0.0 MAX_CONNECTIONS=4 LINGER_MS=300
	busy 3
	timeout 20 nc "$at" "$port" <"$T/busy" >"$T/answer"
	took_answer
	fails 'a quarter is left by who comes from elsewhere' 529 overloaded_error
	ask hi
	is 'to others' "$status" 200
	free
	stop $proxy_pid
	break
done
at=

# ---- descriptors ----

cat >"$T/few" <<'END'
#!/bin/sh
ulimit -n 24
exec "$@"
END
chmod +x "$T/few"
# valgrind keeps descriptors of its own
if [ -z "${SLOW:-}" ]; then
	WRAP=$T/few
	start_proxy LINGER_MS=60000
	WRAP=
	busy 6
	i=0 clients="$clients"
	while [ $i -lt 30 ]; do
		printf 'GET /health HT' | nc 127.0.0.1 "$port" >/dev/null &
		clients="$clients $!"
		keep_pid $!
		i=$((i + 1))
	done
	check 'too many open files: said' until_true grep -q 'accept: .*; pausing' "$log"
	before=$(ticks)
	sleep 1
	is 'and nothing spins' "$(($(ticks) - before < 20))" 1
	is 'said once' "$(grep -c 'accept: ' "$log")" 1
	check 'it lives' kill -0 $proxy_pid
	free
	check 'when there are some again, all is well' until_true served
	stop $proxy_pid
	is 'and it ends well' $stopped 0
fi
