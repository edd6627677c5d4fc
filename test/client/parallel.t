#!/bin/sh
# Three tools at once, done in another order than they were called in.
. "$(dirname "$0")/lib.sh"

echo 'text of c' >"$work/c.txt"
serve openai <<END
when "in parallel"
times 1
text "All at once."
call Bash {"command":"sleep 0.5; echo result of a","description":"a"}
call Bash {"command":"echo result of b","description":"b"}
call Read {"file_path":"$work/c.txt"}
when "in parallel"
times 1
text "Three results."
END
claude "Run these in parallel."
said 'parallel tools' 'Three results.'
is 'two requests' "$(sent_count)" 2
all_taken
last=$(last_sent)
n=$(json .messages.# "$last")
i=0
while [ "$(json ".messages.$i.role" "$last")" != assistant ] && [ $i -lt "$n" ]; do
	i=$((i + 1))
done
is 'three calls in one message' "$(json ".messages.$i.tool_calls.#" "$last")" 3
is 'its text' "$(json ".messages.$i.content" "$last")" 'All at once.'
for want in 'result of a' 'result of b' 'text of c'; do
	i=$((i + 1))
	is "the result $want in the order of the calls" "$(json ".messages.$i.content" "$last" | grep -c "$want")" 1
done
alive
