#!/bin/sh
# Estimates of tokens, judged by real vocabularies, before and after a model has answered.
. "$(dirname "$0")/lib.sh"

node "$top/test/client/tokens.mjs" script >"$T/rules" || exit 1
serve openai <"$T/rules"
in_client node "$top/test/client/tokens.mjs" judge >"$T/judge.out" 2>"$T/judge.log"
is 'exit code' $? 0
while read -r line; do
	case $line in
	'ok '*) echo "$line" ;;
	'not ok '*) not_ok "${line#not ok - }" ;;
	*) echo "$line" ;;
	esac
done <"$T/judge.out"
alive
