#!/bin/sh
# The proxy speaks TLS with a certificate of its own: the address, and whom to
# trust, are what "claude-code-proxy env" prints.
. "$(dirname "$0")/lib.sh"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 30 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
chmod 600 "$T/key.pem"
serve openai "TLS_CERT=$T/cert.pem" "TLS_KEY=$T/key.pem" <<END
when "by TLS"
times 1
call Bash {"command":"echo ran","description":"Says it"}
when "by TLS"
times 1
text "Sealed."
END
variables=$("$PROXY" env --env "$env" 2>/dev/null | sed -n "s/^export \\([A-Z_]*\\)='\\(.*\\)';*\$/\\1=\\2/p" | grep -v API_KEY)
is 'what env prints' "$(echo $variables)" "ANTHROPIC_BASE_URL=https://localhost:$port NODE_EXTRA_CA_CERTS=$T/cert.pem"
variables="$variables NO_PROXY=localhost"
claude "Do it by TLS."
said 'by TLS' Sealed.
is 'two requests' "$(sent_count)" 2
has 'the tool ran' "$(last_sent)" ran
hasnt 'nobody came without' "$log" 'no TLS'
all_taken

# an address without the s is told of at once, and not tried again
variables=''
claude "Do it without TLS."
is 'http://: exit code' "$rc" 1
has 'http://: in words' "$T/result.json" 'this port speaks TLS: the address begins with https://'
is 'http://: two times at most' "$(test "$(grep -c 'no TLS' "$log")" -le 2 && echo yes)" yes
