#!/bin/sh
# README, manual page, .env.example and --help say the same of the settings,
# and the defaults that they tell are the real ones.
. "$(dirname "$0")/lib.sh"

"$PROXY" --help >"$T/help"
"$PROXY" --env-example >"$T/example"
same '.env.example is what --env-example prints' .env.example "$T/example"
cp README.md claude-code-proxy.1 "$T"
PROXY=$PROXY test/settings markdown "$T/README.md"
is 'README has the marks' "$?" 0
same 'README: make it anew with test/settings markdown README.md' README.md "$T/README.md"
PROXY=$PROXY test/settings mdoc "$T/claude-code-proxy.1"
is 'the manual page has the marks' "$?" 0
same 'manual page: make it anew with test/settings mdoc claude-code-proxy.1' claude-code-proxy.1 "$T/claude-code-proxy.1"
echo 'no marks' >"$T/none"
check 'a file without marks is no good' test "$(PROXY=$PROXY test/settings markdown "$T/none" 2>/dev/null || echo refused)" = refused

sed -n 's/^  \([A-Z_*]*\)=.*/\1/p' "$T/help" >"$T/names"
check 'there are settings' test "$(wc -l <"$T/names")" -gt 60
is 'none stands there twice' "$(sort "$T/names" | uniq -d)" ''
sed -n 's/^| `\([A-Z_]*\)` | .*/\1/p' README.md >"$T/in-readme"
same 'README lists each once' "$T/in-readme" "$T/names"
sed -n 's/^\.It Ev \([A-Z_]*\).*/\1/p' claude-code-proxy.1 >"$T/in-manual"
same 'the manual page lists each once' "$T/in-manual" "$T/names"
sed -n 's/^#\([A-Z_]*\)=.*/\1/p' .env.example >"$T/in-example"
same '.env.example lists each once' "$T/in-example" "$T/names"

# all of .env.example in force changes nothing; UP_* would go over what is known of the provider
sed 's/^#\([A-Z_]*=\)/\1/' .env.example | grep -v '^UP_' >"$T/all"
chmod 600 "$T/all"
cat >"$T/request" <<'END'
{"model":"claude-opus-4-8","max_tokens":200000,"temperature":0.5,"stream":true,"stop_sequences":["a","b"],"system":"s",
"tools":[{"name":"t","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":"hi"}]}
END
printf 'PORT=8082\n' >"$T/nothing"
chmod 600 "$T/nothing"
"$PROXY" convert request --env "$T/nothing" <"$T/request" >"$T/without" 2>&1
is 'a request is converted' "$?" 0
sed 's/^OPENAI_API_KEY=$/&x/' "$T/all" >"$T/all.key"
chmod 600 "$T/all.key"
"$PROXY" convert request --env "$T/all.key" <"$T/request" >"$T/with" 2>&1
is 'with every default written out too' "$?" 0
same 'and into the same' "$T/with" "$T/without"

# what README tells to put into .env leaves no model that the provider does not know
sed -n 's/^    \([A-Z_]*\)="\(.*\)"$/\1=\2/p' README.md >"$T/first"
chmod 600 "$T/first"
for name in claude-opus-4-8 claude-haiku-4-5; do
	sed "s/claude-opus-4-8/$name/" "$T/request" | "$PROXY" convert request --env "$T/first" >"$T/with" 2>&1
	has "README's first .env serves $name" "$T/with" '"model":"kimi-'
done

# every name in a document that looks like a setting is one, or another program's
others='ANTHROPIC_BASE_URL NODE_EXTRA_CA_CERTS CLAUDE_CODE_AUTO_COMPACT_WINDOW ENABLE_TOOL_SEARCH OLLAMA_CONTEXT_LENGTH LISTEN_FDS NOTIFY_SOCKET
NO_COLOR PROXIES PROXY_BIN PROXY_DIR STOP_SECONDS USE_PROCD BEARSSL'
# strangers FILE ...: the others that stand there
strangers() {
	cat "$@" | grep -oE '`[A-Z][A-Z0-9]*_[A-Z0-9_]*[`=]|^ *(export |- |#)?[A-Z][A-Z0-9]*_[A-Z0-9_]*=' | tr -d '`= #-' |
		sed 's/^export//; /^CUSTOM_HEADER_/d' | sort -u | while read -r name; do
			case " $(tr '\n' ' ' <"$T/names") $(echo $others) " in
			*" $name "*) ;;
			*) echo "$name" ;;
			esac
		done
}
for file in README.md docs/*.md contrib/README contrib/*/*.env contrib/docker/* contrib/haproxy/* contrib/nginx/* contrib/caddy/*; do
	is "$file: no setting that there is not" "$(strangers "$file")" ''
done
printf '    NO_SUCH_SETTING=1\n`NOR_THIS`\n    export OPENAI_API_KEY=k\n' >"$T/wrong.md"
is 'one would be found' "$(strangers "$T/wrong.md" | tr '\n' ' ')" 'NOR_THIS NO_SUCH_SETTING '

for word in -i --check convert --help --version; do
	case $word in
	-*) check "the manual page has $word" grep -qx "\.It Fl ${word#-}" claude-code-proxy.1 ;;
	*) check "the manual page has $word" grep -q "^\.It Cm $word" claude-code-proxy.1 ;;
	esac
	has "README has $word" README.md "claude-code-proxy $word"
	has "the usage has $word" "$T/help" "$word"
done
for code in 0 1 100 111; do
	check "the manual page has exit status $code" grep -qx "\.It $code" claude-code-proxy.1
done
is 'the version in the banner is that of --version' "$("$PROXY" --version)" "claude-code-proxy $(sed -n 's/.*VERSION "\(.*\)"/\1/p' version.h)"
if command -v mandoc >/dev/null; then
	mandoc -Tlint -Wwarning claude-code-proxy.1 >"$T/lint" 2>&1
	is 'the manual page is clean' "$(cat "$T/lint")" ''
fi
