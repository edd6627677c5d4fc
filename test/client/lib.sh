# For the scenarios of the clients: ../lib.sh, and Claude Code in a home and a
# work directory of its own, which sees nothing of the network but loopback.

top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/test/lib.sh"
claude=$top/test/client/node_modules/.bin/claude
work=$T/work home=$T/home
mkdir "$work" "$home"

# serve DIALECT [NAME=VALUE ...] <SCRIPT: provider and proxy
serve() {
	dialect=$1
	shift
	cat >"$T/script"
	start_provider --dialect "$dialect" --script "$T/script"
	start_proxy BIG_MODEL=big-model MIDDLE_MODEL=middle-model SMALL_MODEL=small-model "$@"
}

# in_client COMMAND ...: with the client's environment and nothing else
in_client() {
	(
		cd "$work" || exit 1
		exec env -i "PATH=$PATH" "HOME=$home" "TERM=${TERM:-dumb}" LANG=C.UTF-8 IS_SANDBOX=1 \
			"ANTHROPIC_BASE_URL=http://127.0.0.1:$port" "ANTHROPIC_API_KEY=$key" \
			DISABLE_TELEMETRY=1 DISABLE_ERROR_REPORTING=1 DISABLE_AUTOUPDATER=1 ${NO_HELPERS-CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1} \
			HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1 "$@"
	)
}

# claude ARG ...: one headless turn, with $variables too (NAME=VALUE, without spaces); sets $rc, $result; $T/result.json
claude() {
	in_client ${variables:-} timeout 120 "$claude" -p --output-format json --dangerously-skip-permissions "$@" \
		>"$T/result.json" 2>"$T/claude.log" </dev/null
	rc=$?
	result=$(json .result "$T/result.json")
}

# said WHAT TEXT: the turn ended well and with this result
said() {
	is "$1: exit code" "$rc" 0
	is "$1: result" "$result" "$2"
}

# refused nothing: the provider took every request, and the script had a rule for each
all_taken() {
	is "the provider takes every request" "$(cat "$up"/*.refused 2>/dev/null)$(ls "$up" | grep unmatched)" ''
}

# the last request of the upstream
last_sent() {
	sent "$(sent_count)"
}
