#!/bin/sh
# One subagent, and three at once.
. "$(dirname "$0")/lib.sh"

serve openai <<END
when "SUBTASK-1" "\"model\":\"small-model\""
text "Answer of the first."
when "SUBTASK-2" "\"model\":\"small-model\""
pause 200
text "Answer of the second."
when "SUBTASK-3" "\"model\":\"small-model\""
text "Answer of the third."
when "use an agent"
times 1
call Agent {"description":"One","prompt":"SUBTASK-1: answer","subagent_type":"general-purpose","model":"haiku","run_in_background":false}
when "use an agent"
times 1
text "The agent answered."
when "use three agents"
times 1
call Agent {"description":"One","prompt":"SUBTASK-1: answer","subagent_type":"general-purpose","model":"haiku","run_in_background":false}
call Agent {"description":"Two","prompt":"SUBTASK-2: answer","subagent_type":"general-purpose","model":"haiku","run_in_background":false}
call Agent {"description":"Three","prompt":"SUBTASK-3: answer","subagent_type":"Explore","model":"haiku","run_in_background":false}
when "use three agents"
times 1
text "All three answered."
END
claude "Please use an agent."
said 'a subagent' 'The agent answered.'
is 'three requests' "$(sent_count)" 3
has 'its answer came back' "$(last_sent)" 'Answer of the first.'
claude "Please use three agents."
said 'three subagents' 'All three answered.'
is 'five more requests' "$(sent_count)" 8
for n in first second third; do
	has "the answer of the $n came back" "$(last_sent)" "Answer of the $n."
done
all_taken
alive
