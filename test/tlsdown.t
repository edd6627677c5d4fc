#!/bin/sh
# TLS from clients: certificates and keys, streams and bodies, what is refused, a reload.
. "$(dirname "$0")/lib.sh"

mkdir "$T/ca"
check 'certificates are made' sh "$top/test/mkca" "$T/ca"
cd "$T/ca" || exit 1
cat chain.pem middle.pem >whole.pem
openssl ec -in good.key -aes128 -passout pass:x -out locked.key 2>/dev/null
openssl pkcs8 -topk8 -in good.key -passout pass:x -out locked8.key 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in good.key -out good8.key 2>/dev/null
openssl pkcs8 -topk8 -nocrypt -in rsa.key -out rsa8.key 2>/dev/null
openssl rsa -in rsa.key -traditional -out rsa1.key 2>/dev/null
openssl ecparam -name secp384r1 -genkey -noout -out big.key 2>/dev/null
openssl req -x509 -new -key big.key -sha256 -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -out big.pem 2>/dev/null
openssl x509 -req -in good.csr -CA ca-ec.pem -CAkey ca-ec.key -set_serial 9 -days -1 -sha256 -extfile good.ext -out expired.pem 2>/dev/null
cat big.pem >>ca.pem
chmod 600 ./*.key
cd "$top" || exit 1

script <<'END'
when say-words
	text "over "
	pause 50
	text TLS
when slowly
	text "one "
	pause 700
	text two
when *
	text plain
END

# fetch TARGET [OPTION OF CURL ...]: fills $T/body and sets $status
fetch() {
	target=$1
	shift
	status=$(timeout 20 curl -s --noproxy '*' --cacert "$T/ca/ca.pem" -H "x-api-key: $key" -H 'content-type: application/json' \
		-o "$T/body" -w '%{http_code}' "$@" "https://localhost:$port$target")
}

# serves CERT KEY
serves() {
	[ -z "${proxy_pid:-}" ] || stop $proxy_pid
	start_proxy "TLS_CERT=$T/ca/$1" "TLS_KEY=$T/ca/$2" HEAD_TIMEOUT_MS=500
}

question='{"model":"claude-opus-4-8","max_tokens":100,"messages":[{"role":"user","content":"say-words"}]}'
for pair in 'rsa.pem rsa1.key' 'rsa.pem rsa8.key' 'big.pem big.key' 'whole.pem chain.key' 'good.pem good8.key' 'good.pem good.key'; do
	serves $pair
	fetch /v1/messages -d "$question"
	is "$pair" "$status $(json content.0.text)" '200 over TLS'
done
has 'the start says https' "$log" 'listening on https://127.0.0.1:'

fetch /v1/messages -N -d '{"stream":true,'"${question#?}"
is 'a stream' "$status $(message | head -n 1)" '200 text over TLS'

{ printf '%s' "${question%\"\}\]\}}"; head -c 3000000 /dev/zero | tr '\0' x; printf '"}]}'; } >"$T/large"
fetch /v1/messages -d "@$T/large"
is 'a large body' "$status $(json content.0.text)" '200 over TLS'

is 'two requests on one connection' "$(timeout 20 curl -s --noproxy '*' --cacert "$T/ca/ca.pem" -o /dev/null -o /dev/null \
	-w '%{http_code} %{num_connects};' "https://localhost:$port/health" "https://localhost:$port/health")" '200 1;200 0;'

printf 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
	timeout 10 openssl s_client -quiet -connect "localhost:$port" -CAfile "$T/ca/ca.pem" >"$T/two" 2>/dev/null
is 'two requests in one piece' "$(grep -o 'HTTP/1.1 200' "$T/two" | wc -l | tr -d ' ')" 2

send 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
fails 'plain HTTP is told so' 400 invalid_request_error
has 'in words' "$T/body" 'this port speaks TLS: the address begins with https://'
is 'and is over' "$(field connection)" close
until_true grep -q 'no TLS' "$log"
has 'and told of' "$log" 'no TLS: this port speaks TLS'

timeout 10 openssl s_client -connect "localhost:$port" -tls1_1 -cipher 'ALL@SECLEVEL=0' </dev/null >"$T/old" 2>&1
hasnt 'TLS 1.1 is refused' "$T/old" 'Cipher    : ECDHE'
printf '\026\003\001' >"$T/send"
raw <"$T/send"
check 'a handshake that stalls is ended' until_true grep -q 'did not come to its end in time' "$log"

# status WORD ...; status_says TEXT WORD ...: it has two seconds, and is asked again
status() {
	${WRAP:-} "$PROXY" status "$@" >"$T/status" 2>&1
}
status_says() {
	text=$1
	shift
	! status "$@" && grep -qF "$text" "$T/status"
}
check 'status asks by TLS' until_true status --env "$env"
check 'status by the port' until_true status_says "$port  speaks TLS: name its file with --env" "$port"
${WRAP:-} "$PROXY" env --env "$env" >"$T/out" 2>/dev/null
has 'env says https' "$T/out" "export ANTHROPIC_BASE_URL='https://localhost:$port'"

# an open connection goes on over a reload, and new ones get the new certificate
timeout 20 curl -s -N --noproxy '*' --cacert "$T/ca/ca.pem" -H "x-api-key: $key" -H "content-type: application/json" -o "$T/slow" -d '{"stream":true,"model":"claude-opus-4-8",
	"max_tokens":9,"messages":[{"role":"user","content":"slowly"}]}' "https://localhost:$port/v1/messages" &
slow=$!
keep_pid $slow
until_true grep -q '"one ' "$T/slow"
sed "s/good/rsa/g" "$env" >"$T/new" && cat "$T/new" >"$env"
kill -HUP $proxy_pid
subject() {
	timeout 10 openssl s_client -connect "localhost:$port" </dev/null 2>/dev/null | grep -q "CN = $1\|CN=$1"
}
check 'a reload: the new certificate is shown' until_true subject rsa
wait $slow
has 'and what ran comes to its end' "$T/slow" message_stop
sed "s/rsa.key/good.key/" "$env" >"$T/new" && cat "$T/new" >"$env"
kill -HUP $proxy_pid
check 'a pair that does not fit is told of' until_true grep -q 'is not the key of the first certificate' "$log"
check 'and the old one stays' subject rsa
sed "s/rsa/good/" "$env" >"$T/newer" && chmod 600 "$T/newer"
check 'status, before a new pair is read' until_true status_says "$port  has other settings than its file: TLS_CERT is read again at a HUP" \
	--env "$T/newer"

# wrong WHAT CERT KEY TEXT
wrong() {
	printf 'OPENAI_BASE_URL=http://127.0.0.1:9/v1\nPORT=0\nTLS_CERT=%s\nTLS_KEY=%s\n' "$2" "$3" >"$T/wrong"
	chmod 600 "$T/wrong"
	timeout 20 ${WRAP:-} "$PROXY" --env "$T/wrong" >"$T/out" 2>&1 </dev/null
	is "$1: exit status" $? 100
	has "$1" "$T/out" "$4"
}
wrong 'another key' "$T/ca/good.pem" "$T/ca/rsa.key" "$T/wrong:4: TLS_KEY: $T/ca/rsa.key is not the key of the first certificate"
wrong 'no such file' "$T/none" "$T/ca/rsa.key" "$T/wrong:3: TLS_CERT: $T/none"
wrong 'encrypted' "$T/ca/good.pem" "$T/ca/locked.key" 'is encrypted'
wrong 'encrypted, PKCS#8' "$T/ca/good.pem" "$T/ca/locked8.key" 'is encrypted'
wrong 'no key' "$T/ca/good.pem" "$T/ca/good.pem" 'holds no private key'
wrong 'no certificate' "$T/ca/good.key" "$T/ca/good.key" 'holds no certificate'
wrong 'only one' "$T/ca/good.key" '' 'TLS_KEY is not set'

chmod 604 "$T/ca/good.key"
serves expired.pem good.key
has 'out of date: a warning' "$log" 'clients refuse it; renew it'
has 'a key that others can read: a warning' "$log" 'others on this machine can read'
