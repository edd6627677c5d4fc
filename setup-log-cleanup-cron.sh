#!/bin/sh
# Puts a line into this user's crontab: every day at 02:00 start-all-proxies.sh
# clean-logs removes old logs and says so in logs/cleanup-cron.log. Without it
# they are removed at every start.
#
# PROXY_DIR is where logs/ is; not set: the directory of this script.

export LC_ALL=C

say() {
	printf '%s\n' "$*"
}

die() {
	say "${0##*/}: $*" >&2
	exit 111
}

[ $# = 0 ] || { say "usage: ${0##*/}" >&2; exit 100; }
command -v crontab >/dev/null || die 'there is no crontab command: install cron'
here=$(cd "$(dirname "$0")" && pwd) || exit 111
dir=$(cd "${PROXY_DIR:-$here}" && pwd) || exit 111
[ -f "$here/start-all-proxies.sh" ] || die "there is no start-all-proxies.sh in $here"
mkdir -p "$dir/logs" || exit 111

# quoted TEXT: for the shell that cron starts; to cron a bare % ends the line
quoted() {
	printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g; s/%/\\\\%/g")"
}

job="$(quoted "$here/start-all-proxies.sh") clean-logs >>logs/cleanup-cron.log 2>&1"
[ "$here" = "$dir" ] || job="PROXY_DIR=$(quoted "$dir") $job"
line="0 2 * * * cd $(quoted "$dir") && $job"

# a table that cannot be read must not be written anew
work=$(mktemp -d) || exit 111
trap 'rm -rf "$work"' EXIT
trap 'exit 111' HUP INT TERM
if ! crontab -l >"$work/old" 2>"$work/said"; then
	grep -qi -e 'no crontab' -e 'no such file' "$work/said" || die "crontab -l: $(cat "$work/said")"
	: >"$work/old"
fi

# ours [others=1]: the lines for this directory, at whatever time, quoted or not; or all others
ours() {
	DIR="cd $(quoted "$dir") " BARE="cd $dir " awk '
		function here() { return index($0, ENVIRON["DIR"]) || index($0, ENVIRON["BARE"]) }
		!/^[ \t]*#/ && here() && /start-all-proxies\.sh/ && /clean-logs/ { found = 1; if (!others) print; next }
		others { print }
		END { exit !found && !others }' "$@" "$work/old"
}

if grep -qxF -e "$line" "$work/old"; then
	say 'The entry is there already:' "  $line"
	exit 0
fi
if ours >"$work/mine"; then
	say 'There is an entry for this directory:'
	sed 's/^/  /' "$work/mine"
	say "It would become:" "  $line"
	answer=no
	if [ -t 0 ]; then
		printf 'Replace it? [y/N] '
		read -r answer
	fi
	case $answer in
	[yY] | [yY][eE][sS]) ;;
	*) say 'Left as it was.'; exit 0 ;;
	esac
fi
ours others=1 >"$work/new"
say "$line" >>"$work/new"
crontab "$work/new" || die 'crontab refused the new table; the old one stands'
say 'Every day at 02:00, from now on:' "  $line" "What it does is told in $dir/logs/cleanup-cron.log"
