#!/bin/sh
# SIGHUP: the settings are read again, what is wrong is told and changes
# nothing, what runs goes on with what it had, and no request is lost.
. "$(dirname "$0")/lib.sh"

script <<'END'
when long-stream
	text "one "
	head
	pause 700
	text two
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

# reload [SIGNAL]: and waits until the log tells of it
reload() {
	before=$(grep -c 'settings again' "$log")
	kill -HUP $proxy_pid
	until_true reloaded
}
reloaded() {
	[ "$(grep -c 'settings again' "$log")" -gt "$before" ] && get /health && [ "$status" = 200 ]
}
# set_to NAME=VALUE: in $env
set_to() {
	grep -v "^${1%%=*}=" "$env" >"$T/env.new"
	echo "$1" >>"$T/env.new"
	cat "$T/env.new" >"$env"
}
# model: which the provider was asked for last
model() {
	json model "$(sent "$(sent_count)")"
}
opened() {
	nc -z 127.0.0.1 "$1"
}
# aside: the stream that begun goes on in $T/aside, since requests come between; ended_aside: its end, as ended
aside() {
	stream "$1"
	mv "$T/answer" "$T/aside"
}
ended_aside() {
	wait $client
	cp "$T/aside" "$T/answer"
	took_answer
}
# keep_open: a connection to $port that stays; say_it: a request on it; its answers come to $T/kept
keep_open() {
	[ ! -e "$T/in" ] || stop $kept
	rm -f "$T/in" "$T/kept"
	mkfifo "$T/in"
	exec 7<>"$T/in"
	timeout 60 nc 127.0.0.1 "$port" <"$T/in" >"$T/kept" 7>&- &
	kept=$!
	keep_pid $kept
}
say_it() {
	answers=$(kept_answers)
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"$key" ${#small} "$small" >&7
	until_true one_more
}
small='{"model":"claude-opus","max_tokens":9,"messages":[{"role":"user","content":"x"}]}'
kept_answers() {
	grep -o "HTTP/1.1 200" "$T/kept" 2>/dev/null | wc -l
}
one_more() {
	[ "$(kept_answers)" -gt "$answers" ]
}

# ---- another model, another key ----

start_proxy BIG_MODEL=before SMALL_MODEL=small DRAIN_MS=20000 LINGER_MS=100
ask hi
is 'at first' "$status $(model)" '200 before'
keep_open
say_it
aside long-stream
set_to BIG_MODEL=after
reload
is 'nothing is said but that' "$(grep -c -e ERROR -e WARNING "$log")" 0
ask hi
is 'after SIGHUP: the new model' "$status $(model)" '200 after'
say_it
is 'also on a connection that was idle' "$(model)" after
ended_aside
is 'the stream goes on' "$(message | head -n 1)" 'text one two'
check 'as what it was' until_true grep -q -- '-> before 200 .* end_turn' "$log"
set_to ANTHROPIC_API_KEY=another
kill -HUP $proxy_pid
refused() {
	ask hi
	[ "$status" = 401 ]
}
check 'another client key: the old one is refused' until_true refused
key=another
ask hi
is 'the new one is not' "$status" 200
set_to LOG_LEVEL=DEBUG
reload
ask hi
has 'another log level' "$log" 'client body'
set_to LOG_LEVEL=INFO
reload

# ---- what is wrong ----

set_to MAX_RETRIES=many
reload
has 'F115 a wrong value: where and why' "$log" "$env:$(grep -n MAX_RETRIES "$env" | cut -d: -f1): MAX_RETRIES is \"many\""
has 'and what holds' "$log" 'the settings before stay in force'
ask hi
is 'it goes on as before' "$status $(model)" '200 after'
mv "$env" "$T/away"
reload
has 'a file that is gone' "$log" "$env: cannot be opened"
ask hi
is 'it goes on too' "$status $(model)" '200 after'
cp "$T/away" "$env"
chmod 600 "$env"
set_to MAX_RETRIES=1
set_to BIG_MODEL=mended
reload
ask hi
is 'mended' "$status $(model)" '200 mended'

# ---- ports ----

first=$port second=$(test/tool port)
keep_open
say_it
aside long-stream
set_to "PORT=$second"
port=$second
reload
check 'another port: it is open' opened "$second"
ask hi
is 'and answers' "$status" 200
check 'the one before is closed' test "$(opened "$first" && echo open)" = ''
ended_aside
is 'a stream from there goes on' "$(message | head -n 1)" 'text one two'
say_it
has 'a connection from there gets one answer more' "$T/kept" 'connection: close'
is 'and that is all' "$(kept_answers | tr -d ' ')" 2
set_to "PORT=$provider"
reload
has 'a port that is taken' "$log" "cannot listen on 127.0.0.1:$provider: the port is in use"
ask hi
is 'the one before stays' "$status" 200
set_to "PORT=$second"
set_to HOST=0.0.0.0
reload
check 'another HOST, the same port' grep -q "listening on http://0.0.0.0:$second" "$log"
ask hi
is 'answers' "$status" 200
set_to HOST=192.0.2.7
reload
has 'a HOST that is not ours' "$log" 'cannot listen on 192.0.2.7'
ask hi
is 'the listener before is there again' "$status" 200
stop $proxy_pid
is 'it ends well' $stopped 0

# two files; one takes the port that the other leaves
key=test-client-key
start_proxy BIG_MODEL=two
stop $proxy_pid
two=$env b=$port
cat >"$T/with" <<END
#!/bin/sh
exec "$PROXY" "\$@" --env "$two"
END
chmod +x "$T/with"
PROXY=$T/with start_proxy BIG_MODEL=one
a=$port one=$env
until_true opened "$b"
third=$(test/tool port)
set_to "PORT=$b"
env=$two
set_to "PORT=$third"
port=$third before=0
kill -HUP $proxy_pid
check 'two files: the second has moved' until_true opened "$third"
port=$b
ask hi
is 'the first has its port' "$status $(model)" '200 one'
port=$third
ask hi
is 'the second the new one' "$status $(model)" '200 two'
check 'and the first one is closed' test "$(opened "$a" && echo open)" = ''
set_to BIG_MODEL=
set_to UP_TEMP=hot
env=$one
set_to BIG_MODEL=changed
reload
has 'one wrong file of two: told' "$log" "$two:"
port=$b
ask hi
is 'the other is read' "$status $(model)" '200 changed'
port=$third
ask hi
is 'the wrong one is as it was' "$status $(model)" '200 two'
stop $proxy_pid

start_proxy
set_to PORT=0
listening_port() {
	sed -n 's/.*listening on http:\/\/.*:\([0-9][0-9]*\) ->.*/\1/p' "$log" | tail -n 1
}
elsewhere() {
	[ "$(listening_port)" != "$port" ]
}
kill -HUP $proxy_pid
check 'PORT=0 instead of a number: another port' until_true elsewhere
port=$(listening_port)
reload
is 'PORT=0: stays where it is' "$(listening_port)" "$port"
stop $proxy_pid

# ---- limits, certificates of authorities ----

start_proxy MAX_CONNECTIONS=1 LINGER_MS=0
set_to MAX_CONNECTIONS=200
reload
timeout 60 "$top/test/flood" 280 40 "$key" "$port" >"$T/flood"
is 'more connections are allowed' "$(cat "$T/flood")" '280 right, 0 wrong'
stop $proxy_pid

if command -v nginx >/dev/null && command -v openssl >/dev/null; then
	start_secure
	cp "$T/ca/ca.pem" "$T/bundle"
	plain=$provider
	start_proxy "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/bundle"
	ask hi
	is 'TLS' "$status" 200
	: >"$T/bundle"
	reload
	check 'T29 a bundle without certificates is told' grep -q 'ERROR .*bundle.*stay in force' "$log"
	ask hi
	is 'T29 and the one before is used' "$status" 200
	cp "$T/ca/ca-rsa.pem" "$T/bundle"
	reload
	ask hi
	is 'another bundle is read: a certificate of nobody in it is refused' "$status" 502
	cp "$T/ca/ca.pem" "$T/bundle"
	reload
	ask hi
	is 'the right one again' "$status" 200
	stop $proxy_pid
	provider=$plain
else
	echo '# no nginx or openssl: the bundle is not tried'
fi

# ---- under load ----

start_proxy DRAIN_MS=20000
timeout 100 "$top/test/flood" 2800 16 "$key" "$port" >"$T/flood" 2>&1 &
flood=$!
keep_pid $flood
i=0
while kill -0 $flood 2>/dev/null && [ $i -lt 400 ]; do
	i=$((i + 1))
	set_to "BIG_MODEL=model-$i"
	[ $((i % 5)) != 0 ] || set_to MAX_RETRIES=many
	[ $((i % 5)) != 1 ] || set_to MAX_RETRIES=2
	kill -HUP $proxy_pid
	sleep 0.03
done
wait $flood
is "under load, read again $i times: no request is lost" "$(cat "$T/flood")" '2800 right, 0 wrong'
check 'it was read again' test "$(grep -c 'settings again' "$log")" -gt 5
i=0
while [ $i -lt 100 ]; do
	kill -HUP $proxy_pid
	i=$((i + 1))
done
alive 'a hundred at once'
stop $proxy_pid
is 'and it ends well' $stopped 0
