#!/bin/sh
# What make, the set-up and the test runner promise.
. "$(dirname "$0")/lib.sh"
unset MAKEFLAGS MAKELEVEL

make O="$T/o" BIN="$T/o/p" BEARSSL=/nowhere all >"$T/out" 2>&1
is 'a wrong BEARSSL stops the build' "$([ $? != 0 ] && echo stopped)" stopped
is 'with the one line that helps' "$(grep -v '^make' "$T/out")" \
	'BEARSSL=/nowhere: no bearssl.h in its inc/ or include/ or no libbearssl.a in its build/ or lib/'

headers=/usr/include/bearssl
[ -d $headers ] || headers=/usr/include
library=$(cc -print-file-name=libbearssl.a)
mkdir -p "$T/install" "$T/install/lib" "$T/source" "$T/source/build"
ln -s "$library" "$T/install/lib/libbearssl.a"
ln -s "$library" "$T/source/build/libbearssl.a"
ln -s "$headers" "$T/install/include"
ln -s "$headers" "$T/source/inc"
check 'BEARSSL may be an install tree' make -s O="$T/o1" BEARSSL="$T/install" "$T/o1/bearssl"
check 'BEARSSL may be a source tree' make -s O="$T/o2" BEARSSL="$T/source" "$T/o2/bearssl"

make CC=no-such-compiler O="$T/o3" BIN="$T/o3/p" all >"$T/out" 2>&1
has 'a missing compiler is named' "$T/out" 'No C compiler no-such-compiler'

make -s install DESTDIR="$T/root" PREFIX=/usr >"$T/out" 2>&1
check 'install puts the program' test -x "$T/root/usr/bin/claude-code-proxy"
check 'install puts the manual' test -f "$T/root/usr/share/man/man1/claude-code-proxy.1"
doc=$T/root/usr/share/doc/claude-code-proxy
check 'install puts the documents' test -f "$doc/docs/QUICKSTART.md"
check 'install puts what runs it' test -x "$doc/contrib/runit/claude-code-proxy/run"
make -s install DESTDIR="$T/root" PREFIX=/usr >"$T/out" 2>&1
check 'a second install puts nothing twice' test ! -e "$doc/contrib/contrib"
make -s uninstall DESTDIR="$T/root" PREFIX=/usr >"$T/out" 2>&1
is 'uninstall takes all away' "$(find "$T/root" -type f)" ''

# a machine without anything, and nobody who may install
mkdir "$T/bare"
for name in sh sed grep dirname cat env; do
	ln -s "$(command -v $name)" "$T/bare/$name"
done
printf '#!/bin/sh\necho 1000\n' >"$T/bare/id"
printf '#!/bin/sh\nexit 100\n' >"$T/bare/apt-get"
chmod +x "$T/bare/id" "$T/bare/apt-get"
env -i PATH="$T/bare" sh test/setup build >"$T/out" 2>&1
is 'set-up fails where it cannot install' $? 1
has 'and says what to type' "$T/out" 'Type: sudo apt-get install gcc'
has 'BearSSL among it' "$T/out" libbearssl-dev
is 'in one line' "$(wc -l <"$T/out" | tr -d ' ')" 1

# a person's first start: no .env
mkdir -p "$T/copy/test"
cp "$PROXY" "$T/copy/claude-code-proxy"
cp test/provider test/serve "$T/copy/test/"
port=$(test/tool port) key=demo
PORT=$port "$T/copy/test/serve" >"$T/serve.log" 2>&1 &
serve_pid=$!
keep_pid $serve_pid
check 'make run starts' until_true grep -q 'curl -N' "$T/serve.log"
has 'it prints the address to paste' "$T/serve.log" "export ANTHROPIC_BASE_URL=http://127.0.0.1:$port"
has 'it prints the key to paste' "$T/serve.log" 'export ANTHROPIC_API_KEY=demo'
sed -n "s/.* -d '\(.*\)'\$/\1/p" "$T/serve.log" >"$T/pasted"
request POST /v1/messages <"$T/pasted"
is 'what it prints for curl is answered' "$status" 200
test/tool message <"$T/body" >"$T/said"
has 'with reasoning' "$T/said" 'thinking Someone wants to see reasoning'
has 'with text' "$T/said" 'text Hello from the scripted provider'
has 'to its end' "$T/said" 'end end_turn'
echo '{"model":"claude-opus-4-8","max_tokens":500,"stream":true,"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{"command":{"type":"string"}},"required":["command"]}}],"messages":[{"role":"user","content":"Use a tool."}]}' |
	request POST /v1/messages
test/tool message <"$T/body" >"$T/said"
has 'a tool call' "$T/said" 'tool_use Bash {"command":"echo hello from the provider"}'
kill -TERM $serve_pid
wait $serve_pid 2>/dev/null
check 'its end is the end of both' until_true sh -c "! nc -z 127.0.0.1 $port"

# the runner counts what goes wrong
mkdir "$T/tests"
printf 'echo "ok - one"\necho "not ok - two"\n' >"$T/tests/mixed.t"
printf 'echo "ok - one"\nkill -9 $$\n' >"$T/tests/dies.t"
printf 'exit 0\n' >"$T/tests/silent.t"
printf 'echo "ok - one"\nsleep 30\n' >"$T/tests/hangs.t"
LIMIT=1 test/run "$T"/tests/*.t >"$T/out" 2>&1
is 'a run with failures fails' $? 1
is 'each is counted' "$(tail -n 1 "$T/out")" '3 passed, 4 failed'
test/run "$T/tests/none.t" >"$T/out" 2>&1
is 'a test that is not there fails' "$(tail -n 1 "$T/out")" '0 passed, 1 failed'
printf 'echo "ok - one"\n' >"$T/tests/good.t"
test/run "$T/tests/good.t" >"$T/out" 2>&1
is 'a good run is good' "$? $(tail -n 1 "$T/out")" '0 1 passed, 0 failed'
