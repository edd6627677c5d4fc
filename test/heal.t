#!/bin/sh
# A request that the provider refuses is repaired, sent once more, and the next one leaves repaired.
. "$(dirname "$0")/lib.sh"

ask() {
	request POST /v1/messages <<-EOF
	{"model":"$1","max_tokens":4000,"temperature":0.5,"stop_sequences":["X"],"messages":[{"role":"user","content":"$2"}]}
	EOF
}

refusal() {
	printf '\terror %s invalid_request_error %s\n' "$1" "$2"
}

{
	printf "when rename\n\tunless max_completion_tokens\n"
	refusal 400 '"Unsupported parameter: '\''max_tokens'\'' is not supported with this model. Use '\''max_completion_tokens'\'' instead."'
	echo 'when drop temperature'
	refusal 400 '"Unsupported value: '\''temperature'\'' does not support 0.5 with this model. Only the default (1) value is supported."'
	echo 'when never'
	refusal 400 '"Unsupported parameter: '\''model'\'' is not good enough."'
	echo 'when fit "\"max_tokens\":4000"'
	refusal 400 '"'\''max_tokens'\'' or '\''max_completion_tokens'\'' is too large: 4000. This model'\''s maximum context length is 8192 tokens and your request has 5000 input tokens (4000 > 8192 - 5000)."'
	printf "when both\n\tunless max_completion_tokens\n"
	refusal 400 '"Unsupported parameter: '\''max_tokens'\'' is not supported with this model. Use '\''max_completion_tokens'\'' instead."'
	echo 'when both temperature'
	refusal 422 '"Unsupported value: '\''temperature'\'' does not support 0.5 with this model. Only the default (1) value is supported."'
	printf "when echo\n\ttimes 1\n"
	refusal 400 '"thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"'
	echo 'when denied'
	refusal 401 '"Unsupported parameter: '\''temperature'\''"'
	echo 'when *'
	printf '\ttext "fine"\n'
} >"$T/script"

start_provider --script "$T/script"
start_proxy

ask model-a rename
is 'a renamed field: answered' "$status" 200
is 'two requests for it' "$(sent_count)" 2
has 'the second has the other name' "$(sent 2)" '"max_completion_tokens":4000'
hasnt 'and not the first one too' "$(sent 2)" '"max_tokens"'
ask model-a rename
is 'the next one leaves repaired' "$(sent_count)" 3
has 'the log names the setting' "$log" 'UP_MAXTOK=max_completion_tokens'

ask model-b drop
is 'a refused field: answered' "$status" 200
hasnt 'it was left out' "$(sent 5)" temperature
has 'all else was not' "$(sent 5)" '"stop":["X"]'
has 'another model starts afresh' "$(sent 4)" '"max_tokens":4000'
ask model-b drop
is 'and is remembered too' "$(sent_count)" 6

ask model-c fit
is 'max_tokens that does not fit: answered' "$status" 200
has 'it was made to fit' "$(sent 8)" '"max_tokens":3192'
ask model-c small
has 'for that request only' "$(sent 9)" '"max_tokens":4000'

before=$(sent_count)
ask model-d both
is 'two refusals: answered' "$status" 200
is 'each one repaired' "$(($(sent_count) - before))" 3

ask model-g echo
is 'a repair of several settings: answered' "$status" 200
has 'the log names each as it is written' "$log" 'trying again with UP_ECHO=reasoning_content UP_ECHO_ALL=1 UP_ECHO_FILL=empty'

before=$(sent_count)
ask model-e never
is 'what cannot be repaired is told' "$status" 400
is 'at most three repairs' "$(($(sent_count) - before <= 4))" 1
has 'in the words of the provider' "$T/body" 'not good enough'

before=$(sent_count)
ask model-f denied
is 'a 401 is no refusal of a field' "$status" 401
is 'and is not repaired' "$(($(sent_count) - before))" 1

{
	echo 'when bothways "\"stream\":true" temperature'
	refusal 400 '"Unsupported value: '\''temperature'\'' does not support 0.5"'
	echo 'when early temperature'
	printf '\tdata {"error":{"message":"Unsupported value: '\''temperature'\'' does not support 0.5","code":"400"}}\n'
	echo 'when slip'
	printf '\ttimes 1\n\traw "event: error\\ndata: {\\"error\\":{\\"message\\":\\"Failed to call a function.\\",\\"code\\":\\"tool_use_failed\\",\\"status_code\\":400}}\\n\\n"\n'
	echo 'when large temperature'
	printf '\tdata {"error":{"padding":"%020000d","message":"Unsupported value: '\''temperature'\'' does not support 0.5","code":400}}\n' 0
	echo 'when document temperature'
	printf '\tframe length\n\traw "{\\"code\\":400,\\"error\\":\\"Argument not supported on this model: temperature\\"}"\n'
	echo 'when behind temperature'
	printf '\tdata {"choices":[{"index":0,"delta":{"content":"half"}}]}\n'
	printf '\tdata {"error":{"message":"Unsupported value: '\''temperature'\'' does not support 0.5","code":400}}\n'
	echo 'when *'
	printf '\ttext "fine"\n'
} >"$T/script2"
stop $proxy_pid
start_provider --script "$T/script2"
start_proxy
request POST /v1/messages <<-EOF
{"model":"model-s","max_tokens":40,"stream":true,"temperature":0.5,"messages":[{"role":"user","content":"bothways"}]}
EOF
is 'a stream: the refusal is not seen' "$status" 200
has 'the text is' "$T/body" 'text_delta'
is 'one message_start' "$(grep -c '^event: message_start' "$T/body")" 1

# refusals behind a good status
for stream in true false; do
	for kind in early slip large document; do
		before=$(sent_count)
		[ $kind = slip ] && [ $stream = false ] && continue
		request POST /v1/messages <<-EOF
		{"model":"model-$kind-$stream","max_tokens":40,"stream":$stream,"temperature":0.5,"messages":[{"role":"user","content":"$kind"}]}
		EOF
		is "told within a 200 ($kind, $stream): answered" "$status $(grep -c fine "$T/body")" '200 1'
		is "told within a 200 ($kind, $stream): two requests" "$(($(sent_count) - before))" 2
	done
done
before=$(sent_count)
request POST /v1/messages <<-EOF
{"model":"model-behind","max_tokens":40,"stream":true,"temperature":0.5,"messages":[{"role":"user","content":"behind"}]}
EOF
has 'told behind some of the answer: the error goes on' "$T/body" 'does not support 0.5'
is 'told behind some of the answer: one request' "$(($(sent_count) - before))" 1
alive
