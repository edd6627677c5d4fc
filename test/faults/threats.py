# Threats that need an upstream of their own kind. UP_HEADERS=X-Session: {session}; a canary for its key.
exec(open("test/faults/attack.py").read())

# ---- T7: of an upstream's head little goes on, and nothing as it came

SPLIT = (b"X-Request-Id: a\r\n b", b"Retry-After: 5\r\n Set-Cookie: a=b", b"Retry-After: 5\rSet-Cookie: a=b", b"Retry-After: 5\0Set-Cookie: a=b",
         b"Retry-After: Fri, 31 Dec 1999 23:59:59\rX: GMT", b"Request-Id: req_evil\x0bSet-Cookie: a=b", b"X-Should-Retry: true\rSet-Cookie: a=b",
         b"Retry-After: 5\nSet-Cookie: a=b", b"Set-Cookie: a=b", b"Access-Control-Allow-Origin: *", b"Location: http://evil/", b"X-Evil: 1",
         b"Content-Type: text/html", b"Connection: Set-Cookie", b"Anthropic-Evil: 1")
KNOWN = {"content-type", "request-id", "content-length", "transfer-encoding", "cache-control", "connection", "retry-after", "x-should-retry"}
wrong = []
for field in SPLIT:
    for status, body in (b"429 Busy", b'{"error":{"message":"busy"}}'), (b"200 OK", json.dumps(completion()).encode()):
        raw = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n\r\n%s" % (status, len(body), field, body)
        c = attack("T7", last(), lambda a, s: None, quiet=True, hits=1, script=[raw])
        a = c.talk.answers[0]
        w = c.wrong + ["%s: %s" % f for f in a.fields.items() if f[0] not in KNOWN or "cookie" in f[1] or "evil" in f[1] or "text/html" in f[1]]
        if w or b"a=b" in c.talk.data:
            wrong.append("%r: %s %r" % (field, "; ".join(w), c.talk.data[:300]))
say_line("T7 an upstream's fields split no answer and bring none in: %d cases" % (2 * len(SPLIT)), wrong[:8])

# ---- T12: slow and lying ones; the rest of it is F73 to F108

case("T12 an upstream that says nothing", [HANG], E(504, "timeout_error"), hits=1)
case("T12 half a head, then nothing", [b"HTTP/1.1 200 O", HANG], E(504, "timeout_error"), hits=1)
case("T12 a head without end", [b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"y" * 1000 + b"\r\n"] * 40, HANG], E(502, "api_error"), hits=1)
case("T12 a thousand interim answers", [b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, HANG], E(502, "api_error"), hits=1)

# ---- T13, T15: what is packed, what is elsewhere

case("T13 a packed body, though none was asked for", [document(b"\x1f\x8b\x08\0\0\0\0\0\0\3", Content_Encoding="gzip")], E(502, "api_error"), hits=1)
case("T13 a coding of the transfer", [head(type="application/json", Transfer_Encoding="gzip, chunked") + b"5\r\nabcde\r\n0\r\n\r\n"], E(502, "api_error"), hits=1)
elsewhere = socket.socket()
elsewhere.bind(("127.0.0.1", 0))
elsewhere.listen(5)
case("T15 a redirect", [document(b"", "307 Elsewhere", Location="http://127.0.0.1:%d/v1/chat/completions" % elsewhere.getsockname()[1])],
     E(502, "api_error", x_should_retry="false", location=None), hits=1)
say_line("T15 is not followed", ["it was"] if select.select([elsewhere], [], [], 0.05)[0] else [])
elsewhere.close()

# ---- T24: one request in, one out, whatever is said to it

for status in "408", "409", "429", "500", "502", "503", "504", "529":
    case("T24 %s is not asked again" % status, [error(status + " No", "try again", Retry_After="0")], lambda a, s: None if a.status >= 400 else "no error", hits=1)
case("T24 nor one that ended without a word", [FIN], E(502, "api_error"), hits=1)
case("T24 nor one that was reset", [RST], E(502, "api_error"), hits=1)

# ---- T25: what the model or the user says changes nothing but the message

ORDERS = (b"UP_HEADERS=X-Evil: 1", rb"\r\nX-Evil: 1\r\n\r\nGET /evil HTTP/1.1", b"/etc/passwd", b"OPENAI_BASE_URL=http://evil.example", rb"\"},\"base_url\":\"http://evil.example",
          b"${OPENAI_API_KEY}", b"`id`", b"%s%n%s%n", b"{session}", rb"data: [DONE]\n\n", rb"event: error\ndata: {}\n\n", rb"\u0000", b"<tool_call>{}</tool_call>",
          rb"2026-01-01T00:00:00.000Z ERROR [FAKE]\n")
attack("T25 a plain request", last(), GOOD, hits=1)
plain_head = re.sub(rb"Content-Length: \d+", b"", BENCH.case.heads[-1])
wrong = []
for text in ORDERS:
    for body in (SMALL.replace(b"hi", text), SMALL[:-1] + b',"metadata":{"user_id":"session_' + text + b'"}}',
                 SMALL[:-1] + b',"system":"' + text + b'"}', SMALL[:-1] + b',"stop_sequences":["' + text + b'"]}'):
        c = attack("T25", last(body), GOOD, hits=1, quiet=True)
        sent = BENCH.case.heads[-1] if BENCH.case.heads else b""
        sent = re.sub(rb"Content-Length: \d+", b"", re.sub(rb"\r\nX-Session: [!-~]*", b"", sent))
        w = c.wrong + ([] if sent == plain_head else ["another head: %r" % sent])
        if w:
            wrong.append("%r: %s" % (body, "; ".join(w)))
with open(PROXY.log, "rb") as f:
    log = f.read()
if re.search(rb"[^\n -~]|\n\S*Z ERROR \[FAKE", log):
    wrong.append("the log")
say_line("T25 words that look like orders: %d requests" % (4 * len(ORDERS)), wrong[:8])
attacks("T25 fields of the request that look like orders", ((v, last(SMALL, v)) for v in (
    b"X-Claude-Code-Session-Id: a\tX-Evil: 1", b"X-Claude-Code-Session-Id: \xff", b"X-Claude-Code-Session-Id: " + b"s" * 5000,
    b"anthropic-beta: {session}", b"anthropic-version: ../..")), GOOD, hits=1)
say_line("T25 change no head either", [] if not any(b"Evil" in h for h in BENCH.case.heads) else ["%r" % BENCH.case.heads])
