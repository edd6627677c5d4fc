#!/bin/sh
# What stands between the process and somebody who comes to run in it: how it is
# built, which rights it gives up, which system calls are left to it, that keys
# do not leave it.
. "$(dirname "$0")/lib.sh"
[ -n "${SLOW:-}" ] || unset SANDBOX

script_long
ask_ok() {
	ask hi
	is "$1" "$status $(json content.0.text)" '200 hello'
}
# of NAME: a line of /proc/PID/status
of() {
	sed -n "s/^$1:[[:space:]]*//p" /proc/$proxy_pid/status
}

# ---- the file ----

binary=$top/claude-code-proxy
if command -v readelf >/dev/null && [ -x "$binary" ]; then
	readelf -Wld "$binary" >"$T/elf"
	is 'no executable stack' "$(awk '/GNU_STACK/ { print $(NF - 1) }' "$T/elf")" RW
	check 'nothing is both written and executed' test "$(grep -c ' LOAD .*RWE' "$T/elf")" = 0
	has 'tables of the linker are read-only' "$T/elf" GNU_RELRO
	check 'and all of them are filled at the start' grep -q 'FLAGS.*NOW' "$T/elf"
	check 'it is anywhere in memory' grep -q 'type is DYN' "$T/elf"
fi
static=$top/build/static/claude-code-proxy
if command -v readelf >/dev/null && [ -x "$static" ]; then
	readelf -WlS "$static" >"$T/elf"
	is 'static: no executable stack' "$(awk '/GNU_STACK/ { print $(NF - 1) }' "$T/elf")" RW
	check 'static: nothing is both written and executed' test "$(grep -c ' LOAD .*RWE' "$T/elf")" = 0
	check 'static: tables lie with the code' grep -q '\.relro .* A ' "$T/elf"
fi

# ---- no memory image, nobody looks in ----

linux=
[ ! -r /proc/self/status ] || [ -n "${SLOW:-}" ] || linux=yes
filters=
case $(uname -m) in x86_64 | aarch64) filters=$linux ;; esac
# under an emulator it is the emulator's process that /proc shows
case $PROXY in *build/cross*) linux='' filters='' ;; esac

if [ -n "$linux" ]; then
	start_proxy
	ask_ok 'it serves'	# by then all is given up
	is 'no core file' "$(awk '/^Max core/ { print $5, $6 }' /proc/$proxy_pid/limits)" '0 0'
	is 'it gets no further rights' "$(of NoNewPrivs)" 1
	[ -z "$filters" ] || is 'system calls are filtered' "$(of Seccomp)" 2
	if [ "$(id -u)" = 0 ]; then
		chmod 711 "$T"
		is 'what is of the process belongs to root' "$(stat -c %U /proc/$proxy_pid/environ)" root
	fi
	kill -HUP $proxy_pid
	until_true grep -q 'settings again' "$log"
	ask_ok 'and after SIGHUP'
	stop $proxy_pid
	is 'and ends well' $stopped 0
	start_proxy SANDBOX=0
	is 'SANDBOX=0: no filter' "$(of Seccomp) $(of NoNewPrivs)" '0 0'
	stop $proxy_pid
fi

# names are looked up by a child with a filter of its own
start_proxy "OPENAI_BASE_URL=http://localhost:$provider/v1"
ask_ok 'a name of the hosts file'
stop $proxy_pid
start_proxy OPENAI_BASE_URL=http://no-such-host.invalid:1/v1 ALLOW_PLAINTEXT=true MAX_RETRIES=0
ask hi
is 'a name that nobody has' "$status" 502
hasnt 'the resolver did not die of the filter' "$log" 'resolver died'
stop $proxy_pid

# ---- the list of calls has all that are made ----

# a call that is made and is not in it shows as one that the system lacks
if [ -n "$filters" ] && command -v strace >/dev/null; then
	mkdir "$T/traced"
	cat >"$T/traced/run" <<END
#!/bin/sh
exec strace -f -qq -e signal=none -o "$T/traced/calls" "\$@"
END
	chmod +x "$T/traced/run"
	WRAP=$T/traced/run
	start_proxy "OPENAI_BASE_URL=http://localhost:$provider/v1" "LOG_DIR=$T/traced" LOG_FILE=log DRAIN_MS=200
	WRAP=
	log=$T/traced/log
	ask_ok 'traced: it serves'
	proxy=$(sed -n 's/ execve(.*claude-code-proxy.*/ /p' "$T/traced/calls" | awk 'NR == 1 { print $1 }')
	"$top/test/tool" crowd "$port" 100 <"$T/script.1" >"$T/crowd"
	kill -HUP "$proxy"
	until_true grep -q 'settings again' "$log"
	stream long-stream
	ended
	kill -USR2 "$proxy"
	check 'traced: an upgrade' until_true grep -q 'process .* serves now' "$log"
	ask_ok 'traced: it serves too'
	kill "$(sed -n 's/.*upgrade: process \([0-9]*\) serves now.*/\1/p' "$log")"
	wait $proxy_pid
	is 'traced: no call was missed' "$(grep 'ENOSYS' "$T/traced/calls")" ''
	check 'traced: calls were seen' test "$(wc -l <"$T/traced/calls")" -gt 100
fi

# ---- SANDBOX=2 ----

if [ -n "$filters" ]; then
	start_proxy SANDBOX=2
	kill -USR2 $proxy_pid
	check 'SANDBOX=2: it starts no program' until_true grep -q 'the new program did not start (exit status 127)' "$log"
	ask_ok 'and goes on'
	stop $proxy_pid
fi

# ---- RUN_AS, CHROOT ----

fails_to_start() {
	"$top/test/tool" port >"$T/port"
	printf 'OPENAI_BASE_URL=http://127.0.0.1:9/v1\nPORT=%s\n%s\n' "$(cat "$T/port")" "$2" >"$T/bad"
	chmod 600 "$T/bad"
	timeout 20 "$PROXY" --env "$T/bad" >"$T/out" 2>&1 </dev/null
	is "$1: exit status" $? 111
	has "$1: why" "$T/out" "$3"
}
fails_to_start 'a user that is none' RUN_AS=nobody-at-all 'no such user'
fails_to_start 'half the name of one' RUN_AS=nobod 'no such user'
fails_to_start 'a directory that is none' CHROOT=/no/such 'CHROOT=/no/such: '

user=nobody uid=$(id -u nobody 2>/dev/null)
if [ -n "$linux" ] && [ "$(id -u)" = 0 ] && grep -q "^nobody:" /etc/passwd; then
	mkdir "$T/logs" "$T/root" "$T/root/etc"
	chown $user "$T/logs"
	chmod 711 "$T"
	cp /etc/hosts "$T/root/etc/"
	start_proxy RUN_AS=$user "LOG_DIR=$T/logs" LOG_FILE=log
	ask_ok 'RUN_AS: it serves'
	of_user="$uid	$uid	$uid	$uid"
	gid=$(id -g $user)
	is 'RUN_AS: it is the user' "$(of Uid)" "$of_user"
	is 'RUN_AS: in its group alone' "$(of Gid) $(of Groups | tr -d ' ')" "$gid	$gid	$gid	$gid $gid"
	is 'RUN_AS: no rights are left' "$(of CapEff) $(of CapPrm)" '0000000000000000 0000000000000000'
	is 'RUN_AS: the log is the user'"'"'s' "$(stat -c %u "$T/logs/log")" "$uid"
	mv "$T/logs/log" "$T/logs/away"
	chown $user "$env"
	kill -HUP $proxy_pid
	log=$T/logs/log
	check 'RUN_AS: the log is opened again' until_true grep -q 'settings again' "$log"
	hasnt 'RUN_AS: and the settings can be read' "$log" ERROR
	stop $proxy_pid
	is 'RUN_AS: it ends well' $stopped 0

	start_proxy RUN_AS=$user "CHROOT=$T/root" "OPENAI_BASE_URL=http://localhost:$provider/v1"
	ask_ok 'CHROOT: names are looked up there'
	is 'CHROOT: that is all it sees' "$(readlink /proc/$proxy_pid/root)" "$T/root"
	kill -HUP $proxy_pid
	check 'CHROOT: settings that are not there: told' until_true grep -q 'stay in force' "$log"
	ask_ok 'CHROOT: and it goes on'
	stop $proxy_pid
	is 'CHROOT: it ends well' $stopped 0

	if command -v nginx >/dev/null; then
		start_secure
		start_proxy RUN_AS=$user "CHROOT=$T/root" "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/ca/ca.pem"
		ask_ok 'CHROOT: TLS, with the bundle that was read before'
		stop $proxy_pid
	fi
else
	echo '# only root can become somebody else: RUN_AS and CHROOT are not tried'
fi

# ---- keys in memory ----

# in_memory TEXT: how often it stands in what the process may write to
in_memory() {
	TEXT=$1 PID=$proxy_pid python3 - <<'END'
import os
pid, text = os.environ["PID"], os.environ["TEXT"].encode()
n = 0
with open("/proc/%s/maps" % pid) as maps, open("/proc/%s/mem" % pid, "rb", 0) as mem:
    for line in maps:
        at, rights = line.split()[:2]
        low, high = (int(x, 16) for x in at.split("-"))
        if rights[1] == "w" and "[v" not in line:
            mem.seek(low)
            n += mem.read(high - low).count(text)
print(n)
END
}
if [ -n "$linux" ] && [ "$(id -u)" = 0 ] && command -v python3 >/dev/null; then
	key=canary-client-key-1
	start_proxy OPENAI_API_KEY=canary-upstream-key-1 KEEPALIVE_MS=100 UP_KEEPALIVE_MS=100
	ask_ok 'keys: it serves'
	check 'keys: the one in use is in memory, where it can be found' test "$(in_memory canary-upstream-key-1)" -gt 0
	sed 's/canary-\([a-z]*\)-key-1/other-\1-key/' "$env" >"$T/env.new"
	cat "$T/env.new" >"$env"
	kill -HUP $proxy_pid
	until_true grep -q 'settings again' "$log"
	key=other-client-key
	ask_ok 'keys: other ones'
	gone() {
		[ "$(in_memory "$1")" = 0 ]
	}
	check 'T14 the upstream key before is gone from memory' until_true gone canary-upstream-key-1
	check 'T14 the client key before too' until_true gone canary-client-key-1
	stop $proxy_pid
fi
