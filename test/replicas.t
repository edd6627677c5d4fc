#!/bin/sh
# Three replicas behind HAProxy and behind nginx, by contrib's configurations: one is killed among streams,
# and only what it had in hand fails; what a conversation needs is in it, so it goes on at another.
. "$(dirname "$0")/lib.sh"

script <<'END'
when "second turn"
	text "goes on"
when "first turn"
	think "thought of it"
	text "step one"
	call Bash {"command":"ls"}
when held
	text "one "
	head
	hold
	text two
when whole
	hold
	text "late"
when *
	text "hello"
END

# replica NAME: started; sets port_NAME, env_NAME and pid_NAME. The upstream sees who asks.
replica() {
	start_proxy "CUSTOM_HEADER_X_REPLICA=$1" BIG_MODEL=big MAX_BODY=31M
	eval "port_$1=$port env_$1=$env pid_$1=$proxy_pid"
}
# again NAME: where it was
again() {
	eval "port=\$port_$1 env=\$env_$1"
	${WRAP:-} "$PROXY" --env "$env" >>"${env}.log" 2>&1 </dev/null &
	eval "pid_$1=$!"
	keep_pid $!
	until_true nc -z 127.0.0.1 "$port"
}
# end NAME SIGNAL
end() {
	eval "kill -$2 \$pid_$1; wait \$pid_$1"
	ended=$?
	eval "pids=\$(echo \" \$pids \" | sed \"s/ \$pid_$1 / /\")"
} 2>/dev/null

# body TEXT: a request's body
body() {
	printf '{"model":"claude-opus-4-8","max_tokens":50%s,"messages":[{"role":"user","content":"%s"}]}' "$2" "$1"
}
# begin FILE TEXT SESSION MEMBERS: a request in the background, its answer in FILE
begin() {
	body "$2" "$4" >"$1.send"
	curl -sN -m 60 -o "$1" -D "$1.head" -w '%{http_code}' -H "x-api-key: $key" -H 'Content-Type: application/json' \
		-H "X-Claude-Code-Session-Id: $3" --data-binary "@$1.send" "http://127.0.0.1:$front/v1/messages" >"$1.status" 2>/dev/null &
	eval "client_${1##*/}=$!"
	keep_pid $!
}
# finish FILE: waits for its end; sets $ended, curl's exit status
finish() {
	eval "wait \$client_${1##*/}"
	ended=$?
}
# by TEXT: the replica whose request with that text came last to the provider
by() {
	sed -n 's/^X-Replica: \([a-z]*\).*/\1/p' "$(grep -lF "\"$1\"" "$up"/*.body | tail -n 1 | sed 's/body$/head/')"
}
begun() {
	[ "$(grep -l '"one "' "$T"/held_? 2>/dev/null | wc -l)" -eq 9 ]
}
asked() {
	grep -qF "\"$1\"" "$up"/*.body
}
say() {
	port=$front
	ask "$1" "${3:-}" "X-Claude-Code-Session-Id: $2"
}
front_is_up() {
	! kill -0 "$front_pid" 2>/dev/null || nc -z 127.0.0.1 "$front"
}

haproxy_up() {
	front=$(test/tool port)
	sed "s/127.0.0.1:8080/127.0.0.1:$front/; s/10.0.0.11:8082/127.0.0.1:$port_one/; s/10.0.0.12:8082/127.0.0.1:$port_two/
		s/10.0.0.13:8082/127.0.0.1:$port_three/; s|/run/haproxy/admin.sock|$T/admin.sock|; s/inter 2s/inter 300ms/" \
		contrib/haproxy/haproxy.cfg >"$T/haproxy.cfg"
	haproxy -db -f "$T/haproxy.cfg" >"$T/haproxy.log" 2>&1 &
	front_pid=$!
	keep_pid $!
	until_true front_is_up
	kill -0 $front_pid 2>/dev/null
}

nginx_up() {
	front=$(test/tool port)
	mkdir -p "$T/nginx"
	sed "s/127.0.0.1:8080/127.0.0.1:$front/; s/fail_timeout=5s/fail_timeout=1s/; s/127.0.0.1:8082/127.0.0.1:$port_one/; s/# server 10.0.0.12:8082/server 127.0.0.1:$port_two/
		s/# server 10.0.0.13:8082/server 127.0.0.1:$port_three/" contrib/nginx/claude-code-proxy.conf >"$T/nginx/ours"
	cat >"$T/nginx/conf" <<-END
		$(nginx_head)
			access_log off;
			include $T/nginx/ours;
		}
	END
	nginx -p "$T/nginx" -c "$T/nginx/conf" -e "$T/nginx/error" 2>/dev/null &
	front_pid=$!
	keep_pid $!
	until_true front_is_up
	kill -0 $front_pid 2>/dev/null
}

replica one
replica two
replica three

# trial NAME: everything, through the front that is up
trial() {
	rm -f "$T"/held_* "$T"/whole*
	say hello "$1"
	is "$1: an answer" "$status $(json content.0.text)" '200 hello'
	for n in 1 2 3; do
		say "again-$1-$n" "session of $1"
	done
	is "$1: a session stays at one replica" "$(by "again-$1-1") $(by "again-$1-2")" "$(by "again-$1-3") $(by "again-$1-3")"
	rounds=
	for n in 1 2 3 4 5 6 7 8 9; do
		say "round-$1-$n" "round-$1-$n"
		rounds="$rounds$(by "round-$1-$n")
"
	done
	check "$1: sessions are spread" test "$(echo "$rounds" | grep . | sort -u | wc -l)" -ge 2

	# a conversation whose first turn is thought at a replica
	turn='"stream":true,"thinking":{"type":"enabled","budget_tokens":1024},"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{"command":{"type":"string"}}}}]'
	port=$front
	printf '{"model":"claude-opus-4-8","max_tokens":4000,%s,"messages":[{"role":"user","content":"first turn"}]}' "$turn" >"$T/turn"
	request POST /v1/messages "X-Claude-Code-Session-Id: talk-$1" <"$T/turn"
	is "$1: a first turn" "$(message | head -n 1)" 'thinking thought of it'
	signature=$(grep -o '"signature":"[^"]*"' "$T/body" | tail -n 1 | cut -d '"' -f 4)
	id=$(grep -o '"type":"tool_use","id":"[^"]*"' "$T/body" | cut -d '"' -f 8)
	victim=$(by 'first turn')

	# streams in flight at all of them, events as they come, and an answer that has no head yet
	begin "$T/held_1" "held-$1-1" "talk-$1" ',"stream":true'
	for n in 2 3 4 5 6 7 8 9; do
		begin "$T/held_$n" "held-$1-$n" "s$n" ',"stream":true'
	done
	begin "$T/whole" "whole-$1" "talk-$1" ''
	check "$1: events arrive before the stream's end" until_true begun
	check "$1: a whole answer is asked for" until_true asked "whole-$1"
	hit=0 missed=0
	for n in 1 2 3 4 5 6 7 8 9; do
		[ "$(by "held-$1-$n")" = "$victim" ] && hit=$((hit + 1)) || missed=$((missed + 1))
	done
	check "$1: streams at other replicas" test $missed -gt 0
	end "$victim" KILL
	kill -USR1 "$provider_pid"

	wrong=
	for n in 1 2 3 4 5 6 7 8 9; do
		finish "$T/held_$n"
		at=$(by "held-$1-$n")
		said=$(test/tool message <"$T/held_$n" 2>&1 | sed -n 's/ {"input.*//; 1,2p' | tr '\n' ' ')
		case "$at $ended $said" in
		"$victim 0 "* | "$victim "*"end end_turn"*) wrong="$wrong $n: $ended $said" ;;
		"$victim "*) ;;
		*" 0 text one two end end_turn "*) ;;
		*) wrong="$wrong $n: $ended $said" ;;
		esac
	done
	is "$1: killed: its streams ($hit) end with an error, the others ($missed) are whole" "$wrong" ''
	finish "$T/whole"
	is "$1: and what had no head yet is an error in Anthropic's shape" \
		"$(by "whole-$1") $(cat "$T/whole.status") $(json type "$T/whole") $(json error.type "$T/whole")" "$victim 502 error api_error"

	wrong=
	for n in 1 2 3 4 5 6 7 8 9; do
		say "after-$1-$n" "round-$1-$n"
		[ "$status" = 200 ] && [ "$(by "after-$1-$n")" != "$victim" ] || wrong="$wrong $n: $status"
	done
	is "$1: new requests are answered, those of its sessions too" "$wrong" ''

	printf '{"model":"claude-opus-4-8","max_tokens":4000,%s,"messages":[{"role":"user","content":"first turn"},{"role":"assistant","content":[{"type":"thinking","thinking":"thought of it","signature":"%s"},{"type":"text","text":"step one"},{"type":"tool_use","id":"%s","name":"Bash","input":{"command":"ls"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"%s","content":"second turn"}]}]}' \
		"$turn" "$signature" "$id" "$id" >"$T/turn"
	port=$front
	request POST /v1/messages "X-Claude-Code-Session-Id: talk-$1" <"$T/turn"
	is "$1: the conversation goes on" "$(message | head -n 1)" 'text goes on'
	last=$(sent "$(sent_count)")
	check "$1: at another replica" test "$(by 'second turn')" != "$victim"
	is "$1: with its reasoning" "$(json messages.1.reasoning_content "$last")" 'thought of it'

	again "$victim"
	back() {
		say "back-$1" "talk-$1" && [ "$(by "back-$1")" = "$victim" ]
	}
	check "$1: started again, it has its sessions back" until_true back "$1"

	# a stream at a replica that is told to end
	begin "$T/held_last" "held-last-$1" "talk-$1" ',"stream":true'
	check "$1: one more stream" until_true grep -qs '"one "' "$T/held_last"
	eval "kill \$pid_$victim"
	elsewhere() {
		say "beside-$1" "talk-$1" && [ "$status" = 200 ] && [ "$(by "beside-$1")" != "$victim" ]
	}
	check "$1: its replica is told to end: new requests go to others" until_true elsewhere "$1"
	kill -USR1 "$provider_pid"
	finish "$T/held_last"
	is "$1: the stream comes to its end" "$(by "held-last-$1") $ended $(test/tool message <"$T/held_last" | head -n 1)" "$victim 0 text one two"
	eval "wait \$pid_$victim"
	again "$victim"

	# told before the body is there, so nothing of it is kept on the way; and a large one
	port=$front
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nContent-Type: application/json\r\nContent-Length: 40000000\r\n\r\n{"model":' \
		"$key" >"$T/send"
	timeout 20 nc 127.0.0.1 "$port" <"$T/send" >"$T/answer" &
	keep_pid $!
	check "$1: too large: told at once" until_true grep -qs request_too_large "$T/answer"
	stop $!
	took_answer
	is "$1: in the replica's words" "$status $(json error.type)" '413 request_too_large'
	curl -s -m 60 -o "$T/body" -w '%{http_code}' -H "x-api-key: $key" -H 'Content-Type: application/json' -H 'Expect:' \
		--data-binary "@$T/large" "http://127.0.0.1:$front/v1/messages" >"$T/large.status"
	is "$1: 30 MB" "$(cat "$T/large.status") $(json content.0.text)" '200 hello'
	last=$(sent "$(sent_count)")
	check "$1: all of them" test "$(wc -c <"$last")" -gt 30000000
	: >"$last"
}

{
	printf '{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"large '
	head -c 30000000 /dev/zero | tr '\0' x
	printf '"}]}'
} >"$T/large"
if ! command -v haproxy >/dev/null; then
	[ -z "${CI:-}" ] || not_ok 'haproxy is there'
else
	haproxy_up || haproxy_up || haproxy_up || { cat "$T/haproxy.log"; exit 1; }
	trial HAProxy
	hasnt 'HAProxy: no word against its configuration' "$T/haproxy.log" '[ALERT]'
	hasnt 'HAProxy: no warning either' "$T/haproxy.log" 'config :'
	stop $front_pid
fi
nginx_up || nginx_up || nginx_up || { cat "$T/nginx/error"; exit 1; }
trial nginx
