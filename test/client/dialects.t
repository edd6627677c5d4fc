#!/bin/sh
# The same session on nine dialects, one of them the client's own: reasoning, a tool, two at once, an end;
# each provider refuses what the real one would.
. "$(dirname "$0")/lib.sh"

# dialect_session NAME ECHO [SETTING ...]: ECHO must stand in the last request
dialect_session() {
	name=$1 echo=$2
	shift 2
	rm -rf "${work:?}"/*
	serve "$name" "$@" <<END
when "speak in dialect"
times 1
think "Reasoned before the tool."
text "Writing now."
call Write {"file_path":"$work/d.txt","content":"spoken in $name\n"}
when "speak in dialect"
times 1
think "Reasoned between."
call Bash {"command":"cat d.txt","description":"Show"}
call Bash {"command":"wc -c <d.txt","description":"Count"}
when "speak in dialect"
times 1
think "Reasoned at last."
text "This was $name."
END
	claude "Please speak in dialect."
	said "$name" "This was $name."
	is "$name: the file" "$(cat "$work/d.txt")" "spoken in $name"
	is "$name: three requests" "$(sent_count)" 3
	has "$name: the command's output went back" "$(last_sent)" "spoken in $name"
	[ -z "$echo" ] || has "$name: reasoning went back" "$(last_sent)" "$echo"
	is "$name: input tokens without cached ones" "$(json .usage.input_tokens "$T/result.json")" 600
	all_taken
	alive
	stop $proxy_pid
	stop $provider_pid
}

dialect_session openai '' UP_MAXTOK=max_completion_tokens UP_ECHO=none UP_TOOL_TEXT=user
dialect_session gemini thought_signature UP_THINK=gemini UP_ECHO=gemini UP_SCHEMA=gemini UP_TOOL_TEXT=user
dialect_session kimi '"reasoning_content":"Reasoned between."' UP_THINK=type UP_TEMP=omit UP_TOOL_CHOICE=auto \
	UP_SCHEMA=moonshot UP_ECHO=reasoning_content UP_ECHO_FILL=dot
dialect_session glm '"reasoning_content":"Reasoned between."' UP_THINK=type UP_TEMP=unit UP_TOOL_CHOICE=auto \
	UP_TOOL_STREAM=1 UP_ECHO=reasoning_content
dialect_session minimax '"reasoning_details":[' UP_MAXTOK=max_completion_tokens UP_TEMP=gt0 UP_TOOL_CHOICE=auto \
	UP_THINK=adaptive UP_ECHO=details UP_CUMULATIVE=reasoning 'UP_EXTRA={"reasoning_split":true}'
dialect_session deepseek '"reasoning_content":"Reasoned between."' UP_THINK=type UP_EFFORTS=low,high,max \
	UP_TOOL_CHOICE=none UP_ECHO=reasoning_content UP_ECHO_ALL=1 UP_ECHO_FILL=empty
dialect_session ollama '"reasoning":"Reasoned between."' UP_THINK=effort UP_ECHO=reasoning UP_TOOL_CHOICE=none \
	UP_EMPTY_LENGTH=1 UP_SCHEMA=grammar
dialect_session mistral '"type":"thinking"' UP_USAGE=off UP_TOOL_CHOICE=any UP_TOOL_ID=mistral9 UP_TOOL_NAME=1 UP_ECHO=mistral
dialect_session anthropic '"thinking":"Reasoned between.","signature":"sig-2"' UPSTREAM_API=anthropic UP_AUTH=x-api-key
