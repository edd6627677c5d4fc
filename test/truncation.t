#!/bin/sh
# Answers that end too early: a stream cut at every byte, chunked and to the end
# of the connection, a document cut at every byte; resets; upstreams that fall
# silent, and what the client is sent meanwhile.
. "$(dirname "$0")/lib.sh"
export LC_ALL=C

printf '%b' ': keep-alive\n\n' \
	'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n' \
	'data: {"choices":[{"delta":{"content":"Gr\0303\0274\0303\0237e "}}]}\r\n\r\n' \
	'data: {"choices":[{"delta":{"content":"\0360\0237\0216\0210"}}]}\n\n' \
	'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"Bash","arguments":"{"}}]}}]}\n\n' \
	'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}\n\n' \
	'data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}\n\n' \
	'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}}\n\n' \
	'data: [DONE]\n\n' >"$T/golden"
printf '{"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"Gr\303\274\303\237e"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":6}}' >"$T/document"
size=$(wc -c <"$T/golden" | tr -d ' ')
length=$(wc -c <"$T/document" | tr -d ' ')

# The positions behind what is said: an event counts when its line is whole,
# since the end of the body ends it too.
awk '{ sub(/\r$/, "", $0) ? cr = 1 : cr = 0; at += length($0); if (/^data/) print at; at += 1 + cr }' "$T/golden" >"$T/ends"
first=$(sed -n 2p "$T/ends")	# the first that holds text
balloon=$(sed -n 3p "$T/ends")
last=$(sed -n 6p "$T/ends")	# finish_reason

{
	awk -v size="$size" 'BEGIN {
		for (n = 0; n <= size; n++) {
			print "when chunk-" n "."
			print "\tfile golden " n
			print "\tcut"
			print "when close-" n "."
			print "\tframe close"
			print "\tfile golden " n
		}
	}'
	awk -v length_="$length" 'BEGIN {
		for (n = 0; n <= length_; n++) {
			print "when doc-" n "."
			print "\twire \"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: " length_ "\\r\\n\\r\\n\""
			print "\tfile document " n
			print "when open-" n "."
			print "\tframe close"
			print "\tfile document " n
		}
	}'
	cat <<'END'
when reset-before
	reset
when reset-head
	head
	reset
when reset-later
	data {"choices":[{"delta":{"content":"So far"}}]}
	pause 100
	reset
when reset-finished
	data {"choices":[{"index":0,"delta":{"content":"All"},"finish_reason":"stop"}]}
	pause 100
	reset
when short-head
	wire "HTTP/1.1 200 OK\r\nContent-Ty"
when all-mute
	hang
when head-only
	head
	hang
when text-then-mute
	text "So far"
	hang
when comments-only
	head
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
	pause 300
	raw ": keep-alive\n\n"
when blanks-only
	frame close
	head
	raw "\n \n"
	pause 600
	raw "\n \n"
	pause 600
	raw "\n \n"
	pause 600
	raw "\n \n"
	pause 600
	raw "{}"
when half-mute
	frame close
	raw "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"x"
	hang
when within-blanks
	frame close
	raw "{\"choices\":["
	pause 300
	raw "\n"
	pause 300
	raw "\n"
	pause 300
	raw "\n"
	pause 300
	raw "\n"
	pause 300
	raw "\n"
	pause 300
	raw "\n"
	pause 300
	raw "]}"
when open-after-finish
	data {"choices":[{"index":0,"delta":{"content":"All"},"finish_reason":"stop"}]}
	hang
when open-after-done
	data {"choices":[{"index":0,"delta":{"content":"All"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":6}}
	data [DONE]
	hang
when long-silence
	pause 900
	text "At last"
when text-gap
	text "One "
	pause 900
	text two
when thinking-gap
	think "Hm "
	pause 900
	think more
	text Done
when call-gap
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"call_1\",\"function\":{\"name\":\"Bash\",\"arguments\":\"{\\\"a\\\"\"}}]}}]}\n\n"
	pause 900
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\":1}\"}}]}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
when late-refusal
	pause 900
	error 429 rate_limit_error "slow down"
END
} >"$T/rules"
script <"$T/rules"
start_proxy

# series NAME COUNT STREAM: the answers to NAME-0. ... NAME-COUNT. as files, on connections of their own
series() {
	n=0
	mkdir "$T/$1"
	while [ $n -le "$2" ]; do
		body="{\"model\":\"claude-x\",\"max_tokens\":9,\"stream\":$3,\"messages\":[{\"role\":\"user\",\"content\":\"$1-$n.\"}]}"
		printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
			"$key" ${#body} "$body" | nc -w 20 127.0.0.1 "$port" >"$T/$1/$n"
		n=$((n + 1))
	done
}

# verdicts NAME COUNT: one line for each answer: status, text, events of error and message_stop, whether the end is clean
verdicts() {
	n=0
	while [ $n -le "$2" ]; do
		echo "$T/$1/$n"
		n=$((n + 1))
	done | xargs awk '
	function verdict() { if (file != "") print number++ ":", status, "[" text "]", errors + 0, stops + 0, starts + 0, end == "0" ? "clean" : "unclean" }
	FNR == 1 { verdict(); file = FILENAME; status = $2; text = end = ""; errors = stops = starts = 0 }
	{ sub(/\r$/, "") }
	/^event: error/ { errors++ }
	/^event: message_stop/ { stops++ }
	/^event: message_start/ { starts++ }
	/"text_delta"/ { t = $0; sub(/.*"text":"/, "", t); sub(/"}}$/, "", t); text = text t }
	/^\{"type":"error"/ { errors++ }
	$0 != "" { end = $0 }
	END { verdict() }'
}

# what each position must give
wanted() {
	awk -v size="$size" -v first="$first" -v balloon="$balloon" -v last="$last" 'BEGIN {
		text = "Gr\303\274\303\237e "
		for (n = 0; n <= size; n++) {
			said = n < first ? "" : n < balloon ? text : text "\360\237\216\210"
			if (n < first)
				print n ": 502 [] 1 0 0 unclean"
			else if (n < last)
				print n ": 200 [" said "] 1 0 1 unclean"
			else
				print n ": 200 [" said "] 0 1 1 clean"
		}
	}'
}
all=
for name in chunk close; do
	series $name "$size" true &
	all="$all $!"
done
for name in doc open; do
	series $name "$length" false &
	all="$all $!"
done
wait $all

wanted >"$T/want"
for name in chunk close; do
	verdicts $name "$size" >"$T/got"
	same "F90 a stream cut at every byte ($name)" "$T/got" "$T/want"
done
is 'a cut says so' "$("$top/test/tool" body <"$T/chunk/$((first + 3))" | sed -n 's/.*"message":"\([^"]*\)".*/\1/p')" \
	"the upstream's connection closed in the middle of its answer"
is 'a cut within an event says so' "$("$top/test/tool" body <"$T/chunk/$((first + 30))" | sed -n 's/.*"message":"\([^"]*\)".*/\1/p')" \
	"the upstream's connection closed in the middle of its answer"
is 'a cut before the first says so' "$("$top/test/tool" body <"$T/close/$((first - 3))" | sed -n 's/.*"message":"\([^"]*\)".*/\1/p')" \
	"the upstream closed the stream before its answer was complete"

for name in doc open; do
	n=0
	while [ $n -le "$length" ]; do
		[ $n -lt "$length" ] && echo "$n: 502" || echo "$n: 200"
		n=$((n + 1))
	done >"$T/want"
	verdicts $name "$length" | cut -d ' ' -f 1,2 >"$T/got"
	same "F76 a document cut at every byte ($name)" "$T/got" "$T/want"
done

# broken WHAT: the stream in $T/answer ends with one error and no clean end
broken() {
	is "$1: status" "$status" 200
	is "$1: one error" "$(grep -c '^event: error' "$T/body")" 1
	hasnt "$1: no end" "$T/body" message_stop
	"$top/test/tool" body <"$T/answer" >/dev/null && not_ok "$1: unclean" || ok "$1: unclean"
	case $(message | tail -n 1) in error*) ok "$1: events in order" ;; *) not_ok "$1: events in order" "$(message)" ;; esac
}

# ---- resets ----

for stream in true false; do
	before=$(sent_count)
	ask reset-before "\"stream\":$stream"
	is "reset before the head (stream: $stream)" "$status $(json error.type)" '502 api_error'
	is 'it was not sent again' $(($(sent_count) - before)) 1
	ask reset-head "\"stream\":$stream"
	is "reset behind the head (stream: $stream)" "$status $(json error.type)" '502 api_error'
	ask short-head "\"stream\":$stream"
	is "half a head (stream: $stream)" "$status $(json error.type)" '502 api_error'
done
ask reset-later '"stream":true'
broken 'reset later'
ask reset-finished '"stream":true'
has 'F91 reset behind the finish is an end' "$T/body" message_stop
hasnt 'reset behind the finish: no error' "$T/body" 'event: error'

# ---- silence ----

ask open-after-done '"stream":true'
has 'F92 held open behind [DONE]' "$T/body" message_stop
SECONDS_MAX=15
ask open-after-finish '"stream":true'
has 'F92 held open behind the finish' "$T/body" message_stop
ask open-after-finish
is 'held open behind the finish, whole' "$(json content.0.text)" All
SECONDS_MAX=20

stop $proxy_pid
start_proxy REQUEST_TIMEOUT=1 MAX_RETRIES=2
# closed: the upstream noticed that the last request was let go
closed() {
	until_true test -e "$up/$(printf %04d "$(sent_count)").closed"
}
for stream in true false; do
	before=$(sent_count)
	ask all-mute "\"stream\":$stream"
	is "F89 no head (stream: $stream)" "$status $(json error.type)" '504 timeout_error'
	is "no head: sent once (stream: $stream)" $(($(sent_count) - before)) 1
	check "no head: the upstream is let go (stream: $stream)" closed
	ask head-only "\"stream\":$stream"
	is "nothing behind the head (stream: $stream)" "$status $(json error.type)" '504 timeout_error'
done
has 'the error names the setting' "$T/body" REQUEST_TIMEOUT
ask text-then-mute '"stream":true'
broken 'F93 silent later'
has 'silent later: type' "$T/body" timeout_error
check 'silent later: the upstream is let go' closed
ask comments-only '"stream":true'
is 'comments are no progress' "$status $(json error.type)" '504 timeout_error'
ask half-mute
is 'half a document, then nothing' "$status $(json error.type)" '504 timeout_error'
ask within-blanks
is 'blank lines within a document neither' "$status $(json error.type)" '504 timeout_error'
ask blanks-only
is 'F84 blank lines are no progress' "$status $(json error.type)" '504 timeout_error'

# ---- meanwhile ----

# events: the names of the stream's events, pings as many as there were as one
events() {
	sed -n 's/^event: //p' "$T/body" | uniq | tr '\n' ' '
}
stop $proxy_pid
start_proxy HOLD_MS=200 PING_MS=100
ask long-silence '"stream":true'
is 'F93 held, then pings' "$(events)" 'message_start ping content_block_start content_block_delta content_block_stop message_delta message_stop '
[ "$(grep -c '^event: ping' "$T/body")" -gt 2 ] && ok 'several pings' || not_ok 'several pings' "$(cat "$T/body")"
ask text-gap '"stream":true'
is 'F93 pings within a block' "$(events)" \
	'message_start content_block_start content_block_delta ping content_block_delta content_block_stop message_delta message_stop '
is 'pings change nothing' "$(message | head -n 1)" 'text One two'
ask late-refusal '"stream":true'
broken 'refused when it was held no longer'
has 'refused late: type' "$T/body" rate_limit_error
ask long-silence
is 'whole: nothing comes before' "$(json content.0.text)" 'At last'

stop $proxy_pid
start_proxy HOLD_MS=200 PING_MS=5000 NUDGE_MS=200
ask long-silence '"stream":true'
is 'F93 empty deltas in a block of their own' "$(message | head -n 2)" 'thinking 
text At last'
[ "$(grep -c '"thinking_delta","thinking":""' "$T/body")" -ge 2 ] && ok 'several empty deltas' || not_ok 'several empty deltas' "$(cat "$T/body")"
ask text-gap '"stream":true'
is 'empty deltas in a text block' "$(message | head -n 1)" 'text One two'
[ "$(grep -c '"text_delta","text":""' "$T/body")" -ge 2 ] && ok 'several in a text block' || not_ok 'several in a text block' "$(cat "$T/body")"
ask thinking-gap '"stream":true,"thinking":{"type":"enabled","budget_tokens":1024}'
is 'empty deltas in a thinking block' "$(message | head -n 2)" 'thinking Hm more
text Done'
ask call-gap '"stream":true'
is 'empty deltas in a call' "$(message | head -n 1)" 'tool_use Bash {"a":1}'
[ "$(grep -c '"partial_json":""' "$T/body")" -ge 2 ] && ok 'several in a call' || not_ok 'several in a call' "$(cat "$T/body")"

stop $proxy_pid
start_proxy HOLD_MS=200 PING_MS=100 REQUEST_TIMEOUT=1
ask all-mute '"stream":true'
broken 'pings do not keep a dead upstream'
has 'pings do not keep a dead upstream: type' "$T/body" timeout_error
[ "$(grep -c '^event: ping' "$T/body")" -gt 2 ] && ok 'though there were some' || not_ok 'though there were some'
alive
