# Helpers for the .t scripts: . "$(dirname "$0")/lib.sh" at their head.
#
# Every test has a directory of its own, $T, and takes it away at the end with
# all that it started. PROXY names the binary under test.

set -u
cd "${top:-$(dirname "$0")/..}" || exit 1
top=$PWD
PROXY=${PROXY:-$top/claude-code-proxy}
T=$(mktemp -d) || exit 1
pids= failures=0 count=0
key=test-client-key
# the system's words; an emulator may have others
refused=${REFUSED:-Connection refused}
# none of the machine's own settings
unset OPENAI_API_KEY OPENAI_BASE_URL BIG_MODEL MIDDLE_MODEL SMALL_MODEL HOST PORT ANTHROPIC_API_KEY LOG_LEVEL \
	LOG_DIR LOG_FILE LOG_FORMAT LOG_MAX_SIZE LOG_RETENTION_DAYS LISTEN_PID LISTEN_FDS LISTEN_FDNAMES LISTEN_READY NOTIFY_SOCKET \
	http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE EXTRA_CA_FILE \
	RUN_AS CHROOT SANDBOX 2>/dev/null
# valgrind makes calls of its own, and only root looks into a process with a sandbox
if [ -n "${SLOW:-}" ] || [ "$(id -u)" != 0 ]; then
	export SANDBOX=0
fi

cleanup() {
	status=$?
	trap - EXIT INT TERM HUP
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	for pid in $pids; do
		wait "$pid" 2>/dev/null
	done
	if [ $failures -gt 0 ] || [ $status != 0 ]; then
		for log in "$T"/*.log "$T/nginx/error"; do
			[ -s "$log" ] && echo "--- ${log##*/}" && tail -n 40 "$log"
		done
	fi
	[ -n "${KEEP:-}" ] && echo "kept $T" || rm -rf "$T"
	[ $failures = 0 ] || status=1
	exit $status
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

ok() {
	printf 'ok - %s\n' "$1"
}

# not_ok WHAT [DETAIL]
not_ok() {
	failures=$((failures + 1))
	printf 'not ok - %s\n' "$1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | head -c 4000 | sed 's/^/    /'
}

# check WHAT COMMAND ...: the command must succeed
check() {
	what=$1
	shift
	if "$@" >"$T/check.out" 2>&1; then ok "$what"; else not_ok "$what" "$*: $(head -c 2000 "$T/check.out")"; fi
}

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:  $2
want: $3"; fi
}

# has WHAT FILE TEXT; hasnt WHAT FILE TEXT: a fixed string anywhere in the file
has() {
	if grep -qF -- "$3" "$2" 2>/dev/null; then ok "$1"; else not_ok "$1" "$2 lacks $3:
$(head -c 2000 "$2" 2>&1)"; fi
}

hasnt() {
	if grep -qF -- "$3" "$2" 2>/dev/null; then not_ok "$1" "$2 has $3"; else ok "$1"; fi
}

# same WHAT GOT WANT: two files
same() {
	if cmp -s "$2" "$3"; then ok "$1"; else not_ok "$1" "$(diff "$3" "$2" 2>&1 | head -n 20)"; fi
}

# until_true COMMAND ...: tries for ten seconds at most
until_true() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || return 1
		sleep 0.05
	done
}

# keep_pid PID: ended at the test's end
keep_pid() {
	pids="$pids $1"
}

# stop PID: ends it now; sets $stopped, its exit status
stop() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	stopped=$?
	pids=$(echo " $pids " | sed "s/ $1 / /")
}

# start_provider [OPTION ...]: sets $provider (its port), $provider_pid and $up (its log directory)
start_provider() {
	count=$((count + 1))
	up=$T/up.$count
	mkdir "$up"
	"$top/test/provider" --port-file "$T/provider.$count" --log "$up" --seconds 1200 "$@" \
		>/dev/null 2>"$T/provider.$count.log" &
	provider_pid=$!
	keep_pid $provider_pid
	until_true test -s "$T/provider.$count" || { echo "provider did not start"; exit 1; }
	provider=$(cat "$T/provider.$count")
}

# start_proxy [NAME=VALUE ...]: an instance towards $provider, unless OPENAI_BASE_URL says
# otherwise; sets $port, $proxy_pid, $env (its file), $log
start_proxy() {
	count=$((count + 1))
	env=$T/env.$count log=$T/proxy.$count.log
	for round in 1 2 3 4 5; do
		port=$("$top/test/tool" port)
		{
			echo "OPENAI_BASE_URL=http://127.0.0.1:${provider:-9}/v1"
			echo OPENAI_API_KEY=test-upstream-key
			echo "ANTHROPIC_API_KEY=$key"
			echo "PORT=$port"
			for line do
				echo "$line"
			done
		} >"$env"
		chmod 600 "$env"
		${WRAP:-} "$PROXY" --env "$env" >"$log" 2>&1 </dev/null &
		proxy_pid=$!
		keep_pid $proxy_pid
		until_true proxy_is_up || { cat "$log"; echo "proxy did not start"; exit 1; }
		kill -0 $proxy_pid 2>/dev/null && nc -z 127.0.0.1 "$port" && return
		grep -q 'in use' "$log" || { cat "$log"; echo "proxy ended"; exit 1; }
	done
	exit 1
}

# ready, or ended without having been so
proxy_is_up() {
	! kill -0 $proxy_pid 2>/dev/null || nc -z 127.0.0.1 "$port"
}

# request METHOD TARGET [FIELD ...] <BODY: through nc on a connection of its own; fills
# $T/answer (as it came), $T/body (decoded) and $status. SECONDS_MAX bounds it (20).
request() {
	method=$1 target=$2
	shift 2
	cat >"$T/send.body"
	{
		printf '%s %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nx-api-key: %s\r\nanthropic-version: 2023-06-01\r\n' \
			"$method" "$target" "$port" "$key"
		[ ! -s "$T/send.body" ] || printf 'Content-Type: application/json\r\nContent-Length: %s\r\n' "$(wc -c <"$T/send.body" | tr -d ' ')"
		for field do
			printf '%s\r\n' "$field"
		done
		printf 'Connection: close\r\n\r\n'
		cat "$T/send.body"
	} >"$T/send"
	raw <"$T/send"
}

# raw [OPTION OF NC ...] <BYTES: sends them as they are; fills $T/answer, $T/body and $status
raw() {
	timeout "${SECONDS_MAX:-20}" nc "$@" 127.0.0.1 "$port" >"$T/answer"
	took_answer
}

# send FORMAT [ARG ...]: what printf makes of it, likewise
send() {
	printf "$@" >"$T/send"
	raw <"$T/send"
}

# what $T/answer says: the first that is not an interim one
took_answer() {
	status=$(sed -n '/^HTTP\/1\.1 [2-9]/{s/^HTTP\/1\.1 \(...\).*/\1/p;q;}' "$T/answer")
	"$top/test/tool" body <"$T/answer" >"$T/body"
}

# field NAME: a field of that answer's head, NAME in lower case
field() {
	tr -d '\r' <"$T/answer" | awk -v name="$1" '
		/^HTTP\/1.1 [2-9]/ { head = 1 }
		head && $0 == "" { exit }
		head && index(tolower($0), name ": ") == 1 { print substr($0, length(name) + 3) }'
}

# fails WHAT STATUS TYPE: the answer is that error in Anthropic's shape, with one id in head and body
fails() {
	is "$1" "$status $(json type) $(json error.type) $(field content-type) $(json request_id)" \
		"$2 error $3 application/json $(field request-id)"
	case $(json request_id) in
	req_?????????*) ;;
	*) not_ok "$1: request-id" "$(cat "$T/answer")" ;;
	esac
}

get() {
	request GET "$@" </dev/null
}

# json PATH [FILE]: a value of $T/body, as test/tool prints it
json() {
	"$top/test/tool" json "$1" <"${2:-$T/body}"
}

# sent N: the body of the upstream's Nth request, as a file name
sent() {
	printf '%s/%04d.body' "$up" "$1"
}

# how many requests the upstream saw
sent_count() {
	ls "$up" | grep -c '\.head$'
}

# still alive, and well
alive() {
	get /health
	is "${1:-the proxy still answers}" "$status" 200
}

# ask TEXT [MEMBERS [FIELD ...]]: a request in which the user says TEXT, with further JSON members
ask() {
	printf '{"model":"claude-opus-4-8","max_tokens":100%s,"messages":[{"role":"user","content":"%s"}]}' \
		"${2:+,$2}" "$1" >"$T/ask"
	[ $# -lt 2 ] && shift || shift 2
	request POST /v1/messages "$@" <"$T/ask"
}

# stream TEXT: the user says TEXT; returns at the answer's first word, which must be "one ", and goes on in the
# background, $client. ended: waits for its end, and sets what request sets.
stream() {
	body='{"model":"claude-opus-4-8","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"'$1'"}]}'
	printf 'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"$key" ${#body} "$body" >"$T/send"
	: >"$T/answer"
	timeout 20 "$top/test/tool" drip "$port" <"$T/send" >"$T/answer" &
	client=$!
	keep_pid $client
	until_true grep -q '"one ' "$T/answer"
}
ended() {
	wait $client
	took_answer
}

# message: what the stream in $T/body says, as test/tool prints it
message() {
	"$top/test/tool" message <"$T/body" 2>&1
}

# script <RULES: starts a provider that plays them
script() {
	cat >"$T/script.$((count + 1))"
	start_provider --script "$T/script.$((count + 1))" "$@"
}

# script_long [MS]: one whose answer to long-stream takes so long, and any other answer is hello
script_long() {
	script <<END
when long-stream
	text "one "
	head
	pause ${1:-400}
	text two
when *
	text "hello"
END
}

# start_secure [DIRECTIVE ...]: nginx with TLS before the provider, again where a port was taken;
# sets $secure (its port) and makes $T/ca with the certificates
start_secure() {
	mkdir "$T/ca" "$T/nginx"
	sh "$top/test/mkca" "$T/ca" >/dev/null || exit 1
	secure_up "$@" || secure_up "$@" || secure_up "$@" || { cat "$T/nginx/error"; exit 1; }
}

# nginx_head: what a configuration begins with that keeps all files in $T/nginx, up to the first line within http
nginx_head() {
	cat <<END
daemon off;
master_process off;
pid $T/nginx/pid;
error_log $T/nginx/error warn;
events { worker_connections 1024; }
http {
	client_body_temp_path $T/nginx/a;
	proxy_temp_path $T/nginx/b;
	fastcgi_temp_path $T/nginx/c;
	uwsgi_temp_path $T/nginx/d;
	scgi_temp_path $T/nginx/e;
END
}

secure_up() {
	secure=$("$top/test/tool" port)
	cat >"$T/nginx/conf" <<END
$(nginx_head)
	access_log off;
	$*
	server {
		listen 127.0.0.1:$secure ssl;
		ssl_protocols TLSv1.2;
		ssl_certificate $T/ca/good.pem;
		ssl_certificate_key $T/ca/good.key;
		location / {
			proxy_pass http://127.0.0.1:$provider;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering off;
		}
	}
}
END
	nginx -p "$T/nginx" -c "$T/nginx/conf" -e "$T/nginx/error" 2>/dev/null &
	nginx_pid=$!
	keep_pid $nginx_pid
	until_true secure_is_up
	kill -0 $nginx_pid 2>/dev/null
}

secure_is_up() {
	! kill -0 $nginx_pid 2>/dev/null || nc -z 127.0.0.1 "$secure"
}
