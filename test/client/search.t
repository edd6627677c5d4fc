#!/bin/sh
# WebSearch: what the provider found comes back as links, wherever in its
# answer it tells of them; a provider that cannot search says so.
. "$(dirname "$0")/lib.sh"

# found SETTING WHAT <RULES: of the search itself
found() {
	{
		cat
		cat <<'END'
when "look up zebras"
times 1
call WebSearch {"query":"zebra facts 2026"}
when "look up zebras"
times 1
text "I looked."
END
	} >"$T/rules"
	serve any "UP_SEARCH=$1" <"$T/rules"
	claude "Please look up zebras."
	said "$2" 'I looked.'
	is "$2: three requests" "$(sent_count)" 3
	all_taken
	alive
	stop $proxy_pid
	stop $provider_pid
}

found '{"web_search_options":{}}' 'sources behind the text' <<'END'
when "Perform a web search"
data {"choices":[{"index":0,"delta":{"content":"Zebras are striped."}}]}
data {"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url_citation":{"url":"https://example.com/z","title":"On zebras"}}]}}]}
data {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}
data [DONE]
END
has 'the provider is asked to search' "$(sent 2)" '"web_search_options":{}'
has 'for the query' "$(sent 2)" 'zebra facts 2026'
has 'the text came back' "$(last_sent)" 'Zebras are striped.'
has 'with the link' "$(last_sent)" 'https://example.com/z'
has 'and its title' "$(last_sent)" 'On zebras'

found '{"stream":false,"tools":[{"type":"web_search","web_search":{"enable":true}}]}' 'sources in front of it' <<'END'
when "Perform a web search"
frame length
raw "{\"choices\":[{\"message\":{\"content\":\"They run.\"},\"finish_reason\":\"stop\"}],\"web_search\":[{\"title\":\"Run\",\"link\":\"https://example.com/run\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}"
END
has 'the text came back' "$(last_sent)" 'They run.'
has 'with the link' "$(last_sent)" 'https://example.com/run'

serve any <<'END'
when "look up zebras"
times 1
call WebSearch {"query":"zebra facts 2026"}
when "look up zebras"
times 1
text "I could not."
END
claude "Please look up zebras."
said 'no search' 'I could not.'
is 'no search: two requests' "$(sent_count)" 2
has 'no search: the model hears of it' "$(last_sent)" 'Web search is not available'
all_taken
alive
