#!/bin/sh
# The interactive screen, once: a first turn with its title helper.
. "$(dirname "$0")/lib.sh"

serve openai <<END
when "\"response_format\""
text "{\"title\":\"A scripted session\"}"
when "use the screen"
times 1
text "I look first."
call Bash {"command":"echo seen on screen","description":"Look"}
when "use the screen"
times 1
text "The screen shows this."
END
cat >"$home/.claude.json" <<END
{"hasCompletedOnboarding":true,"theme":"dark","bypassPermissionsModeAccepted":true,
"customApiKeyResponses":{"approved":["$key"],"rejected":[]},
"projects":{"$work":{"hasTrustDialogAccepted":true,"hasCompletedProjectOnboarding":true}}}
END
tmux="tmux -S $T/tmux"
NO_HELPERS=
TERM=xterm-256color in_client $tmux -f /dev/null new-session -d -x 120 -y 40 "$claude --dangerously-skip-permissions"
shows() {
	$tmux capture-pane -p >"$T/screen.log"
	grep -qF "$1" "$T/screen.log"
}
check 'the prompt appears' until_true shows 'bypass permissions on'
$tmux send-keys -l 'Please use the screen.'
check 'it takes the words' until_true shows 'Please use the screen.'
$tmux send-keys Enter
check 'text before the tool' until_true shows 'I look first.'
check "the tool's output" until_true shows 'seen on screen'
check 'the answer' until_true shows 'The screen shows this.'
title=$(grep -l '"response_format"' "$up"/*.body)
check 'the title helper asked' test -n "$title"
is 'with a schema' "$(json .response_format.type "$title")" json_schema
hasnt 'and without tools' "$title" '"tools"'
$tmux kill-server
is 'three requests' "$(sent_count)" 3
all_taken
alive
