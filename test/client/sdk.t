#!/bin/sh
# The Anthropic SDK creates, streams, counts and lists through the proxy.
. "$(dirname "$0")/lib.sh"

serve openai <<'END'
when "sdk tool"
think "The tool fits."
text "Calling."
call get_weather {"city":"Bergen"}
when "sdk text"
usage 100 7 60
text "Hello from the provider."
when "sdk error"
error 404 invalid_request_error "The model does not exist"
when "sdk cut"
text "Half of it"
cut
END
in_client node "$top/test/client/sdk.mjs" >"$T/sdk.out" 2>"$T/sdk.log"
is 'exit code' $? 0
while read -r line; do
	case $line in
	'ok '*) echo "$line" ;;
	'not ok '*) not_ok "${line#not ok - }" ;;
	esac
done <"$T/sdk.out"
is 'all of its checks ran' "$(grep -c 'ok - ' "$T/sdk.out")" 22
all_taken
alive
