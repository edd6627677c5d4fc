#!/bin/sh
# Sockets that others opened: inetd's wait mode, socket activation by names and
# in order, and telling the service manager that it serves.
. "$(dirname "$0")/lib.sh"

script_long
# settings FILE LINE ...
settings() {
	to=$1
	shift
	printf '%s\n' "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1" "ANTHROPIC_API_KEY=$key" "$@" >"$to"
	chmod 600 "$to"
}
model() {
	json model "$(sent "$(sent_count)")"
}
answers_as() {
	ask hi
	is "$1" "$status $(model)" "200 $2"
}
said() {
	grep -q "$1" "$2"
}

# ---- -w ----

settings "$T/wait" BIG_MODEL=waits
for fd in /dev/null "$T/wait"; do
	timeout 20 "$PROXY" -w --env "$T/wait" <"$fd" >"$T/out" 2>&1
	is "-w on $fd" "$? $(cat "$T/out")" '100 claude-code-proxy: -w: file descriptor 0 is no listening socket'
done
timeout 20 test/tool inetd "$PROXY" -w --env "$T/wait" </dev/null >"$T/out" 2>&1
is '-w on a connection: in silence, since that would get it' "$? $(cat "$T/out")" '100 '

inetd=$(command -v inetd || ls /usr/sbin/inetd 2>/dev/null)
if [ -n "$inetd" ]; then
	port=$(test/tool port)
	settings "$T/wait" BIG_MODEL=waits KEEPALIVE_MS=300 "LOG_FILE=$T/wait.log"
	echo "127.0.0.1:$port stream tcp wait.600 $(id -un) $PROXY claude-code-proxy -w --env $T/wait" >"$T/inetd.conf"
	"$inetd" -i "$T/inetd.conf" >"$T/inetd.log" 2>&1 &
	inetd_pid=$!
	keep_pid $inetd_pid
	starts() {
		grep -c 'listening on' "$T/wait.log" 2>/dev/null
	}
	child() {
		ps -o pid= --ppid $inetd_pid 2>/dev/null | tr -d ' '
	}
	no_child() {
		[ -z "$(child)" ]
	}
	check 'inetd, wait: it listens' until_true nc -z 127.0.0.1 "$port"
	answers_as 'inetd, wait: a request' waits
	has 'inetd, wait: the banner tells the port of inetd' "$T/wait.log" "listening on http://127.0.0.1:$port"
	stream long-stream
	first=$(child)
	mv "$T/answer" "$T/aside"
	answers_as 'inetd, wait: another beside a stream' waits
	wait $client
	mv "$T/aside" "$T/answer"
	took_answer
	is 'inetd, wait: the stream' "$(message | head -n 1)" 'text one two'
	is 'inetd, wait: all by one process' "$(child) $(grep -c 'messages' "$T/wait.log")" "$first 3"
	before=$(starts)
	check 'inetd, wait: it ends when nobody comes' until_true no_child
	answers_as 'inetd, wait: and is started anew' waits
	is 'inetd, wait: once' "$(($(starts) - before))" 1
	is 'inetd, wait: its log goes on' "$(ls "$T" | grep -c '^wait\.log')" 1
	# a listener that is not its own stays where it is
	settings "$T/wait" BIG_MODEL=changed KEEPALIVE_MS=5000 "PORT=$(test/tool port)" "LOG_FILE=$T/wait.log"
	until_true no_child
	answers_as 'inetd, wait: PORT means nothing' changed
	settings "$T/wait" BIG_MODEL=again "PORT=$(test/tool port)" "LOG_FILE=$T/wait.log"
	kill -HUP "$(child)"
	until_true said 'settings again' "$T/wait.log"
	second=$(child)
	kill -USR2 "$second"
	answers_as 'inetd, wait: nor in a reload' again
	is 'inetd, wait: an upgrade is not for it' "$(child) $(grep -c 'upgrade:' "$T/wait.log")" "$second 0"
	kill "$second"
	check 'inetd, wait: TERM' until_true no_child
	answers_as 'inetd, wait: after TERM' again
	kill "$(child)"
	stop $inetd_pid
else
	echo '# no inetd: its wait mode is not tried'
fi

# ---- socket activation ----

if command -v systemd-socket-activate >/dev/null; then
	# activate NAMES FILE ...: two sockets, $a and $b; sets $pid
	activate() {
		names=$1
		a=$(test/tool port) b=$(test/tool port)
		shift
		set -- --env "$T/$1" --env "$T/$2"
		systemd-socket-activate -l "127.0.0.1:$a" -l "127.0.0.1:$b" ${names:+--fdname="$names"} \
			${notify:+-E NOTIFY_SOCKET="$notify"} "$PROXY" "$@" >"$T/activated.log" 2>&1 </dev/null &
		pid=$!
		keep_pid $pid
		until_true grep -q 'as 4' "$T/activated.log"
	}
	settings "$T/one.env" BIG_MODEL=one
	settings "$T/.env-two" BIG_MODEL=two
	notify=
	both() {
		port=$a
		answers_as "$1: the first socket" "$2"
		port=$b
		answers_as "$1: the second socket" "$3"
		stop $pid
	}
	activate .env-two:one one.env .env-two
	both 'by FileDescriptorName' two one
	activate .env-two:one.env one.env .env-two
	both 'by FileDescriptorName, with the suffix' two one
	activate on:.env one.env .env-two
	both 'names that are no file, in order' one two
	activate '' .env-two one.env
	both 'without names, in order' two one
	activate x:one .env-two one.env
	both 'one has a name' two one

	settings "$T/one.env" BIG_MODEL=one
	activate one:x one.env .env-two
	port=$a
	answers_as 'before a reload' one
	settings "$T/one.env" BIG_MODEL=new "PORT=$(test/tool port)"
	kill -HUP $pid
	until_true said 'settings again' "$T/activated.log"
	both "a supervisor's socket stays in a reload" new two

	# ---- readiness ----
	notify=$T/notify
	timeout 60 nc -dlkuU "$notify" >"$T/told" 2>/dev/null &
	keep_pid $!
	until_true test -S "$notify"
	activate '' one.env .env-two
	port=$a
	answers_as 'readiness' new
	check 'readiness is told' until_true said READY=1 "$T/told"
	is 'readiness: nothing else' "$(cat "$T/told")" READY=1
	stop $pid
else
	echo '# no systemd-socket-activate: sockets from a supervisor are not tried'
fi

for path in /no/such/socket '@no-such' relative "$(head -c 200 /dev/zero | tr '\0' /)" /; do
	NOTIFY_SOCKET=$path start_proxy
	alive "NOTIFY_SOCKET=$(echo "$path" | head -c 20): nobody there, no harm"
	stop $proxy_pid
done

# an upgrade: who is the main process then
rm -f "$T/notify"
timeout 60 nc -dlkuU "$T/notify" >"$T/told.upgrade" 2>/dev/null &
keep_pid $!
until_true test -S "$T/notify"
NOTIFY_SOCKET=$T/notify start_proxy
check 'a start is told' until_true said READY=1 "$T/told.upgrade"
kill -USR2 $proxy_pid
check 'an upgrade: the main process is told' until_true said MAINPID= "$T/told.upgrade"
new=$(sed -n 's/.*MAINPID=\([0-9]*\).*/\1/p' "$T/told.upgrade")
keep_pid "$new"
until_true said 'serves now' "$log"
has 'an upgrade: it is the new one' "$log" "process $new serves now"
kill "$new"
