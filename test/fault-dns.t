#!/bin/sh
# Faults of name servers, with the C library's own resolver: in a network and a
# mount namespace with a name server of its own, test/fault-names. Where there
# may be none only that server is looked at; dns_test has the same cases with
# the resolver put in.
. "$(dirname "$0")/lib.sh"

if [ -z "${NAMESPACE:-}" ]; then
	command -v python3 >/dev/null || not_ok 'python3 is there (test/setup installs it)'
	mkdir "$T/names"
	test/fault-names 127.0.0.1 0 "$T/names" 2>"$T/names.log" &
	keep_pid $!
	check 'a name server that goes wrong' until_true test -s "$T/names/ready"
	touch "$T/resolv.conf"
	# shellcheck disable=SC2016 # for the shell inside
	if unshare -rnm sh -c 'mount --bind "$1" /etc/resolv.conf' sh "$T/resolv.conf" 2>/dev/null; then
		NAMESPACE=1 unshare -rnm sh test/fault-dns.t
		exit
	fi
	echo "# no namespaces here"
	exit
fi

python3 - <<'END' || exit 1
# the loopback interface up
import fcntl, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x49))
END
mkdir "$T/names"
echo 127.0.0.1 >"$T/names/moving"
echo 'nameserver 127.0.0.1' >"$T/resolv.conf"
echo '127.0.0.1 localhost' >"$T/hosts"
mount --bind "$T/resolv.conf" /etc/resolv.conf && mount --bind "$T/hosts" /etc/hosts || exit 1
test/fault-names 127.0.0.1 53 "$T/names" 2>"$T/names.log" &
keep_pid $!
until_true test -s "$T/names/ready"
script <<'END'
when *
	text "hello"
END

resolve=1200
[ -z "${SLOW:-}" ] || resolve=6000
# to NAME [NAME=VALUE ...]: a proxy towards that name
to() {
	name=$1
	shift
	[ -z "${proxy_pid:-}" ] || stop $proxy_pid
	start_proxy "OPENAI_BASE_URL=http://$name.test:$provider/v1" ALLOW_PLAINTEXT=true "RESOLVE_MS=$resolve" MAX_RETRIES=0 UP_KEEPALIVE_MS=0 "$@"
}
# in ms, by hundredths
now() {
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}0"
}
# timed TEXT: asks; sets $took in ms
timed() {
	began=$(now)
	ask "$1"
	took=$(($(now) - began))
}
# within WHAT MS
within() {
	[ -n "${SLOW:-}" ] || [ $took -le "$2" ] && ok "$1" || not_ok "$1" "$took ms"
}
children() {
	[ -z "$(cat /proc/$proxy_pid/task/$proxy_pid/children 2>/dev/null)" ]
}

to ok
timed hello
is 'F47 no AAAA: answered' "$status" 200
base=$took
for what in nx servfail refused drop cut garbage; do
	to aaaa-$what
	timed hello
	is "F47 AAAA $what: answered" "$status" 200
	within "F47 AAAA $what: at once" $((base + 300))
	check "F48 AAAA $what: no child stays" until_true children
done
to both
ask hello
is 'F52 IPv6 refuses, IPv4 works' "$status" 200
to many
ask hello
case $status in 200 | 502) ok 'F50 thirty addresses' ;; *) not_ok 'F50 thirty addresses' "$status" ;; esac
to slow
ask hello
is 'F46 a slow name server: waited for' "$status" 200

to nx
timed hello
is 'F45 no such name' "$status $(json error.type)" '502 api_error'
has 'F45 no such name: said' "$T/body" 'cannot resolve nx.test'
within 'F45 no such name: at once' 1000
for what in servfail refused drop cut alien garbage circle; do
	to $what
	ask hello &
	asking=$!
	began=$(now)
	curl -sf -m 10 -o "$T/health" "http://127.0.0.1:$port/health"
	took=$(($(now) - began))
	has "F46 $what: others are served" "$T/health" healthy
	within "F46 $what: meanwhile" 1000
	wait $asking
	timed hello
	case "$status $(json error.type)" in
	'502 api_error' | '504 timeout_error') ok "F46 $what: an error" ;;
	*) not_ok "F46 $what: an error" "$(cat "$T/answer")" ;;
	esac
	within "F46 $what: in time" 2000
	check "F48 $what: no child stays" until_true children
done

to moving DNS_TTL_MS=200
ask hello
is 'F55 the first address' "$status" 200
echo 127.0.0.9 >"$T/names/moving"
sleep 0.25
ask hello
is 'F55 it moved to where nobody listens' "$status" 502
echo 127.0.0.1 >"$T/names/moving"
sleep 0.25
ask hello
is 'F55 and back' "$status" 200
to failing DNS_TTL_MS=200
ask hello
is 'F56 the name server is well' "$status" 200
touch "$T/names/failing"
sleep 0.25
timed hello
is 'F56 it fails: the last answer holds' "$status" 200
rm "$T/names/failing"
alive
