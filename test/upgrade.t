#!/bin/sh
# SIGUSR2: another program takes over the listeners, what runs is finished by
# the one before, and no request is lost.
. "$(dirname "$0")/lib.sh"

if [ -n "${SLOW:-}" ]; then
	ok 'under another program the path of this one is not the one to start: not tried'
	exit 0
fi

script <<'END'
when long-stream
	text "one "
	head
	pause 700
	text two
when never-ends
	text "one "
	head
	hang
when flood-slow
	text "begun "
	pause 30
	text "goes on"
when flood-cut
	text "begun"
	cut
when flood-call
	call Bash {"command":"ls -la"}
when flood-error
	error 429 rate_limit_error "slow down"
when *
	text "hello"
END

# a program that can be replaced
mkdir "$T/bin"
program() {
	cp "$1" "$T/bin/new" && chmod 755 "$T/bin/new" && mv "$T/bin/new" "$T/bin/proxy"
}
real=$PROXY
program "$real"
PROXY=$T/bin/proxy

served() {
	grep -c 'upgrade: process [0-9]* serves now' "$log"
}
more_served() {
	[ "$(served)" -gt "$before" ]
}
# upgrade: and waits until the new one serves; sets $new, its pid
upgrade() {
	before=$(served)
	kill -USR2 "$1"
	check "${2:-the new program serves}" until_true more_served
	new=$(sed -n 's/.*upgrade: process \([0-9]*\) serves now.*/\1/p' "$log" | tail -n 1)
	keep_pid "$new"
}
gone() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}
model() {
	json model "$(sent "$(sent_count)")"
}
descriptors() {
	ls "/proc/$1/fd" 2>/dev/null | wc -l
}
# end PID: of a process that is no child of this shell
end() {
	kill "$1" 2>/dev/null
	until_true gone "$1"
	pids=$(echo " $pids " | sed "s/ $1 / /")
}

# ---- one after the other ----

start_proxy BIG_MODEL=before "LOG_FILE=$T/file.log" LINGER_MS=100
log=$T/file.log first=$proxy_pid
mkfifo "$T/in"
exec 7<>"$T/in"
timeout 60 nc 127.0.0.1 "$port" <"$T/in" >"$T/kept" 7>&- &
keep_pid $!
kept_answers() {
	grep -o "HTTP/1.1 200" "$T/kept" 2>/dev/null | wc -l
}
kept_is() {
	[ "$(kept_answers)" -eq "$1" ]
}
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' >&7
check 'a connection that stays' until_true kept_is 1
stream long-stream
mv "$T/answer" "$T/aside"
sed 's/=before/=after/' "$env" >"$T/env.new" && cat "$T/env.new" >"$env"
fds=$(descriptors $first)
upgrade $first
ask hi
is 'it is another one, with the settings of now' "$status $(model)" '200 after'
check 'the one before finishes what runs' kill -0 $first
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' >&7
check 'an idle connection there gets one answer more' until_true kept_is 2
has 'and is told to go' "$T/kept" 'connection: close'
wait $client
mv "$T/aside" "$T/answer"
took_answer
is 'the stream goes on' "$(message | head -n 1)" 'text one two'
wait $first
is 'then it ends well' $? 0
pids=$(echo " $pids " | sed "s/ $first / /")
is 'the log was not archived' "$(ls "$T" | grep -c 'file.log')" 1
alive 'the new one goes on'
if [ -d "/proc/$new/fd" ]; then
	# those of the stream and of the connection that stayed, to either side
	check 'it has no descriptors of the one before' test "$(descriptors "$new")" -le "$fds"
	is 'its environment tells of one listener' "$(tr '\0' '\n' <"/proc/$new/environ" | grep -c '^LISTEN_FDS=1$')" 1
fi
second=$new
upgrade "$second" 'and once more'
check 'the second is gone' until_true gone "$second"
[ ! -r "/proc/$new/environ" ] || is 'what it is told stands there once' "$(tr '\0' '\n' <"/proc/$new/environ" | grep -c '^LISTEN_')" 3
alive 'the third answers'

# ---- a new one that does not start ----

fails_with() {
	[ "$(grep -c "did not start ($1); this one goes on" "$log")" -ge "${2:-1}" ]
}
cat >"$T/three" <<'END'
#!/bin/sh
exit 3
END
program "$T/three"
kill -USR2 "$new"
check 'one that fails: said' until_true fails_with 'exit status 3'
alive 'one that fails: this one goes on'
program "$real"
echo 'MAX_RETRIES=many' >>"$env"
kill -USR2 "$new"
check 'wrong settings: said' until_true fails_with 'exit status 100'
alive 'wrong settings: this one goes on'
grep -v MAX_RETRIES "$env" >"$T/env.new" && cat "$T/env.new" >"$env"
rm "$T/bin/proxy"
kill -USR2 "$new"
check 'no program: said' until_true fails_with 'exit status 127'
alive 'no program: this one goes on'
program "$real"
third=$new
upgrade "$third" 'mended: another one serves'
end "$new"

# ---- by PATH, two listeners, PORT=0, a drain that is cut short ----

b=$("$top/test/tool" port)
printf 'PORT=%s\nBIG_MODEL=two\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$b" "$provider" >"$T/two"
printf 'PORT=0\nBIG_MODEL=any\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$provider" >"$T/zero"
chmod 600 "$T/two" "$T/zero"
cat >"$T/with" <<END
#!/bin/sh
PATH=/nowhere:$T/bin:\$PATH
cd "$T"
exec proxy --env zero "\$@" --env two
END
chmod +x "$T/with"
PROXY=$T/with start_proxy BIG_MODEL=one
a=$port first=$proxy_pid
until_true nc -z 127.0.0.1 "$b"
zero=$(sed -n 's/.*listening on http:\/\/.*:\([0-9][0-9]*\) ->.*/\1/p' "$log" | head -n 1)
stream never-ends
upgrade "$first" 'by PATH'
for x in "$a one" "$b two" "$zero any"; do
	port=${x% *}
	ask hi
	is "several listeners: ${x#* }" "$status $(model)" "200 ${x#* }"
done
kill "$first"
stopping() {
	[ "$(grep -c stopping "$log")" -ge 2 ]
}
check 'SIGTERM to the one before: a drain that is bounded' until_true stopping
kill "$first"
wait "$first"
is 'a second one ends it' $? 0
pids=$(echo " $pids " | sed "s/ $first / /")
port=$a
alive 'and not the new one'
end "$new"

# ---- a supervisor's socket ----

if command -v systemd-socket-activate >/dev/null; then
	port=$("$top/test/tool" port)
	printf 'BIG_MODEL=given\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$provider" >"$T/given"
	chmod 600 "$T/given"
	systemd-socket-activate -l "127.0.0.1:$port" "$real" --env "$T/given" >"$T/given.log" 2>&1 </dev/null &
	given=$!
	keep_pid $given
	until_true grep -q -i listening "$T/given.log"
	ask hi
	is 'socket activation: on the socket that is given, not on PORT' "$status $(model)" '200 given'
	has 'socket activation: the banner tells its port' "$T/given.log" "listening on http://127.0.0.1:$port"
	stop $given
else
	echo '# no systemd-socket-activate: a socket from a supervisor is not tried'
fi

# ---- under load ----

PROXY=$T/bin/proxy
start_proxy DRAIN_MS=20000
timeout 100 "$top/test/flood" 2800 16 "$key" "$port" >"$T/flood" 2>&1 &
flood=$!
keep_pid $flood
new=$proxy_pid i=0
while kill -0 $flood 2>/dev/null && [ $i -lt 12 ]; do
	i=$((i + 1)) before=$(served) last=$new
	program "$real"
	kill -USR2 "$new"
	kill -USR2 "$new"
	until_true more_served || break
	new=$(sed -n 's/.*upgrade: process \([0-9]*\) serves now.*/\1/p' "$log" | tail -n 1)
	keep_pid "$new"
done
wait $flood
is "under load, $i upgrades: no request is lost" "$(cat "$T/flood")" '2800 right, 0 wrong'
check 'there were some' test $i -ge 2
alive 'the last one answers'
check 'and the others are gone' until_true gone "$last"
end "$new"
