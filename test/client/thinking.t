#!/bin/sh
# Reasoning before and between tools comes to the client, and goes back.
. "$(dirname "$0")/lib.sh"

serve openai UP_ECHO=reasoning_content <<END
when "think it over"
times 1
think "First thought: look around."
text "Looking."
call Bash {"command":"echo looked","description":"Look"}
when "think it over"
times 1
think "Second thought: \"look\" again."
call Bash {"command":"echo again","description":"Again"}
when "think it over"
times 1
think "Third thought."
text "Thought over."
END
claude --verbose --output-format stream-json "Please think it over."
is 'exit code' "$rc" 0
has 'the result' "$T/result.json" '"result":"Thought over."'
has 'the first thought is shown' "$T/result.json" '"thinking":"First thought: look around."'
has 'the second thought is shown' "$T/result.json" '"thinking":"Second thought: \"look\" again."'
has 'the third thought is shown' "$T/result.json" '"thinking":"Third thought."'
is 'three requests' "$(sent_count)" 3
has 'the first goes back' "$(last_sent)" '"reasoning_content":"First thought: look around."'
has 'the second goes back' "$(last_sent)" '"reasoning_content":"Second thought: \"look\" again."'
all_taken
alive
