#!/bin/sh
# TLS to the upstream: nginx before the provider, and openssl s_server; what is
# refused, with which words, and that no byte of a request goes there.
. "$(dirname "$0")/lib.sh"

mkdir "$T/ca" "$T/nginx"
check 'certificates are made' sh "$top/test/mkca" "$T/ca"
openssl x509 -req -in "$T/ca/good.csr" -CA "$T/ca/ca-ec.pem" -CAkey "$T/ca/ca-ec.key" -set_serial 9 -days -1 -sha256 \
	-extfile "$T/ca/good.ext" -out "$T/ca/expired.pem" 2>/dev/null
cp "$T/ca/good.key" "$T/ca/expired.key"
cat "$T/ca/middle.pem" >>"$T/ca/chain.pem"

script <<'END'
when say-words
	think "So. "
	text "over "
	pause 50
	text TLS
	call Bash {"command":"ls"}
	usage 1200 40 1000
when refuse-early
	early
	error 401 invalid_request_error "no such key"
when cut-now
	text "So far"
	cut
when *
	text plain
END

# server NAME [DIRECTIVE]: a server block of nginx with that certificate; its port in $T/nginx/NAME.port
server() {
	"$top/test/tool" port >"$T/nginx/$1.port"
	cat <<END
server {
	listen 127.0.0.1:$(cat "$T/nginx/$1.port") ${4-ssl};
	ssl_certificate $T/ca/${3:-$1}.pem;
	ssl_certificate_key $T/ca/${3:-$1}.key;
	${2:-}
	location / {
		proxy_pass http://127.0.0.1:$provider;
		proxy_http_version 1.1;
		proxy_set_header Connection "";
		proxy_buffering off;
		proxy_request_buffering off;
	}
}
END
}

# nginx_up: writes its configuration and starts it, again where a port was taken
nginx_up() {
	cat >"$T/nginx/conf" <<END
$(nginx_head)
	client_max_body_size 40m;
	ssl_protocols TLSv1.2;
	ssl_ciphers DEFAULT:@SECLEVEL=0;
	ssl_session_cache shared:s:1m;
	ssl_session_tickets off;
	log_format short '\$connection \$ssl_session_reused \$ssl_server_name \$ssl_protocol \$status \$server_port';
	access_log $T/nginx/log short;
$(server good)
$(server rsa)
$(server chain)
$(server wrong)
$(server unknown)
$(server expired)
$(server sha1)
$(server short)
$(server newest 'ssl_protocols TLSv1.3;' good)
$(server oldest 'ssl_protocols TLSv1.1;' good)
$(server plain '' good '')
}
END
	nginx -p "$T/nginx" -c "$T/nginx/conf" -e "$T/nginx/error" 2>/dev/null &
	nginx_pid=$!
	keep_pid $nginx_pid
	until_true nginx_is_up
	kill -0 $nginx_pid 2>/dev/null
}
nginx_is_up() {
	! kill -0 $nginx_pid 2>/dev/null || nc -z 127.0.0.1 "$(cat "$T/nginx/oldest.port")"
}
nginx_up || nginx_up || nginx_up || { cat "$T/nginx/error"; exit 1; }

# to NAME [NAME=VALUE ...]: a proxy towards that server
to() {
	[ -z "${proxy_pid:-}" ] || stop $proxy_pid
	name=$1
	shift
	start_proxy "OPENAI_BASE_URL=https://localhost:$(cat "$T/nginx/$name.port")/v1" "SSL_CERT_FILE=$T/ca/ca.pem" "$@"
}

usage='{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":1000,"output_tokens":40}'
want="thinking So. 
text over TLS
tool_use Bash {\"command\":\"ls\"}
end tool_use $usage"
for name in good rsa chain; do
	to $name
	ask say-words '"stream":true,"thinking":{"type":"enabled","budget_tokens":1024}'
	is "$name: streamed" "$(message)" "$want"
	ask say-words
	is "$name: whole" "$status $(json content.#)" '200 2'
done
to good
for n in 1 2 3; do
	ask hello
done
is 'one connection for three requests' "$(tail -n 3 "$T/nginx/log" | cut -d ' ' -f 1 | sort -u | wc -l | tr -d ' ')" 1
is 'name and version' "$(tail -n 1 "$T/nginx/log" | cut -d ' ' -f 3,4)" 'localhost TLSv1.2'
{
	printf '{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"'
	head -c 8000000 /dev/zero | tr '\0' x
	printf '"}]}'
} >"$T/large"
request POST /v1/messages <"$T/large"
is 'eight megabytes' "$status $(json content.0.text)" '200 plain'
is 'eight megabytes came' "$(wc -c <"$(sent "$(sent_count)")" | tr -d ' ')" 8000075
ask cut-now '"stream":true'
is 'cut behind nginx' "$(grep -c '^event: error' "$T/body") $(grep -c message_stop "$T/body")" '1 0'
to good CUSTOM_HEADER_X_RULE=refuse-early
request POST /v1/messages <"$T/large"
is 'refused before all was sent' "$status $(json error.type)" '401 authentication_error'

# ---- resumption ----

to good UP_KEEPALIVE_MS=0
for n in 1 2 3; do
	ask hello
done
is 'F70 sessions are resumed' "$(tail -n 3 "$T/nginx/log" | cut -d ' ' -f 2 | tr '\n' ' ')" '. r r '
is 'on connections of their own' "$(tail -n 3 "$T/nginx/log" | cut -d ' ' -f 1 | sort -u | wc -l | tr -d ' ')" 3

# ---- refused ----

# refused NAME TEXT [NAME=VALUE ...]
refused() {
	name=$1 text=$2
	shift 2
	before=$(sent_count)
	to $name "$@"
	for stream in true false; do
		ask hello "\"stream\":$stream"
		is "$name: status (stream: $stream)" "$status $(json error.type)" '502 api_error'
		has "$name: said (stream: $stream)" "$T/body" "$text"
	done
	is "$name: not to be tried again" "$(field x-should-retry)" false
	is "$name: nor was it" "$(grep -c ' try [0-9]' "$log")" 0
	is "$name: nothing was sent" "$(sent_count)" "$before"
}
refused wrong 'is for another name'
refused expired 'has expired'
refused unknown 'signed by nobody'
has 'unknown: the bundle is named' "$T/body" "$T/ca/ca.pem (2 roots)"
refused sha1 'SHA-1'
refused short 'weak key'
refused newest 'requires TLS 1.3'
refused oldest '1.2'
refused plain 'does not speak TLS'
echo "$provider" >"$T/nginx/mute.port"
to mute TLS_MS=300
ask hello
is 'F64 silent in the handshake' "$status $(json error.type) $(field x-should-retry)" '504 timeout_error '
"$top/test/tool" port >"$T/nginx/closed.port"
to closed MAX_RETRIES=1
ask hello
is 'nobody listens' "$status $(json error.type) $(field x-should-retry) $(grep -c ' try [0-9]' "$log")" '502 api_error  1'

to good EXTRA_CA_FILE="$T/ca/alien.pem"
ask hello
is 'a further authority: the others hold' "$status" 200
to unknown EXTRA_CA_FILE="$T/ca/alien.pem"
ask hello
is 'a further authority: its own' "$status" 200
to unknown "SSL_CERT_FILE=$T/ca/alien.pem"
ask hello
is 'another bundle' "$status" 200
refused good 'signed by nobody' "SSL_CERT_FILE=$T/ca/alien.pem"

# ---- bundles at the start ----

has 'F72 what was read is told' "$log" "CA bundle: 1 loaded, 0 skipped ($T/ca/alien.pem)"
# start_with FILE: a proxy that is to trust it; what it says before it ends
start_with() {
	{
		cat "$env"
		echo "SSL_CERT_FILE=$1"
	} >"$T/env.bad"
	chmod 600 "$T/env.bad"
	timeout 10 "$PROXY" --env "$T/env.bad" >"$T/said" 2>&1
	is "F72 no start with $2" $? 111
	has "no start with $2: said" "$T/said" "$1"
}
stop $proxy_pid
: >"$T/none.pem"
start_with "$T/missing.pem" 'a bundle that is not there'
start_with "$T/none.pem" 'an empty bundle'
start_with "$T/ca/good.key" 'a key for a bundle'

# ---- ends, by openssl s_server ----

# serve_bytes FILE [OPTION ...]: these bytes to whoever connects; what came in $T/came
serve_bytes() {
	file=$1
	shift
	"$top/test/tool" port >"$T/nginx/raw.port"
	rm -f "$T/fifo"
	mkfifo "$T/fifo"
	: >"$T/came"
	openssl s_server $quiet -accept "127.0.0.1:$(cat "$T/nginx/raw.port")" -cert "$T/ca/good.pem" -key "$T/ca/good.key" \
		-tls1_2 "$@" <"$T/fifo" >"$T/came" 2>/dev/null &
	server_pid=$!
	keep_pid $server_pid
	exec 7>"$T/fifo"
	cat "$file" >&7	# sent as soon as someone connects: so not to be tried out before
}

quiet=-quiet
# killed: once the request is there, and the bytes before it are gone, so that the connection ends with FIN and no close_notify
killed() {
	until_true grep -q '"messages"' "$T/came"
	kill -9 $server_pid
	wait $server_pid 2>/dev/null
	exec 7>&-
}

# ends WHAT STREAM WANT HEAD BODY: status of the answer, and events of error and message_stop in it
ends() {
	printf 'HTTP/1.1 200 OK\r\n%b\r\n%b' "$4" "$5" >"$T/bytes"
	serve_bytes "$T/bytes"
	to raw MAX_RETRIES=6
	killed &
	killer=$!
	ask hello "\"stream\":$2"
	wait $killer
	is "$1" "$status $(grep -c '^event: error' "$T/body") $(grep -c message_stop "$T/body")" "$3"
}
# size TEXT: in bytes, hexadecimal
size() {
	printf %x "$(printf '%b' "$1" | wc -c)"
}
text='data: {"choices":[{"delta":{"content":"So far"}}]}\n\n'
finish='data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
json_text='{"choices":[{"message":{"content":"whole"},"finish_reason":"stop"}]}'
ends 'F76 no close_notify behind a length' false '200 0 0' "Content-Length: ${#json_text}\r\n" "$json_text"
ends 'no close_notify behind chunks' true '200 0 2' 'Transfer-Encoding: chunked\r\n' \
	"$(size "$text")\r\n$text\r\n$(size "$finish")\r\n$finish\r\n0\r\n\r\n"
ends 'F91 no close_notify, the answer finished' true '200 0 2' '' "$text$finish"
ends 'no close_notify, the answer not finished' true '200 1 0' '' "$text"
ends 'F76 no close_notify within a length' false '502 0 0' 'Content-Length: 100\r\n' "$json_text"
ends 'F77 no close_notify within a document' false '502 0 0' '' '{"choices":[{"message":{"content":"who'

# ---- a server that wants to shake hands again: R to one that is not quiet

printf 'HTTP/1.1 200 OK\r\n\r\n%b' "$text" >"$T/bytes"
quiet=
for stream in true false; do
	serve_bytes "$T/bytes" -no_ticket -msg
	to raw
	{
		until_true grep -q '"messages"' "$T/came"
		printf 'R\n' >&7
		until_true grep -q no_renegotiation "$T/came"
		exec 7>&-
	} &
	asking=$!
	ask hello "\"stream\":$stream"
	wait $asking
	check "F66 a HelloRequest is refused (stream: $stream)" grep -q no_renegotiation "$T/came"
	[ $stream = true ] && want='200 1 0' || want='500 0 0'
	is "F66 and no renegotiation: the answer is cut (stream: $stream)" \
		"$status $(grep -c '^event: error' "$T/body") $(grep -c message_stop "$T/body")" "$want"
	stop $server_pid
done
alive
