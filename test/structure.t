#!/bin/sh
# The program's shape: layers, purity, the size of files and functions, one word
# for every option in all documents.
. "$(dirname "$0")/lib.sh"

modules=$(make -s --no-print-directory layers)

# layer NAME: of a module or of a header: its own, or for a header alone that of
# the module whose name it begins with
layer() {
	name=$1
	while [ -n "$name" ]; do
		for m in $modules; do
			case $m in *:"$name" | *:"$name":pure) echo "${m%%:*}"; return ;; esac
		done
		case $name in *_*) name=${name%_*} ;; *) name= ;; esac
	done
	case $1 in buf | version) echo 0 ;; answer) echo 2 ;; commands) echo 4 ;; *) echo none ;; esac
}

wrong=
for file in *.c; do
	[ "$file" = fortify.c ] || [ "$file" = musl.c ] || [ "$(layer "${file%.c}")" != none ] || wrong="$wrong $file"
done
for m in $modules; do
	m=${m#*:}
	[ -f "${m%:pure}.c" ] || wrong="$wrong ${m%:pure}"
done
is 'every file is in a layer of the Makefile, and every name there a file' "$wrong" ''

wrong=
for file in *.c *.h; do
	own=$(layer "${file%.?}")
	for h in $(sed -n 's/^#include "\(.*\)\.h"/\1/p' "$file"); do
		of=$(layer "$h")
		[ "$of" != none ] && [ "$own" != none ] && [ "$of" -gt "$own" ] && wrong="$wrong $file:$h.h"
		[ "$of" != none ] || wrong="$wrong $h.h(none)"
	done
done
is 'no file includes a higher layer' "$(echo "$wrong" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ //;s/ $//')" ''

# Only bytes and strings of the C library, the formatter, and what other pure
# modules define.
objects=
for m in $modules; do
	case $m in *:pure) m=${m#*:}; objects="$objects build/${m%:pure}.o" ;; esac
done
nm $objects 2>/dev/null | awk '
	NF == 2 && $1 == "U" { wants[$2] = 1 }
	NF == 3 && $2 ~ /^[TRDB]$/ { has[$3] = 1 }
	END {
		n = split("memcpy memmove memset __memcpy_chk __memmove_chk __memset_chk memcmp memchr strlen inet_pton strcmp strncmp strchr strrchr strspn strcspn strstr fmt vfmt printable __stack_chk_fail _GLOBAL_OFFSET_TABLE_ __assert_fail", list)
		for (i = 1; i <= n; i++)
			has[list[i]] = 1
		for (name in wants)
			if (!(name in has))
				print name
	}' | sort >"$T/impure"
is 'pure modules call nothing but each other and mem*' "$(tr '\n' ' ' <"$T/impure")" ''

size -A $objects 2>/dev/null | awk '/:$|^build/ { file = $1 } ($1 == ".data" || $1 == ".bss") && $2 > 0 { print file, $1 }' >"$T/state"
is 'pure modules hold no state' "$(cat "$T/state")" ''

nm build/*.o 2>/dev/null | awk '$1 == "U" && $2 ~ /printf|scanf|^f(open|puts|write|read)$|^(puts|putchar|strtod|atof|system|gets|strcpy|strcat|strtok)$/ { print $2 }' |
	sort -u >"$T/stdio"
is 'no stdio and no floating point' "$(tr '\n' ' ' <"$T/stdio")$(grep -lE '^[[:space:]]*(static |const |long )*(float|double) ' *.c *.h | tr '\n' ' ')" ''

wrong=
for file in *.c; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 650 ] || wrong="$wrong $file:$lines"
done
is 'no file is over 650 lines' "$wrong" ''

if command -v ctags >/dev/null && ctags --version | grep -q Universal; then
	ctags -f - --fields=+ne --c-kinds=f --excmd=number *.c | awk -F '\t' '{
		line = end = 0
		for (i = 3; i <= NF; i++) {
			if ($i ~ /^line:/) line = substr($i, 6)
			if ($i ~ /^end:/) end = substr($i, 5)
		}
		if (end - line + 1 > 80) print $1, end - line + 1
	}' >"$T/long"
	is 'no function is over 80 lines' "$(cat "$T/long")" ''
elif [ -n "${CI:-}" ]; then
	not_ok 'universal-ctags is there to measure functions'
fi

# the date in it is no guess: neither after the last change nor more than a year before it
built=$(sed -n 's/^#define BUILT \([0-9]*\).*/\1/p' version.h)
last=$(git log -1 --format=%ct 2>/dev/null) || last=$(date +%s)
check 'version.h: its date is not in the future' test "$built" -le "$last"
check 'version.h: its date is of the last year' test "$((last - built))" -lt $((366 * 86400))

is 'no unfinished business' "$(grep -nE 'TODO|FIXME|HACK' *.c *.h Makefile README.md 2>/dev/null)" ''

# One table of options, four documents: --help, .env.example, README, the manual.
"$PROXY" --help >"$T/help"
"$PROXY" --env-example >"$T/example"
same '.env.example is what the program prints' .env.example "$T/example"
options=$(sed -nE 's/^#?[[:space:]]*([A-Z][A-Z0-9_]+)=.*/\1/p' "$T/example" | sort -u)
check 'there are options' test "$(echo "$options" | wc -l)" -gt 20
for document in "$T/help" README.md claude-code-proxy.1; do
	missing=
	for name in $options; do
		grep -qw -- "$name" "$document" 2>/dev/null || missing="$missing $name"
	done
	is "${document##*/} has every option" "$missing" ''
done
# and the other way round: a name that looks like an option is one
for document in README.md SECURITY.md claude-code-proxy.1 docs/*.md contrib/env/*.env; do
	extra=
	for name in $(grep -oE '\b(UP|OPENAI|ANTHROPIC|AZURE|REQUESTY|MAX|MIN|ALLOW)_[A-Z_]+\b' "$document" 2>/dev/null | sort -u); do
		case $name in ANTHROPIC_BASE_URL | ANTHROPIC_AUTH_TOKEN | ANTHROPIC_MODEL | ANTHROPIC_*_MODEL | ANTHROPIC_CUSTOM_HEADERS) continue ;; esac
		echo "$options" | grep -qx "$name" || extra="$extra $name"
	done
	is "${document##*/} has no option that does not exist" "$extra" ''
done

# every link in a document leads to a file
wrong=
for document in README.md SECURITY.md docs/*.md; do
	for link in $(grep -oE '\]\([^)]*\)' "$document" | sed 's/^](//; s/)$//; s/#.*//'); do
		case $link in https:*) continue ;; esac
		[ -e "$(dirname "$document")/$link" ] || wrong="$wrong $document:$link"
	done
done
is 'every link leads to a file' "$wrong" ''

for word in --env --help --version --check -i -w convert env status completion; do
	has "the manual has $word" claude-code-proxy.1 "$(echo "$word" | sed 's/^-*//')"
	has "--help has $word" "$T/help" "$word"
done
if command -v mandoc >/dev/null; then
	is 'the manual is clean' "$(mandoc -T lint -W warning claude-code-proxy.1 2>&1)" ''
fi
