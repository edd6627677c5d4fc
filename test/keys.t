#!/bin/sh
# ANTHROPIC_API_KEYS_FILE: a key for each client; the log says whose it was, by
# name; a file that is wrong is told of in one line, and changes nothing.
. "$(dirname "$0")/lib.sh"

keys=$T/keys
# clients LINE ...: what the file holds from now on
clients() {
	printf '%s\n' "$@" >"$keys"
	chmod 600 "$keys"
}
# as KEY: a request of the client that has it
as() {
	key=$1
	ask hi
}
# reload WORDS: until the log says them
reload() {
	kill -HUP $proxy_pid
	until_true grep -qF -- "$1" "$log"
}

start_provider
clients '# who may call' '' 'alice  key-of-alice' 'bob.2	key-of-bob # on the laptop'
start_proxy HOST=0.0.0.0 LOG_LEVEL=DEBUG ANTHROPIC_API_KEY= "ANTHROPIC_API_KEYS_FILE=$keys"
check 'every address, since clients need a key' until_true grep -qF 'client keys are checked' "$log"
as key-of-alice
is 'one client' "$status" 200
as key-of-bob
is 'the other' "$status" 200
request POST /v1/messages "Authorization: Bearer key-of-alice" <"$T/ask"
is 'the better of two keys is the one' "$status" 200
for wrong in key-of-carol key-of-alic alice key-of-alicekey-of-bob ''; do
	as "$wrong"
	fails "no key of any: '$wrong'" 401 authentication_error
done
has 'which says where keys are' "$T/body" ANTHROPIC_API_KEYS_FILE
get /v1/models
is 'nor for the models' "$status" 401
get /health
is '/health needs none' "$status $(json api_status.client_api_key_validation)" '200 true'
# lines NAME: how many requests the log has of the client
lines() {
	grep -c " 200 in .* key $1 total " "$log"
}
both() {
	[ "$(lines alice) $(lines bob.2)" = '1 2' ]
}
until_true both
is 'the log says whose each was' "$(lines alice) $(lines bob.2)" '1 2'
is 'and no name where there was none' "$(grep ' 401 from ' "$log" | grep -c ' key ')" 0
key='key-of-bob'
request POST /v1/messages <<'END'
{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"is it key-of-alice or key-of-bob?"}]}
END
hasnt 'no key is in the log' "$log" key-of-

# ---- reload ----

clients 'carol key-of-carol'
reload 'reading the settings again'
as key-of-carol
until_true as key-of-carol && is 'another file' "$status" 200
as key-of-alice
is 'who left is no longer let in' "$status" 401
clients 'carol key-of-carol' 'dave'
reload 'settings before stay in force'
has 'a line that is wrong' "$log" "$keys:2: the key is missing behind the name; the settings before stay in force"
as key-of-carol
is 'changes nothing' "$status" 200
rm "$keys"
reload "$keys cannot be opened"
as key-of-carol
is 'nor does a file that is gone' "$status" 200
clients 'carol key-of-carol' 'erin key-of-erin'
chmod 644 "$keys"
reload 'chmod 600'
has 'others can read it: a warning' "$log" "$keys: others on this machine can read the keys in it: chmod 600 it"
until_true as key-of-erin && is 'but it is used' "$status" 200
chmod 600 "$keys"
stop $proxy_pid

# ---- beside ANTHROPIC_API_KEY; JSON; commands ----

start_proxy LOG_FORMAT=json ANTHROPIC_API_KEY=key-of-all "ANTHROPIC_API_KEYS_FILE=$keys"
as key-of-all
as key-of-erin
as key-of-nobody
told() {
	grep '"total_ms"' "$log" >"$T/requests"
	[ "$(wc -l <"$T/requests")" = 3 ]
}
until_true told
i=0
for want in '200 ' '200 erin' '401 '; do
	i=$((i + 1))
	sed -n ${i}p "$T/requests" >"$T/line"
	is "JSON: '$want'" "$(json status "$T/line") $(json key_name "$T/line")" "$want"
done
timeout 20 "$PROXY" env sh --env "$env" >"$T/out"
has 'env: ANTHROPIC_API_KEY' "$T/out" "ANTHROPIC_API_KEY='key-of-all'"
sed 's/^ANTHROPIC_API_KEY=.*//' "$env" >"$T/file.only"
chmod 600 "$T/file.only"
timeout 20 "$PROXY" env sh --env "$T/file.only" >"$T/out"
has 'env: without it the first of the file' "$T/out" "ANTHROPIC_API_KEY='key-of-carol'"
timeout 20 "$PROXY" --check --env "$T/file.only" >"$T/out" 2>&1
is '--check uses it too' "$? $(tail -n 1 "$T/out")" '0 all is well'
has '--check says that keys are asked for' "$T/out" 'client keys are checked'
hasnt '--check shows none' "$T/out" key-of-

# ---- what is wrong at the start ----

for bad in '' 'two words more' 'x:y key' 'a key
a other' 'a key
b key' "$(printf '\033[31mred key')"; do
	clients "$bad"
	timeout 20 "$PROXY" --env "$env" >"$T/out" 2>&1 </dev/null
	is "the file is wrong: exit status ($(echo "$bad" | tr -d '\033' | head -n 1))" "$?" 100
	is 'one line, with file and line' "$(grep -c "^claude-code-proxy: $keys:[12]: " "$T/out") $(wc -l <"$T/out" | tr -d ' ')" '1 1'
done
