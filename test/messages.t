#!/bin/sh
# Answers that come well: streamed and whole, in every framing of the upstream's
# body, in events for who asked for JSON and the reverse, and what an OpenAI
# client gets. Then the request head that the upstream sees, and the models.
. "$(dirname "$0")/lib.sh"

script --dialect any <<'END'
when say-text
	text "Grüße, \"you\" \\ there\n"
	usage 1200 40 1000
when say-call
	text "Let me look. "
	call Bash {"command":"ls -la","n":1.50}
when say-two
	call Bash {"command":"ls"}
	call Read {"file_path":"/x"}
when say-think
	think "Some thought. "
	text Done.
when say-length
	text Half
	finish length
when len-text
	frame length
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"by length\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
when close-text
	frame close
	text "by the end"
when split-text
	split 1
	think "Slowly. "
	text "one by one"
	call Bash {"command":"ls"}
when json-to-stream
	header Content-Type: text/event-stream
	frame length
	raw "\r\n {\"id\":\"c1\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"as JSON\",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"Bash\",\"arguments\":\"{\\\"command\\\":\\\"ls\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n"
when events-to-json
	header Content-Type: application/json
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"as \"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"events\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
when byte-order-mark
	frame length
	split 1
	raw "\xef\xbb\xbf\n {\"choices\":[{\"message\":{\"content\":\"marked\"},\"finish_reason\":\"stop\"}]}"
when plain-type
	header Content-Type: text/plain; charset=utf-8
	text "labelled as plain text"
when status-201
	status 201
	text created
when after-interim
	wire "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6;a=\"b\"\r\ndata: \r\n38\r\n{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"in parts\"}}]}\r\n44\r\n\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\r\n1\r\n\n\r\n0\r\nX-Trailer: 1\r\n\r\n"
when bare-lf
	wire "HTTP/1.0 200\nContent-Type: text/event-stream\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"old\"},\"finish_reason\":\"stop\"}]}\n\n"
when *
	text "no rule"
END
start_proxy BIG_MODEL=big/one MIDDLE_MODEL=middle SMALL_MODEL=small

# says WHAT TEXT LINES: streamed
says() {
	ask "$2" '"stream":true'
	is "$1: status" "$status" 200
	is "$1" "$(message)" "$3"
}

usage='{"input_tokens":200,"cache_creation_input_tokens":0,"cache_read_input_tokens":1000,"output_tokens":40}'
# nothing said: message_start's estimate stays; what comes late does not exceed it
says 'streamed text' say-text "text Grüße, \"you\" \\ there\\n
end end_turn $usage"
says 'streamed text and a call' say-call "text Let me look. 
tool_use Bash {\"command\":\"ls -la\",\"n\":1.50}
end tool_use $usage"
says 'two calls' say-two "tool_use Bash {\"command\":\"ls\"}
tool_use Read {\"file_path\":\"/x\"}
end tool_use $usage"
says 'cut by length' say-length "text Half
end max_tokens $usage"
says 'a body by length' len-text 'text by length
end end_turn {"input_tokens":7,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}'
says 'a body to the end of the connection' close-text "text by the end
end end_turn $usage"
says 'a mislabelled stream' plain-type "text labelled as plain text
end end_turn $usage"
says 'status 201' status-201 "text created
end end_turn $usage"
says 'JSON in place of a stream' json-to-stream 'text as JSON
tool_use Bash {"command":"ls"}
end tool_use {"input_tokens":9,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}'
ask after-interim '"stream":true'
is 'behind interim heads, chunks with extensions, a trailer' "$(message | head -n 1)" 'text in parts'
has 'the end of it' "$T/body" message_stop
ask bare-lf '"stream":true'
is 'HTTP/1.0 with bare line feeds and no reason' "$(message | head -n 1)" 'text old'
has 'the end of it too' "$T/body" message_stop

ask say-think '"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},"output_config":{}'
is 'streamed reasoning' "$(message)" "thinking Some thought. 
text Done.
end end_turn $usage"
ask split-text '"stream":true,"thinking":{"type":"enabled","budget_tokens":1024}'
is 'byte by byte' "$(message)" "thinking Slowly. 
text one by one
tool_use Bash {\"command\":\"ls\"}
end tool_use $usage"
is 'one head' "$(grep -c '^HTTP/1.1' "$T/answer")" 1
has 'the type of a stream' "$T/answer" 'content-type: text/event-stream'
has 'not kept by caches' "$T/answer" 'cache-control: no-cache'
has 'chunked' "$T/answer" 'transfer-encoding: chunked'
is 'the last chunk' "$(tail -c 5 "$T/answer" | tr -d '\r' | head -n 1)" 0

# ---- whole ----

ask say-text
is 'whole: status' "$status" 200
is 'whole: type' "$(json type) $(json role) $(json model)" 'message assistant claude-opus-4-8'
is 'whole: text' "$(json content.0.text)" 'Grüße, "you" \ there'
is 'whole: end' "$(json stop_reason) $(json stop_sequence)" 'end_turn null'
is 'whole: usage' "$(json usage)" "$usage"
has 'whole: type of the body' "$T/answer" 'content-type: application/json'
id=$(json id)
ask say-call
is 'whole: text before a call' "$(json content.0.text)" 'Let me look. '
is 'whole: a call' "$(json content.1.type) $(json content.1.name) $(json content.1.input)" 'tool_use Bash {"command":"ls -la","n":1.50}'
is 'whole: stopped for a tool' "$(json stop_reason)" tool_use
case $(json id) in msg_*) ok 'whole: an id' ;; *) not_ok 'whole: an id' "$(json id)" ;; esac
[ "$(json id)" != "$id" ] && ok 'whole: another id' || not_ok 'whole: another id'
ask say-two
is 'whole: two calls' "$(json content.#) $(json content.0.name) $(json content.1.name)" '2 Bash Read'
[ "$(json content.0.id)" != "$(json content.1.id)" ] && ok 'whole: their ids differ' || not_ok 'whole: their ids differ'
ask say-think '"thinking":{"type":"enabled","budget_tokens":1024}'
is 'whole: reasoning' "$(json content.0.type) $(json content.0.thinking)" 'thinking Some thought. '
is 'whole: text behind it' "$(json content.1.text)" 'Done.'
ask events-to-json '"thinking":{"type":"enabled","budget_tokens":1024}'
is 'events in place of JSON' "$(json content.0.thinking) $(json content.1.text) $(json stop_reason) $(json usage.output_tokens)" \
	'hm as events end_turn 2'
has 'events in place of JSON: the type' "$T/answer" 'content-type: application/json'
ask split-text
is 'whole, byte by byte' "$(json content.#) $(json stop_reason)" '2 tool_use'
ask close-text
is 'whole, to the end of the connection' "$(json content.0.text)" 'by the end'
ask byte-order-mark
is 'a byte order mark before the JSON' "$(json content.0.text)" marked
ask json-to-stream
is 'white space before the JSON' "$(json content.0.text)" 'as JSON'

# ---- an OpenAI client ----

# chat BODY: sends it
chat() {
	printf '%s' "$1" >"$T/ask"
	request POST /v1/chat/completions <"$T/ask"
}
# direct: the same from the provider itself
direct() {
	{
		printf 'POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$(wc -c <"$T/ask" | tr -d ' ')"
		cat "$T/ask"
	} | timeout 20 nc 127.0.0.1 "$provider" | "$top/test/tool" body >"$T/direct"
	for file in direct body; do
		sed 's/chatcmpl-[0-9]*/chatcmpl-N/g; s/call_[0-9]*_/call_N_/g; s/gpt-x/middle/g' "$T/$file" >"$T/$file.masked"
	done
}
up_before=$(sent_count)
chat '{"stream":false, "messages":[{"role":"user","content":"say-call"}],"model":"claude-3-5-sonnet","temperature":0.50,"logit_bias":{"1":2}}'
is 'passed: status' "$status" 200
is 'passed: object' "$(json object)" chat.completion
is 'passed: model as the provider named it' "$(json model)" middle
printf '%s' '{"stream":false, "messages":[{"role":"user","content":"say-call"}],"model":"middle","temperature":0.50,"logit_bias":{"1":2}}' >"$T/want"
same 'passed: body with the model mapped' "$(sent $((up_before + 1)))" "$T/want"
cp "$T/want" "$T/ask"
direct
same 'passed: the bytes that came' "$T/body.masked" "$T/direct.masked"

chat '{"stream":true,"messages":[{"role":"user","content":"say-call"}],"model":"gpt-x"}'
has 'passed, streamed: type' "$T/answer" 'content-type: text/event-stream'
direct
same 'passed, streamed: the bytes that came' "$T/body.masked" "$T/direct.masked"
has 'passed, streamed: to its end' "$T/body" '[DONE]'
is 'passed, streamed: Accept' "$(grep -c '^Accept: text/event-stream' "$(ls "$up"/*.head | tail -n 2 | head -n 1)")" 1
chat '{"stream":true,"messages":[{"role":"user","content":"split-text"}],"model":"gpt-x"}'
is 'passed, streamed byte by byte' "$(tail -n 2 "$T/body")" 'data: [DONE]'
chat '{"messages":[{"role":"user","content":"close-text"}],"model":"gpt-x"}'
is 'passed, to the end of the connection' "$(json choices.0.message.content)" 'by the end'
chat '{"messages":[{"role":"user","content":"len-text"}],"model":"gpt-x"}'
is 'passed, by length' "$(tail -n 2 "$T/body")" 'data: [DONE]'
has 'passed, by length: said so' "$T/answer" 'content-length: '

# ---- models ----

# model ID WANT
model() {
	n=$(sent_count)
	printf '{"model":"%s","max_tokens":9,"messages":[{"role":"user","content":"x"}]}' "$1" >"$T/ask"
	request POST /v1/messages <"$T/ask"
	is "model $1" "$(json model "$(sent $((n + 1)))") $(json model)" "$2 $1"
}
model claude-opus-4-8 big/one
model claude-sonnet-4-6 middle
model claude-haiku-4-5-20251001 small
model claude-3-5-haiku-latest small
model anthropic/claude-sonnet-4 middle
model 'claude-opus-4-8[1m]' big/one
model claude-unheard-of big/one
model glm-9-air glm-9-air

# ---- the head upstream ----

# head_of: the last request's
head_of() {
	tr -d '\r' <"$(ls "$up"/*.head | tail -n 1)" | sed '/^$/d'
}
ask 'what head'
n=$(wc -c <"$(ls "$up"/*.body | tail -n 1)" | tr -d ' ')
is 'head upstream' "$(head_of)" "POST /v1/chat/completions HTTP/1.1
Host: 127.0.0.1:$provider
Authorization: Bearer test-upstream-key
User-Agent: claude-code-proxy/$("$PROXY" --version | cut -d ' ' -f 2)
Accept: application/json
Content-Type: application/json
Content-Length: $n"
ask 'what head' '"stream":true' 'User-Agent: client/1' 'anthropic-beta: x' 'Cookie: a=b' 'X-Forwarded-For: 1.2.3.4' 'Authorization: Bearer other'
is 'nothing of the client goes upstream' "$(head_of | grep -v '^Content-Length')" "POST /v1/chat/completions HTTP/1.1
Host: 127.0.0.1:$provider
Authorization: Bearer test-upstream-key
User-Agent: claude-code-proxy/$("$PROXY" --version | cut -d ' ' -f 2)
Accept: text/event-stream
Content-Type: application/json"

stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/a/b/" 'CUSTOM_HEADER_USER_AGENT="curl/8"' 'CUSTOM_HEADER_HOST=api.example' \
	'CUSTOM_HEADER_AUTHORIZATION=Basic abc' 'CUSTOM_HEADER_X_TEAM="blue one"' CUSTOM_HEADER_ACCEPT=x/y
ask 'what head'
is 'custom headers replace' "$(head_of | grep -v '^Content-Length' | sort)" "Accept: x/y
Authorization: Basic abc
Content-Type: application/json
Host: api.example
POST /a/b/chat/completions HTTP/1.1
User-Agent: curl/8
X-Team: blue one"

stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/x/chat/completions"
ask 'what head'
is 'a whole URL is used as it is' "$(head_of | head -n 1)" 'POST /x/chat/completions HTTP/1.1'

stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/openai/deployments/my-one" AZURE_API_VERSION=2024-10-21
ask 'what head'
is 'Azure deployment' "$(head_of | head -n 1)" 'POST /openai/deployments/my-one/chat/completions?api-version=2024-10-21 HTTP/1.1'
is 'Azure: the key' "$(head_of | grep -i -e '^api-key' -e '^authorization')" 'api-key: test-upstream-key'

stop $proxy_pid
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider" AZURE_API_VERSION=2024-10-21 'BIG_MODEL=gpt 4/ö'
ask 'what head'
is 'Azure, the model as deployment' "$(head_of | head -n 1)" \
	'POST /openai/deployments/gpt%204%2F%C3%B6/chat/completions?api-version=2024-10-21 HTTP/1.1'

stop $proxy_pid
start_proxy REQUESTY_AUTO_CACHE=yes 'UP_AUTH=none'
ask 'what head'
is 'Requesty' "$(json requesty "$(ls "$up"/*.body | tail -n 1)")" '{"auto_cache":true}'
is 'no key where none is wanted' "$(head_of | grep -ci '^authorization')" 0

stop $proxy_pid
is 'stopped well' "$stopped" 0
