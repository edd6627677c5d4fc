#!/bin/sh
# A web search that the client leaves to the server, as Claude Code's WebSearch
# does: asked for as the provider has it, or answered here where it has none;
# what was found; functions of the provider's own that must be sent back. Then
# the model that stands in for one which cannot see.
. "$(dirname "$0")/lib.sh"

tool='"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}]'
demand=$tool',"tool_choice":{"type":"tool","name":"web_search"}'

# search TEXT MORE: as WebSearch asks
search() {
	ask "Perform a web search for the query: $1" "$demand${2:+,$2}"
}

# blocks: the types of a message's blocks
blocks() {
	n=$(json content.#) i=0 types=
	while [ "$i" -lt "$n" ]; do
		types="$types${types:+ }$(json content.$i.type)"
		i=$((i + 1))
	done
	echo "$types"
}

# events: those of $T/body, without pings; a block's start tells its type
events() {
	sed -n -e '/"type":"ping"/d' -e 's/^data: .*"content_block":{"type":"\([a-z_]*\)".*/\1/p' \
		-e 's/^data: {"type":"\(message_[a-z]*\)".*/\1/p' "$T/body" | tr '\n' ' ' | sed 's/ $//'
}

builtin='{\"id\":\"w:0\",\"type\":\"builtin_function\",\"function\":{\"name\":\"$web_search\",\"arguments\":\"{\\\"search_result\\\":{\\\"search_id\\\":\\\"s1\\\"}}\"}}'
calls='{\"choices\":[{\"index\":0,\"finish_reason\":\"tool_calls\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":['$builtin']}}]}'
{
	cat <<'END'
when cited "\"stream\":true"
	data {"choices":[{"index":0,"delta":{"content":"Striped."}}]}
	data {"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"url":"https://z.org/a","title":"Zebra"}}]}}]}
	data {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}
	data [DONE]
when cited
	frame length
	raw "{\"choices\":[{\"message\":{\"content\":\"Striped.\",\"annotations\":[{\"url\":\"https://z.org/a\",\"title\":\"Zebra\"}]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}"
when blankly "\"stream\":true"
	data {"choices":[{"index":0,"delta":{"content":"","reasoning_content":"hm"}}]}
	data {"choices":[{"index":0,"delta":{"content":" \n"},"finish_reason":"stop"}]}
when blankly
	frame length
	raw "{\"choices\":[{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"}]}"
when listed
	frame length
	raw "{\"choices\":[{\"message\":{\"content\":\"Found.\"},\"finish_reason\":\"stop\"}],\"web_search\":[{\"title\":\"One\",\"link\":\"https://l.org\",\"publish_date\":\"2026-01-02\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}"
when refused web_search_options
	error 400 invalid_request_error "Unsupported parameter: 'web_search_options' is not supported with this model."
when echoed "\"role\":\"tool\""
	frame length
	raw "{\"choices\":[{\"message\":{\"content\":\"From the web.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}"
END
	printf 'when echoed slowly\n\tframe length\n\tpause 400\n\traw "%s"\n' "$calls"
	printf 'when echoed\n\tframe length\n\traw "%s"\n' "$calls"
	printf 'when endless\n\tframe length\n\traw "%s"\n' "$calls"
	printf 'when *\n\ttext "fine"\n'
} >"$T/script"
start_provider --dialect any --script "$T/script"

# ---- as the provider has it ----

start_proxy 'UP_SEARCH={"web_search_options":{}}'
search cited '"stream":true'
is 'sources behind the text of a stream' "$(events)" \
	'message_start text server_tool_use web_search_tool_result message_delta message_stop'
has 'asked for as the setting says' "$(sent 1)" '"web_search_options":{}'
hasnt 'without the tool' "$(sent 1)" '"tools"'
has 'what was searched for' "$T/body" '{\"query\":\"cited\"}'
has 'a source' "$T/body" '"url":"https://z.org/a","title":"Zebra","encrypted_content":"none","page_age":null'
has 'how many searches' "$T/body" '"server_tool_use":{"web_search_requests":1}'
search cited
is 'in front of it in a message' "$(blocks)" 'server_tool_use web_search_tool_result text'
is 'with one id' "$(json content.1.tool_use_id)" "$(json content.0.id)"
is 'the query' "$(json content.0.input.query)" cited
is 'the text' "$(json content.2.text)" Striped.
ask cited '"stream":true'
is 'no search was asked for: none is told of' "$(events)" 'message_start text message_delta message_stop'

search blankly '"stream":true,"thinking":{"type":"enabled","budget_tokens":50}'
is 'a search that finds nothing and says nothing' "$(events)" 'message_start thinking text message_delta message_stop'
has 'has a text' "$T/body" 'The web search gave no answer.'
search blankly
is 'and in a message' "$(blocks) $(json content.0.text)" 'text The web search gave no answer.'
ask blankly
is 'not where there was no search' "$(json content.#)" 0

before=$(sent_count)
search refused
is 'a provider that refuses it: status' "$status" 200
is 'no search then: one text' "$(blocks)" text
has 'which says so' "$T/body" 'Web search is not available'
is 'it was asked once' "$(($(sent_count) - before))" 1
search refused
is 'and never again' "$(($(sent_count) - before)) $(blocks)" '1 text'

start_proxy 'UP_SEARCH={"stream":false,"tools":[{"type":"web_search","web_search":{"enable":true}}]}'
before=$(sent_count)
search listed '"stream":true'
is 'a list beside the answer, to a client that wants events' "$(events)" \
	'message_start server_tool_use web_search_tool_result text message_delta message_stop'
has 'no events from the provider' "$(sent $((before + 1)))" '"stream":false'
has 'its own tool' "$(sent $((before + 1)))" '"tools":[{"type":"web_search","web_search":{"enable":true}}]'
has 'its date' "$T/body" '"page_age":"2026-01-02"'

# ---- functions of the provider's own ----

start_proxy HOLD_MS=100 PING_MS=100 \
	'UP_SEARCH={"stream":false,"tools":[{"type":"builtin_function","function":{"name":"$web_search"}}]}'
for stream in true false; do
	before=$(sent_count)
	search echoed '"stream":'$stream
	is "sent back ($stream): status" "$status" 200
	is "sent back ($stream): two requests" "$(($(sent_count) - before))" 2
	has "sent back ($stream): the answer" "$T/body" 'From the web.'
	last=$(sent $((before + 2)))
	has "sent back ($stream): its call, as it was" "$last" ',{"role":"assistant","content":"","tool_calls":[{"id":"w:0","type":"builtin_function","function":{"name":"$web_search","arguments":"{\"search_result\":{\"search_id\":\"s1\"}}"}}]}'
	has "sent back ($stream): and its arguments" "$last" ',{"role":"tool","tool_call_id":"w:0","name":"$web_search","content":"{\"search_result\":{\"search_id\":\"s1\"}}"}]'
	cut=$(grep -bo '{"role":"assistant"' "$last" | head -n 1 | cut -d : -f 1)
	is "sent back ($stream): behind all that was sent before" "$(head -c $((cut - 1)) "$last")" "$(head -c $((cut - 1)) "$(sent $((before + 1)))")"
	hasnt "sent back ($stream): nothing of it for the client" "$T/body" 'web_search"'
done
search 'echoed slowly' '"stream":true'
is 'the head could not wait: one message all the same' "$(events)" 'message_start text message_delta message_stop'
has 'with pings' "$T/body" 'event: ping'
before=$(sent_count)
search endless
is 'a search without end' "$status $(json error.type)" '502 api_error'
is 'is ended' "$(($(sent_count) - before))" 9

# ---- none ----

start_proxy
before=$(sent_count)
search anything '"stream":true'
is 'no search: status' "$status" 200
is 'no search: a whole stream' "$(events)" 'message_start text message_delta message_stop'
has 'no search: it says so' "$T/body" 'Web search is not available'
search anything
is 'no search: a whole message' "$(blocks) $(json stop_reason)" 'text end_turn'
is 'no search: the provider is not asked' "$(($(sent_count) - before))" 0
ask anything "$tool"
is 'not demanded: the model answers' "$(json content.0.text)" fine
has 'and has been told' "$(sent $((before + 1)))" 'nothing can be looked up'
alive

# ---- images ----

dot='{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}'
printf '* *blind* images=none\n' >"$T/rows"

# turns MESSAGES: sends them; $last is the request that left
turns() {
	printf '{"model":"blind","max_tokens":100,"messages":[%s]}' "$1" | request POST /v1/messages
	last=$(sent "$(sent_count)")
}

shown='{"role":"user","content":[{"type":"text","text":"see"},'$dot']}'
called='{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"Read","input":{}}]}'
result='{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"ok"}]}'
picture='{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":['$dot']}]}'
start_proxy "UP_QUIRKS=$T/rows" VISION_MODEL=seer
turns "$shown"
has 'an image goes to the model that sees' "$last" '"model":"seer"'
has 'as an image' "$last" 'data:image/png'
turns "$shown,$called,$result"
has 'so does what follows from it' "$last" '"model":"seer"'
turns '{"role":"user","content":"look"},'"$called,$picture"
has 'and an image that a tool brought' "$last" '"model":"seer"'
turns "$shown"',{"role":"assistant","content":"red"},{"role":"user","content":"and now?"}'
has 'the next question goes where it went before' "$last" '"model":"blind"'
has 'with a note' "$last" '[image omitted: this model takes no images]'
turns "$shown"',{"role":"assistant","content":"red"},{"role":"user","content":"and now?"},'"$called,$result"
has 'and what follows from that' "$last" '"model":"blind"'
turns '{"role":"user","content":"hi"}'
has 'no image: the model itself' "$last" '"model":"blind"'
turns '{"role":"user","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"file","file_id":"f"}}]}'
has 'nor does what nobody can read' "$last" '"model":"blind"'
start_proxy "UP_QUIRKS=$T/rows"
turns "$shown"
has 'not set: a note' "$last" '[image omitted: this model takes no images]'
alive
