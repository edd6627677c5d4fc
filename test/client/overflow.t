#!/bin/sh
# The provider says in its own words that the conversation is too long: Claude
# Code must understand, compact it and go on.
. "$(dirname "$0")/lib.sh"

serve openai <<END
when "detailed summary of" "fill the context"
text "<analysis>Short.</analysis><summary>The user wanted the context filled; two commands ran.</summary>"
when "fill the context"
unless "two commands ran"
times 1
call Bash {"command":"echo first filling","description":"Fill"}
when "fill the context"
unless "two commands ran"
times 1
call Bash {"command":"echo second filling","description":"Fill"}
when "fill the context"
unless "two commands ran"
times 1
error 400 invalid_request_error "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens. Please reduce the length of the messages."
when "two commands ran"
text "Went on after compaction."
END
claude "Please fill the context."
said 'overflow' 'Went on after compaction.'
has 'the summary went upstream' "$(last_sent)" 'two commands ran'
alive
