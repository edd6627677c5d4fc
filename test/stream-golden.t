#!/bin/sh
# Every golden answer through the whole program: pipes, a listener, TLS to the
# upstream; what comes from there whole and one byte at a time; the bytes are
# the same each way. Cases that need time to pass (commit, nudge) are left to
# truncation.t, those of a web search to search.t.
. "$(dirname "$0")/lib.sh"

cases() {
	for dir in test/golden/"$1"/*/; do
		name=${dir%/}
		name=${name##*/}
		grep -qs -e '^commit' -e '^nudge' -e '^search' "$dir/options" || echo "$name"
	done
}

for kind in stream reply; do
	for name in $(cases $kind); do
		file="$top/test/golden/$kind/$name/upstream.*"
		for split in 1 0; do
			[ $split = 1 ] && echo "when \"$kind/$name.\" \"split/1.\"" || echo "when \"$kind/$name.\""
			[ $split = 0 ] || printf '\tsplit 1\n'
			[ $kind = stream ] || printf '\tframe length\n'
			printf '\tfile %s\n' $file
		done
	done
done >"$T/rules"
start_provider --dialect any --script "$T/rules"

# ---- requests ----

tools=
for name in Bash Read Write Tasks get_current_time \
	mcp__server__a_rather_long_tool_name_that_goes_on_and_on_for_more_than_64; do
	tools=$tools${tools:+,}'{"name":"'$name'","input_schema":{"type":"object"}}'
done

# make_request KIND NAME SPLIT: the request as bytes in $T/send; the case's settings in $settings
make_request() {
	options=test/golden/$1/$2/options history= settings=
	thinking='"thinking":{"type":"enabled","budget_tokens":1024},"tools":['$tools'],'
	if [ -f $options ]; then
		while read -r word value; do
			case $word in
			session)
				history='{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"'$value'","name":"Bash","input":{}}]},'
				text='{"type":"tool_result","tool_use_id":"'$value'","content":"y"},'
				;;
			native)
				settings="${settings}UPSTREAM_API=anthropic
"
				;;
			hide) thinking='"thinking":{"type":"disabled"},' ;;
			set)
				setting=${value%%=*}
				settings="${settings}UP_$(echo "$setting" | tr a-z A-Z)=${value#*=}
"
				;;
			esac
		done <$options
	fi
	[ $1 = stream ] && stream=true || stream=false
	printf '{"model":"claude-x","max_tokens":4096,"stream":%s,%s"messages":[%s{"role":"user","content":[%s{"type":"text","text":"%s/%s. split/%s."}]}]}' \
		$stream "$thinking" "$history" "${history:+$text}" "$1" "$2" "$3" >"$T/json"
	{
		printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\n' "$key"
		printf 'Content-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "$(wc -c <"$T/json" | tr -d ' ')"
		cat "$T/json"
	} >"$T/send"
}

# masked KIND: the body as the cases have it: made ids, checks and hashes of carried state, the estimate of tokens
masked() {
	estimate=$(sed -n '/"message_start"/s/.*"input_tokens":\([0-9]*\).*/\1/p' "$T/body")
	[ $1 = stream ] || ! grep -q '"input_tokens":7,' "$want" || estimate='[0-9]*'
	sed -E -e 's/(msg|toolu)_[A-Za-z0-9]{24}/\1_*/g' -e 's/req_[A-Za-z0-9]{24}/req/' \
		-e '/ccp1\./s/\.g[0-9a-f]{16}/.g*/g' -e '/ccp1\./s/\.[0-9a-f]{16}"/.*"/' \
		-e "s/\"input_tokens\":${estimate:-none},/\"input_tokens\":7,/" "$T/body"
}

# verdict WHAT KIND NAME: compares; says nothing when it is right
verdict() {
	want=$(echo test/golden/$2/$3/want.*)
	if [ ! -s "$want" ]; then
		[ "$status" -ge 400 ] && [ "$(json type)" = error ] && return
		wrong="$wrong $1 (status $status)"
		return
	fi
	masked $2 >"$T/got"
	cmp -s "$T/got" "$want" && return
	wrong="$wrong $1
$(diff "$want" "$T/got" | head -n 6)"
}

# ---- each way ----

pipes() {
	{
		echo "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1"
		echo "ANTHROPIC_API_KEY=$key"
		printf '%s' "$settings"
	} >"$T/env"
	chmod 600 "$T/env"
	timeout 20 "$PROXY" -i --env "$T/env" <"$T/send" >"$T/answer" 2>/dev/null
	took_answer
}

listener() {
	raw <"$T/send"
}

start_secure

start_proxy
plain_port=$port
start_proxy "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/ca/ca.pem"
secure_port=$port

count_of_cases=0
for kind in stream reply; do
	for name in $(cases $kind); do
		wrong=
		for split in 0 1; do
			make_request $kind $name $split
			pipes
			verdict "pipes, split $split" $kind $name
			[ -z "$settings" ] || continue
			port=$plain_port
			listener
			verdict "listener, split $split" $kind $name
			port=$secure_port
			listener
			verdict "TLS, split $split" $kind $name
		done
		if [ -z "$wrong" ]; then ok "$kind $name"; else not_ok "$kind $name" "$wrong"; fi
		count_of_cases=$((count_of_cases + 1))
	done
done
[ $count_of_cases -gt 30 ] && ok 'the cases are there' || not_ok 'the cases are there' $count_of_cases
