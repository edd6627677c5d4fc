#!/bin/sh
# 429 with a Retry-After, then success; an answer that is cut in the middle.
. "$(dirname "$0")/lib.sh"

serve openai <<'END'
when "limited"
times 1
header Retry-After: 1
error 429 rate_limit_error "Rate limit reached for requests"
when "limited"
times 1
text "The second try came through."
when "cut early" "\"stream\":true"
times 1
text "Half an ans"
cut
when "cut early"
unless "\"stream\":true"
times 1
text "Whole in the end."
when "cut late"
times 1
text "A block that is complete."
call Bash {"command":"echo must not ru
pause 300
cut
END
claude "You are limited."
said '429, then success' 'The second try came through.'
is 'two requests, the retry is the client'\''s' "$(sent_count)" 2

claude "This is cut early."
said 'cut before a completed block' 'Whole in the end.'
is 'streamed, then not streamed' "$(sent_count)" 4

claude "This is cut late."
is 'cut after a completed block: the turn fails' "$([ "$rc" != 0 ] || [ "$(json .is_error "$T/result.json")" = true ] && echo failed)" failed
is 'and is not tried again' "$(sent_count)" 5
all_taken
alive
