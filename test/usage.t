#!/bin/sh
# What the usage that upstreams report teaches: estimates of tokens, and whose
# prompt cache is no longer hit; and what a provider is told of the session.
. "$(dirname "$0")/lib.sh"

script <<'END'
when "counted as 400"
	usage 400 7 0
	text "fine"
when "counted as 440"
	usage 440 7 0
	text "fine"
when "counted by nobody"
	data {"choices":[{"index":0,"delta":{"content":"fine"}}]}
	data {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
	data [DONE]
when "counted in part"
	usage 100 7 0
	text "fine"
when "cache hit"
	usage 2000 7 1900
	text "fine"
when "cache miss"
	usage 2000 7 100
	text "fine"
when *
	text "fine"
END

words=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	words="$words The quick brown fox jumps over the lazy dog, number $i."
done

# says MODEL TEXT [MEMBERS]: a message with that many words
says() {
	printf '{"model":"%s","max_tokens":100%s,"messages":[{"role":"user","content":"%s%s"}]}' "$1" "${3:+,$3}" "$2" "$words" |
		request POST /v1/messages
}

# counted MODEL TEXT: the estimate for the same
counted() {
	printf '{"model":"%s","messages":[{"role":"user","content":"%s%s"}]}' "$1" "$2" "$words" |
		request POST /v1/messages/count_tokens
	json input_tokens
}

# near WHAT GOT WANT: within 1 %
near() {
	check "$1: $2, near $3" test $(($2 * 100)) -ge $(($3 * 99)) -a $(($2 * 100)) -le $(($3 * 101))
}

start_proxy
first=$(counted one 'counted as 400')
check 'an estimate before any answer' test "$first" -gt 200 -a "$first" -lt 350
says one 'counted by nobody'
says one 'counted by nobody' '"stream":true'
is 'nobody counted: nothing changes' "$(counted one 'counted as 400')" "$first"
says one 'counted in part'
is 'counted in part: nothing changes' "$(counted one 'counted as 400')" "$first"
says one 'counted as 400'
near 'after an answer' "$(counted one 'counted as 400')" 400
is 'another model has its own' "$(counted two 'counted as 400')" "$first"
says two 'counted as 400' '"stream":true'
near 'after a streamed answer' "$(counted two 'counted as 400')" 400
now=$(counted two 'counted as 400')
says two 'counted as 400' '"stream":true'
is 'a burst stays as it is' "$(counted two 'counted as 400')" "$now"
says two 'counted as 440'
near 'a tenth more is learned' "$(counted two 'counted as 440')" 440
says two 'counted by nobody' '"stream":true'
near 'message_start has the estimate too' "$(sed -n 's/.*"message_start".*"input_tokens":\([0-9]*\).*/\1/p' "$T/body")" 440
stop $proxy_pid

# an instance for the same model learns for itself; UP_STREAM folds what is streamed
start_proxy UP_STREAM=always
is 'a fresh process starts afresh' "$(counted one 'counted as 400')" "$first"
says one 'counted as 400'
near 'after a folded answer' "$(counted one 'counted as 400')" 400
stop $proxy_pid

# ---- sessions ----

# turn SESSION TEXT [FIELD ...]
turn() {
	session=$1 text=$2
	shift 2
	ask "$text" '"stream":true' "x-claude-code-session-id: $session" "$@"
}

# told: how many lines say that a cache is no longer hit
told() {
	grep -c 'prompt cache' "$log"
}

start_proxy UP_HEADERS="x-conversation: {session}|x-by: {initiator}|x-eyes: {vision}|x-plain: {other}|x-within: cc-{session}.|x-tight:word|x-one:1"
turn s-one 'cache hit'
turn s-one 'cache miss'
turn s-two 'cache miss'
turn s-two 'cache miss'
turn s-one 'cache miss' 'x-claude-code-agent-id: 0a'
is 'misses once, never hit, or of a subagent: nothing is told' "$(told)" 0
turn s-one 'cache miss'
is 'the second in a row is' "$(told)" 1
has 'with the session' "$log" 'session s-one: '
has 'and what it is about' "$log" '100 of 2000 tokens'
has 'and what to look at' "$log" CLAUDE.md
turn s-one 'cache miss'
turn s-one 'cache hit'
turn s-one 'cache miss'
turn s-one 'cache miss'
is 'once for a session' "$(told)" 1
# by metadata, as JSON and in the older form
for user in '{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"s-json\"}' user_d_account__session_s-old; do
	for text in hit miss miss; do
		ask "cache $text" "\"metadata\":{\"user_id\":\"$user\"}"
	done
done
has 'a session by metadata.user_id' "$log" 'session s-json: '
has 'and by its older form' "$log" 'session s-old: '

head_of() {
	tr -d '\r' <"$up/$(printf %04d "$(sent_count)").head"
}
turn s-three 'a word'
head_of >"$T/head"
has 'the session for the provider' "$T/head" 'x-conversation: s-three'
has 'a user has the word' "$T/head" 'x-by: user'
hasnt 'there is no image' "$T/head" x-eyes
has 'what is no placeholder stays' "$T/head" 'x-plain: {other}'
has 'text around one' "$T/head" 'x-within: cc-s-three.'
has 'no blank behind the colon' "$T/head" 'x-tight: word'
has 'nor more than a character' "$T/head" 'x-one: 1'
request POST /v1/messages <<'END'
{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[
{"type":"tool_use","id":"t","name":"Read","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[
{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}],
"tools":[{"name":"Read","input_schema":{"type":"object"}}]}
END
head_of >"$T/head"
is 'a tool result with an image' "$status" 200
hasnt 'no session, no field' "$T/head" x-conversation
hasnt 'whatever stands around it' "$T/head" x-within
has 'a tool result is the agent' "$T/head" 'x-by: agent'
has 'with an image' "$T/head" 'x-eyes: true'
request POST /v1/chat/completions <<'END'
{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}]}
END
head_of >"$T/head"
has 'an OpenAI client, a user' "$T/head" 'x-by: user'
has 'and its image' "$T/head" 'x-eyes: true'
request POST /v1/chat/completions <<'END'
{"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function",
"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":"b"}]}
END
head_of >"$T/head"
has 'and its tool' "$T/head" 'x-by: agent'
hasnt 'without an image' "$T/head" x-eyes
alive
