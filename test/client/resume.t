#!/bin/sh
# A session is resumed: the second turn holds the first; and an interrupt
# closes the upstream.
. "$(dirname "$0")/lib.sh"

serve openai <<'END'
when "never ends"
text "It begins"
hang
when "What was it" "remember"
times 1
text "The word was zebra."
when "remember"
times 1
call Bash {"command":"echo noted","description":"Note"}
when "remember"
times 1
text "I keep the word."
END
claude "Please remember the word zebra."
said 'the first turn' 'I keep the word.'
session=$(json .session_id "$T/result.json")
claude --resume "$session" "What was it?"
said 'the resumed turn' 'The word was zebra.'
is 'three requests' "$(sent_count)" 3
for want in 'remember the word zebra' 'I keep the word.' 'noted' 'What was it?'; do
	has "the resumed request holds: $want" "$(last_sent)" "$want"
done
all_taken

in_client sh -c 'echo $$ >"$0"; exec "$@"' "$T/pid" "$claude" -p --output-format json --dangerously-skip-permissions \
	"This never ends." >/dev/null 2>"$T/claude.log" </dev/null &
keep_pid $!
check 'the request arrives' until_true test -e "$up/0004.body"
kill -INT "$(cat "$T/pid")"
check 'an interrupt closes the upstream' until_true test -e "$up/0004.closed"
alive
