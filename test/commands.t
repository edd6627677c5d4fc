#!/bin/sh
# The command line: --help, --version, what is wrong with it, --check at each
# step that can fail, and the conversions as filters.
. "$(dirname "$0")/lib.sh"

# run ARGUMENT ...: sets $code, fills $T/out and $T/err
run() {
	timeout 20 "$PROXY" "$@" >"$T/out" 2>"$T/err" </dev/null
	code=$?
}
empty() {
	[ ! -s "$1" ]
}

for option in --help -h; do
	run $option
	is "$option: exit status" $code 0
	has "$option: usage" "$T/out" 'usage: claude-code-proxy'
	has "$option: settings" "$T/out" '  OPENAI_BASE_URL=https://api.openai.com/v1'
	check "$option: nothing on fd 2" empty "$T/err"
done
run --version
is '--version' "$code $(cat "$T/out")" "0 claude-code-proxy $(sed -n 's/.*VERSION "\(.*\)"/\1/p' version.h)"
timeout 20 "$PROXY" --help >/dev/full 2>/dev/null
is '--help to a full disk' "$?" 111

# wrong WHAT TEXT ARGUMENT ...
wrong() {
	what=$1 text=$2
	shift 2
	run "$@"
	is "$what: exit status" $code 100
	has "$what: told" "$T/err" "$text"
	check "$what: nothing on fd 1" empty "$T/out"
}
wrong 'an unknown option' 'unknown option: --no-such' --no-such
has 'with the usage' "$T/err" 'usage: claude-code-proxy'
wrong 'a stray argument' 'unknown option: stray' stray
wrong '--env without a file' '--env needs a file' --env
wrong '--env= without a file' '--env needs a file' --env=
wrong 'convert alone' 'convert needs one of request, reply, stream, error' convert
wrong 'convert of something' 'convert needs one of' convert requests
wrong 'two commands' 'exclude each other' -i --check
wrong 'convert with several --env' 'only one --env' convert error --env a --env b
set --
i=0
while [ $i -lt 33 ]; do
	set -- "$@" --env x
	i=$((i + 1))
done
wrong '33 files' 'too many --env files' "$@"
wrong 'no such file' /no/such/file --env /no/such/file

# ---- --check ----

script <<'END'
when no-such-model
	error 404 invalid_request_error "The model does not exist"
when broken
	raw "<html>no JSON</html>"
when *
	text "hello"
END
# setting LINE ...: the file $T/env
setting() {
	printf '%s\n' "$@" >"$T/env"
	chmod 600 "$T/env"
}
# step WORD: the line of the output that begins so
step() {
	grep "^$1" "$T/out" | head -n 1 | sed 's/  */ /g'
}
local=OPENAI_BASE_URL=http://127.0.0.1:$provider/v1
setting "$local" OPENAI_API_KEY=a-key-of-theirs ANTHROPIC_API_KEY=a-key-of-ours SMALL_MODEL=small BIG_MODEL=small
run --check --env "$T/env"
is '--check: exit status' $code 0
is '--check: configuration' "$(step config)" "config ok: $T/env"
is '--check: resolve' "$(step resolve)" 'resolve ok'
is '--check: connect' "$(step connect)" 'connect ok'
is '--check: request' "$(step request)" 'request ok: small answered'
is '--check: the end' "$(tail -n 1 "$T/out")" 'all is well'
is '--check: one request' "$(sent_count)" 1
hasnt '--check: no key' "$T/out" a-key
check '--check: nothing on fd 2' empty "$T/err"
setting "$local" "ANTHROPIC_API_KEY=$(head -c 4000 /dev/zero | tr '\0' k)"
run --check --env "$T/env"
is '--check with a long key' $code 0
before=$(sent_count)
setting "$local" SMALL_MODEL=small BIG_MODEL=large MIDDLE_MODEL=large
run --check --env "$T/env"
is '--check: another big model is asked too' "$(grep '^request' "$T/out" | sed 's/  */ /g' | tr '\n' ,) $(($(sent_count) - before))" \
	'request ok: small answered,request ok: large answered, 2'
setting "$local" SMALL_MODEL=small BIG_MODEL=large MIDDLE_MODEL=medium
run --check --env "$T/env"
is '--check: and another middle one' "$(grep -c '^request  *ok: ' "$T/out")" 3
setting "$local" SMALL_MODEL=small BIG_MODEL=no-such-model MIDDLE_MODEL=small
run --check --env "$T/env"
is '--check: one of them fails' "$code $(grep '^request' "$T/out" | sed 's/  */ /g;s/:.*//' | tr '\n' ,) $(tail -n 1 "$T/out")" \
	'111 request ok,request FAILED, not ready'
has '--check: what to do then' "$T/out" BIG_MODEL
env "$local" "$PROXY" --check >"$T/out" 2>&1
is '--check of the environment' "$? $(step config)" '0 config ok: environment'

setting "$local" UP_STOP=2 SMALL_MODEL=gpt-oss
run --check --env "$T/env"
has '--check: a setting of UP_*' "$T/out" '            stop=2   from UP_*'
has '--check: a setting of a row for hosts' "$T/out" '            idle=600   from local *'
has '--check: a setting of a row for models' "$T/out" '            images=none   from * *gpt-oss*'
hasnt '--check: no setting that holds anywhere' "$T/out" 'usage='

# fails_at WHAT CODE STEP TEXT
fails_at() {
	run --check --env "$T/env"
	is "--check, $1: exit status" $code "$2"
	check "--check, $1: the step" test -n "$(grep "^$3  *FAILED: " "$T/out")"
	has "--check, $1: why" "$T/out" "$4"
}
setting PORT=none
fails_at 'a bad value' 100 config "$T/env:1: PORT"
setting OPENAI_BASE_URL=http://no-such-host.invalid/v1 ALLOW_PLAINTEXT=true OPENAI_API_KEY=x RESOLVE_MS=5000
fails_at 'no such name' 111 resolve no-such-host.invalid
has '--check, no such name: what to do' "$T/out" DNS
setting "OPENAI_BASE_URL=http://127.0.0.1:$(test/tool port)/v1"
fails_at 'nobody listens' 111 connect "$refused"
is '--check, nobody listens: resolved' "$(step resolve)" 'resolve ok'
has '--check, nobody listens: what to do' "$T/out" firewalls
has '--check, nobody listens: the end' "$T/out" 'not ready'
if [ -n "$(find /etc/ssl/certs/ca-certificates.crt /etc/ssl/cert.pem 2>/dev/null)" ]; then
	setting "OPENAI_BASE_URL=https://localhost:$provider/v1" OPENAI_API_KEY=x TLS_MS=300
	fails_at 'no TLS there' 111 TLS localhost
	is '--check, no TLS there: connected' "$(step connect)" 'connect ok'
fi
setting "OPENAI_BASE_URL=https://localhost:$provider/v1" OPENAI_API_KEY=x SSL_CERT_FILE=/no/such.pem
fails_at 'no CA bundle' 111 TLS /no/such.pem
setting "$local" SMALL_MODEL=no-such-model
fails_at 'no such model' 111 request 'The model does not exist'
has '--check, no such model: what to do' "$T/out" SMALL_MODEL
setting "$local" SMALL_MODEL=broken
fails_at 'an answer that is none' 111 request 'JSON'
setting "$local" OPENAI_BASE_URLS=x
run --check --env "$T/env"
is '--check, a key one letter off: exit status' $code 0
has '--check, a key one letter off: warned' "$T/out" OPENAI_BASE_URL
setting "$local"
cp "$T/env" "$T/good"
echo PORT=none >"$T/env"
run --check --env "$T/good" --env "$T/env"
is '--check of several: the worst counts' $code 100
is '--check of several: each is told' "$(grep -c '^config' "$T/out")" 2

# ---- convert ----

# convert KIND TEXT [OPTION ...]: sets $code, fills $T/body
convert() {
	kind=$1
	printf '%s' "$2" >"$T/in"
	shift 2
	timeout 20 "$PROXY" convert "$kind" "$@" <"$T/in" >"$T/body" 2>"$T/err"
	code=$?
}
convert request '{"model":"claude-haiku-4-5","max_tokens":9,"system":"Be brief.","messages":[{"role":"user","content":"hi"}]}'
is 'convert request' "$code $(json model) $(json messages.0.content) $(json messages.1.role)" '0 gpt-4o-mini Be brief. user'
setting BIG_MODEL=large OPENAI_BASE_URL=https://api.example/v1 HOST=0.0.0.0
convert request '{"model":"claude-x","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}' --env "$T/env"
is 'convert request with a file, without its key' "$code $(json model)" '0 large'
convert request '{"model":"claude-x"}'
is 'convert request: an error' "$code $(json type) $(json error.type)" '1 error invalid_request_error'
convert request '{"model":'
is 'convert request: no JSON' "$code $(json error.type)" '1 invalid_request_error'
has 'convert request: where' "$T/body" 'byte 9'
convert request ''
is 'convert request: nothing' "$code $(json error.type)" '1 invalid_request_error'

reply='{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}}'
convert reply "$reply"
is 'convert reply' "$code $(json type) $(json content.0.text) $(json stop_reason) $(json usage.output_tokens)" \
	'0 message hello end_turn 2'
convert reply "$(printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n%s' "$reply")"
is 'convert reply with its head' "$code $(json content.0.text)" '0 hello'
convert reply '{"error":{"message":"no"}}'
is 'convert reply: an error' "$code $(json type) $(json error.message)" '1 error no'
convert reply '[1,'
is 'convert reply: no JSON' "$code $(json type)" '1 error'

events='data: {"choices":[{"index":0,"delta":{"content":"hel"}}]}

data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}

data: [DONE]

'
convert stream "$events"
is 'convert stream' "$code $(message | head -n 1)" '0 text hello'
convert stream "$(printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n%sx' "$events")"
is 'convert stream with its head' "$code $(message | head -n 1)" '0 text hello'
convert stream 'data: {"choices":[{"index":0,"delta":{"content":"hel"}}]}

'
is 'convert stream: cut off' "$code $(grep -c '^event: error' "$T/body") $(grep -c message_stop "$T/body")" '1 1 0'
convert stream 'data: {"error":{"message":"overloaded","code":503}}

'
is 'convert stream: an error' "$code" 1
has 'convert stream: its words' "$T/body" overloaded

convert error '{"error":{"message":"Rate limit reached","type":"rate_limit_error"}}'
is 'convert error' "$code $(json type) $(json error.message | cut -c 1-18)" '0 error Rate limit reached'
convert error "$(printf 'HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\n\r\n{"error":{"message":"slow down"}}')"
is 'convert error with its head' "$code $(json error.type)" '0 rate_limit_error'
convert error "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens."
is 'convert error: an overflow' "$code $(json error.message | cut -c 1-48)" '0 prompt is too long: 9001 tokens > 8192 maximum ('
if [ -z "${SLOW:-}" ]; then	# valgrind's own log would get its number
	"$PROXY" convert stream <"$T/in" 2>"$T/err" >&-
	check 'convert to a closed fd ends' test $? -lt 128
fi
printf '%s' "$reply" >"$T/in"
"$PROXY" convert reply <"$T/in" >/dev/full 2>/dev/null
is 'convert to a full disk' "$?" 111
