#!/bin/sh
# Every day: env, status, completion; the counts of /health that status shows.
. "$(dirname "$0")/lib.sh"

script <<'END'
when "counted"
	usage 400 7 100
	text "fine"
when "refused"
	error 400 invalid_request_error "no"
when "broken off"
	text "one "
	cut
when *
	text "hello"
END

# run ARGUMENT ...: sets $code, fills $T/out and $T/err
run() {
	timeout 20 "$PROXY" "$@" >"$T/out" 2>"$T/err" </dev/null
	code=$?
}
# setting FILE LINE ...
setting() {
	to=$1
	shift
	printf '%s\n' "$@" >"$to"
	chmod 600 "$to"
}

OPENAI_API_KEY=k
export OPENAI_API_KEY

# ---- env ----

setting "$T/env" PORT=8085
run env --env "$T/env" sh
is 'env: for sh' "$code $(cat "$T/err")" '0 '
printf '%s\n' "export ANTHROPIC_BASE_URL='http://127.0.0.1:8085';" "export ANTHROPIC_API_KEY='any-word';" >"$T/want"
same 'env: two lines' "$T/out" "$T/want"
run env fish --env "$T/env"
printf '%s\n' "set -gx ANTHROPIC_BASE_URL 'http://127.0.0.1:8085';" "set -gx ANTHROPIC_API_KEY 'any-word';" >"$T/want"
same 'env: for fish' "$T/out" "$T/want"
SHELL=/usr/bin/fish run env --env "$T/env"
same 'env: for fish, by SHELL' "$T/out" "$T/want"
SHELL=/usr/bin/fish run env sh --env "$T/env"
has 'env: the argument goes before SHELL' "$T/out" 'export '
SHELL=/bin/zsh run env
is 'env: by the environment, its default' "$(sed -n 1p "$T/out")" "export ANTHROPIC_BASE_URL='http://127.0.0.1:8082';"
(unset SHELL; "$PROXY" env) >"$T/out"
has 'env: without SHELL' "$T/out" 'export '
for pair in '0.0.0.0 127.0.0.1' ':: [::1]' '::1 [::1]' '192.0.2.7 192.0.2.7'; do
	setting "$T/env" "HOST=${pair% *}" PORT=9 ANTHROPIC_API_KEY=k
	run env sh --env "$T/env"
	is "env: HOST=${pair% *}" "$(sed -n 1p "$T/out")" "export ANTHROPIC_BASE_URL='http://${pair#* }:9';"
done
setting "$T/env" "ANTHROPIC_API_KEY=\"a'b\\\\c \$d;e\""
run env sh --env "$T/env"
for shell in sh dash bash 'busybox sh'; do
	command -v "${shell%% *}" >/dev/null || continue
	is "env: $shell takes any key" "$($shell -c '. "$0"; printf %s "$ANTHROPIC_API_KEY"' "$T/out")" "a'b\\c \$d;e"
done
# fish: between quotes a backslash escapes, outside of them too
run env fish --env "$T/env"
is 'env: fish: no backslash stands between quotes' "$(sed -n 2p "$T/out")" \
	"set -gx ANTHROPIC_API_KEY 'a'\\''b'\\\\'c \$d;e';"
! command -v fish >/dev/null ||
	is 'env: fish takes any key' "$(fish --no-config -c 'source $argv[1]; printf %s $ANTHROPIC_API_KEY' "$T/out")" "a'b\\c \$d;e"
"$PROXY" env --env "$T/env" >/dev/full 2>/dev/null
is 'env to a full disk' $? 111
setting "$T/env" PORT=0
run env --env "$T/env"
is 'env: PORT=0' "$code $(wc -c <"$T/out" | tr -d ' ')" '100 0'
has 'env: PORT=0, why' "$T/err" 'PORT=0'
setting "$T/env" PORT=none
run env --env "$T/env"
is 'env: a bad file' "$code $(wc -c <"$T/out" | tr -d ' ')" '100 0'
has 'env: a bad file, why' "$T/err" "$T/env:1: PORT"

# ---- completion ----

run completion
is completion $code 0
"$PROXY" completion >/dev/full 2>/dev/null
is 'completion to a full disk' $? 111
if command -v bash >/dev/null; then
	# completes WHAT WORD ...: what bash offers for the last of the words
	cat >"$T/complete" <<'END'
. "$0"
COMP_WORDS=(claude-code-proxy "$@") COMP_CWORD=$#
_claude_code_proxy
echo ${COMPREPLY[*]}
END
	completes() {
		what=$1
		shift
		is "completion: $what" "$(bash -c "$(cat "$T/complete")" "$T/out" "$@")" "$want"
	}
	want='convert completion' completes 'a command' co
	want='request reply' completes 'of convert' convert re
	want='fish' completes 'of env' env f
	want='' completes 'a file is left to bash' --env ''
	bash -c '. "$0"; complete -p claude-code-proxy' "$T/out" >"$T/said" 2>&1
	has 'completion: it is in force, files by default' "$T/said" 'complete -o default -F _claude_code_proxy claude-code-proxy'
	# every word of the usage
	for word in $("$PROXY" --help | sed '/^$/q' | grep -oE '(proxy|[|]) (--?)?[a-z]+' | sed 's/.* //'); do
		has "completion: $word" "$T/out" " $word"
	done
fi

# ---- wrong ----

for words in 'status 0' 'status 65536' 'status 80x' 'status x' 'env csh' '8082' 'env status' '-w -i' 'env --env a --env b' '-w --env a --env b'; do
	run $words
	is "$words: exit status" "$code $(wc -c <"$T/out" | tr -d ' ')" '100 0'
done

# ---- status ----

# rows: of the table, without its head, one space between words
rows() {
	sed 1d "$T/out" | sed 's/  */ /g; s/^ //'
}
start_proxy BIG_MODEL=big MIDDLE_MODEL=middle SMALL_MODEL=small
first=$env a=$port
run status --env "$env"
is 'status: one that runs' "$code $(rows | sed 's/0:00:0[0-9]/UP/')" "0 $port UP 0 0 0 0 0 big, middle, small"
ask counted
ask counted '"stream":true'
ask refused
get /no/such
ask 'broken off' '"stream":true'
get /health
is '/health: requests, those for it left out, and errors' "$(json totals.requests) $(json totals.errors)" '5 3'
is '/health: tokens' "$(json totals.cached_tokens)" 200
check '/health: tokens of what the provider counted' test "$(json totals.input_tokens)" -ge 600 -a "$(json totals.output_tokens)" -ge 14
check '/health: uptime' test "$(json totals.uptime_seconds)" -ge 0 -a "$(json totals.uptime_seconds)" -lt 100
in=$(json totals.input_tokens) out=$(json totals.output_tokens)
run status "$port"
is 'status: by a port, with its counts' "$(rows | cut -d ' ' -f 1,3-)" "$port 5 3 $in 200 $out big, middle, small"
reloaded() {
	[ "$(grep -c 'listening on' "$log")" -gt 1 ]
}
kill -HUP $proxy_pid
check 'a reload' until_true reloaded
run status "$port"
is 'status: counts go on after a reload' "$(rows | cut -d ' ' -f 3-7)" "5 3 $in 200 $out"

start_proxy BIG_MODEL=one MIDDLE_MODEL=one SMALL_MODEL=one
free=$("$top/test/tool" port)
run status --env "$first" "$free" --env "$env" "$provider"
is 'status: of several, one does not answer, one is another program' "$code $(rows | sed 's/ [0-9]*:.*,/ UP,/')" \
	"111 $a UP, small
$port UP, one
$free $refused
$provider no claude-code-proxy"
is 'status: nothing on fd 2' "$(cat "$T/err")" ''
PORT=$port run status
is 'status: by the environment' "$code $(rows | cut -d ' ' -f 1)" "0 $port"
setting "$T/bad" PORT=none
run status --env "$T/bad" --env "$env"
is 'status: a bad file is told, the others are asked' "$code $(rows | cut -d ' ' -f 1)" "100 $port"
has 'status: a bad file, why' "$T/err" "$T/bad:1: PORT"
kill -STOP $proxy_pid
run status "$port"
kill -CONT $proxy_pid
is 'status: one that hangs' "$code $(rows)" "111 $port no answer"
