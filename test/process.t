#!/bin/sh
# The process and the system under it (F109-F128 of the fault matrix, as far as
# signals.t, logs.t, reload.t and torture.t do not show them): interrupted calls,
# sockets that take nothing, little memory, a process that is stopped, what
# others see of it.
. "$(dirname "$0")/lib.sh"

script <<'END'
when never-ends
	text "one "
	head
	hang
when *
	repeat 20 "some words "
END
words=$(i=0; while [ $i -lt 20 ]; do printf 'some words '; i=$((i + 1)); done)
serves() {
	ask hi
	is "$1" "$status $(json content.0.text)" "200 $words"
	ask hi '"stream":true'
	is "$1: a stream" "$status $(message | head -n 1)" "200 text $words"
}

# traced NAME=VALUE ... -- INJECTION ...: a proxy of whose calls some fail
traced() {
	set=''
	while [ "$1" != -- ]; do
		set="$set $1"
		shift
	done
	shift
	{
		printf '#!/bin/sh\nexec strace -f -qq -o /dev/null -e signal=none'
		for what do
			printf ' -e inject=%s' "$what"
		done
		printf ' "$@"\n'
	} >"$T/traced"
	chmod +x "$T/traced"
	WRAP=$T/traced
	# shellcheck disable=SC2086 # words
	start_proxy $set
	WRAP=
}
if [ -z "${SLOW:-}" ] && command -v strace >/dev/null && strace -qq -o /dev/null true 2>/dev/null; then
	# connect is never interrupted where it does not wait, nor are all calls of one of two places that poll in turn
	# nor is a resolver child, which has no handler of any signal: an upstream without a name
	traced -- read:error=EINTR:when=2+2 recvfrom:error=EINTR:when=2+2 \
		sendto:error=EINTR:when=2+2 poll:error=EINTR:when=2+3 accept:error=EINTR:when=2+2 wait4:error=EINTR:when=2+2 \
		write:error=EINTR:when=2+2 writev:error=EINTR:when=2+2
	serves 'F109 every second call is interrupted'
	kill -HUP "$(pgrep -P $proxy_pid)"
	check 'F109 so are those of SIGHUP' until_true grep -q 'settings again' "$log"
	serves 'F109 and it goes on'
	kill "$(pgrep -P $proxy_pid)"
	wait $proxy_pid
	is 'F109 it ends well' $? 0
	traced LOG_LEVEL=INFO -- sendto:error=EAGAIN:when=1+3 recvfrom:error=EAGAIN:when=1+3
	serves 'F110 every third socket call is not ready'
	kill "$(pgrep -P $proxy_pid)"
	wait $proxy_pid
	is 'F110 it ends well' $? 0
else
	echo '# no strace: no call is interrupted'
fi

# ---- F113: little of everything ----

# short LIMIT: starts under it; it must serve, or say why it does not
short() {
	printf '#!/bin/sh\nulimit %s\nexec "$@"\n' "$1" >"$T/short"
	chmod +x "$T/short"
	port=$("$top/test/tool" port)
	printf 'OPENAI_BASE_URL=http://127.0.0.1:%s/v1\nANTHROPIC_API_KEY=%s\nPORT=%s\n' "$provider" "$key" "$port" >"$T/env.short"
	chmod 600 "$T/env.short"
	"$T/short" "$PROXY" --env "$T/env.short" >"$T/short.log" 2>&1 </dev/null &
	proxy_pid=$!
	keep_pid $proxy_pid
	until_true proxy_is_up
	if kill -0 $proxy_pid 2>/dev/null; then
		SECONDS_MAX=1 get /health
		[ "$status" = 200 ] || ! grep -q 'accept: .*; pausing' "$T/short.log" || status='it says why not'
		case $status in
		200 | 'it says why not') ok "F113 ulimit $1: it serves" ;;
		*) not_ok "F113 ulimit $1: it serves" "$(cat "$T/short.log")" ;;
		esac
		stop $proxy_pid
		is "F113 ulimit $1: it ends well" $stopped 0
	else
		wait $proxy_pid
		code=$?
		check "F113 ulimit $1: a start that fails says why ($code)" test -s "$T/short.log" -a $code != 0
	fi
}
if [ -z "${SLOW:-}" ]; then
	for limit in '-n 4' '-n 6' '-n 8' '-n 12' '-v 1000' '-v 4000' '-v 12000' '-s 256'; do
		short "$limit"
	done
fi

# ---- F118 ----

start_proxy REQUEST_TIMEOUT=1 HOLD_MS=20000
stream never-ends &
asked() {
	[ "$(sent_count)" -gt "$before" ]
}
before=$(sent_count)
ask never-ends >/dev/null &
keep_pid $!
until_true asked
kill -STOP $proxy_pid
sleep 1
kill -CONT $proxy_pid
check 'F118 stopped and continued: what has expired ends' until_true grep -q ' 504 ' "$log"
serves 'F118 and what is new is served'
stop $proxy_pid

# ---- F121: what others see ----

start_proxy OPENAI_API_KEY=canary-of-the-file LOG_LEVEL=DEBUG
serves 'F121 a key'
if [ -r /proc/$proxy_pid/cmdline ]; then
	check 'F121 is not in the arguments' test "$(tr '\0' '\n' </proc/$proxy_pid/cmdline | grep -c -e canary -e "$key")" = 0
fi
check 'F121 nor in the log at DEBUG' test "$(grep -c canary "$log")" = 0
get /health
check 'F121 nor in /health' test "$(grep -c canary "$T/answer")" = 0
stop $proxy_pid

# ---- F125, F126 ----

cat >"$T/many" <<'END'
#!/bin/sh
exec python3 -c '
import os, sys
for i in range(1000):
    os.set_inheritable(os.open("/dev/null", os.O_RDONLY), True)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
END
chmod +x "$T/many"
if command -v python3 >/dev/null && [ -z "${SLOW:-}" ] && python3 -c 'import resource; exit(0 <= resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= 1100)'; then
	WRAP=$T/many
	start_proxy
	WRAP=
	serves 'F125 a start with a thousand descriptors'
	stop $proxy_pid
	is 'F125 it ends well' $stopped 0
fi

start_proxy
printf '{"model":"x\\n[FAKE] \\u001b[2J","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}' >"$T/ask"
request POST /v1/messages <"$T/ask"
check 'F126 a model that would be a line of its own' until_true grep -q ' messages .*FAKE' "$log"
check 'F126 stays in its line' test "$(grep -c '^\[FAKE' "$log")$(grep -c "$(printf '\033')" "$log")" = 00
stop $proxy_pid
