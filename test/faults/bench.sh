# shellcheck shell=sh disable=SC2154 # names of lib.sh
# bench TABLE [NAME=VALUE ...]: the cases of test/faults/TABLE.py against a proxy with these settings.
# SECURE=1: towards the TLS port, with the certificates of mkca.
# $second is a second, and more with SLOW.
second=1
[ -z "${SLOW:-}" ] || second=5
bench() {
	table=$1
	shift
	command -v python3 >/dev/null || { not_ok 'python3 is there (test/setup installs it)'; return; }
	if [ -n "${SECURE:-}" ]; then
		mkdir "$T/ca"
		check 'certificates are made' sh "$top/test/mkca" "$T/ca" all
	fi
	KEY=$key python3 -W ignore "$top/test/fault-upstream" "$T" "$top/test/faults/$table.py" >"$T/bench" 2>"$T/bench.log" &
	bench_pid=$!
	keep_pid $bench_pid
	until_true test -s "$T/upstream.port" || { cat "$T/bench.log"; exit 1; }
	read -r plain secure <"$T/upstream.port"
	if [ -n "${SECURE:-}" ]; then
		start_proxy "OPENAI_BASE_URL=https://localhost:$secure/v1" "SSL_CERT_FILE=$T/ca/all.pem" "$@"
	else
		start_proxy "OPENAI_BASE_URL=http://127.0.0.1:$plain/v1" "$@"
	fi
	echo "$port $proxy_pid $log" >"$T/proxy.new"
	mv "$T/proxy.new" "$T/proxy"
	wait $bench_pid
	[ $? -le 1 ] || not_ok "$table: the bench ended"
	cat "$T/bench"
	failures=$((failures + $(grep -c '^not ok' "$T/bench")))
	[ ! -s "$T/bench.log" ] || not_ok "$table: the bench is well" "$(cat "$T/bench.log")"
	stop $proxy_pid
	is "$table: the proxy ends well" $stopped 0
	has "$table: and holds nothing" "$log" 'stopping: 0 connections'
}
