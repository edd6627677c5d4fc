#!/bin/sh
# What can be asked for: every path with prefixes and queries, HEAD, what is not
# there, the answers that are made here and their fields, /test-connection.
. "$(dirname "$0")/lib.sh"

script <<'END'
when bad-model
	error 404 invalid_request_error "no such model"
when *
	text "hello there"
END
start_proxy BIG_MODEL=big MIDDLE_MODEL=middle SMALL_MODEL=small MAX_TOKENS_LIMIT=4321 \
	"OPENAI_BASE_URL=http://127.0.0.1:$provider/v1?api_key=secret-query"
echo '{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}' >"$T/hi"

# post WHAT TARGET STATUS
post() {
	request POST "$2" <"$T/hi"
	is "POST $2" "$status" "$3"
}

for path in /v1/messages '/v1/messages?beta=true' /v1/messages/ '/anthropic/v9/v1/messages?beta=true&x=/health'; do
	post '' "$path" 200
	is "$path: a message" "$(json type) $(json content.0.text) $(json stop_reason)" 'message hello there end_turn'
	check "$path: request-id" test -n "$(field request-id)"
done
is 'the query is not passed on' "$(head -n 1 "$up/0002.head" | tr -d '\r')" "POST /v1/chat/completions?api_key=secret-query HTTP/1.1"
is 'every one reached the upstream' "$(sent_count)" 4

for path in /v1/messages/count_tokens '/v1/messages/count_tokens?beta=true' /p/v1/messages/count_tokens; do
	post '' "$path" 200
	check "$path: a number" test "$(json input_tokens)" -gt 0
done
is 'counting asks nobody' "$(sent_count)" 4
request POST '/v1/messages/count_tokens?beta=true' <<END
{"model":"claude-opus-4-8","messages":[{"role":"user","content":"hi"}],"tools":[]}
END
is 'count_tokens without max_tokens, tools empty' "$status" 200
request POST /v1/messages/count_tokens <<END
{"model":"claude-opus-4-8"}
END
fails 'count_tokens without messages' 400 invalid_request_error
has 'and it says so' "$T/body" messages

post '' /v1/chat/completions 200
is 'chat: as the upstream said it' "$(json object) $(json choices.0.message.content)" 'chat.completion hello there'
is 'chat: the model is mapped' "$(json model "$(sent 5)")" big

# ---- models ----

for path in /v1/models '/v1/models?limit=1000' /p/v1/models; do
	get "$path"
	is "GET $path" "$status $(json has_more) $(json first_id)" "200 false $(json data.0.id)"
done
last=$(($(json 'data.#') - 1))
is 'models: the last id' "$(json last_id)" "$(json data.$last.id)"
is 'models: each with its fields' "$(json data.0.type) $(json data.0.display_name) $(json data.0.created_at)" \
	'model big 2025-01-01T00:00:00Z'
i=0
while [ $i -le $last ]; do
	id=$(json data.$i.id)
	echo "$id"
	i=$((i + 1))
done >"$T/ids"
is 'models: none twice' "$(sort "$T/ids" | uniq -d)" ''
for model in big middle small; do
	check "models: $model is there" grep -qx $model "$T/ids"
done
check 'models: one that the menu shows' grep -q '^claude' "$T/ids"
while read -r id; do
	get "/v1/models/$id"
	is "GET /v1/models/$id" "$status $(json id) $(json type)" "200 $id model"
done <"$T/ids"
get /v1/models/anthropic%2Fclaude-sonnet-4-5
is 'an escaped id' "$status $(json id) $(json display_name)" '200 anthropic/claude-sonnet-4-5 middle'
get /v1/models/claude-%ff%00%22
is 'what is no text in an id stays escaped' "$status $(json id)" '200 claude-%ff%00"'
get /v1/models/no-such
fails 'a model that is not there' 404 not_found_error
get /v1/models/health
fails 'an id that looks like a path' 404 not_found_error

# ---- health and / ----

get /health
is '/health: status' "$status $(json status)" '200 healthy'
is '/health: time' "$(json timestamp | tr 0-9 d)" 'dddd-dd-ddTdd:dd:ddZ'
is '/health: server' "$(json server.host) $(json server.port)" "127.0.0.1 $port"
is '/health: models' "$(json models.big_model) $(json models.middle_model) $(json models.small_model)" 'big middle small'
is '/health: api_status' "$(json api_status.openai_api_configured) $(json api_status.api_key_valid) \
$(json api_status.client_api_key_validation) $(json api_status.openai_base_url)" \
	"true true true http://127.0.0.1:$provider/v1"
is '/health: requesty' "$(json requesty.auto_cache_enabled) $(json requesty.requesty_api_key_configured)" 'false false'
hasnt '/health: no secret of the URL' "$T/body" secret
send 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
is '/health needs no key' "$status" 200
get /p/health
is '/health below a path' "$status" 200
lines=$(wc -l <"$log")
send 'HEAD /api/hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
is 'a hello is answered' "$status" 200
is 'and makes no line of the log' "$(wc -l <"$log")" "$lines"

send 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
is '/ needs no key' "$status" 200
is '/: config' "$(json config.openai_base_url) $(json config.max_tokens_limit) $(json config.api_key_configured) \
$(json config.client_api_key_validation) $(json config.big_model) $(json config.small_model)" \
	"http://127.0.0.1:$provider/v1 4321 true true big small"
check '/: message and status' test -n "$(json message)" -a -n "$(json status)"
is '/: endpoints' "$(json endpoints.messages) $(json endpoints.count_tokens) $(json endpoints.health)" \
	'/v1/messages /v1/messages/count_tokens /health'
hasnt '/: no secret of the URL' "$T/body" secret

# ---- HEAD ----

for path in /health / /v1/models /v1/models/big; do
	get "$path"
	length=$(field content-length)
	request HEAD "$path" </dev/null
	is "HEAD $path: the head of a GET" "$status $(field content-type)" '200 application/json'
	is "HEAD $path: no body" "$(tail -c 4 "$T/answer" | od -An -tx1 | tr -d ' \n')" 0d0a0d0a
	[ "$path" = /health ] || is "HEAD $path: the length of a GET" "$(field content-length)" "$length"
done
request HEAD /anthropic/v9/ </dev/null
is 'HEAD of a base path' "$status $(tail -c 4 "$T/answer" | od -An -tx1 | tr -d ' \n')" '404 0d0a0d0a'

# ---- what is not there ----

for path in /v1/message /v1/messagesx /V1/messages /v1/messages/batches /xhealth /v1/complete /favicon.ico '*' \
	'/%76%31/messages' /v1/responses; do
	get "$path"
	fails "GET $path" 404 not_found_error
done
for at in 'GET /v1/messages' 'PUT /v1/messages' 'DELETE /v1/messages?beta=true' 'HEAD /v1/messages/count_tokens' \
	'PATCH /v1/chat/completions' 'OPTIONS /v1/messages' 'TRACE /v1/messages'; do
	request ${at% *} "${at#* }" </dev/null
	is "$at: Allow" "$status $(field allow)" '405 POST'
	case $at in
	HEAD*) is "$at: no body" "$(tail -c 4 "$T/answer" | od -An -tx1 | tr -d ' \n')" 0d0a0d0a ;;
	*) fails "$at" 405 invalid_request_error ;;
	esac
done
for at in 'POST /health' 'DELETE /v1/models' 'POST /v1/models/big' 'PUT /' 'POST /test-connection'; do
	request ${at% *} "${at#* }" </dev/null
	is "$at: Allow" "$status $(field allow)" '405 GET, HEAD'
	fails "$at" 405 invalid_request_error
done
get /health
is 'Allow only where it belongs' "$(field allow)" ''
is 'none of it reached the upstream' "$(sent_count)" 5

# ---- /test-connection ----

get /test-connection
is '/test-connection' "$status $(json status) $(json model_used)" '200 success small'
is '/test-connection: fields' "$(json message | tr a-zA-Z x | tr -d 'x \n') $(json timestamp | tr 0-9 d)" \
	' dddd-dd-ddTdd:dd:ddZ'
check '/test-connection: the id of the answer' test -n "$(json response_id)"
is '/test-connection: five tokens of SMALL_MODEL' "$(json model "$(sent 6)") $(json max_tokens "$(sent 6)")" 'small 5'
send 'GET /test-connection HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
fails '/test-connection wants a key' 401 authentication_error
is 'and costs nothing without' "$(sent_count)" 6

stop $proxy_pid
start_proxy SMALL_MODEL=bad-model
get /test-connection
is '/test-connection: the upstream refuses' "$status $(json status) $(json error_type)" '503 failed not_found_error'
has '/test-connection: in its words' "$T/body" 'no such model'
is '/test-connection: fields' "$(json timestamp | tr 0-9 d)" 'dddd-dd-ddTdd:dd:ddZ'
check '/test-connection: suggestions' test "$(json 'suggestions.#')" -ge 3
check '/test-connection: request-id' test -n "$(field request-id)"
has 'and the log says why' "$log" 'no such model'

stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$("$top/test/tool" port)/v1" MAX_RETRIES=0
get /test-connection
is '/test-connection: nobody there' "$status $(json status) $(json error_type)" '503 failed api_error'
has '/test-connection: and why' "$T/body" "$refused"
alive
