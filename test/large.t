#!/bin/sh
# Large answers: events of megabytes, documents, streams that are passed on;
# what is over a limit ends in an error.
. "$(dirname "$0")/lib.sh"

# letters N: so many of one
letters() {
	head -c "$1" /dev/zero | tr '\0' '#'
}
# event N: one with so many letters
event() {
	printf 'data: {"choices":[{"index":0,"delta":{"content":"'
	letters "$1"
	printf '"}}]}\n\n'
}
finish='data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
{
	event 7000000
	printf "$finish"
} >"$T/seven"
{
	printf 'data: {"choices":[{"index":0,"delta":{"content":"So far"}}]}\n\n'
	event 10000000
	printf "$finish"
} >"$T/ten"
{
	printf 'data: '
	letters 10000000
} >"$T/line"
{
	for n in 1 2 3 4 5 6 7 8 9 10; do
		event 300000
	done
	printf "$finish"
} >"$T/many"
{
	printf '{"choices":[{"index":0,"message":{"content":"'
	letters 20000000
	printf '"},"finish_reason":"stop"}]}'
} >"$T/document"
{
	printf 'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"Write","arguments":"{\\"content\\":\\"'
	letters 500000
	printf '"}}]}}]}\n\ndata: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"'
	letters 500000
	printf '\\"}"}}]}}]}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
} >"$T/call"
{
	event 7000000 | sed 's/"}}/"},"finish_reason":"stop"}/'
} >"$T/final"
for name in seven ten line many document call; do
	printf 'when send-%s.\n' $name
	[ $name != document ] || echo 'frame length'
	printf '\tfile %s\n' $name
done >"$T/rules"
printf 'when send-final\n\tfile final\n\thang\n' >>"$T/rules"
start_provider --dialect any --script "$T/rules"
start_proxy

# count: letters of the text in the answer
count() {
	tr -cd '#' <"$T/body" | wc -c | tr -d ' '
}

ask send-seven. '"stream":true'
is 'an event of seven megabytes' "$status $(count) $(grep -c message_stop "$T/body")" '200 7000000 2'
ask send-seven.
is 'an event of seven megabytes, whole' "$status $(count)" '200 7000000'
ask send-many. '"stream":true'
is 'ten of 300 KB' "$status $(count) $(grep -c message_stop "$T/body")" '200 3000000 2'
ask send-call. '"stream":true,"tools":[{"name":"Write","input_schema":{"type":"object"}}]'
is 'a call of a megabyte' "$status $(count) $(grep -c message_stop "$T/body")" '200 1000000 2'
ask send-call. '"tools":[{"name":"Write","input_schema":{"type":"object"}}]'
is 'a call of a megabyte, whole' "$status $(json content.0.input.content | tr -cd '#' | wc -c | tr -d ' ')" '200 1000000'
ask send-ten. '"stream":true'
is 'an event over MAX_EVENT' "$status $(grep -c '^event: error' "$T/body") $(grep -c message_stop "$T/body")" '200 1 0'
has 'an event over MAX_EVENT: said' "$T/body" MAX_EVENT
ask send-ten.
is 'an event over MAX_EVENT, whole' "$status $(json error.type)" '502 api_error'
ask send-line. '"stream":true'
is 'a line without an end' "$status $(json error.type)" '502 api_error'
has 'a line without an end: said' "$T/body" MAX_EVENT
ask send-document.
is 'a document of twenty megabytes' "$status $(count)" '200 20000000'
ask send-document. '"stream":true'
is 'the same to who wants a stream' "$status $(count) $(grep -c message_stop "$T/body")" '200 20000000 2'
for name in many document; do
	printf '{"model":"gpt-x","stream":true,"messages":[{"role":"user","content":"send-%s."}]}' $name >"$T/ask"
	request POST /v1/chat/completions <"$T/ask"
	same "passed on as it is: $name" "$T/body" "$T/$name"
done
# ---- one who does not read for a while: neither is the upstream late then, nor does time pass in vain ----

# idle: the process does nothing between two looks at its clock
idle() {
	looked=$(awk '{ print $14 + $15 }' /proc/$proxy_pid/stat)
	sleep 0.2
	[ "$(awk '{ print $14 + $15 }' /proc/$proxy_pid/stat)" = "$looked" ]
}
stop $proxy_pid
start_proxy REQUEST_TIMEOUT=1
mkfifo "$T/slow"
body='{"model":"claude-x","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"send-final"}]}'
printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
	"$key" ${#body} "$body" >"$T/send"
nc -I 4096 -N 127.0.0.1 "$port" <"$T/send" >"$T/slow" &
client=$!
keep_pid $client
exec 4<"$T/slow"
sleep 3
[ ! -r /proc/self/stat ] || check 'nobody reads: nothing is done' until_true idle
cat <&4 >"$T/answer"
exec 4<&-
wait $client
took_answer
is 'when it reads again, all comes' "$status $(count) $(grep -c message_stop "$T/body") $(grep -c 'event: error' "$T/body")" '200 7000000 2 0'

# far more pieces than a body of this size usually has: the storage that is taken at first is too small
{
	printf '{"model":"claude-x","max_tokens":9,"messages":['
	awk 'BEGIN { for (i = 0; i < 2000; i++) printf "{\"role\":\"user\",\"content\":\"%d\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t%d\",\"name\":\"T\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t%d\",\"content\":\"%d\"}]},", i, i, i, i }'
	printf '{"role":"user","content":"send-many."}]}'
} >"$T/pieces"
stop $proxy_pid
start_proxy
request POST /v1/messages <"$T/pieces"
is 'a conversation of many small pieces' "$status $(grep -o '"role":' "$(sent "$(sent_count)")" | wc -l | tr -d ' ') $(
	grep -o '"tool_call_id":"t[0-9]*"' "$(sent "$(sent_count)")" | sort -u | wc -l | tr -d ' ')" '200 4001 2000'

stop $proxy_pid
start_proxy MAX_BODY=1M
ask send-document.
is 'a document over MAX_BODY' "$status $(json error.type)" '502 api_error'
has 'a document over MAX_BODY: said' "$T/body" MAX_BODY
ask send-many.
is 'a stream for who wants it whole, over MAX_BODY' "$status $(json error.type)" '502 api_error'
ask send-many. '"stream":true'
is 'a stream has no limit in all' "$status $(count)" '200 3000000'
alive
