#!/bin/sh
# Going out: through a proxy of the network by CONNECT and by SOCKS 5, past it where NO_PROXY or
# loopback says so, its failures, and what of a request it can see; a pinned certificate; a clock
# that stands in 1970. The names exist only for that proxy: a way past it cannot resolve them.
. "$(dirname "$0")/lib.sh"

script <<'END'
when say-words
	text "over the tunnel"
	usage 12 4 0
when *
	text plain
END
start_secure
name=a.wild.test

# start_tunnel [USER:PASSWORD]: sets $tunnel (its port), $via (its files)
start_tunnel() {
	count=$((count + 1))
	via=$T/tunnel.$count
	mkfifo "$via"
	"$top/test/tool" tunnel "$via" "$@" <"$via" >/dev/null 2>&1 &
	keep_pid $!
	eval "exec $((count % 4 + 5))>'$via'"
	until_true test -s "$via.port" || exit 1
	tunnel=$(cat "$via.port")
}

# to URL [NAME=VALUE ...]: a proxy towards it
to() {
	[ -z "${proxy_pid:-}" ] || stop $proxy_pid
	url=$1
	shift
	start_proxy "OPENAI_BASE_URL=$url/v1" "SSL_CERT_FILE=$T/ca/ca.pem" ALLOW_PLAINTEXT=true MAX_RETRIES=0 "$@"
}

# ---- what goes through ----

start_tunnel 'joe:se cret'
http=$tunnel
for scheme in http socks5 socks5h; do
	: >"$via.came"
	: >"$via.asked"
	to "https://$name:$secure" "HTTPS_PROXY=$scheme://joe:se%20cret@127.0.0.1:$tunnel"
	ask say-words '"stream":true'
	is "$scheme: streamed" "$status $(message)" '200 text over the tunnel
end end_turn {"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4}'
	ask hello
	is "$scheme: whole" "$status $(json content.0.text)" '200 plain'
	how=connect
	[ $scheme = http ] || how=socks
	is "$scheme: asked for the name" "$(sort -u "$via.asked")" "$how $name:$secure"
	for secret in test-upstream-key say-words chat/completions; do
		hasnt "$scheme: what went by has no $secret" "$via.came" "$secret"
	done
	hasnt "$scheme: no password in the log" "$log" 'cret'
	has "$scheme: the way is told at the start" "$log" "through the HTTPS_PROXY 127.0.0.1:$tunnel"
done
to "http://plain.test:$provider" "HTTP_PROXY=joe:se%20cret@127.0.0.1:$tunnel" HTTPS_PROXY=socks5://127.0.0.1:9
ask hello
is 'plain text, by CONNECT too' "$status $(json content.0.text) $(tail -n 1 "$via.asked")" "200 plain connect plain.test:$provider"
to "https://$name:$secure" "ALL_PROXY=socks5://joe:se%20cret@127.0.0.1:$tunnel"
ask hello
is 'ALL_PROXY' "$status $(tail -n 1 "$via.asked")" "200 socks $name:$secure"

# by the programs that others use, to an address that is this machine and does not look so
if command -v tinyproxy >/dev/null && command -v microsocks >/dev/null; then
	for scheme in http socks5; do
		real=$("$top/test/tool" port)
		if [ $scheme = http ]; then
			printf 'Port %s\nListen 127.0.0.1\nBasicAuth joe pw\n' "$real" >"$T/tinyproxy.conf"
			tinyproxy -d -c "$T/tinyproxy.conf" >/dev/null 2>&1 &
		else
			microsocks -i 127.0.0.1 -p "$real" -u joe -P pw >/dev/null 2>&1 &
		fi
		keep_pid $!
		until_true nc -z 127.0.0.1 "$real"
		to "http://0.0.0.0:$provider" "HTTP_PROXY=$scheme://joe:pw@127.0.0.1:$real"
		ask say-words '"stream":true'
		is "$scheme, by another program" "$status $(message | head -n 1)" '200 text over the tunnel'
		to "http://0.0.0.0:$provider" "HTTP_PROXY=$scheme://joe:no@127.0.0.1:$real"
		ask hello
		has "$scheme, by another program: a wrong login" "$T/body" 'does not accept the user and password'
	done
elif [ -n "${CI:-}" ]; then
	not_ok 'tinyproxy and microsocks are there'
fi

# ---- who is not let in ----

# refuses WHAT STATUS RETRY TEXT: what the proxy of the network does is told as its own
refuses() {
	ask hello
	is "$1" "$status $(field x-should-retry)" "$2 $3"
	has "$1: said" "$T/body" "$4"
	hasnt "$1: no password" "$T/body" cret
	hasnt "$1: nor in the log" "$log" cret
}
for scheme in http socks5; do
	to "https://$name:$secure" "HTTPS_PROXY=$scheme://127.0.0.1:$tunnel" MAX_RETRIES=2
	refuses "$scheme: no login" 502 false 'it wants a user and a password'
	to "https://$name:$secure" "HTTPS_PROXY=$scheme://joe:wrongsecret@127.0.0.1:$tunnel" MAX_RETRIES=2
	refuses "$scheme: a wrong login" 502 false 'it does not accept the user and password that HTTPS_PROXY has'
	is "$scheme: not tried again" "$(grep -c ' try [0-9]' "$log")" 0
done

# ---- failures, by script ----

script <<'END'
when a403.test
	early
	wire "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
when a502.test
	early
	wire "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad"
when a200.test
	early
	wire "HTTP/1.1 200 OK\r\n\r\nearly words"
when garbage.test
	early
	wire "220 mail ESMTP\r\n"
when cut.test
	early
	cut
when reset.test
	early
	reset
when hang.test
	early
	hang
END
failing=HTTPS_PROXY=http://127.0.0.1:$provider
to https://a403.test $failing MAX_RETRIES=1
refuses '403' 502 false 'the HTTPS_PROXY 127.0.0.1: it does not let this pass to a403.test:443: it is the proxy that answered 403'
to https://a502.test $failing MAX_RETRIES=1
refuses '502' 502 '' 'it cannot reach a502.test:443: it is the proxy that answered 502'
is '502: tried again' "$(grep -c ' try [0-9]' "$log")" 1
to https://a200.test $failing
refuses 'words before the first of ours' 502 '' 'it answers in no way that such a proxy does'
to https://garbage.test $failing
refuses 'garbage' 502 '' 'it answers in no way that such a proxy does'
to https://cut.test $failing
refuses 'closed' 502 '' 'the HTTPS_PROXY 127.0.0.1: it closed the connection before it answered'
to https://reset.test $failing
refuses 'reset' 502 '' 'the HTTPS_PROXY 127.0.0.1: the connection broke'
to https://hang.test $failing CONNECT_MS=300
refuses 'silent' 504 '' 'the HTTPS_PROXY 127.0.0.1: no answer within 0.300s'
to "https://$name" HTTPS_PROXY=socks5://127.0.0.1:$provider CONNECT_MS=300
refuses 'HTTP where SOCKS is meant' 504 '' 'the HTTPS_PROXY 127.0.0.1: no answer within 0.300s'
closed=$("$top/test/tool" port)
to "https://$name" "HTTPS_PROXY=http://127.0.0.1:$closed"
refuses 'nobody there' 502 '' "cannot connect to the HTTPS_PROXY 127.0.0.1 port $closed: $refused"
to "https://$name" ALL_PROXY=http://nowhere.invalid:1
refuses 'no such proxy' 502 false 'cannot resolve the ALL_PROXY nowhere.invalid'

# ---- the way past it ----

asked() {
	wc -l <"$via.asked" | tr -d ' '
}
login="joe:se%20cret@127.0.0.1:$http"
before=$(asked)
to "https://localhost:$secure" "HTTPS_PROXY=$login"
ask hello
is 'loopback is reached directly' "$status $(asked)" "200 $before"
has 'loopback: told' "$log" 'direct, not through the HTTPS_PROXY: it is this machine'
to "https://$name:$secure" "HTTPS_PROXY=$login" "NO_PROXY=other, .wild.test:$secure"
ask hello
is 'NO_PROXY' "$status $(asked)" "502 $before"
has 'NO_PROXY: tried directly' "$T/body" "cannot resolve $name"
has 'NO_PROXY: told' "$log" "direct, not through the HTTPS_PROXY: NO_PROXY has .wild.test:$secure"
to "https://$name:$secure" "HTTPS_PROXY=$login" "NO_PROXY=wild.test:1"
ask hello
is 'NO_PROXY for another port' "$status $(asked)" "200 $((before + 1))"

# ---- the environment ----

# way [NAME=VALUE ...]: how the proxy says it goes, with this environment and $in_file
in_file=
way() {
	{
		echo "OPENAI_BASE_URL=$base"
		echo OPENAI_API_KEY=k
		echo "$in_file"
	} >"$T/env.way"
	chmod 600 "$T/env.way"
	env "$@" timeout 20 "$PROXY" --env "$T/env.way" --check </dev/null 2>&1 | grep -o -e 'config .*FAILED.*' -e '[a-z, ]*through the .*' | sed 's/^ *//'
}
base=https://far.invalid/v1
is 'https_proxy' "$(way https_proxy=http://one.invalid:1)" 'through the HTTPS_PROXY one.invalid:1'
is 'HTTPS_PROXY' "$(way HTTPS_PROXY=http://two.invalid:1)" 'through the HTTPS_PROXY two.invalid:1'
is 'in lower case first' "$(way https_proxy=one.invalid:1 HTTPS_PROXY=two.invalid:1)" 'through the HTTPS_PROXY one.invalid:1'
is 'whatever the order' "$(way HTTPS_PROXY=two.invalid:1 https_proxy=one.invalid:1)" 'through the HTTPS_PROXY one.invalid:1'
is 'all_proxy, no_proxy' "$(way all_proxy=socks5://one.invalid no_proxy=a,far.invalid)" \
	'direct, not through the ALL_PROXY: NO_PROXY has far.invalid'
in_file=HTTPS_PROXY=http://file.invalid:1
is 'the file goes before' "$(way https_proxy=one.invalid:1)" 'through the HTTPS_PROXY file.invalid:1'
in_file=HTTPS_PROXY=
is 'also with nothing' "$(way https_proxy=one.invalid:1)" ''
in_file=ALLOW_PLAINTEXT=true base=http://far.invalid/v1
is 'HTTP_PROXY of the environment may be a client of a web server' "$(way HTTP_PROXY=http://bad.invalid:1)" ''
is 'http_proxy is not' "$(way http_proxy=http://one.invalid:1 HTTP_PROXY=http://bad.invalid:1)" 'through the HTTP_PROXY one.invalid:1'
in_file='ALLOW_PLAINTEXT=true
HTTP_PROXY=http://file.invalid:1'
is 'nor is HTTP_PROXY in the file' "$(way)" 'through the HTTP_PROXY file.invalid:1'
in_file= base=https://far.invalid/v1
is 'TLS to the proxy' "$(way https_proxy=https://joe:cret@one.invalid:1)" \
	'config      FAILED: environment: HTTPS_PROXY: TLS to a proxy is not spoken: most of them are http://'
is 'TLS to a proxy that is not used' "$(way https_proxy=https://one.invalid:1 NO_PROXY='*')" \
	'direct, not through the HTTPS_PROXY: NO_PROXY has *'
in_file='HTTPS_PROXY=http://joe:cret@one.invalid:x'
is 'a bad port' "$(way)" "config      FAILED: $T/env.way:3: HTTPS_PROXY: the port is not a number from 1 to 65535"

# ---- --check ----

sed "s,^OPENAI_BASE_URL=.*,OPENAI_BASE_URL=https://a403.test/v1," "$env" >"$T/env.check"
printf 'HTTPS_PROXY=http://127.0.0.1:%s\n' "$provider" >>"$T/env.check"
chmod 600 "$T/env.check"
timeout 20 "$PROXY" --env "$T/env.check" --check >"$T/said" 2>&1
is 'check: the step' "$? $(grep -A 1 -e '^resolve' -e '^connect' -e '^proxy' "$T/said" | tr -s ' ')" "111 resolve ok
connect ok
proxy FAILED: the HTTPS_PROXY 127.0.0.1: it does not let this pass to a403.test:443: it is the proxy that answered 403
 ask who runs that proxy; NO_PROXY=* goes without"

# ---- a pinned certificate: a bundle that holds it alone ----

to "https://localhost:$secure" "SSL_CERT_FILE=$T/ca/good.pem"
ask hello
is 'the certificate itself is trusted' "$status" 200
# pinned KEY: a proxy that trusts only a certificate with that public key, for the server's name, by another authority
pinned() {
	openssl pkey -in "$T/ca/$1.key" -pubout -out "$T/ca/$1.pub" 2>/dev/null
	openssl x509 -req -in "$T/ca/good.csr" -CA "$T/ca/ca-rsa.pem" -CAkey "$T/ca/ca-rsa.key" -set_serial 77 -days 9 -sha256 \
		-extfile "$T/ca/good.ext" -force_pubkey "$T/ca/$1.pub" -out "$T/ca/pinned.pem" 2>/dev/null
	to "https://localhost:$secure" "SSL_CERT_FILE=$T/ca/pinned.pem"
	ask hello
}
pinned good
is 'so is another with its key: it may be renewed' "$status" 200
pinned wrong
is 'with another key it is not, whoever signed it' "$status $(field x-should-retry)" '502 false'
has 'another key: said' "$T/body" 'signed by nobody in'
alive

# ---- a clock that is set while it runs: both kinds of time, by a library of ours, 1970 while a file is there ----

cat >"$T/clock.c" <<'END'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
	int bad = syscall(SYS_clock_gettime, id, t);
	if (id == CLOCK_REALTIME && access(FILE_NAME, F_OK) == 0)
		t->tv_sec = 3600;
	return bad;
}
time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}
END
if ldd "$PROXY" >/dev/null 2>&1 &&
	${CC:-cc} -shared -fPIC -DFILE_NAME="\"$T/unset\"" -o "$T/clock.so" "$T/clock.c" 2>/dev/null; then
	: >"$T/unset"
	WRAP="env LD_PRELOAD=$T/clock.so ${WRAP:-}"
	to "https://localhost:$secure"
	is 'clock in 1970: told once' "$(grep -c 'the system clock says 1970-01-01T01:00:00Z: set it; until then certificates are checked as of 20' "$log")" 1
	ask hello
	is 'clock in 1970: a certificate that is newer than the program' "$status $(field x-should-retry)" '502 false'
	has 'clock in 1970: said' "$T/body" 'the system clock says 1970-01-01T01:00:00Z: set it'
	rm "$T/unset"
	ask hello
	is 'clock set, without a restart' "$status" 200
else
	ok 'clock in 1970: not for a static program'
fi
