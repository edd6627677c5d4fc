#!/bin/sh
# What keeps others from spending the key: Host, Origin, Sec-Fetch-Site,
# Content-Type, the client's key, absolute targets, preflights; and that no key
# gets out, whatever is asked and logged.
. "$(dirname "$0")/lib.sh"

canary=canary-of-the-upstream key=canary-of-the-client token=canary-of-a-header other=canary-of-requesty
script <<END
when echo-the-keys
	error 401 invalid_request_error "Incorrect API key provided: $canary, or $token"
when stream-the-key
	text "the key is $canary"
when *
	text "hello"
END
start_proxy LOG_LEVEL=DEBUG OPENAI_API_KEY=$canary ANTHROPIC_API_KEY=$key "CUSTOM_HEADER_X_API_TOKEN=$token" \
	REQUESTY_API_KEY=$other 'ALLOWED_ORIGINS=https://app.example, http://localhost:3000' 'ALLOWED_HOSTS=proxy.example, box:8082'
ask_body() {
	printf '{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"%s"}]}' "$1"
}
ask_body hi >"$T/hi"

# try METHOD TARGET [FIELD ...]: these fields and no others, with the body of a POST
try() {
	method=$1 target=$2
	shift 2
	{
		printf '%s %s HTTP/1.1\r\n' "$method" "$target"
		for line do
			printf '%s\r\n' "$line"
		done
		[ "$method" != POST ] || printf 'Content-Length: %s\r\n' "$(wc -c <"$T/hi" | tr -d ' ')"
		printf 'Connection: close\r\n\r\n'
		[ "$method" != POST ] || cat "$T/hi"
	} >"$T/send"
	raw <"$T/send"
	cat "$T/answer" >>"$T/answers"
}
json_type='Content-Type: application/json'
good_key="X-API-KEY: $key"
here="Host: 127.0.0.1:$port"

# passes WHAT FIELD ...: a message is answered; the upstream saw one more
passes() {
	what=$1 before=$(sent_count)
	shift
	try POST /v1/messages "$@"
	is "$what" "$status $(($(sent_count) - before))" '200 1'
}

# refused WHAT STATUS TYPE FIELD ...: and the upstream saw nothing
refused() {
	what=$1 want=$2 type=$3 before=$(sent_count)
	shift 3
	try POST /v1/messages "$@"
	fails "$what" "$want" "$type"
	is "$what: not sent on" "$(($(sent_count) - before))" 0
	is "$what: no origin is let in" "$(field access-control-allow-origin)" ''
}

# ---- Host: exactly one of ours ----

for host in "127.0.0.1:$port" 127.0.0.1 localhost "LOCALHOST:$port" '[::1]' "[::1]:$port" 127.8.9.10 proxy.example \
	Proxy.Example:99 box:8082; do
	passes "Host $host" "Host: $host" "$good_key" "$json_type"
done
for host in evil.example localhost.evil.example evil-localhost 127.0.0.1.evil.example 127.0.0.1evil 127.0.0 127.1 128.0.0.1 \
	'[::2]' '::1' box box:80 xproxy.example proxy.example.evil localhost:12x4 localhost:123456 0.0.0.0 '' user@localhost; do
	case $host in
	user@*) want=400 ;;
	*) want=421 ;;
	esac
	refused "Host '$host'" $want invalid_request_error "Host: $host" "$good_key" "$json_type"
	try GET /health "Host: $host"
	is "Host '$host': /health too" "$status" $want
done
refused 'two Hosts' 400 invalid_request_error "$here" "$here" "$good_key" "$json_type"
refused 'no Host' 400 invalid_request_error "$good_key" "$json_type"
refused 'Forwarded fields do not help' 421 invalid_request_error 'Host: evil.example' "X-Forwarded-Host: 127.0.0.1:$port" \
	'X-Forwarded-For: 127.0.0.1' "Forwarded: for=127.0.0.1;host=localhost" "$good_key" "$json_type"

# ---- absolute-form ----

before=$(sent_count)
try POST "http://127.0.0.1:$port/v1/messages?beta=true" "$here" "$good_key" "$json_type"
is 'absolute-form, ours' "$status $(($(sent_count) - before))" '200 1'
for at in http://evil.example/v1/messages "http://127.0.0.1.evil.example:$port/v1/messages" http://localhost@evil.example/v1/messages \
	http:///v1/messages https://evil.example/v1/messages 'x://evil.example?/v1/messages'; do
	try POST "$at" "$here" "$good_key" "$json_type"
	fails "$at" 421 invalid_request_error
done
try POST http://127.0.0.1/v1/messages 'Host: evil.example' "$good_key" "$json_type"
fails 'absolute-form, Host of another' 421 invalid_request_error
try POST "HTTP://LocalHost/v1/messages" "$here" "$good_key" "$json_type"
is 'absolute-form, in capitals' "$status" 200
try CONNECT "127.0.0.1:$provider" "$here" "$good_key"
fails 'CONNECT' 404 not_found_error
is 'none of the others was sent on' "$(($(sent_count) - before))" 2

# ---- web pages ----

for origin in https://evil.example null http://localhost http://localhost.evil.example http://127.0.0.1.evil.example:3000 \
	"http://127.0.0.1:$port" https://app.example.evil https://app.example:444 http://app.example xhttps://app.example ''; do
	refused "Origin '$origin'" 403 permission_error "$here" "$good_key" "$json_type" "Origin: $origin"
done
for path in /health / /v1/models /test-connection; do
	try GET $path "$here" "$good_key" 'Origin: https://evil.example'
	fails "GET $path from a page" 403 permission_error
	try GET $path "$here" "$good_key" 'Sec-Fetch-Site: cross-site'
	fails "GET $path from a page without Origin" 403 permission_error
done
for site in cross-site same-site Cross-Site other; do
	refused "Sec-Fetch-Site $site" 403 permission_error "$here" "$good_key" "$json_type" "Sec-Fetch-Site: $site"
done
passes 'Sec-Fetch-Site none' "$here" "$good_key" "$json_type" 'Sec-Fetch-Site: none'
passes 'Sec-Fetch-Site same-origin' "$here" "$good_key" "$json_type" 'Sec-Fetch-Site: same-origin'
for origin in https://app.example http://localhost:3000; do
	passes "Origin $origin" "$here" "$good_key" "$json_type" "Origin: $origin" 'Sec-Fetch-Site: cross-site'
	is "Origin $origin is let in by name" "$(field access-control-allow-origin) $(field vary | tr A-Z a-z)" "$origin origin"
done
try GET /v1/messages "$here" "$good_key" 'Origin: https://app.example'
is 'a configured page may read errors' "$status $(field access-control-allow-origin)" '405 https://app.example'
try GET /health "$here"
is 'nobody else is told' "$(field access-control-allow-origin)$(field vary)" ''

# preflights
wants='Access-Control-Request-Method: POST'
try OPTIONS /v1/messages "$here" 'Origin: https://app.example' "$wants" \
	'Access-Control-Request-Headers: content-type,x-api-key,x-stainless-lang'
is 'preflight' "$status $(field access-control-allow-origin) $(field vary | tr A-Z a-z)" '204 https://app.example origin'
is 'preflight: its fields' "$(field access-control-allow-headers)" 'content-type,x-api-key,x-stainless-lang'
is 'preflight: methods' "$(field access-control-allow-methods)" 'GET, POST'
check 'preflight: request-id' test -n "$(field request-id)"
try OPTIONS /v1/messages "$here" 'Origin: https://evil.example' "$wants"
fails 'preflight of another' 403 permission_error
is 'preflight of another: not let in' "$(field access-control-allow-origin)" ''
try OPTIONS /v1/messages 'Host: evil.example' 'Origin: https://app.example' "$wants"
fails 'preflight to another Host' 421 invalid_request_error
try OPTIONS /v1/messages "$here"
is 'OPTIONS without a page' "$status $(field allow)" '405 POST'

# ---- what a page could send without a preflight ----

for type in text/plain 'text/plain; application/json' application/x-www-form-urlencoded 'multipart/form-data; boundary=x' \
	application/jsonx '' 'text/plain, application/json'; do
	refused "Content-Type '$type'" 415 invalid_request_error "$here" "$good_key" "Content-Type: $type"
done
refused 'no Content-Type' 415 invalid_request_error "$here" "$good_key"
refused 'Content-Encoding' 415 invalid_request_error "$here" "$good_key" "$json_type" 'Content-Encoding: gzip'
for type in 'application/json; charset=utf-8' 'Application/JSON' 'application/json ;charset="utf-8"'; do
	passes "Content-Type '$type'" "$here" "$good_key" "Content-Type: $type"
done

# ---- the key: no exception for loopback ----

passes 'the key as Bearer' "$here" "Authorization: Bearer $key" "$json_type"
passes 'bearer in lower case' "$here" "authorization: bearer   $key" "$json_type"
passes 'both, one of them right' "$here" 'x-api-key: wrong' "Authorization: Bearer $key" "$json_type"
passes 'both, the other right' "$here" "$good_key" 'Authorization: Bearer wrong' "$json_type"
for wrong in 'X-None: 1' "x-api-key: ${key}x" "x-api-key: ${key%?}" "x-api-key: $(echo $key | tr a-z A-Z)" 'x-api-key:' \
	'x-api-key: ' "x-api-key: $key$key" "x-api-key: $canary" 'Authorization: Bearer' 'Authorization: Bearer ' \
	'Authorization: Bearer wrong' "Authorization: $key" "Authorization: Basic $key" "Cookie: x-api-key=$key" \
	'X-Forwarded-For: 127.0.0.1'; do
	refused "key '$(echo "$wrong" | sed "s/canary[a-z-]*/K/g")'" 401 authentication_error "$here" "$wrong" "$json_type"
done
refused 'no hint of the key' 401 authentication_error "$here" 'x-api-key: sk-wrong-key-of-mine-123456' "$json_type"
hasnt 'and what was presented is not repeated' "$T/answer" sk-wrong
for path in /v1/models /v1/models/x /test-connection; do
	try GET $path "$here"
	fails "GET $path without a key" 401 authentication_error
done
for path in /v1/messages/count_tokens /v1/chat/completions; do
	try POST $path "$here" "$json_type"
	fails "POST $path without a key" 401 authentication_error
done

# ---- where it goes is not the request's choice ----

passes 'fields that name another upstream' "$here" "$good_key" "$json_type" 'X-Base-URL: http://127.0.0.1:9/' 'X-Target: evil' \
	'X-Evil: 1'
n=$(printf %04d "$(sent_count)")
hasnt 'are not passed on' "$up/$n.head" -vil
is 'the key there is ours' "$(grep -ci "^authorization: Bearer $canary" "$up/$n.head")" 1
hasnt 'the key of the client does not go there' "$up/$n.head" "$key"
ask_body 'a\r\nX-Evil: 1' >"$T/hi"
sed -i.bak 's/claude-opus-4-8/m\\r\\nX-Evil: 2\\u001b[2J\\n[fake]/' "$T/hi"
passes 'line ends in a model name' "$here" "$good_key" "$json_type"
n=$(printf %04d "$(sent_count)")
hasnt 'stay in the JSON' "$up/$n.head" X-Evil
has 'as they were' "$up/$n.body" 'm\r\nX-Evil: 2\u001b[2J\n[fake]'
is 'and are no line of the log' "$(grep -c '^\[fake\]\|^X-Evil' "$log")" 0
is 'no control characters in the log' "$(tr -d '\n\t -~' <"$log" | wc -c | tr -d ' ')" 0

# ---- keys get out nowhere ----

for text in echo-the-keys stream-the-key; do
	ask_body $text >"$T/hi"
	try POST /v1/messages "$here" "$good_key" "$json_type"
	ask_body $text | sed 's/"model"/"stream":true,"model"/' >"$T/hi"
	try POST /v1/messages "$here" "$good_key" "$json_type"
	try POST /v1/chat/completions "$here" "$good_key" "$json_type"
done
for path in / /health /test-connection /v1/models /no/such; do
	try GET $path "$here" "$good_key"
done
until_true grep -q 'GET /no/such' "$log"
grep -v '"the key is\|"text":.*canary\|"content":.*canary' "$T/answers" >"$T/answers.left"
for secret in $canary $key $token $other; do
	hasnt "T14 not in an answer: $secret" "$T/answers.left" $secret
	hasnt "T14 not in the log: $secret" "$log" $secret
	tr '\0' '\n' <"/proc/$proxy_pid/cmdline" >"$T/cmdline"
	hasnt "not in the arguments: $secret" "$T/cmdline" $secret
done
is 'the log has heads and bodies' "$(grep -c 'client head' "$log" | sed 's/.*[1-9].*/many/') \
$(grep -c 'client body' "$log" | sed 's/.*[1-9].*/many/')" 'many many'
is 'no core file may be written' "$(awk '/Max core file size/ { print $5, $6 }' /proc/$proxy_pid/limits)" '0 0'
alive

# ---- without a key nothing is asked for; all the rest holds ----

ask_body hi >"$T/hi"
stop $proxy_pid
start_proxy ANTHROPIC_API_KEY=
here="Host: 127.0.0.1:$port"
passes 'no key configured: none needed' "$here" "$json_type"
passes 'no key configured: any will do' "$here" "$json_type" 'x-api-key: any'
refused 'no key configured: not for pages' 403 permission_error "$here" "$json_type" 'Origin: https://evil.example'
refused 'no key configured: not under other names' 421 invalid_request_error 'Host: evil.example' "$json_type"
is 'and /health says so' "$(get /health; json api_status.client_api_key_validation)" false

# ---- other addresses ----

for host in 0.0.0.0 ::; do
	printf 'HOST=%s\nPORT=0\nOPENAI_BASE_URL=http://127.0.0.1:9/v1\n' $host >"$T/open"
	chmod 600 "$T/open"
	timeout 5 "$PROXY" --env "$T/open" >"$T/open.out" 2>&1
	is "F31 T4 HOST=$host without a key does not start" "$?" 100
	has "HOST=$host: why" "$T/open.out" ANTHROPIC_API_KEY
done
stop $proxy_pid
start_proxy HOST=0.0.0.0 ANTHROPIC_API_KEY=$key
passes 'on all addresses, with a key: any name' 'Host: whatever.example' "$good_key" "$json_type"
refused 'and no key' 401 authentication_error "Host: 127.0.0.1:$port" "$json_type"
refused 'and a page' 403 permission_error "Host: 127.0.0.1:$port" "$good_key" "$json_type" 'Origin: https://evil.example'
stop $proxy_pid
start_proxy HOST=0.0.0.0 ANTHROPIC_API_KEY=$key ALLOWED_HOSTS=box.example
refused 'ALLOWED_HOSTS narrows it' 421 invalid_request_error 'Host: whatever.example' "$good_key" "$json_type"
passes 'to those names' 'Host: box.example' "$good_key" "$json_type"
alive
