#!/bin/sh
# Several proxies at once, each a process with its own port, log and pid file:
#
#   start-all-proxies.sh [start | stop | restart | status | clean-logs]
#
# start is what happens without a word. Exit status: 0 when every proxy is as
# asked, 1 when one is not, 100 when the list or the command is wrong.
# One process can serve all files as well, in less memory:
#
#   claude-code-proxy --env FILE --env FILE ...

# The proxies, port:file:name. When none of these files is there, every .env-*
# file is taken, with the port that stands in it. Where HOST in the file is the
# path of a socket, unix stands in the port's place.
[ -n "${PROXIES+set}" ] || PROXIES='
8081:.env-requesty-kimi-k2:Kimi-K2
8082:.env-requesty-glm:GLM
8083:.env-requesty-minimax-m2:MiniMax-M2
8084:.env-requesty-gemini:Gemini
'

# The environment may set these as well as the list:
# PROXY_DIR           where the files, logs/ and pids/ are; not set: the directory of this script
# PROXY_BIN           the program; not set: the one in PROXY_DIR, else the one in PATH
# LOG_RETENTION_DAYS  logs that were archived longer ago are removed
# PROC                where the system tells of processes, /proc; where that is missing ps, and lsof or ss, are asked
# STOP_SECONDS        how long stop waits before it kills; not set: DRAIN_MS of the file and five seconds
LOG_RETENTION_DAYS=${LOG_RETENTION_DAYS:-3}
PROC=${PROC:-/proc}

export LC_ALL=C
umask 077

# ---- words ----

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	esc=$(printf '\033')
	red="${esc}[31m" green="${esc}[32m" yellow="${esc}[33m" bold="${esc}[1m" plain="${esc}[0m"
else
	red='' green='' yellow='' bold='' plain=''
fi

title() {
	printf '%s%s%s\n' "$bold" "$*" "$plain"
}

good() {
	printf '  %s%s%s\n' "$green" "$*" "$plain"
}

warn() {
	printf '  %s%s%s\n' "$yellow" "$*" "$plain"
}

bad() {
	printf '  %s%s%s\n' "$red" "$*" "$plain"
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 100
}

# yes QUESTION: only a person at a terminal can say it
yes() {
	[ -t 0 ] || return 1
	printf '  %s [y/N] ' "$1"
	read -r answer || return 1
	case $answer in
	[yY] | [yY][eE][sS]) return 0 ;;
	esac
	return 1
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# a moment; not every sleep knows fractions
pause() {
	sleep 0.1 2>/dev/null || sleep 1
}

now() {
	date +%s
}

# ---- the list ----

# setting NAME DEFAULT: what $file says, else the default
setting() {
	value=$(tr -d '\r' <"$file" 2>/dev/null |
		sed -n "s/^[^A-Za-z_#]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" | tail -n 1)
	case $value in
	\"*) value=${value#\"} value=${value%%\"*} ;;
	\'*) value=${value#\'} value=${value%%\'*} ;;
	*) value=$(printf '%s\n' "$value" | sed 's/^#.*//; s/[[:space:]]#.*//; s/[[:space:]]*$//') ;;
	esac
	printf '%s\n' "${value:-$2}"
}

# take ENTRY: sets what the rest speaks of
take() {
	port=${1%%:*} name=${1##*:} file=${1#*:}
	file=${file%:*} log=logs/$name.log pidfile=pids/$name.pid path='' place="port $port"
	[ "$port" != unix ] || { path=$(socket_path); place="socket $path"; }
}

# socket_path: of $file, where its HOST is one
socket_path() {
	host=$(setting HOST "${HOST:-}")
	host=${host#unix:}
	case $host in
	/*) printf '%s\n' "$host" ;;
	esac
}

found_files() {
	for file in .env-*; do
		[ -f "$file" ] || continue
		case $file in
		*[!A-Za-z0-9._-]* | *.example | *.bak) continue ;;
		esac
		[ -n "$(socket_path)" ] && port=unix || port=$(setting PORT 8082)
		printf '%s:%s:%s\n' "$port" "$file" "${file#.env-}"
	done
}

check_list() {
	ports=' ' names=' ' there=''
	for entry in $PROXIES; do
		take "$entry"
		case $entry in
		*:?*:*) ;;
		*) die "\"$entry\" in the list is not port:file:name" ;;
		esac
		case $port in
		unix) ;;
		'' | *[!0-9]* | 0* | ??????*) die "\"$entry\" in the list: the port is no number from 1 to 65535, nor unix" ;;
		esac
		[ "$port" = unix ] || [ "$port" -le 65535 ] ||
			die "\"$entry\" in the list: the port is no number from 1 to 65535, nor unix"
		case $name in
		'' | .* | *[!A-Za-z0-9._-]*) die "\"$entry\" in the list: a name is of letters, digits, dots, - and _" ;;
		esac
		case $ports in
		*" $port "*) die "port $port stands twice in the list; each file needs a PORT of its own" ;;
		esac
		case $names in
		*" $name "*) die "the name $name stands twice in the list" ;;
		esac
		[ "$port" = unix ] || ports="$ports$port "
		names="$names$name "
		[ ! -f "$file" ] || there=1
	done
}

# add_started: to the list, what was started here and no longer stands in it
add_started() {
	for pidfile in pids/*.pid; do
		name=${pidfile#pids/}
		case $names in
		*" ${name%.pid} "*) ;;
		*) PROXIES="$PROXIES $(sed -n 's/^entry=//p' "$pidfile" 2>/dev/null)" ;;
		esac
	done
}

# ---- processes ----

# mark PID: when it started, which tells it from a later process of that number; nothing when it is gone
mark() {
	if [ -r "$PROC/self/stat" ]; then
		sed 's/^.*) //' "$PROC/$1/stat" 2>/dev/null | awk '$1 != "Z" && $1 != "X" { print $20 }'
	else
		ps -o stat= -o lstart= -p "$1" 2>/dev/null | awk '$1 !~ /^Z/ { $1 = ""; print }'
	fi
}

# serves PID FILE: whether the file is among its arguments
serves() {
	if [ -r "$PROC/$1/cmdline" ]; then
		tr '\000' '\n' <"$PROC/$1/cmdline" | grep -qxF -e "$2"
	else
		ps -o args= -p "$1" 2>/dev/null | grep -qF -e "--env $2"
	fi
}

# look: what the pid file of the entry says. Sets $pid, and $state: none, no pid file; stale, its process
# is gone; other, its number is now another process's; ours.
look() {
	pid='' since='' ran='' state=none
	[ -f "$pidfile" ] || return 0
	{ read -r pid; read -r since; read -r ran; } <"$pidfile"
	state=stale
	case $pid in
	'' | *[!0-9]* | 0* | 1) return 0 ;;
	esac
	started=$(mark "$pid")
	[ -n "$started" ] || return 0
	state=other
	ran=${ran#entry=*:}
	if [ "$since" = "started=$started" ] && serves "$pid" "${ran%:*}"; then
		state=ours
	fi
}

# who PID: for a person
who() {
	comm=$(cat "$PROC/$1/comm" 2>/dev/null || ps -o comm= -p "$1" 2>/dev/null)
	printf 'pid %s%s' "$1" "${comm:+ ($comm)}"
}

address() {
	host=$(setting HOST "${HOST:-127.0.0.1}")
	case $host in
	0.0.0.0 | '*') echo 127.0.0.1 ;;
	::) echo '[::1]' ;;
	*:*) echo "[$host]" ;;
	*) echo "$host" ;;
	esac
}

# reached: whether anything listens on $port, where nothing tells what
reached() {
	if [ -z "$path" ] && has nc; then
		nc -z 127.0.0.1 "$port" 2>/dev/null
	else
		[ -n "$(health)" ]
	fi
}

# owners [PID]: the processes that listen on $port or $path, or the one when it does; "?" for one that cannot be seen.
# A listener on another address of the machine is in nobody's way while ours is loopback.
owners() {
	if [ -r "$PROC/net/tcp" ] && [ -r "$PROC/net/unix" ]; then
		case $(address) in
		127.0.0.1 | localhost | '[::1]') [ "$(setting HOST '')" = '::' ] && all=1 || all='' ;;
		*) all=1 ;;
		esac
		[ -z "$path" ] || inodes=$(SOCKET=$path awk '$4 == "00010000" && substr($0, index($0, "/")) == ENVIRON["SOCKET"] { printf "%s ", $7 }' \
			"$PROC/net/unix")
		[ -n "$path" ] || inodes=$(cat "$PROC/net/tcp" "$PROC/net/tcp6" 2>/dev/null | awk -v port="$(printf ':%04X' "$port")" -v all="$all" '
			$4 == "0A" && substr($2, length($2) - 4) == port {
				at = substr($2, 1, length($2) - 5)
				if (all || at ~ /^0+$/ || at ~ /(0100007F|7F000001)$/ || at ~ /^0+1(000000)?$/)
					printf "%s ", $10
			}')
		[ -n "$inodes" ] || return 0
		# shellcheck disable=SC2012,SC2086 # find knows no link text everywhere, and this one is a pattern
		listeners=$(cd "$PROC" && ls -l ${1:-[0-9]*}/fd /dev/null 2>/dev/null | awk -v inodes="$inodes" '
			BEGIN { n = split(inodes, list, " "); for (i = 1; i <= n; i++) want["socket:[" list[i] "]"] = 1 }
			/^[0-9]+\/fd:$/ { split($0, part, "/"); pid = part[1] }
			$NF in want && !seen[pid]++ { printf "%s ", pid }')
	else
		listeners=''
		if [ -n "$path" ]; then
			! has lsof || listeners=$(lsof -t "$path" 2>/dev/null | tr '\n' ' ')
		elif has lsof; then
			listeners=$(lsof -nP -t -iTCP:"$port" -sTCP:LISTEN 2>/dev/null | tr '\n' ' ')
		elif has ss; then
			listeners=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*pid=\([0-9]*\).*/\1/p' | tr '\n' ' ')
		fi
		[ -n "$listeners" ] || reached || return 0
		case "${1:-all} ${listeners:-?}" in
		all\ * | *' ?') ;;
		*" $1 "*) listeners="$1 " ;;
		*) return 0 ;;
		esac
	fi
	echo "${listeners:-?}"
}

# holders: $1, as owners prints them, for a person
holders() {
	[ "$1" != '?' ] || { printf 'a process that this user cannot see'; return; }
	comma=''
	for owner in $1; do
		printf '%s%s' "$comma" "$(who "$owner")"
		comma=', '
	done
}

# sealed: whether the entry speaks TLS
sealed() {
	grep -Eq '^[[:space:]]*(export[[:space:]]+)?TLS_CERT=["'"'"']?[^"'"'"' #]' "$file" 2>/dev/null
}

# untrusted: whether this machine does not trust the certificate for the name by which Claude Code is to call
untrusted() {
	called=$(PORT=$port "$PROXY_BIN" env --env "$file" 2>/dev/null | sed -n "s/^export ANTHROPIC_BASE_URL='https:..\(.*\):[0-9]*';*$/\1/p")
	[ -n "$called" ] && has curl || return
	curl -s -m 10 --noproxy '*' --resolve "$called:$port:$(address)" -o /dev/null "https://$called:$port/health"
	[ $? = 60 ]
}

# health: what the proxy of the entry says of itself. Whose it is, the process has told: TLS is to hide nothing here
health() {
	at=$(address)
	tls=''
	! sealed || tls=s
	url=http$tls://$at:$port/health
	if [ -n "$path" ]; then
		if has curl; then
			curl -s -m 3 ${tls:+-k} --unix-socket "$path" "http$tls://localhost/health"
		else
			printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | nc -w 3 -U "$path"
		fi
	elif has curl; then
		curl -s -m 3 ${tls:+-k} --noproxy '*' "$url"
	elif has wget; then
		http_proxy='' https_proxy='' wget -q -T 3 ${tls:+--no-check-certificate} -O - "$url"
	elif has nc && [ -z "$tls" ]; then
		at=${at#\[}
		printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | nc -w 3 "${at%\]}" "$port"
	fi 2>/dev/null
}

# member NAME <JSON: the text of a member, wherever it is
member() {
	sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'
}

show_health() {
	answer=$(health)
	if [ -z "$answer" ] && sealed && ! has curl && ! has wget; then
		warn "it speaks TLS, and neither curl nor wget is here to ask /health: claude-code-proxy status --env $file does"
		return 0
	elif [ -z "$answer" ]; then
		warn "/health does not answer"
		return 1
	fi
	printf '  models    big %s, middle %s, small %s\n' "$(echo "$answer" | member big_model)" \
		"$(echo "$answer" | member middle_model)" "$(echo "$answer" | member small_model)"
	printf '  base URL  %s\n' "$(echo "$answer" | member openai_base_url)"
	! sealed || ! untrusted || warn "this machine does not trust its certificate: Claude Code needs NODE_EXTRA_CA_CERTS"
}

# ---- logs ----

# archive_log: what the last run of the entry wrote
archive_log() {
	[ -s "$log" ] || return 0
	archive=$log.$(date +%Y%m%d_%H%M%S)
	if [ -e "$archive" ]; then
		cat "$log" >>"$archive" && rm -f "$log"
	else
		mv "$log" "$archive"
	fi
	printf '  log       the last one is %s now\n' "$archive"
}

clean_logs() {
	case $LOG_RETENTION_DAYS in
	'' | *[!0-9]* | 0*) die "LOG_RETENTION_DAYS is \"$LOG_RETENTION_DAYS\", not a number of days from 1" ;;
	esac
	count=0
	[ ! -d logs ] || count=$(find logs -type f -name '*.log.[0-9]*_[0-9]*' -mtime +$((LOG_RETENTION_DAYS - 1)) -print \
		-exec rm -f {} \; | wc -l | tr -d ' ')
	echo "$(date '+%Y-%m-%d %H:%M:%S') $count logs older than $LOG_RETENTION_DAYS days removed"
}

# ---- start ----

# free_port: whether $port or $path is free, if need be by ending who has it, after a yes
free_port() {
	taken=$(owners)
	[ -n "$taken" ] || return 0
	bad "$place is taken by $(holders "$taken")"
	if [ "$taken" = '?' ] || ! yes "End it (TERM, after five seconds KILL) and go on?"; then
		bad "not started; end it, or set another PORT here and in $file"
		return 1
	fi
	for signal in TERM KILL; do
		for owner in $taken; do
			kill -$signal "$owner"
		done
		until_time=$(($(now) + 5))
		while [ -n "$(owners)" ]; do
			[ "$(now)" -lt $until_time ] || break
			pause
		done
		[ -n "$(owners)" ] || return 0
	done
	bad "$place is still taken: not started"
	return 1
}

# says WHAT WAS WRONG: the last lines of the log too
failed() {
	bad "$1; the end of $log:"
	tail -n 3 "$log" 2>/dev/null | sed 's/^/    /'
	rm -f "$pidfile"
	return 1
}

start_one() {
	title "$name, $place, $file"
	look
	if [ $state = ours ]; then
		good "runs already, pid $pid"
		return 0
	fi
	if [ ! -f "$file" ]; then
		bad "there is no file $file"
		return 1
	fi
	case $port:$(socket_path) in
	unix:) bad "the list says unix, but HOST in $file is no path: make them the same"; return 1 ;;
	unix:*) ;;
	*:?*) bad "HOST in $file is the path of a socket: put unix in the port's place in the list"; return 1 ;;
	esac
	said=$(setting PORT "$port")
	if [ -z "$path" ] && [ "$said" != "$port" ]; then
		bad "$file says PORT=$said, the list says $port: make them the same"
		return 1
	fi
	[ $state = none ] || { warn "the pid file was left over"; rm -f "$pidfile"; }
	free_port || return 1
	archive_log
	detach='nohup'
	! has setsid || detach='setsid'
	PORT=${port#unix} $detach "$PROXY_BIN" --env "$file" >>"$log" 2>&1 </dev/null &
	pid=$!
	printf '%s\nstarted=%s\nentry=%s\n' $pid "$(mark $pid)" "$port:$file:$name" >"$pidfile"
	until_time=$(($(now) + 15))
	until [ -n "$(owners $pid | tr -d '?')" ]; do
		[ -n "$(mark $pid)" ] || { failed "it ended at once"; return 1; }
		if [ "$(now)" -ge $until_time ]; then
			# where no owner can be seen, a taken port and a live process must do
			[ "$(owners)" != '?' ] || break
			kill -KILL $pid
			failed "it does not listen after 15 seconds"
			return 1
		fi
		pause
	done
	good "started, pid $pid, log $log"
	show_health
	return 0
}

start_all() {
	if [ -z "$PROXY_BIN" ]; then
		die "no program claude-code-proxy here or in PATH: build it, or set PROXY_BIN"
	fi
	[ "$names" != ' ' ] || die "the list is empty, and there is no .env-* file in $PWD"
	clean_logs
	mkdir -p logs pids || exit 1
	started_count=0 count=0
	for entry in $PROXIES; do
		take "$entry"
		count=$((count + 1))
		! start_one || started_count=$((started_count + 1))
	done
	title "$started_count of $count proxies run"
	[ $started_count = $count ]
}

# ---- stop ----

# limit: seconds that the proxy of the entry may take to drain
limit() {
	drain=$(setting DRAIN_MS 30000)
	case $drain in
	'' | *[!0-9]*) drain=30000 ;;
	esac
	echo "${STOP_SECONDS:-$((drain / 1000 + 5))}"
}

stop_all() {
	status=0 began=$(now)
	for entry in $PROXIES; do
		take "$entry"
		look
		case $state in
		ours) kill -TERM "$pid" || status=1 ;;
		none) ;;
		*) title "$name"; left_over; rm -f "$pidfile" ;;
		esac
	done
	# each drains while the others do
	for entry in $PROXIES; do
		take "$entry"
		look
		[ $state != none ] || continue
		title "$name"
		until_time=$((began + $(limit)))
		was=$pid how=stopped
		while [ $state = ours ] && [ "$(now)" -lt $until_time ]; do
			pause
			look
		done
		if [ $state = ours ]; then
			how="killed: it had not drained"
			kill -KILL "$pid"
			until_time=$(($(now) + 5))
			while [ $state = ours ] && [ "$(now)" -lt $until_time ]; do
				pause
				look
			done
		fi
		if [ $state = ours ]; then
			bad "pid $was cannot be ended"
			status=1
		else
			good "$how, pid $was"
			rm -f "$pidfile"
		fi
	done
	return $status
}

# left_over: of a pid file whose process is not ours
left_over() {
	if [ $state = stale ]; then
		warn "not running; the pid file names pid ${pid:-nothing}, which is gone"
	else
		warn "not running; the pid file names $(who "$pid"), which was not started here"
	fi
}

# ---- status ----

show_one() {
	title "$name, $place, $file"
	look
	taken=$(owners)
	if [ $state = ours ]; then
		good "runs, pid $pid, log $log"
		case " $taken" in
		*" $pid "* | ' ?') show_health; return ;;
		' ') warn "but it does not listen there" ;;
		*) warn "but the ${place%% *} is held by $(holders "$taken")" ;;
		esac
		return 1
	fi
	case $state in
	none) [ -n "$taken" ] || bad "not running" ;;
	*) left_over ;;
	esac
	[ -z "$taken" ] || warn "the ${place%% *} is held by $(holders "$taken"), not started here"
	return 1
}

show_all() {
	running=0 count=0
	for entry in $PROXIES; do
		take "$entry"
		count=$((count + 1))
		! show_one || running=$((running + 1))
	done
	title "$running of $count proxies run"
	[ $running = $count ]
}

# ---- the command ----

cd "${PROXY_DIR:-$(dirname "$0")}" || exit 1
if [ -z "${PROXY_BIN:-}" ]; then
	if [ -x ./claude-code-proxy ]; then
		PROXY_BIN=./claude-code-proxy
	else
		PROXY_BIN=$(command -v claude-code-proxy)
	fi
fi

case $#:${1:-start} in
1:clean-logs) clean_logs; exit ;;
[01]:start | 1:stop | 1:restart | 1:status) ;;
*)
	echo "usage: ${0##*/} [start | stop | restart | status | clean-logs]" >&2
	exit 100
	;;
esac

check_list
if [ -z "$there" ]; then
	found=$(found_files)
	[ -z "$found" ] || PROXIES=$found
	check_list
fi
case ${1:-start} in
start) start_all ;;
stop) add_started; stop_all ;;
restart) (add_started; stop_all); start_all ;;
status) add_started; show_all ;;
esac
