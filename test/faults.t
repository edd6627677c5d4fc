#!/bin/sh
# test/faults/INDEX names for each case of the fault matrix (F1 to F128) and each threat (T1 to T30) the test that
# shows it: a line of number, file and the words of its description, between tabs. What it names is there.
. "$(dirname "$0")/lib.sh"

index=test/faults/INDEX
tab=$(printf '\t')
: >"$T/wrong"
while IFS=$tab read -r number file text more; do
	case $number in
	'#'*) continue ;;
	esac
	case " $text " in
	*" $number "*) ;;
	*) echo "$number: it is not in the description: $text" >>"$T/wrong" ;;
	esac
	[ -z "$more" ] || echo "$number: more than three columns" >>"$T/wrong"
	grep -qF -- "$text" "$file" 2>/dev/null || echo "$number: $file has no test '$text'" >>"$T/wrong"
done <$index
is 'every line of the index names a test that is there' "$(cat "$T/wrong")" ''
is 'no number is twice in it' "$(cut -f 1 $index | grep -v '^#' | sort | uniq -d)" ''
for family in F:128 T:30; do
	n=1
	while [ $n -le "${family#*:}" ]; do
		echo "${family%:*}$n"
		n=$((n + 1))
	done
done >"$T/all"
cut -f 1 $index >"$T/listed"
is 'every number is in it' "$(grep -vxFf "$T/listed" "$T/all" | paste -sd ' ' -)" ''
