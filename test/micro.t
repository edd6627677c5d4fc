#!/bin/sh
# What checking and converting cost, in instructions: test/micro under callgrind,
# against test/micro.counts. A case that takes 5 % more fails; one that takes 5 %
# less is told, so that the file follows. UPDATE=1 writes it anew.
#
# The numbers are of one compiler on one kind of machine, which the file's first
# line names: with another there is nothing to compare.
. "$(dirname "$0")/lib.sh"

counts=test/micro.counts
here="$(cc --version 2>/dev/null | head -n 1), $(uname -m), CFLAGS=-O2 -g"
if [ -n "${SLOW:-}" ] || ! command -v valgrind >/dev/null; then
	ok 'nothing is counted here'
	exit 0
fi
[ -x build/test/micro ] || { not_ok 'build/test/micro is there (make programs)'; exit 1; }
if [ -z "${UPDATE:-}" ] && { [ "$(sed -n 's/^# //p;q' $counts)" != "$here" ] || ! grep -q -e '-O2 -g' build/flags; }; then
	ok "micro: nothing to compare with, since it was counted by: $(sed -n 's/^# //p;q' $counts)"
	exit 0
fi

# count CASE: the instructions of it
count() {
	valgrind -q --tool=callgrind --toggle-collect=measured --callgrind-out-file="$T/out" build/test/micro "$1" >/dev/null &&
		sed -n 's/^totals: //p' "$T/out"
}

echo "# $here" >"$T/counts"
while read -r name was; do
	[ "$name" != '#' ] || continue
	now=$(count "$name")
	echo "$name ${now:-0}" >>"$T/counts"
	change=$(awk -v was="$was" -v now="${now:-0}" 'BEGIN { printf "%.1f", (now > 0 ? (now / was - 1) * 100 : 999) }')
	case $(awk -v change="$change" 'BEGIN { print (change > 5 ? "more" : change < -5 ? "less" : "same") }') in
	more) not_ok "micro: $name takes $now instructions, $change % more than $was" ;;
	less) ok "micro: $name takes $now instructions, $was before ($change %): UPDATE=1 test/micro.t" ;;
	same) ok "micro: $name takes the instructions that it took" ;;
	esac
done <$counts
[ -z "${UPDATE:-}" ] || cp "$T/counts" $counts
