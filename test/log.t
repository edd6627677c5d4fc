#!/bin/sh
# What the log says, at which level, and what it never says.
. "$(dirname "$0")/lib.sh"

ask() {
	request POST /v1/messages <<-EOF
	{"model":"claude-haiku-4-5","max_tokens":40,"messages":[{"role":"user","content":"a word for the log"}]}
	EOF
}

start_provider
start_proxy LOG_LEVEL=DEBUG
ask
is 'at DEBUG: answered' "$status" 200
has 'the head of the client' "$log" 'client head: POST /v1/messages'
has 'its body' "$log" 'a word for the log'
has 'the head for the provider' "$log" 'upstream request head: POST /v1/chat/completions'
has 'the body for it' "$log" 'upstream request body: {"model":"gpt-4o-mini"'
has 'the head of its answer' "$log" 'upstream head: HTTP/1.1 200'
has 'the body of its answer' "$log" 'upstream body: {'
has 'the model: which became which, by which rule, with whose settings' "$log" \
	'mapping: claude-haiku-4-5 -> gpt-4o-mini (rule: haiku); settings of'
is 'the rows of the provider' "$(sed -n 's/.*; settings of, \(.*\); learned: $/\1/p' "$log" | tail -n 1 | grep -c 'UP_\*')" 1
has 'the head of the answer to the client' "$log" 'answer head: HTTP/1.1 200 OK\x0d\x0acontent-type: application/json'
has 'its body' "$log" 'answer body: {"id":"msg_'
request POST /v1/messages <<-EOF
	{"model":"gpt-x","stream":true,"max_tokens":40,"messages":[{"role":"user","content":"hi"}]}
EOF
has 'a model that is passed on' "$log" 'mapping: gpt-x -> gpt-x (rule: passed on)'
has 'a stream: its events' "$log" 'upstream event: {'
has 'and what they became' "$log" 'answer body: event: message_start'
hasnt 'no key of the provider' "$log" test-upstream-key
hasnt 'no key of the client' "$log" "$key"
stop $proxy_pid

start_proxy 'LOG_LEVEL="INFO  # not DEBUG"'
ask
has 'at INFO: a line for the request' "$log" 'messages claude-haiku-4-5 -> gpt-4o-mini 200 in 200 cached 1000'
is 'one' "$(grep -c ' messages ' "$log")" 1
hasnt 'no body' "$log" 'a word for the log'
stop $proxy_pid

start_proxy LOG_LEVEL=ERROR
ask
is 'at ERROR: nothing of what went well' "$(wc -c <"$log" | tr -d ' ')" 0
stop $proxy_pid

# two instances in one process, each with its own level
one=$("$top/test/tool" port)
cat >"$T/second.env" <<-EOF
	OPENAI_BASE_URL=http://127.0.0.1:$provider/v1
	OPENAI_API_KEY=test-upstream-key
	ANTHROPIC_API_KEY=$key
	LOG_LEVEL=ERROR
	PORT=$one
EOF
chmod 600 "$T/second.env"
two=$("$top/test/tool" port)
sed "s/^PORT=.*/PORT=$two/; s/^LOG_LEVEL=.*/LOG_LEVEL=DEBUG/" "$T/second.env" >"$T/first.env"
chmod 600 "$T/first.env"
"$PROXY" --env "$T/first.env" --env "$T/second.env" >"$T/both.log" 2>&1 </dev/null &
keep_pid $!
port=$one
until_true nc -z 127.0.0.1 "$one"
ask
is 'the quiet one answers' "$status" 200
hasnt 'and says nothing' "$T/both.log" 'a word for the log'
port=$two
ask
is 'the talkative one answers' "$status" 200
has 'and says all' "$T/both.log" 'a word for the log'
