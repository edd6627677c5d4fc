#!/bin/sh
# What the upstream says of failures, and what the client gets: statuses, types,
# words, hints, waits; errors inside a 200, before and after output; answers
# that are none.
. "$(dirname "$0")/lib.sh"

# Statuses: in, out, type.
cat >"$T/statuses" <<'END'
400 400 invalid_request_error
401 401 authentication_error
402 402 billing_error
403 403 permission_error
404 404 not_found_error
408 408 timeout_error
409 409 invalid_request_error
413 413 request_too_large
422 400 invalid_request_error
429 429 rate_limit_error
500 500 api_error
502 502 api_error
503 503 overloaded_error
504 504 timeout_error
520 520 api_error
529 529 overloaded_error
301 502 api_error
304 502 api_error
600 502 api_error
END
while read -r in out type; do
	echo "when get-$in."
	case $in in
	[45]*) printf '\terror %s some_type "words of %s"\n' "$in" "$in" ;;
	304) printf '\twire "HTTP/1.1 304 Not Modified\\r\\n\\r\\n"\n' ;;
	*) printf '\tstatus %s\n\theader Location: http://other.example/?key=abc\n\tframe length\n\traw "{}"\n' "$in" ;;
	esac
done <"$T/statuses" >"$T/rules"
cat >>"$T/rules" <<'END'
when after-seconds
	header retry-after: 17
	error 429 rate_limit_error "slow down"
when after-long
	header retry-after: 3600
	error 429 rate_limit_error "slow down"
when after-ms
	header retry-after-ms: 1500
	error 429 rate_limit_error "slow down"
when after-date
	header retry-after: Wed, 25 Nov 2026 08:00:00 GMT
	error 503 overloaded "slow down"
when after-garbage
	header retry-after: soon
	error 429 rate_limit_error "slow down"
when after-huge
	header retry-after: 1000000000000000000000
	error 429 rate_limit_error "slow down"
when used-up
	error 429 insufficient_quota "You exceeded your current quota, please check your plan and billing details."
when over-openai
	error 400 invalid_request_error "This model's maximum context length is 128000 tokens. However, your messages resulted in 130533 tokens. Please reduce the length of the messages."
when over-gemini
	status 400
	raw "[{\"error\":{\"code\":400,\"message\":\"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).\",\"status\":\"INVALID_ARGUMENT\"}}]"
when over-detail
	status 400
	raw "{\"detail\":\"Prompt too long: 40961 tokens exceeds max context window of 40960 tokens\"}"
when over-stream
	data {"error":{"message":"request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it","type":"exceed_context_size_error","code":400}}
when bad-region
	error 403 unsupported_country_region_territory "Country, region, or territory not supported"
when bad-key
	error 401 invalid_request_error "Incorrect API key provided: test-upstream-key. You can find yours somewhere."
when bad-model
	error 404 invalid_request_error "The model `gpt-9` does not exist"
when bad-wall
	status 403
	header Content-Type: text/html
	raw "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title><style>x{}</style></head><body><h1>Sorry, you have been blocked</h1></body></html>"
when page-502
	status 502
	header Content-Type: text/html
	raw "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr>nginx</body></html>"
when empty-500
	status 500
	frame length
when no-json
	status 500
	raw "upstream said \xff\xfe\x01 {\"error\":"
when long-error
	status 500
	file long
when squeezed-good
	header Content-Encoding: gzip
	raw "\x1f\x8b\x08"
when squeezed-bad
	status 429
	header Content-Encoding: gzip
	header retry-after: 3
	raw "\x1f\x8b\x08"
when squeezed-400
	status 400
	header Content-Encoding: br
	raw "\x1f\x8b\x08"
when switch
	wire "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
when interim
	wire "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"
when get-tls.
	wire "\x15\x03\x01\x00\x02\x02\x46"
when no-http
	wire "SSH-2.0-OpenSSH_9.2\r\n"
when two-lengths
	wire "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
when bad-chunk
	wire "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
when huge-chunk
	wire "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n{}\r\n0\r\n\r\n"
when no-content
	wire "HTTP/1.1 204 No Content\r\n\r\n"
when page-200
	header Content-Type: text/html
	frame length
	raw "<html><head><title>Welcome</title></head><body>Router login</body></html>"
when words-200
	header Content-Type: text/plain
	frame length
	raw "internal error, try later"
when short-200
	frame length
	raw "ev"
when json-error-200
	frame length
	raw "{\"error\":{\"message\":\"slow down please\",\"code\":429}}"
when base-resp
	frame length
	raw "{\"base_resp\":{\"status_code\":1004,\"status_msg\":\"login fail\"},\"choices\":null}"
when nothing-200
	frame length
	raw "{}"
when no-choices
	frame length
	raw "{\"id\":\"x\",\"choices\":[],\"usage\":{\"prompt_tokens\":1}}"
when wrong-types
	frame length
	raw "{\"id\":7,\"choices\":{\"a\":1},\"usage\":\"x\"}"
when half-json
	frame close
	raw "{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":\"half"
when stream-error
	data {"error":{"message":"Provider overloaded","code":503}}
when stream-frame
	raw "data: 429 Too Many Requests\n\n"
when event-error
	raw "event: error\ndata: {\"error\":{\"message\":\"model not loaded\",\"type\":\"not_found_error\",\"code\":404}}\n\n"
when done-only
	raw "data: [DONE]\n\n"
when late-error
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So far\"}}]}\n\ndata: {\"error\":{\"message\":\"it broke with test-upstream-key\",\"code\":502}}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"more\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
when late-junk
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So far\"}}]}\n\ndata: <html>error 500</html>\n\ndata: [DONE]\n\n"
when late-framing
	wire "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So far\"}}]}\n\n\r\nxyz\r\n"
when after-finish
	raw "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"All\"},\"finish_reason\":\"stop\"}]}\n\ndata: {\"error\":{\"message\":\"too late\",\"code\":502}}\n\n"
END
{
	printf '{"error":{"message":"long words '
	head -c 1000000 /dev/zero | tr '\0' x
	printf '"}}'
} >"$T/long"
script <"$T/rules"
start_proxy

# error_is WHAT RULE STATUS TYPE TEXT: streamed and whole alike
error_is() {
	for stream in false true; do
		ask "$2" "\"stream\":$stream"
		got="$status $(json type) $(json error.type)"
		if [ "$got" = "$3 error $4" ] && json error.message | grep -qF -- "$5"; then
			ok "$1 (stream: $stream)"
		else
			not_ok "$1 (stream: $stream)" "$got: $(cat "$T/body")
want: $3 $4: $5"
		fi
	done
}


while read -r in out type; do
	case $in in
	[45]*) error_is "F73 status $in" "get-$in." "$out" "$type" "words of $in" ;;
	*) error_is "status $in" "get-$in." "$out" "$type" "status $in" ;;
	esac
done <"$T/statuses"
ask get-tls.
fails 'F62 plain words to a TLS port' 502 api_error
has 'it is told what to change' "$T/body" 'https:// in OPENAI_BASE_URL'
is 'and is not tried again' "$(field x-should-retry)" false
ask get-301.
has 'F75 a redirect names the host alone' "$T/body" other.example
hasnt 'a redirect: nothing else of it' "$T/body" key=abc
is 'F75 a redirect is not tried again' "$(field x-should-retry)" false
[ "$(json request_id)" = "$(field request-id)" ] && ok 'the request id' || not_ok 'the request id' "$(cat "$T/answer")"

# ---- waits ----

# waits RULE RETRY-AFTER X-SHOULD-RETRY
waits() {
	ask "$1" '"stream":true'
	is "F106 $1: retry-after, x-should-retry" "$(field retry-after)|$(field x-should-retry)" "$2|$3"
}
waits after-seconds 17 ''
waits after-ms 2 ''
waits after-date 'Wed, 25 Nov 2026 08:00:00 GMT' ''
waits after-garbage '' ''
waits after-huge '' ''
waits get-400. '' ''
waits get-401. '' false
waits get-402. '' false
waits used-up '' false
ask after-long
is 'an hour: not to be waited for' "$(field x-should-retry)" false

# ---- overflows ----

error_is 'overflow, OpenAI' over-openai 400 invalid_request_error 'prompt is too long: 130533 tokens > 128000 maximum'
error_is 'overflow, Gemini' over-gemini 400 invalid_request_error 'prompt is too long: 1200000 tokens > 1048576 maximum'
error_is 'overflow, detail' over-detail 400 invalid_request_error 'prompt is too long: 40961 tokens > 40960 maximum'
error_is 'overflow inside a 200' over-stream 400 invalid_request_error 'prompt is too long: 9000 tokens > 8192 maximum'

# ---- hints, and the provider's words before them ----

error_is 'region' bad-region 403 permission_error 'Country, region, or territory not supported'
error_is 'region: hint' bad-region 403 permission_error OPENAI_BASE_URL
error_is 'key: hint' bad-key 401 authentication_error OPENAI_API_KEY
hasnt 'the key that the upstream repeats' "$T/answer" test-upstream-key
error_is 'model: hint' bad-model 404 not_found_error BIG_MODEL
error_is 'web firewall' bad-wall 403 permission_error 'Cloudflare'
error_is 'web firewall: hint' bad-wall 403 permission_error CUSTOM_HEADER_USER_AGENT
error_is 'quota: hint' used-up 429 rate_limit_error 'quota of this key'

# ---- bodies that are none ----

error_is 'F74 HTML' page-502 502 api_error '502 Bad Gateway'
hasnt 'HTML: no tags' "$T/body" '<h1'
error_is 'F74 no body' empty-500 500 api_error 'status 500'
error_is 'F74 bytes that are no text' no-json 500 api_error 'upstream said'
error_is 'F74 a megabyte of words' long-error 500 api_error 'long words xxx'
[ "$(wc -c <"$T/body")" -lt 5000 ] && ok 'a megabyte of words is cut' || not_ok 'a megabyte of words is cut'
error_is 'F82 compressed' squeezed-good 502 api_error compressed
error_is 'compressed error' squeezed-bad 429 rate_limit_error compressed
is 'compressed error: the wait' "$(field retry-after)" 3
error_is 'compressed 400' squeezed-400 400 invalid_request_error compressed
hasnt 'compressed 400 is no overflow' "$T/body" 'too long'
error_is 'F81 switching protocols' switch 502 api_error 'switched protocols'
error_is 'F81 too many interim heads' interim 502 api_error 'too many 1xx'
error_is 'no HTTP' no-http 502 api_error broken
error_is 'F80 two lengths' two-lengths 502 api_error broken
error_is 'F79 a chunk size that is none' bad-chunk 502 api_error broken
error_is 'F79 a chunk size of 17 digits' huge-chunk 502 api_error broken
error_is 'no content' no-content 502 api_error empty

# ---- errors inside a 200, before output ----

error_is 'a page' page-200 500 api_error Welcome
error_is 'words' words-200 500 api_error 'internal error, try later'
error_is 'two letters' short-200 502 api_error ''
error_is 'F83 an error object' json-error-200 429 rate_limit_error 'slow down please'
error_is 'base_resp' base-resp 401 authentication_error 'login fail'
error_is 'F83 an empty object' nothing-200 502 api_error ''
error_is 'F83 wrong types' wrong-types 502 api_error ''
error_is 'half a document' half-json 502 api_error ''
error_is 'F98 an error event' stream-error 529 overloaded_error 'Provider overloaded'
error_is 'a frame that is a status' stream-frame 429 rate_limit_error 'Too Many Requests'
error_is 'F98 an event named error' event-error 404 not_found_error 'model not loaded'

# ---- after output ----

# breaks WHAT RULE SAID TEXT: what was said, then one error, and no clean end
breaks() {
	ask "$2" '"stream":true'
	is "$1: status" "$status" 200
	has "$1: said before" "$T/body" "{\"type\":\"text_delta\",\"text\":\"$3\"}"
	case $(message | tail -n 1) in
	"error "*"$4"*) ok "$1: the error" ;;
	*) not_ok "$1: the error" "$(message)" ;;
	esac
	is "$1: one error event" "$(grep -c '^event: error' "$T/body")" 1
	hasnt "$1: no end" "$T/body" message_stop
	"$top/test/tool" body <"$T/answer" >/dev/null && not_ok "$1: an unclean end" || ok "$1: an unclean end"
	ask "$2"
	is "$1: whole: status" "$status" "$5"
}
breaks 'F98 late error' late-error 'So far' 'it broke with' 502
hasnt 'late error: the key' "$T/answer" test-upstream-key
breaks 'F97 late junk' late-junk 'So far' '' 500
breaks 'late bad framing' late-framing 'So far' broken 502
ask after-finish '"stream":true'
is 'an error behind the end is ignored' "$(message | head -n 1)" 'text All'
has 'an error behind the end: its end' "$T/body" message_stop

# ---- an OpenAI client gets the provider's words ----

printf '{"model":"x","messages":[{"role":"user","content":"after-seconds"}]}' >"$T/ask"
request POST /v1/chat/completions <"$T/ask"
is 'passed: status' "$status" 429
is 'passed: body' "$(cat "$T/body")" '{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":null}}'
is 'passed: retry-after' "$(field retry-after)" 17
printf '{"model":"x","messages":[{"role":"user","content":"bad-key"}]}' >"$T/ask"
request POST /v1/chat/completions <"$T/ask"
is 'passed: status of a wrong key' "$status" 401
has 'passed: words' "$T/body" 'Incorrect API key provided: '
hasnt 'passed: not the key' "$T/answer" test-upstream-key

hasnt 'no key in the log' "$log" test-upstream-key
alive
