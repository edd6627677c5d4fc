#!/bin/sh
# Providers that speak the Messages API themselves: what is passed on, what is
# changed, and that failures, repairs, pings and counts are as everywhere.
. "$(dirname "$0")/lib.sh"

events() {
	printf '\tdata {"type":"message_start","message":{"id":"msg_up","type":"message","role":"assistant","model":"up","content":[],"usage":{"input_tokens":3}}}\n'
	printf '\tdata {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n'
	printf '\tdata {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}}\n'
}

{
	echo 'when "say all"'
	printf '\tthink "I think."\n\ttext "It is done. "\n\tcall Bash {"command":"ls"}\n\tusage 1200 40 1000\n'
	echo 'when counted'
	printf '\ttext "fine"\n\tusage 3000 5 1000\n'
	echo 'when full'
	printf '\terror 400 invalid_request_error "prompt is too long: 210000 tokens > 200000 maximum"\n'
	echo 'when window'
	printf '\terror 400 invalid_request_error "Your request exceeded model token limit: 262144 (requested: 270000)"\n'
	echo 'when busy'
	printf '\theader retry-after: 7\n\terror 529 overloaded_error "Overloaded"\n'
	echo 'when limited'
	printf '\theader retry-after: 3\n\terror 429 rate_limit_error "Number of request tokens has exceeded your rate limit"\n'
	echo 'when "odd type"'
	printf '\terror 400 not_found_error "no such thing"\n'
	echo 'when "other shape"'
	printf '\tstatus 401\n\traw "{\\"code\\":401,\\"msg\\":\\"token test-upstream-key expired\\"}"\n'
	echo 'when late'
	events
	printf '\tdata {"type":"error","error":{"type":"overloaded_error","message":"Overloaded now"}}\n'
	echo 'when early-error'
	events | head -n 1
	printf '\tdata {"type":"error","error":{"type":"overloaded_error","message":"Overloaded now"}}\n'
	echo 'when cutoff'
	events
	printf '\tcut\n'
	echo 'when silent'
	printf '\thead\n\tpause 700\n\ttext "at last"\n'
	echo 'when extra'
	printf '\tunless context_management output_config\n\ttext "fine"\n'
	echo 'when extra context_management'
	printf '\terror 400 invalid_request_error "context_management: Extra inputs are not permitted"\n'
	echo 'when extra output_config'
	printf '\terror 400 invalid_request_error "output_config: Extra inputs are not permitted"\n'
	echo 'when nested'
	printf '\terror 400 invalid_request_error "tools.0.custom.deferred: Extra inputs are not permitted"\n'
	echo 'when signature'
	printf '\terror 400 invalid_request_error "messages.1.content.0: Invalid `signature` in `thinking` block"\n'
	echo 'when "\"max_tokens\":5000"'
	printf '\terror 400 invalid_request_error "max_tokens: 5000 > 4096, which is the maximum allowed number of output tokens for up"\n'
	echo 'when *'
	printf '\ttext "fine"\n'
} >"$T/script"
start_provider --dialect anthropic --script "$T/script"
start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/anthropic" BIG_MODEL=up-big LOG_LEVEL=DEBUG

# ---- the request ----

cat >"$T/request" <<'END'
{"model":"claude-opus-4-8[1m]","future":{"a":[1.0,null]},"max_tokens":200000,"stream":true,"system":"s","top_k":3,
"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"a"},
{"role":"assistant","content":[{"type":"thinking","thinking":"ours","signature":"ccp1.reasoning.00"},{"type":"thinking","thinking":"b","signature":"sig-1"},{"type":"text","text":"c"}]},
{"role":"user","content":[{"type":"text","text":"say all"},{"type":"new_block","x":1}]}]}
END
request POST '/v1/messages?beta=true' 'anthropic-beta: one-2025,two-2026' 'Anthropic-New: x' 'Authorization: Bearer test-client-key' <"$T/request"
is 'answered' "$status" 200
{
	printf '{"model":"up-big","future":{"a":[1.0,null]},"max_tokens":131072,"stream":true,"system":"s","top_k":3,'
	printf '"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"a"},'
	printf '{"role":"assistant","content":[{"type":"thinking","thinking":"b","signature":"sig-1"},{"type":"text","text":"c"}]},'
	printf '{"role":"user","content":[{"type":"text","text":"say all"},{"type":"new_block","x":1}]}]}'
} >"$T/want"
same 'the body is as it came but for the model, the limit and our signature' "$(sent 1)" "$T/want"
head=$up/0001.head
tr -d '\r' <"$head" >"$T/head"
is 'its path' "$(head -n 1 "$T/head")" 'POST /anthropic/v1/messages HTTP/1.1'
has 'the key' "$T/head" 'x-api-key: test-upstream-key'
hasnt 'and no other' "$T/head" Authorization
hasnt 'not the client'"'"'s' "$T/head" test-client-key
has 'the version' "$T/head" 'anthropic-version: 2023-06-01'
has 'the betas' "$T/head" 'anthropic-beta: one-2025,two-2026'
has 'what is new too' "$T/head" 'Anthropic-New: x'
is 'an exact length' "$(sed -n 's/^Content-Length: //p' "$T/head")" "$(wc -c <"$(sent 1)" | tr -d ' ')"

# ---- the answer ----

is 'its type' "$(field content-type)" 'text/event-stream; charset=utf-8'
has 'the model that was asked for' "$T/body" '"id":"msg_up_1","type":"message","role":"assistant","model":"claude-opus-4-8[1m]"'
hasnt 'not the other' "$T/body" up-big
has 'the signature is the upstream'"'"'s' "$T/body" '"signature":"sig-1"'
hasnt 'no ping of the upstream' "$T/body" ping
message >"$T/message"
has 'the message is good' "$T/message" 'I think.'
has 'tool calls too' "$T/message" 'tool_use Bash {"command":"ls"}'
check 'the log counts' until_true grep -q 'messages claude-opus-4-8.* -> up-big 200 in 200 cached 1000 out 40 .*tool_use' "$log"

sed 's/"stream":true,//' "$T/request" >"$T/whole"
request POST /v1/messages <"$T/whole"
is 'without a stream' "$status $(json model) $(json stop_reason) $(json content.1.text)" '200 claude-opus-4-8[1m] tool_use It is done. '
for beta in '' 'anthropic-beta: one\r\n'; do
	send "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\n${beta}Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" \
		"$key" "$(wc -c <"$T/whole" | tr -d ' ')" "$(cat "$T/whole")
"
	has "the version where the client names none ($beta)" "$up/$(printf %04d "$(sent_count)").head" 'anthropic-version: 2023-06-01'
done

request POST /v1/messages/count_tokens <"$T/whole"
is 'count_tokens' "$status" 200
check 'a number' test "$(json input_tokens)" -gt 10
is 'is answered here' "$(sent_count)" 4
{
	printf '{"model":"counted-model","max_tokens":9,"messages":[{"role":"user","content":"counted:'
	for line in $(seq 150); do
		printf ' The quick brown fox jumps over the lazy dog, and goes home.'
	done
	printf '"}]}'
} >"$T/long"
request POST /v1/messages <"$T/long"
request POST /v1/messages/count_tokens <"$T/long"
check 'an answer calibrates it' test "$(json input_tokens)" -ge 2700 -a "$(json input_tokens)" -le 3300
request POST /v1/chat/completions <<END
{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}
END
is 'what an OpenAI client sends cannot be passed on' "$status $(sent_count)" '404 5'

# ---- failures ----

ask full
fails 'an overflow' 400 invalid_request_error
has 'in the words that make it compact' "$T/body" '"prompt is too long: 210000 tokens > 200000 maximum'
ask window
fails 'in another wording' 400 invalid_request_error
has 'the same words' "$T/body" '"prompt is too long: 270000 tokens > 262144 maximum'
ask busy
fails 'overload' 529 overloaded_error
is 'its field and message' "$(field retry-after) $(json error.message)" '7 Overloaded'
ask limited
fails 'a rate limit' 429 rate_limit_error
is 'its field and message' "$(field retry-after) $(json error.message)" '3 Number of request tokens has exceeded your rate limit'
ask 'odd type'
fails 'the type stays what it was' 400 not_found_error
is 'and the message' "$(json error.message)" 'no such thing'
ask 'other shape'
fails 'an error in another shape' 401 authentication_error
has 'keys are not told' "$T/body" 'token *** expired'
hasnt 'nor logged' "$log" test-upstream-key

ask late '"stream":true'
is 'an error within: the head was out' "$status" 200
has 'what came before it' "$T/body" '"text":"half"'
has 'an error event' "$T/body" '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded now"}'
is 'the last' "$(sed -n 's/^event: //p' "$T/body" | tail -n 1)" error
ask early-error '"stream":true'
fails 'an error before any content' 529 overloaded_error
ask cutoff '"stream":true'
is 'a cut' "$status $(sed -n 's/^event: //p' "$T/body" | tail -n 1)" '200 error'
has 'is told' "$T/body" '"type":"api_error"'
ask signature
fails 'what Claude Code mends itself goes on' 400 invalid_request_error
has 'in its words' "$T/body" 'Invalid `signature` in `thinking` block'

# ---- repairs ----

before=$(sent_count)
ask extra '"context_management":{"edits":[]},"output_config":{"effort":"high"}'
is 'what is not permitted is left out' "$status $(($(sent_count) - before))" '200 3'
has 'the log names the setting' "$log" 'UP_DROP=context_management,output_config'
ask extra '"context_management":{"edits":[]},"output_config":{"effort":"high"}'
is 'the next one leaves repaired' "$(($(sent_count) - before))" 4
before=$(sent_count)
ask nested
is 'what no setting mends is told at once' "$status $(($(sent_count) - before))" '400 1'
before=$(sent_count)
request POST /v1/messages <<END
{"model":"other","max_tokens":5000,"messages":[{"role":"user","content":"x"}]}
END
is 'a limit of the model' "$status $(($(sent_count) - before))" '200 2'
has 'is kept' "$(sent "$(sent_count)")" '"max_tokens":4096'
stop $proxy_pid

# ---- time, and the ways to say it ----

start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1/" UPSTREAM_API=anthropic HOLD_MS=100 PING_MS=100 NUDGE_MS=200 \
	UP_AUTH=both CUSTOM_HEADER_ANTHROPIC_BETA=mine UP_ECHO=reasoning_content UP_ECHO_FILL=dot
ask silent '"stream":true' 'anthropic-beta: theirs'
has 'silence: pings' "$T/body" 'event: ping'
has 'and nudges' "$T/body" '"delta":{"type":"thinking_delta","thinking":""}'
is 'one beginning and one end' "$(grep -c '^event: message_st' "$T/body")" 2
message >"$T/message"
has 'the message is whole' "$T/message" 'at last'
tr -d '\r' <"$(sent "$(sent_count)" | sed 's/body$/head/')" >"$T/head"
is 'the path of another base URL' "$(head -n 1 "$T/head")" 'POST /v1/messages HTTP/1.1'
is 'both keys' "$(grep -ci -e '^x-api-key: test-upstream-key' -e '^Authorization: Bearer test-upstream-key' "$T/head")" 2
is 'a header of the user'"'"'s own in place of the client'"'"'s' "$(grep -i '^anthropic-beta' "$T/head")" 'Anthropic-Beta: mine'
stop $proxy_pid

start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/anthropic" UPSTREAM_API=openai
ask hello
is 'UPSTREAM_API goes over the path' "$status" 404
has 'as it was sent' "$(sent "$(sent_count)" | sed 's/body$/head/')" 'POST /anthropic/chat/completions'
stop $proxy_pid

start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$provider/anthropic/v1/messages"
check '--check passes' "$PROXY" --check --env "$env"
"$PROXY" --check --env "$env" >"$T/check"
has 'and says which API' "$T/check" "path /anthropic/v1/messages (Anthropic's API)"
has 'and how the key goes' "$T/check" 'auth=x-api-key   from @*'
get /test-connection
is '/test-connection' "$status $(json status)" '200 success'
alive
printf 'UPSTREAM_API=claude\n' >>"$env"
"$PROXY" --check --env "$env" >"$T/check" 2>&1
has 'another API is refused' "$T/check" 'UPSTREAM_API is "claude": it may be openai or anthropic'
