#!/bin/sh
# start-all-proxies.sh and setup-log-cleanup-cron.sh, with ports of their own.
. "$(dirname "$0")/lib.sh"

shell=${TEST_SHELL:-sh}
work=$T/here
mkdir "$work"

# all WORD ...: the script in $work; sets $code, fills $T/said
all() {
	env PROXIES="$list" PROXY_DIR="$work" PROXY_BIN="$PROXY" $shell ./start-all-proxies.sh "$@" >"$T/said" 2>&1 </dev/null
	code=$?
}
# at_terminal INPUT COMMAND: with a terminal, at which INPUT is typed
at_terminal() {
	printf '%s' "$1" >"$T/typed"
	TERM=xterm timeout 60 script -qec "$2" /dev/null <"$T/typed" >"$T/said" 2>&1
	code=$?
}
# instance FILE [LINE ...]
instance() {
	file=$work/$1
	shift
	printf '%s\n' OPENAI_BASE_URL="http://127.0.0.1:${provider:-9}/v1?token=do-not-show" SMALL_MODEL=little "$@" >"$file"
	chmod 600 "$file"
}
# pid_of NAME
pid_of() {
	head -n 1 "$work/pids/$1.pid" 2>/dev/null
}
# alive PID, and not waiting to be buried
lives() {
	[ -n "$1" ] && grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}
gone() {
	! lives "$1"
}
# those that the script started are ended too, whatever happens
end_all() {
	was=$?
	for file in "$work"/pids/*.pid; do
		[ -f "$file" ] && keep_pid "$(head -n 1 "$file")"
	done
	(exit $was)
	cleanup
}
trap end_all EXIT

one=$(test/tool port) two=$(test/tool port)
while [ "$one" = "$two" ]; do two=$(test/tool port); done

# ---- the list at its top ----

list=$(sed -n "/PROXIES='\$/,/^'\$/p" start-all-proxies.sh | sed '1d;$d' | tr '\n' ' ')
is 'the list of four' "$list" \
	'8081:.env-requesty-kimi-k2:Kimi-K2 8082:.env-requesty-glm:GLM 8083:.env-requesty-minimax-m2:MiniMax-M2 8084:.env-requesty-gemini:Gemini '
all start
is 'no file at all: exit status' $code 1
has 'no file at all: named' "$T/said" 'there is no file .env-requesty-kimi-k2'
has 'no file at all: the sum' "$T/said" '0 of 4 proxies run'
all status
is 'status of none: exit status' $code 1
has 'status of none' "$T/said" 'not running'

for bad in 'x' '8081:x' '0:f:n' '70000:f:n' '80x:f:n' '8081:f:a/b' '8081:f:' '8081:f:n 8081:g:m' '8081:f:n 8082:g:n'; do
	list=$bad
	all start
	is "a bad list, $bad" "$code $(grep -c '^start-all-proxies.sh: .*list' "$T/said")" '100 1'
done
list=
all start
is 'an empty list, and no file' "$code $(grep -c 'the list is empty, and there is no .env-\* file in' "$T/said")" '100 1'
list=$one:.env-one:One
all no-such-command
is 'an unknown command' "$code $(grep -c '^usage: ' "$T/said")" '100 1'
all start stop
is 'two commands' $code 100

# ---- start, status, stop ----

instance .env-one "PORT=$one" BIG_MODEL=large MIDDLE_MODEL=middling
instance .env-two "export PORT='$two' # the second" BIG_MODEL=huge
list="$one:.env-one:One $two:.env-two:Two"
mkdir -p "$work/logs"
echo 'what the last run said' >"$work/logs/One.log"
: >"$work/logs/Two.log"
echo old >"$work/logs/One.log.20200101_000000"
touch -t 202001010000 "$work/logs/One.log.20200101_000000" "$work/logs/notes.txt"
echo new >"$work/logs/Two.log.20200101_000000"
all
is 'without a word: started' "$code $(grep -c 'started, pid' "$T/said")" '0 2'
has 'the sum' "$T/said" '2 of 2 proxies run'
is 'pid files' "$(ls "$work/pids" | tr '\n' ' ')" 'One.pid Two.pid '
first=$(pid_of One) second=$(pid_of Two)
check 'the pids are of living processes' lives "$first"
check 'both' lives "$second"
has 'logs' "$work/logs/One.log" 'listening on'
is 'the log of the last run is archived' "$(cat "$work"/logs/One.log.2[1-9]*_* "$work"/logs/One.log.202[1-9]*_* 2>/dev/null)" \
	'what the last run said'
is 'an empty one is not' "$(ls "$work/logs" | grep -c '^Two.log\.')" 1
check 'an old archive is removed at start' test ! -e "$work/logs/One.log.20200101_000000"
check 'a young one stays' test -e "$work/logs/Two.log.20200101_000000"
check 'and what is no archive' test -e "$work/logs/notes.txt"
is 'nobody else reads logs and pids' "$(ls -ld "$work/pids" | cut -c 5-10) $(ls -l "$work/logs/One.log" | cut -c 5-10)" '------ ------'
is 'no colours where no terminal is' "$(tr -d '\n' <"$T/said" | tr -dc '\033' | wc -c | tr -d ' ')" 0
for at in "$one" "$two"; do
	port=$at
	alive "port $at answers"
done

all status
is 'status' $code 0
has 'status: pid' "$T/said" "runs, pid $first, log logs/One.log"
has 'status: models' "$T/said" 'big large, middle middling, small little'
has 'status: models of the other' "$T/said" 'big huge, middle huge, small little'
has 'status: base URL' "$T/said" "base URL  http://127.0.0.1:${provider:-9}/v1"
hasnt 'status: nothing secret in it' "$T/said" do-not-show
has 'status: the sum' "$T/said" '2 of 2 proxies run'
# each way to ask, on a machine that has only that one
mkdir "$T/bin"
for name in sh sed awk ls cat tr grep tail head date dirname sleep ps mkdir find wc rm; do
	ln -s "$(command -v $name)" "$T/bin/$name"
done
for tool in curl wget nc; do
	from=$(command -v $tool) || continue
	ln -s "$from" "$T/bin/$tool"
	PATH=$T/bin PROXIES="$list" PROXY_DIR="$work" PROXY_BIN="$PROXY" "$T/bin/sh" ./start-all-proxies.sh status >"$T/said" 2>&1
	is "status by $tool" "$? $(grep -c 'base URL  http' "$T/said")" '0 2'
	rm "$T/bin/$tool"
done

# and each way to find owners, where there is no /proc
mkdir "$T/none"
for tool in lsof ss; do
	command -v $tool >/dev/null && ps -o lstart= -p $$ >/dev/null 2>&1 || continue
	ln -s "$(command -v $tool)" "$T/bin/$tool"
	ln -sf "$(command -v ps)" "$(command -v nc)" "$(command -v curl)" "$T/bin/"
	export PROC="$T/none"
	for name in One Two; do
		pid=$(pid_of $name)
		started=$(ps -o stat= -o lstart= -p "$pid" | awk '{ $1 = ""; print }')
		sed -i "s/^started=.*/started=$started/" "$work/pids/$name.pid"
	done
	PATH=$T/bin PROXIES="$list" PROXY_DIR="$work" PROXY_BIN="$PROXY" "$T/bin/sh" ./start-all-proxies.sh status >"$T/said" 2>&1
	is "$tool: status" "$? $(grep -c 'runs, pid' "$T/said")" '0 2'
	PATH=$T/bin PROXIES="$one:.env-one:Foreign" PROXY_DIR="$work" PROXY_BIN="$PROXY" "$T/bin/sh" ./start-all-proxies.sh start >"$T/said" 2>&1 </dev/null
	is "$tool: a taken port" "$? $(grep -c "port $one is taken by pid $first (" "$T/said")" '1 1'
	unset PROC
	rm "$T/bin/$tool"
done
for name in One Two; do
	pid=$(pid_of $name)
	sed -i "s/^started=.*/started=$(sed 's/^.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20)/" "$work/pids/$name.pid"
done

all start
is 'a second start' "$code $(grep -c 'runs already' "$T/said")" '0 2'
is 'the same processes' "$(pid_of One) $(pid_of Two)" "$first $second"
at_terminal '' "env PROXIES='$list' PROXY_DIR='$work' PROXY_BIN='$PROXY' $shell ./start-all-proxies.sh status"
is 'colours on a terminal' "$code $(grep -c "$(printf '\033\[32m')" "$T/said")" '0 2'
at_terminal '' "env NO_COLOR=1 PROXIES='$list' PROXY_DIR='$work' PROXY_BIN='$PROXY' $shell ./start-all-proxies.sh status"
is 'NO_COLOR' "$code $(grep -c "$(printf '\033')" "$T/said")" '0 0'

all restart
is 'restart' "$code $(grep -c 'stopped, pid' "$T/said") $(grep -c 'started, pid' "$T/said")" '0 2 2'
check 'restart: other processes' test "$(pid_of One)" != "$first"
check 'restart: the old ones are gone' gone "$first"
all stop
is 'stop' "$code $(grep -c 'stopped, pid' "$T/said")" '0 2'
is 'stop: no pid file is left' "$(ls "$work/pids")" ''
check 'stop: nothing listens' test "$(nc -z 127.0.0.1 "$one" && echo open)" = ''
all stop
is 'stop of nothing' "$code $(cat "$T/said")" '0 '

# ---- what can be wrong ----

instance .env-three "PORT=$two" LOG_LEVEL=INFO BIG_MODEL=b
list="$one:.env-three:Three"
all
is 'another port in the file' "$code $(grep -c "says PORT=$two, the list says $one" "$T/said")" '1 1'
instance .env-three "PORT=$one" PROXY=x MAX_RETRIES=many
all
is 'a file that is refused' "$code" 1
has 'a file that is refused: why' "$T/said" 'MAX_RETRIES'
has 'the sum' "$T/said" '0 of 1 proxies run'
is 'no pid file of it' "$(ls "$work/pids")" ''
instance .env-three BIG_MODEL=b
all
is 'the port of the list where the file has none' "$code" 0
port=$one
alive 'it listens there'

# an entry that was taken out of the list still belongs to it
running=$(pid_of Three)
list="$two:.env-two:Two"
all status
has 'status: started here, no longer in the list' "$T/said" "runs, pid $running"
all stop
is 'stop: that one too' "$code $(grep -c "stopped, pid $running" "$T/said")" '0 1'

# ---- pid files that tell no truth ----

list="$one:.env-one:One"
sleep 60 &
stranger=$!
keep_pid $stranger
# untrue WHAT PID START WORDS: a pid file that says so; what status and stop make of it
untrue() {
	printf '%s\nstarted=%s\nentry=%s\n' "$2" "$3" "$list" >"$work/pids/One.pid"
	all status
	has "$1: status" "$T/said" "not running; the pid file names $4"
	has "$1: the sum" "$T/said" '0 of 1 proxies run'
	all stop
	has "$1: stop" "$T/said" "the pid file names $4"
	check "$1: the pid file goes" test ! -e "$work/pids/One.pid"
}
not_ours="pid $stranger (sleep), which was not started here"
untrue 'a process that is gone' 99999999 1 'pid 99999999, which is gone'
untrue 'a number used again' $stranger 1 "$not_ours"
untrue 'a process of that start, but another' $stranger "$(sed 's/^.*) //' /proc/$stranger/stat | cut -d ' ' -f 20)" "$not_ours"
untrue 'no number' 'x 1' 1 'pid x 1, which is gone'
echo $stranger >"$work/pids/One.pid"
all
is 'a pid file of another tool: start' "$code $(grep -c 'started, pid' "$T/said")" '0 1'
check 'the stranger was never touched' lives $stranger

# ours that died
kill -9 "$(pid_of One)"
until_true gone "$(pid_of One)"
all status
is 'one that died: status' "$code $(grep -c 'which is gone' "$T/said")" '1 1'
all start
is 'one that died: started again' "$code $(grep -c 'started, pid' "$T/said")" '0 1'
all stop

# ---- TLS ----

mkdir "$T/ca"
sh test/mkca "$T/ca" >/dev/null
chmod 600 "$T/ca/good.key"
instance .env-sealed "PORT=$one" "TLS_CERT=$T/ca/good.pem" "TLS_KEY=$T/ca/good.key" BIG_MODEL=b
list=$one:.env-sealed:Sealed
all start
is 'TLS: started' "$code $(grep -c 'started, pid' "$T/said")" '0 1'
distrust='this machine does not trust its certificate: Claude Code needs NODE_EXTRA_CA_CERTS'
for tool in curl wget none; do
	rm -f "$T/bin/curl" "$T/bin/wget" "$T/bin/nc"
	[ $tool = none ] || ln -s "$(command -v $tool)" "$T/bin/$tool" 2>/dev/null || continue
	PATH=$T/bin PROXIES="$list" PROXY_DIR="$work" PROXY_BIN="$PROXY" "$T/bin/sh" ./start-all-proxies.sh status >"$T/said" 2>&1
	is "TLS: status by $tool" "$? $(grep -c 'models    big b,' "$T/said") $(grep -c "$distrust" "$T/said") $(grep -c 'neither curl nor wget' "$T/said")" \
		"0 $(echo $tool | sed 's/curl/1 1 0/; s/wget/1 0 0/; s/none/0 0 1/')"
done
if command -v curl >/dev/null; then
	export CURL_CA_BUNDLE="$T/ca/ca.pem"
	all status
	is 'TLS: a certificate that is trusted' "$code $(grep -c 'models    big b,' "$T/said") $(grep -c 'trust' "$T/said")" '0 1 0'
	unset CURL_CA_BUNDLE
fi
all stop
rm "$work/.env-sealed"
if command -v curl >/dev/null; then
	instance .env-sealed "HOST=unix:$work/here.sock" "TLS_CERT=$T/ca/good.pem" "TLS_KEY=$T/ca/good.key" BIG_MODEL=b
	list=unix:.env-sealed:Sealed
	all start
	has 'TLS on a socket: its /health is asked' "$T/said" 'models    big b,'
	all stop
	rm "$work/.env-sealed"
fi

# ---- a Unix socket ----

instance .env-socket "HOST=unix:$work/here.sock" BIG_MODEL=b
list=unix:.env-socket:Socket
all start
is 'a socket: started' "$code $(grep -c 'started, pid' "$T/said")" '0 1'
has 'a socket: its name' "$T/said" "Socket, socket $work/here.sock, .env-socket"
has 'a socket: its /health is asked' "$T/said" 'models    big b,'
all status
is 'a socket: status' "$code $(grep -c "runs, pid $(pid_of Socket)" "$T/said")" '0 1'
cp "$work/pids/Socket.pid" "$T/socket.pid"
rm "$work/pids/Socket.pid"
all start
has 'a socket that is taken' "$T/said" "socket $work/here.sock is taken by pid $(head -n 1 "$T/socket.pid") ("
cp "$T/socket.pid" "$work/pids/Socket.pid"
list=' '
all stop
is 'a socket: stopped, though it is no longer in the list' "$code $(test -e "$work/here.sock" || echo gone)" '0 gone'
all start
has 'a socket is found too' "$T/said" "socket, socket $work/here.sock, .env-socket"
all stop
list="$one:.env-socket:Socket"
all start
has 'a port in the list, a socket in the file' "$T/said" "put unix in the port's place"
rm "$work/.env-socket"
instance .env-socket "PORT=$one" BIG_MODEL=b
list=unix:.env-socket:Socket
all start
has 'a socket in the list, a port in the file' "$T/said" 'HOST in .env-socket is no path'
rm "$work/.env-socket"

# ---- a port that is taken ----

start_proxy
foreign=$proxy_pid at=$port
instance .env-taken "PORT=$at" BIG_MODEL=b
list="$at:.env-taken:Taken"
all status
has 'a foreign owner: status' "$T/said" "the port is held by pid $foreign ("
is 'a foreign owner: no pid file' "$code $(ls "$work/pids")" '1 '
all start
is 'a taken port: not started' "$code $(grep -c "port $at is taken by pid $foreign (" "$T/said")" '1 1'
hasnt 'no terminal: not even asked' "$T/said" '[y/N]'
check 'no terminal means no' lives $foreign
all stop
check 'stop leaves it alone' lives $foreign
start="env PROXIES=$list PROXY_DIR='$work' PROXY_BIN='$PROXY' $shell ./start-all-proxies.sh start"
for no in n '' maybe; do
	at_terminal "$no
" "$start"
	has "asked, said \"$no\"" "$T/said" '[y/N]'
	check "\"$no\" is no" lives $foreign
done
at_terminal 'y
' "$start"
is 'asked, said yes: started' "$(grep -c 'started, pid' "$T/said")" 1
check 'the other was ended' gone $foreign
check 'ours runs' lives "$(pid_of Taken)"
all stop
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && chmod 711 "$T" "$work" && chmod 755 "$work" && PATH=$PATH setpriv --reuid 65534 --regid 65534 \
	--clear-groups test -r "$top/start-all-proxies.sh"; then
	start_proxy
	list="$port:.env-one:One"
	PROXIES=$list PROXY_DIR=$work PROXY_BIN=$PROXY setpriv --reuid 65534 --regid 65534 --clear-groups $shell ./start-all-proxies.sh status \
		>"$T/said" 2>&1 </dev/null
	has 'an owner that this user cannot see' "$T/said" 'held by a process that this user cannot see'
	stop $proxy_pid
fi

# ---- stop drains, then kills ----

script <<'END'
when never-ends
	text "one "
	head
	hang
when *
	text "one "
	pause 500
	text two
END
instance .env-busy "PORT=$one" BIG_MODEL=b
list="$one:.env-busy:Busy" port=$one
all start
busy=$(pid_of Busy)
stream slow
all stop
is 'stop waits for what runs' "$code $(grep -c "stopped, pid $busy" "$T/said")" '0 1'
ended
is 'what ran came to its end' "$(message | head -n 1)" 'text one two'
all start
busy=$(pid_of Busy)
stream never-ends
STOP_SECONDS=1 all stop
is 'what does not end is killed' "$code $(grep -c "killed: it had not drained, pid $busy" "$T/said")" '0 1'
check 'it is gone' gone "$busy"
is 'and its pid file' "$(ls "$work/pids")" ''

# ---- the .env-* files found ----

rm "$work"/.env-*
instance .env-alpha "PORT=$one" BIG_MODEL=b
instance .env-beta "PORT=$two" BIG_MODEL=b
cp "$work/.env-beta" "$work/.env-beta.example"
env -u PROXIES PROXY_DIR="$work" PROXY_BIN="$PROXY" $shell ./start-all-proxies.sh >"$T/said" 2>&1 </dev/null
is 'files found' "$? $(grep -c 'started, pid' "$T/said")" '0 2'
has 'their names and ports' "$T/said" "alpha, port $one, .env-alpha"
env -u PROXIES PROXY_DIR="$work" $shell ./start-all-proxies.sh stop >"$T/said" 2>&1 </dev/null
is 'and stopped' "$? $(grep -c 'stopped, pid' "$T/said")" '0 2'
instance .env-beta BIG_MODEL=b
instance .env-gamma BIG_MODEL=b
env -u PROXIES PROXY_DIR="$work" $shell ./start-all-proxies.sh >"$T/said" 2>&1 </dev/null
is 'two without a port' "$? $(grep -c 'port 8082 stands twice' "$T/said")" '100 1'
PROXIES=$one:.env-alpha:A PROXY_DIR=$work PATH=$T/bin "$T/bin/sh" ./start-all-proxies.sh start >"$T/said" 2>&1 </dev/null
is 'no program' "$? $(grep -c 'no program claude-code-proxy' "$T/said")" '100 1'

# ---- clean-logs ----

touch -t 202001010000 "$work/logs/alpha.log.20200101_000000"
list=$one:.env-alpha:A
all clean-logs
is 'clean-logs' "$code $(grep -c ' 1 logs older than 3 days removed' "$T/said")" '0 1'
check 'the old one is gone' test ! -e "$work/logs/alpha.log.20200101_000000"
check 'the others are not' test -e "$work/logs/alpha.log"
touch -t "$(date -u -d '-50 hours' +%Y%m%d%H%M 2>/dev/null || date -u -D %s -d $(($(date +%s) - 180000)) +%Y%m%d%H%M)" "$work/logs/A.log.20200101_000000"
all clean-logs
has 'two days are no three' "$T/said" ' 0 logs older'
LOG_RETENTION_DAYS=2 all clean-logs
has 'LOG_RETENTION_DAYS' "$T/said" ' 1 logs older than 2 days'
LOG_RETENTION_DAYS=0 all clean-logs
is 'no number of days' "$code" 100

# ---- the cron entry ----

mkdir "$T/stub" "$T/it's 5%"
cat >"$T/stub/crontab" <<'END'
#!/bin/sh
# a crontab in the file $TABLE
[ -z "${BROKEN:-}" ] || { echo 'crontab: not allowed' >&2; exit 1; }
case ${1:-} in
-l) cat "$TABLE" 2>/dev/null || { echo "no crontab for tester" >&2; exit 1; } ;;
-) cat >"$TABLE" ;;
*) cp "$1" "$TABLE" ;;
esac
END
chmod +x "$T/stub/crontab"
export TABLE="$T/table"
for dir in "$work" "$T/it's 5%"; do
	rm -f "$TABLE"
	what=${dir##*/}
	# cron SCRIPT's exit status and words
	cron() {
		PATH=$T/stub:$PATH PROXY_DIR=$dir $shell ./setup-log-cleanup-cron.sh >"$T/said" 2>&1 </dev/null
		code=$?
	}
	cron
	is "$what: the first entry" "$code $(wc -l <"$TABLE" | tr -d ' ') $(cut -c 1-10 "$TABLE")" '0 1 0 2 * * * '
	# what cron does with the line: up to a bare %, the \ before the others goes
	sed 's/^0 2 \* \* \* //; s/\\%/%/g' "$TABLE" >"$T/job"
	(cd / && sh "$T/job")
	is "$what: what it runs" "$? $(grep -c 'logs older than 3 days removed' "$dir/logs/cleanup-cron.log")" '0 1'
	cp "$TABLE" "$T/table.before"
	cron
	is "$what: again" $code 0
	same "$what: nothing changes" "$TABLE" "$T/table.before"
	has "$what: said" "$T/said" 'there already'
	{
		echo '# 0 2 * * * a comment on start-all-proxies.sh clean-logs'
		echo '5 5 * * * another job'
		sed 's/^0 2/30 4/' "$T/table.before"
	} >"$TABLE"
	cp "$TABLE" "$T/table.other"
	cron
	same "$what: another entry is not replaced without a terminal" "$TABLE" "$T/table.other"
	has "$what: it is shown" "$T/said" '30 4 * * *'
	export PROXY_DIR="$dir"
	at_terminal 'n
' "env PATH='$T/stub:$PATH' $shell ./setup-log-cleanup-cron.sh"
	has "$what: asked" "$T/said" 'Replace it? [y/N]'
	same "$what: nor after a no" "$TABLE" "$T/table.other"
	at_terminal 'y
' "env PATH='$T/stub:$PATH' $shell ./setup-log-cleanup-cron.sh"
	unset PROXY_DIR
	{ sed '$d' "$T/table.other"; cat "$T/table.before"; } >"$T/want"
	same "$what: after a yes it is, and nothing else" "$TABLE" "$T/want"
done
# as the Python proxies' script wrote it
printf '0 2 * * * cd %s && %s/start-all-proxies.sh clean-logs >> %s/logs/cleanup-cron.log 2>&1\n' "$work" "$work" "$work" >"$TABLE"
cp "$TABLE" "$T/table.other"
dir=$work
cron
has 'an entry of the old tool is found' "$T/said" 'There is an entry for this directory'
same 'and kept' "$TABLE" "$T/table.other"
BROKEN=1 cron
is 'a table that cannot be read' "$code $(grep -c 'not allowed' "$T/said")" '111 1'
same 'is left alone' "$TABLE" "$T/table.other"

# ---- the scripts themselves ----

for file in start-all-proxies.sh setup-log-cleanup-cron.sh; do
	for sh in dash 'busybox sh' sh; do
		command -v "${sh%% *}" >/dev/null || continue
		check "$sh -n $file" $sh -n $file
	done
	if command -v shellcheck >/dev/null; then
		is "shellcheck $file" "$(shellcheck "$file" 2>&1)" ''
	elif [ -n "${CI:-}" ]; then
		not_ok 'shellcheck is there'
	fi
done
