#!/bin/sh
# Logs in files: archived, removed, bounded, opened again; a full disk; JSON.
. "$(dirname "$0")/lib.sh"

D=$T/logs
mkdir "$D"
start_provider
# ask_line: a request, which is a line of the log
ask_line() {
	ask hi
	is "$1" "$status" 200
}
archives() {
	ls "$D" | grep -c "^$1\.[0-9]\{8\}_[0-9]\{6\}\$"
}
days_ago() {
	date -u -d "@$(($(date +%s) - $1 * 86400))" +%Y%m%d_%H%M%S
}

# ---- where, and archives at the start ----

start_proxy "LOG_DIR=$D" LOG_FILE=one.log
ask_line 'with a log file'
has 'the banner is in it' "$D/one.log" 'listening on'
has 'and the request' "$D/one.log" ' messages claude-opus-4-8 -> gpt-4o 200 '
is 'with the time' "$(grep -vc '^20..-..-..T..:..:..\....Z [A-Z]' "$D/one.log")" 0
is 'nothing on stderr' "$(cat "$log")" ''
is 'it is for its owner alone' "$(stat -c %a "$D/one.log")" 600
is 'nothing was archived' "$(archives one.log)" 0
stop $proxy_pid
cp "$D/one.log" "$T/first"
old=$(days_ago 4) young=$(days_ago 2)
for name in "one.log.$old" "one.log.$young" "two.log.$old" "one.log.$old.gz" "one.log.${old}0" "one.logx.$old"; do
	echo kept >"$D/$name"
done
start_proxy "LOG_FILE=$D/one.log"
ask_line 'by a path alone'
is 'what the run before left is archived' "$(archives one.log)" 2
for archive in "$D"/one.log.*_??????; do
	case $archive in *"$young") ;; *) same 'whole' "$archive" "$T/first" ;; esac
done
is 'the log begins anew' "$(grep -c 'listening on' "$D/one.log")" 1
check 'an archive of four days ago is removed' test ! -e "$D/one.log.$old"
check 'one of two days ago is not' test -e "$D/one.log.$young"
for name in "two.log.$old" "one.log.$old.gz" "one.log.${old}0" "one.logx.$old"; do
	check "nor $name, which is none of this log" test -e "$D/$name"
done
stop $proxy_pid
start_proxy "LOG_FILE=$D/one.log" LOG_RETENTION_DAYS=1
check 'LOG_RETENTION_DAYS=1: one of two days ago is removed' test ! -e "$D/one.log.$young"
stop $proxy_pid
start_proxy "LOG_DIR=$D"
ask_line 'by a directory alone'
has 'the usual name has the port' "$D/claude-code-proxy-$port.log" 'listening on'
stop $proxy_pid
: >"$D/empty.log"
start_proxy "LOG_FILE=$D/empty.log"
is 'an empty one is not archived' "$(archives empty.log)" 0

# ---- SIGHUP: another has moved it ----

ask_line 'before it is moved'
mv "$D/empty.log" "$D/moved"
ask_line 'moved'
is 'lines go where the file went' "$(grep -c ' messages ' "$D/moved")" 2
kill -HUP $proxy_pid
check 'SIGHUP opens it again by its name' until_true grep -q 'settings again' "$D/empty.log"
ask_line 'then'
is 'lines go there' "$(grep -c ' messages ' "$D/empty.log") $(grep -c ' messages ' "$D/moved")" '1 2'
is 'and nothing was archived' "$(archives empty.log)" 0
stop $proxy_pid

# ---- the size ----

start_proxy "LOG_FILE=$D/big.log" LOG_LEVEL=DEBUG LOG_MAX_SIZE=64K
largest=0
for i in 1 2 3 4 5 6 7 8; do
	ask "$(head -c 20000 /dev/zero | tr '\0' x) number $i"
	sum=$(cat "$D"/big.log* | wc -c | tr -d ' ')
	[ "$sum" -le $largest ] || largest=$sum
done
is 'many large requests at DEBUG' "$status" 200
check "log and archives together stay below the size ($largest)" test $largest -le 65536
check 'they use it' test $largest -gt 40000
check 'archives are made' test "$(archives big.log)" -ge 2
has 'the last lines are there' "$D/big.log" ' messages claude-opus-4-8 -> gpt-4o 200 '
hasnt 'no line was lost' "$D/big.log" 'lost'
is 'lines are whole' "$(cat "$D"/big.log* | grep -vc '^20..-..-..T..:..:..\....Z [A-Z]')" 0
is 'no file is above a quarter' "$(find "$D" -name 'big.log*' -size +32 | wc -l | tr -d ' ')" 0
stop $proxy_pid

# ---- several instances ----

start_proxy "LOG_FILE=$D/shared.log" BIG_MODEL=one
stop $proxy_pid
one=$env a=$port b=$(test/tool port) c=$(test/tool port)
sed "s/^PORT=.*/PORT=$b/; s/^BIG_MODEL=.*/BIG_MODEL=two/; \$a LOG_LEVEL=ERROR" "$one" >"$T/two"
sed "s/^PORT=.*/PORT=$c/; s/^BIG_MODEL=.*/BIG_MODEL=three/; s/shared/own/" "$one" >"$T/three"
chmod 600 "$T/two" "$T/three"
if [ "$a" != "$b" ] && [ "$b" != "$c" ] && [ "$a" != "$c" ]; then
	rm -f "$D"/shared.log*
	"$PROXY" --env "$one" --env "$T/two" --env "$T/three" >"$T/several.log" 2>&1 </dev/null &
	proxy_pid=$!
	keep_pid $proxy_pid
	for port in $a $b $c; do
		until_true nc -z 127.0.0.1 "$port"
		ask_line "several: $port answers"
	done
	has 'two share a log' "$D/shared.log" '-> one 200'
	hasnt 'each with its own level' "$D/shared.log" '-> two 200'
	has 'the third has its own' "$D/own.log" '-> three 200'
	is 'a shared one is archived once' "$(archives shared.log)" 0
	stop $proxy_pid
fi

# ---- inetd ----

sed "s/shared/inetd/; s/^PORT=.*/PORT=0/" "$one" >"$T/inetd"
chmod 600 "$T/inetd"
for i in 1 2; do
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\nx-api-key: %s\r\nConnection: close\r\n\r\n' "$key" |
		timeout 20 "$PROXY" -i --env "$T/inetd" >"$T/answer"
done
is 'inetd: lines of all connections, none archived' "$(grep -c ' other 200 ' "$D/inetd.log") $(archives inetd.log)" '2 0'

# ---- JSON ----

start_proxy "LOG_FILE=$D/json.log" LOG_FORMAT=json LOG_LEVEL=DEBUG
printf '%s' '{"model":"claude-\"\\\u001b\u00e9","max_tokens":9,"messages":[{"role":"user","content":"a \"word\" \\ here"}]}' >"$T/ask"
request POST /v1/messages <"$T/ask"
is 'JSON: answered' "$status" 200
ask '' '"stream":7'
bad=0 lines=0
while IFS= read -r line; do
	printf '%s' "$line" >"$T/line"
	lines=$((lines + 1))
	[ -n "$(json time "$T/line" 2>&1)" ] && json text "$T/line" >/dev/null 2>&1 || bad=$((bad + 1))
	case $(json level "$T/line" 2>/dev/null) in DEBUG | INFO | WARNING) ;; *) bad=$((bad + 1)) ;; esac
done <"$D/json.log"
check 'there are lines' test $lines -gt 12
is 'every line is an object with time, level and text' $bad 0
grep '"route":"messages"' "$D/json.log" >"$T/requests"
head -n 1 "$T/requests" >"$T/line"
is 'a request: its fields' "$(for i in level model upstream_model status input_tokens cached_tokens text; do json $i "$T/line"; done | tr '\n' '|')" \
	"$(printf 'INFO|claude-"\\\\x1b\303\251|gpt-4o|200|200|1000|end_turn|')"
check 'and its times' test "$(json total_ms "$T/line")" -ge "$(json first_ms "$T/line")"
tail -n 1 "$T/requests" >"$T/line"
is 'one that failed: a warning' "$(json level "$T/line") $(json status "$T/line")" 'WARNING 400'
has 'with the reason' "$T/line" 'bad request: '
grep 'client body' "$D/json.log" | head -n 1 >"$T/line"
has 'a body is text in it' "$T/line" 'content\":\"a \\\"word\\\" \\\\ here'
stop $proxy_pid
start_proxy LOG_FORMAT=json
check 'on stderr too' until_true grep -q '^{"time":"20' "$log"
stop $proxy_pid

# ---- a full disk ----

full() {
	i=0
	while [ $i -lt 40 ]; do
		ask "$(head -c 3000 /dev/zero | tr '\0' x)"
		[ "$status" = 200 ] || break
		i=$((i + 1))
	done
	is "$1: all is answered" "$i $status" '40 200'
	hasnt "$1: nothing is said of it" "$2" 'lost'
}
told() {
	ask hi
	grep -q 'WARNING [0-9]* log lines lost' "$1"
}
port=$(test/tool port)
printf 'PORT=%s\nLOG_LEVEL=DEBUG\nLOG_FILE=%s\nOPENAI_BASE_URL=http://127.0.0.1:%s/v1\n' "$port" "$D/limited.log" "$provider" >"$T/limited"
chmod 600 "$T/limited"
(
	ulimit -f 16
	exec "$PROXY" --env "$T/limited" >"$T/limited.log" 2>&1 </dev/null
) &
proxy_pid=$!
keep_pid $proxy_pid
until_true nc -z 127.0.0.1 "$port"
full 'the limit of files' "$D/limited.log"
: >"$D/limited.log"
check 'the limit of files: once there is room, the lost lines are counted' until_true told "$D/limited.log"
is 'the limit of files: then lines are whole' "$(grep -vc -e '^20..-..-..T..:..:..\....Z [A-Z]' -e '^$' "$D/limited.log")" 0
stop $proxy_pid
is 'the limit of files: it ends well' $stopped 0
if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=32k none "$T/small" 2>/dev/null; then
	start_proxy "LOG_FILE=$T/small/disk.log" LOG_LEVEL=DEBUG
	full 'a full disk' "$T/small/disk.log"
	: >"$T/small/disk.log"
	check 'a full disk: once there is room, the lost lines are counted' until_true told "$T/small/disk.log"
	stop $proxy_pid
	is 'a full disk: it ends well' $stopped 0
	head -c 100000 /dev/zero >"$T/small/all" 2>/dev/null
	start_proxy "LOG_FILE=$T/small/late.log"
	ask_line 'a disk that is full from the start'
	rm -f "$T/small/all" "$T/small"/disk*
	check 'and is told of later' until_true told "$T/small/late.log"
	stop $proxy_pid
	umount "$T/small"
else
	echo '# a full disk is played by the limit of files alone: no tmpfs could be mounted'
fi

# ---- what is refused ----

refuses() {
	printf 'OPENAI_BASE_URL=http://127.0.0.1:9/v1\nPORT=0\n%s\n' "$2" >"$T/bad"
	chmod 600 "$T/bad"
	timeout 20 "$PROXY" --env "$T/bad" >"$T/out" 2>&1 </dev/null
	is "$1: exit status" $? 100
	has "$1: where and why" "$T/out" "$T/bad:$3"
	is "$1: one line" "$(wc -l <"$T/out" | tr -d ' ')" 1
}
ln -s "$T/target" "$D/link.log"
refuses 'no directory' "LOG_DIR=$T/none" "3: LOG_DIR: $T/none/.: No such file or directory: make that directory"
refuses 'no directory of a file' "LOG_FILE=$T/none/x.log" "3: LOG_FILE: $T/none/.: No such file"
refuses 'F119 a symbolic link' "LOG_FILE=$D/link.log" "3: LOG_FILE: $D/link.log is no regular file"
check 'nothing is written through it' test ! -e "$T/target"
refuses 'a directory' "LOG_FILE=$D" "3: LOG_FILE: $D is no regular file"
refuses 'a device' 'LOG_FILE=/dev/null' '3: LOG_FILE: /dev/null is no regular file'
refuses 'a path in a directory' "LOG_FILE=$D/x.log
LOG_DIR=$D" '3: LOG_FILE is a path, and LOG_DIR is set too'
refuses 'another format' LOG_FORMAT=xml '3: LOG_FORMAT is "xml": give text or json'
refuses 'a size in which nothing fits' LOG_MAX_SIZE=1K '3: LOG_MAX_SIZE is "1K": give a whole number from 16384'
refuses 'no days' LOG_RETENTION_DAYS=0 '3: LOG_RETENTION_DAYS is "0"'
