#!/bin/sh
# Tools that fail, print nothing, are called wrongly or do not exist.
. "$(dirname "$0")/lib.sh"

serve openai <<END
when "failing tools"
times 1
call Bash {"command":"echo broken >&2; exit 3","description":"Fails"}
call Bash {"command":"true","description":"Says nothing"}
call Read {"file_path":"$work/none.txt"}
call Read {}
call Nope {"x":1}
when "failing tools"
times 1
text "They failed."
END
claude "Try the failing tools."
said 'failing tools' 'They failed.'
is 'two requests' "$(sent_count)" 2
all_taken
last=$(last_sent)
for want in 'Exit code 3' 'broken' 'does not exist' 'file_path' 'No such tool'; do
	has "the upstream hears of: $want" "$last" "$want"
done
is 'five results' "$(grep -o '"role":"tool"' "$last" | wc -l | tr -d ' ')" 5
has 'errors are marked' "$last" '"content":"Error: '
alive
