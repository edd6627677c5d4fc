#!/bin/sh
# A streamed session of five rounds of tools, as Claude Code leads one: what the
# answer said goes back word for word, and the provider gets its own again. To
# a plain provider and through TLS.
. "$(dirname "$0")/lib.sh"

# the last rule that fits the history is the first here
{
	printf 'when "result 5"\n\ttext "all done"\n'
	for n in 5 4 3 2 1; do
		[ $n = 1 ] && echo 'when *' || echo "when \"result $((n - 1))\""
		printf '\tthink "thought %d"\n\ttext "step %d"\n\tcall Bash {"command":"echo %d"}\n' $n $n $n
	done
} >"$T/rules"
start_provider --dialect any --script "$T/rules"
start_secure

# taken NAME: the last value of that member in the streamed answer
taken() {
	grep -o "\"$1\":\"[^\"]*\"" "$T/body" | tail -n 1 | cut -d '"' -f 4
}

session() {
	history='{"role":"user","content":"go"}'
	before=$(sent_count)
	for n in 1 2 3 4 5 6; do
		printf '{"model":"claude-opus-4-8","max_tokens":4000,"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{"command":{"type":"string"}}}}],"messages":[%s]}' \
			"$history" >"$T/turn"
		request POST /v1/messages <"$T/turn"
		[ $n != 6 ] || break
		is "$1, round $n" "$(message | sed 's/ {"input_tokens.*//')" "thinking thought $n
text step $n
tool_use Bash {\"command\":\"echo $n\"}
end tool_use"
		id=$(grep -o '"type":"tool_use","id":"[^"]*"' "$T/body" | cut -d '"' -f 8)
		history="$history"',{"role":"assistant","content":[{"type":"thinking","thinking":"thought '$n'","signature":"'$(taken signature)'"},{"type":"text","text":"step '$n'"},{"type":"tool_use","id":"'$id'","name":"Bash","input":{"command":"echo '$n'"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"'$id'","content":"result '$n'"}]}'
	done
	is "$1, the end" "$(message | sed 's/ {"input_tokens.*//')" 'text all done
end end_turn'
	last=$(sent $(sent_count))
	is "$1, requests" $(($(sent_count) - before)) 6
	wrong=
	for n in 1 2 3 4 5; do
		said=$((n * 2 - 1))
		[ "$(json messages.$said.content "$last")" = "step $n" ] &&
			[ "$(json messages.$said.reasoning_content "$last")" = "thought $n" ] &&
			[ "$(json messages.$said.tool_calls.0.function.arguments "$last")" = "{\"command\":\"echo $n\"}" ] &&
			[ "$(json messages.$said.tool_calls.0.id "$last")" = "$(json messages.$((n * 2)).tool_call_id "$last")" ] &&
			[ "$(json messages.$((n * 2)).content "$last")" = "result $n" ] || wrong="$wrong $n"
	done
	is "$1, what the provider got again" "$wrong" ''
}

start_proxy
session plain
start_proxy "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/ca/ca.pem"
session TLS
alive
