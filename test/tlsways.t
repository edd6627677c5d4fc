#!/bin/sh
# TLS from clients by every way in: inetd's two modes, an upgrade, sockets of a
# supervisor, several instances, and a reload that turns it on and off.
. "$(dirname "$0")/lib.sh"

mkdir "$T/ca"
sh test/mkca "$T/ca" >/dev/null || exit 1
chmod 600 "$T/ca"/*.key
script_long
tls="TLS_CERT=$T/ca/good.pem TLS_KEY=$T/ca/good.key"

# settings FILE LINE ...
settings() {
	to=$1
	shift
	printf '%s\n' "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1" "ANTHROPIC_API_KEY=$key" "$@" >"$to"
	chmod 600 "$to"
}
# call SCHEME TEXT [FILE]: the answer's body, in $T/body where no FILE is named, and $status
call() {
	status=$(timeout 20 curl -s -N --noproxy '*' --cacert "$T/ca/ca.pem" -H "x-api-key: $key" -H 'content-type: application/json' \
		-d '{"model":"claude-opus-4-8","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"'"$2"'"}]}' \
		-o "${3:-$T/body}" -w '%{http_code}' "$1://localhost:$port/v1/messages")
}
# answers WHAT [SCHEME]: a message does
answers() {
	call "${2:-https}" hi
	is "$1" "$status $(message | head -n 1)" '200 text hello'
}
plain_is_told() {
	call http hi
	is "$1" "$status $(json error.message)" '400 this port speaks TLS: the address begins with https://'
}
begins() {
	grep -q '"one ' "$T/long"
}
# long SCHEME: a stream in the background; returns at its first word. long_ends WHAT: it is whole
long() {
	call "$1" long-stream "$T/long" &
	long=$!
	keep_pid $long
	until_true begins
}
long_ends() {
	wait $long
	is "$1" "$(test/tool message <"$T/long" | head -n 1)" 'text one two'
	rm "$T/long"
}

# ---- inetd ----

settings "$T/inetd" $tls "LOG_FILE=$T/inetd.log" KEEPALIVE_MS=2000
printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' | timeout 20 test/tool inetd "$PROXY" -i --env "$T/inetd" >"$T/answer" 2>"$T/said"
is '-i, plain HTTP: exit status, nothing on fd 2' "$? $(wc -c <"$T/said" | tr -d ' ')" '0 0'
took_answer
fails '-i, plain HTTP is told so' 400 invalid_request_error
timeout 20 "$PROXY" -i --env "$T/inetd" <"$T/ca/ca.pem" >"$T/answer" 2>"$T/said"
took_answer
fails '-i, pipes and what is no TLS' 400 invalid_request_error

inetd=$(command -v inetd || ls /usr/sbin/inetd 2>/dev/null)
if [ -n "$inetd" ]; then
	nowait=$(test/tool port) wait=$(test/tool port)
	for x in "$nowait nowait -i" "$wait wait -w"; do
		echo "127.0.0.1:${x%% *} stream tcp $(echo "$x" | cut -d ' ' -f 2).600 $(id -un) $PROXY claude-code-proxy ${x##* } --env $T/inetd"
	done >"$T/inetd.conf"
	"$inetd" -i "$T/inetd.conf" >"$T/inetd.said" 2>&1 &
	inetd_pid=$!
	keep_pid $inetd_pid
	for x in "$nowait nowait" "$wait wait"; do
		port=${x% *} mode=${x#* }
		until_true nc -z 127.0.0.1 "$port"
		answers "inetd, $mode"
		is "inetd, $mode: two requests on one connection" "$(timeout 20 curl -s --noproxy '*' --cacert "$T/ca/ca.pem" -o /dev/null -o /dev/null \
			-w '%{http_code} %{num_connects};' "https://localhost:$port/health" "https://localhost:$port/health")" '200 1;200 0;'
		plain_is_told "inetd, $mode: plain HTTP"
		long https
		answers "inetd, $mode: beside a stream"
		long_ends "inetd, $mode: the stream"
	done
	has 'inetd, wait: the banner says https' "$T/inetd.log" "listening on https://127.0.0.1:$wait"
	stop $inetd_pid
else
	echo '# no inetd: it is not tried'
fi

# ---- a supervisor's sockets: one with TLS, one without ----

settings "$T/one.env" $tls
settings "$T/two.env"
if command -v systemd-socket-activate >/dev/null; then
	a=$(test/tool port) b=$(test/tool port)
	systemd-socket-activate -l "127.0.0.1:$a" -l "127.0.0.1:$b" --fdname=two:one "$PROXY" --env "$T/one.env" --env "$T/two.env" \
		>"$T/activated.log" 2>&1 </dev/null &
	pid=$!
	keep_pid $pid
	until_true grep -q 'as 4' "$T/activated.log"
	port=$b
	answers 'socket activation'
	plain_is_told 'socket activation: plain HTTP'
	port=$a
	answers 'socket activation: the other has none' http
	has 'socket activation: the banner says https' "$T/activated.log" "listening on https://127.0.0.1:$b"
	stop $pid
else
	echo '# no systemd-socket-activate: it is not tried'
fi

# ---- two instances, and reloads ----

read_again() {
	[ "$(grep -c 'listening on' "$log")" -ge $((before + 2)) ]
}
# reload WHAT: and waits until it is done
reload() {
	before=$(grep -c 'listening on' "$log")
	kill -HUP $proxy_pid
	check "$1" until_true read_again
}
# kept_is N: so many answers came on the plain connection that stays
kept_is() {
	[ "$(grep -o 'HTTP/1.1 200' "$T/kept" | wc -l)" -eq "$1" ]
}
ask_kept() {
	printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n' >&7
	check "$1" until_true kept_is "$2"
}

other=$(test/tool port)
settings "$T/other" $tls "PORT=$other"
cat >"$T/both" <<END
#!/bin/sh
exec ${WRAP:-} "$PROXY" "\$@" --env "$T/other"
END
chmod +x "$T/both"
proxy=$PROXY
PROXY=$T/both WRAP='' start_proxy
plain=$port
until_true nc -z 127.0.0.1 "$other"
answers 'two instances: the plain one' http
port=$other
answers 'two instances: that with TLS'
cp "$env" "$T/first"

port=$plain
mkfifo "$T/in"
exec 7<>"$T/in"
timeout 60 nc 127.0.0.1 "$plain" <"$T/in" >"$T/kept" 7>&- &
keep_pid $!
ask_kept 'a plain connection that stays' 1
long http
{ cat "$T/first"; printf '%s\n' $tls; } >"$env"
settings "$T/other" "PORT=$other"
reload 'a reload: TLS begins here, and ends there'
answers 'TLS began'
plain_is_told 'TLS began: plain HTTP'
long_ends 'TLS began: what ran without comes to its end'
ask_kept 'TLS began: a connection without gets an answer more' 2
has 'TLS began: and is told to go' "$T/kept" 'connection: close'
exec 7>&-
port=$other
answers 'TLS ended' http
call https hi
is 'TLS ended: no handshake' "$status" 000
port=$plain
long https
cat "$T/first" >"$env"
reload 'a reload: TLS ends'
answers 'TLS ended here too' http
long_ends 'TLS ended: what ran with it comes to its end'

# a certificate that cannot be read: all stays, a plain instance plain
{ cat "$T/first"; printf '%s\n' "TLS_CERT=$T/none" "TLS_KEY=$T/none"; } >"$env"
kill -HUP $proxy_pid
check 'a reload: a certificate that is not there is told of' until_true grep -q "TLS_CERT: $T/none" "$log"
answers 'and it goes on without' http
stop $proxy_pid
PROXY=$proxy

# ---- an upgrade ----

if [ -n "${SLOW:-}" ]; then
	ok 'under another program the path of this one is not the one to start: no upgrade'
	exit 0
fi
start_proxy $tls
long https
sed 's/good/rsa/' "$env" >"$T/new" && cat "$T/new" >"$env"
kill -USR2 $proxy_pid
check 'an upgrade: the new program serves' until_true grep -q 'serves now' "$log"
new=$(sed -n 's/.*upgrade: process \([0-9]*\) serves now.*/\1/p' "$log")
keep_pid "$new"
answers 'an upgrade: by the new one'
plain_is_told 'an upgrade: plain HTTP'
timeout 10 openssl s_client -connect "localhost:$port" </dev/null >"$T/shown" 2>/dev/null
check 'an upgrade: with the certificate of now' grep -q 'CN = rsa\|CN=rsa' "$T/shown"
long_ends 'an upgrade: the stream'
wait $proxy_pid
is 'an upgrade: then the one before ends well' $? 0
