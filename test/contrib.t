#!/bin/sh
# contrib/: what can run here runs, the rest is checked as far as it goes.
. "$(dirname "$0")/lib.sh"

# need PROGRAM: whether it is there; where all must be, it must
need() {
	command -v "$1" >/dev/null && return
	[ -z "${CI:-}" ] || not_ok "$1 is there"
	return 1
}

scripts='runit/claude-code-proxy/run runit/claude-code-proxy/finish runit/claude-code-proxy/log/run openwrt/claude-code-proxy.init'
for file in $scripts; do
	for shell in dash 'busybox sh' sh; do
		command -v "${shell%% *}" >/dev/null || continue
		check "$shell -n $file" $shell -n "contrib/$file"
	done
	! need shellcheck || is "shellcheck $file" "$(shellcheck -s sh "contrib/$file" 2>&1)" ''
done
for file in contrib/runit/claude-code-proxy/run contrib/runit/claude-code-proxy/finish contrib/runit/claude-code-proxy/log/run; do
	check "$file is executable" test -x $file
done

script <<'END'
when *
	text "one "
	pause 500
	text two
END

# settings FILE [LINE ...]
settings() {
	to=$1
	shift
	printf '%s\n' "OPENAI_BASE_URL=http://127.0.0.1:$provider/v1" BIG_MODEL=big SMALL_MODEL=small "$@" >"$to"
	chmod 600 "$to"
}
account=$(id -un)

# ---- examples of settings ----

ports=
for file in contrib/env/*.env; do
	name=${file##*/}
	name=${name%.env}
	sed 's/^OPENAI_API_KEY=.*/OPENAI_API_KEY=k/' "$file" >"$T/example"
	chmod 600 "$T/example"
	echo '{"model":"claude-opus-4-8","max_tokens":10,"messages":[{"role":"user","content":"x"}]}' |
		"$PROXY" convert request --env "$T/example" >"$T/out" 2>"$T/said"
	is "$name: in order, without a warning" "$? $(cat "$T/said")" '0 '
	is "$name: its model" "$(test/tool json model <"$T/out")" "$(sed -n 's/^BIG_MODEL="\(.*\)"$/\1/p' "$file")"
	has "$name: tells where it goes" "$file" ".env-$name"
	ports="$ports$(sed -n 's/^PORT=//p' "$file")
"
done
is 'no port stands twice' "$(printf %s "$ports" | sort | uniq -d)" ''
for entry in $(sed -n 's/^\(80[0-9]*:\.env-.*\):.*/\1/p' start-all-proxies.sh); do
	has "start-all-proxies.sh: $entry" "contrib/env/${entry#*:.env-}.env" "PORT=${entry%%:*}"
done

# ---- runit ----

if need runsv && need svlogd; then
	port=$(test/tool port) service=$T/sv
	mkdir "$T/etc"
	settings "$T/etc/one.env" "PORT=$port"
	cp -R contrib/runit/claude-code-proxy "$service"
	printf 'config=%s\nprogram=%s\naccount=%s\n' "$T/etc" "$PROXY" "$account" >"$service/conf"
	printf 'dir=%s\naccount=%s\n' "$T/log" "$account" >"$service/log/conf"
	runsv "$service" >"$T/runsv.log" 2>&1 &
	runsv=$!
	# its children end with it
	keep_pid $runsv
	running() {
		cat "$service/supervise/pid" 2>/dev/null
	}
	answers() {
		get /health && [ "$status" = 200 ]
	}
	another() {
		[ -n "$(running)" ] && [ "$(running)" != "$1" ] && answers
	}
	state_is() {
		sv status "$service" | grep -q "^$1:"
	}
	check 'runit: it runs' until_true answers
	check 'runit: logged' until_true grep -q 'listening on' "$T/log/current"
	is 'runit: each line has one time stamp, of svlogd' \
		"$(grep -vc '^2[0-9-]*_[0-9:.]* [A-Za-z]' "$T/log/current") $(grep -c '^2[0-9-]*_[0-9:.]* 2[0-9-]*T' "$T/log/current")" '0 0'
	first=$(running)
	kill -9 "$first"
	check 'runit: after a crash it is started again' until_true another "$first"
	stream hi
	check 'runit: sv down' sv -w 20 down "$service"
	ended
	is 'runit: what runs is finished first' "$(message | head -n 1)" 'text one two'
	is 'runit: then it is down' "$(nc -z 127.0.0.1 "$port" && echo open)" ''
	has 'runit: a drain, not a kill' "$T/log/current" 'stopping: 1 connection'
	settings "$T/etc/two.env" 'PORT=none'
	sv -w 1 up "$service" >/dev/null 2>&1
	check 'runit: a wrong configuration: not again and again' until_true state_is down
	has 'runit: a wrong configuration: said' "$T/log/current" 'PORT is "none"'
	has 'runit: a wrong configuration: and what to do' "$T/log/current" 'mend it, then type sv up'
	is 'runit: a wrong configuration: one start' "$(grep -c 'PORT is "none"' "$T/log/current")" 1
	second=$(test/tool port)
	settings "$T/etc/two.env" "PORT=$second"
	# more than once: finish may be behind its words, and its "down" come after an "up"
	check 'runit: mended' until_true sv -w 2 up "$service"
	check 'runit: both files are served' until_true nc -z 127.0.0.1 "$second"
	# sv hup: read again, by the process that runs
	first=$(running)
	settings "$T/etc/two.env" "PORT=$second" VISION_MODEL=eye
	check 'runit: sv hup' sv hup "$service"
	check 'runit: sv hup: read again' until_true grep -q 'reading the settings again' "$T/log/current"
	is 'runit: sv hup: by the same process' "$(running)" "$first"
	alive 'runit: sv hup: it goes on'
	old_logs() {
		ls "$T/log" | grep -c '^@'
	}
	is 'svlogd: three days and today' "$(grep -E '^[tn]' "$T/log/config" | tr '\n' ' ')" 't86400 n3 '
	# a rotation is asked for as often as a day would
	for day in 1 2 3 4 5; do
		before=$(ls "$T/log")
		get /
		until_true test -s "$T/log/current"
		sv alarm "$service/log" >/dev/null
		rotated() {
			[ "$(ls "$T/log")" != "$before" ]
		}
		until_true rotated
	done
	is 'svlogd: three old logs stay' "$(old_logs)" 3
	sv -w 20 down "$service" >/dev/null
	rm "$T/etc/one.env" "$T/etc/two.env"
	sv -w 1 up "$service" >/dev/null 2>&1
	check 'runit: no file' until_true grep -q 'there is no .*\.env' "$T/log/current"
	kill $runsv
	check 'runit: runsv ends' wait $runsv
fi

# ---- inetd ----

inetd=$(command -v inetd || ls /usr/sbin/inetd 2>/dev/null)
if [ -n "$inetd" ] || need inetd; then
	port=$(test/tool port)
	settings "$T/inetd.env"
	sed "s|:8082|:$port|; s|_claude-code-proxy|$account|; s|/usr/local/bin/claude-code-proxy|$PROXY|; s|/etc/claude-code-proxy/kimi.env|$T/inetd.env|" \
		contrib/inetd/openbsd-inetd.conf >"$T/inetd.conf"
	"$inetd" -i "$T/inetd.conf" >"$T/inetd.log" 2>&1 &
	inetd_pid=$!
	keep_pid $inetd_pid
	check 'inetd: it listens' until_true nc -z 127.0.0.1 "$port"
	for round in 1 2 3; do
		alive "inetd: connection $round"
	done
	stream hi
	ended
	is 'inetd: a stream' "$(message | head -n 1)" 'text one two'
	stop $inetd_pid
	# what BusyBox reads of a line is the same
	is "inetd: BusyBox's line" "$(sed -n 's|/usr/bin|/usr/local/bin|; /^[^#]/p' contrib/inetd/busybox-inetd.conf)" \
		"$(grep -v '^#' contrib/inetd/openbsd-inetd.conf)"
fi

# ---- systemd ----

if command -v systemd-analyze >/dev/null; then
	mkdir "$T/units"
	sed "s|/usr/local/bin/claude-code-proxy|$PROXY|; /^Documentation=/d" 'contrib/systemd/claude-code-proxy@.service' \
		>"$T/units/claude-code-proxy@.service"
	cp 'contrib/systemd/claude-code-proxy@.socket' "$T/units/"
	for unit in service socket; do
		timeout 20 systemd-analyze verify "$T/units/claude-code-proxy@.$unit" >"$T/said" 2>&1
		is "systemd: the $unit is in order" "$? $(grep -F claude-code-proxy "$T/said")" '0 '
	done
fi

# ---- OpenWrt: procd's part is played here ----

cat >"$T/procd" <<'END'
config_load() { echo "load $1"; }
config_foreach() { for section in $sections; do "$1" "$section"; done; }
config_get() { eval "$1=/etc/$2.env"; }
config_get_bool() { case $2 in off*) eval "$1=0" ;; *) eval "$1=1" ;; esac; }
procd_open_instance() { echo open; }
procd_close_instance() { echo close; }
procd_set_param() { echo "set $*"; }
procd_append_param() { echo "append $*"; }
procd_add_reload_trigger() { echo "trigger $*"; }
. "$init"
"$@"
END
for shell in dash 'busybox sh' sh; do
	command -v "${shell%% *}" >/dev/null || continue
	init=contrib/openwrt/claude-code-proxy.init sections='one off two' $shell "$T/procd" start_service >"$T/said" 2>&1
	is "OpenWrt, $shell: the command" "$(sed -n 's/^set command //p; s/^append command //p' "$T/said" | tr '\n' ' ')" \
		'/usr/bin/claude-code-proxy --env /etc/one.env --env /etc/two.env '
	is "OpenWrt, $shell: the files that are watched" "$(sed -n 's/^set file //p; s/^append file //p' "$T/said" | tr '\n' ' ')" \
		'/etc/config/claude-code-proxy /etc/one.env /etc/two.env '
	is "OpenWrt, $shell: from its head to its end" "$(sed -n '1p;2p;$p' "$T/said" | tr '\n' ' ')" 'load claude-code-proxy open close '
	init=contrib/openwrt/claude-code-proxy.init sections='off off2' $shell "$T/procd" start_service >"$T/said" 2>&1
	is "OpenWrt, $shell: nothing is enabled, nothing runs" "$(cat "$T/said")" 'load claude-code-proxy'
	init=contrib/openwrt/claude-code-proxy.init sections= $shell "$T/procd" service_triggers >"$T/said" 2>&1
	is "OpenWrt, $shell: a change is a reload" "$(cat "$T/said")" 'trigger claude-code-proxy'
done
is 'OpenWrt: no section is enabled as it comes' "$(grep -c "option enabled '0'" contrib/openwrt/claude-code-proxy.config)" \
	"$(grep -c '^config proxy' contrib/openwrt/claude-code-proxy.config)"

# ---- Docker: the files of the image, in a chroot ----

sources=$(sed -n 's|^COPY \([^-].*\) \./$|\1|p' contrib/docker/Dockerfile)
is "Docker: the build's context is what it copies" "$(printf '!%s ' Makefile '*.c' '*.h')" \
	"$(sed -n '/^!/p' contrib/docker/Dockerfile.dockerignore | tr '\n' ' ')"
is 'Docker: and it copies that' "$sources" 'Makefile *.c *.h'
mkdir "$T/source"
cp Makefile *.c *.h "$T/source"
check 'Docker: from which make can build' make -s -n -C "$T/source" static
has 'Docker: compose builds that file' contrib/docker/compose.yml 'dockerfile: contrib/docker/Dockerfile'
if [ "$(id -u)" = 0 ] && ! ldd "$PROXY" >/dev/null 2>&1 && [ -s /etc/ssl/certs/ca-certificates.crt ] && command -v chroot >/dev/null &&
	[ "$(dd if="$PROXY" bs=4 count=1 2>/dev/null | tr -dc A-Z)" = ELF ]; then
	mkdir "$T/image"
	sed -n 's/^COPY --from=build //p' contrib/docker/Dockerfile >"$T/copied"
	while read -r from to; do
		mkdir -p "$T/image${to%/*}"
		case $from in
		*/claude-code-proxy) cp "$PROXY" "$T/image$to" ;;
		*) cp "$from" "$T/image$to" ;;
		esac
	done <"$T/copied"
	chmod 755 "$T" "$T/image"
	port=$(test/tool port) key=image-key
	# a TLS upstream, so that the authorities are read at start
	env -i HOST=0.0.0.0 PORT="$port" OPENAI_API_KEY=k OPENAI_BASE_URL=https://localhost:9/v1 BIG_MODEL=b SMALL_MODEL=s ANTHROPIC_API_KEY=$key \
		"$(command -v chroot)" --userspec=65534:65534 "$T/image" /claude-code-proxy >"$T/image.log" 2>&1 &
	keep_pid $!
	check 'Docker: it listens' until_true nc -z 127.0.0.1 "$port"
	alive 'Docker: it answers'
	stop "$(echo "$pids" | tr ' ' '\n' | tail -n 1)"
	is 'Docker: TERM ends it well' $stopped 0
fi
