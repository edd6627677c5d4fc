#!/bin/sh
# A tool loop of five rounds that writes, reads, edits and runs.
. "$(dirname "$0")/lib.sh"

serve openai <<END
when "five rounds"
times 1
text "I shall write a file."
call Write {"file_path":"$work/a.txt","content":"one\ntwo \"2\" é\n"}
when "five rounds"
times 1
call Read {"file_path":"$work/a.txt"}
when "five rounds"
times 1
text "Now the edit."
call Edit {"file_path":"$work/a.txt","old_string":"two","new_string":"three"}
when "five rounds"
times 1
call Bash {"command":"tr a-z A-Z <a.txt >b.txt; cat b.txt","description":"Upper case"}
when "five rounds"
times 1
call Bash {"command":"wc -l <b.txt","description":"Count"}
when "five rounds"
times 1
usage 5000 17 4000
text "All five rounds are done."
END
claude "Please do the five rounds."
said 'five rounds' 'All five rounds are done.'
printf 'one\nthree "2" é\n' >"$T/want"
same 'a.txt was written and edited' "$work/a.txt" "$T/want"
printf 'ONE\nTHREE "2" é\n' >"$T/want"
same 'b.txt was made by the command' "$work/b.txt" "$T/want"
is 'six requests went upstream' "$(sent_count)" 6
is 'output tokens of the last answer are counted' "$(json .usage.output_tokens "$T/result.json")" 217
is 'cached tokens are told apart' "$(json .usage.cache_read_input_tokens "$T/result.json")" 9000
all_taken

last=$(last_sent)
is 'the model is mapped' "$(json .model "$last")" big-model
is 'one system message at the head' "$(json .messages.0.role "$last")" system
hasnt 'no billing header' "$last" x-anthropic-billing-header
hasnt 'no cache_control' "$last" cache_control
hasnt 'no thinking field' "$last" budget_tokens
has 'the upstream key' "$up/0001.head" 'Authorization: Bearer test-upstream-key'
hasnt "never the client's key" "$up/0001.head" "$key"
has 'the path' "$up/0001.head" 'POST /v1/chat/completions HTTP/1.1'
has 'the call as it was sent' "$last" '"id":"call_1_0"'
has 'the result of Read' "$last" 'two \"2\" é'
has 'the result of the command' "$last" 'THREE \"2\" é'
is 'the last message is the last result' "$(json .messages.11.role "$last")" tool
is 'the result names its call' "$(json .messages.11.tool_call_id "$last")" call_5_0
alive
