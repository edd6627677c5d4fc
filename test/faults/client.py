# F1-F18, F25-F33: what a client, a page or another machine can send before a body is looked at.
exec(open("test/faults/attack.py").read())

# a whole good request that must not be found inside or behind a bad one
HIDDEN = last(SMALL.replace(b"hi", b"hidden"))
SEVEN = b'{"a":1}'


def framed(*lines, body=SEVEN, version=b"HTTP/1.1"):
    return head_of(JSON, *lines, version=version) + body + HIDDEN


CHUNKED = b"Transfer-Encoding: chunked"
EMPTY = b"0\r\n\r\n"

# ---- F1-F4: heads that can be read in two ways

attacks("F1 a length and chunks", (
    ("length first", framed(length(5), CHUNKED, body=EMPTY)), ("chunks first", framed(CHUNKED, length(5), body=EMPTY)),
    ("in capitals", framed(b"CONTENT-LENGTH: 5", b"TRANSFER-ENCODING: CHUNKED", body=EMPTY))), BAD)
attacks("F2 T30 lengths that are none", (
    (v, framed(b"Content-Length: " + v)) for v in (
        b"+7", b"-7", b"0x7", b"", b" ", b"7,7", b"7, 8", b"7 7", b"7;", b"7.0", b"7e0", b'"7"', b"\xb2", b"7\t7", b"18446744073709551623",
        b"18446744073709551615", b"9223372036854775808", b"4294967303x", b"99999999999999999999999999999")), BAD)
attacks("F2 two lengths", (
    ("same", framed(length(7), length(7))), ("different", framed(length(7), length(8))), ("one empty", framed(length(7), b"Content-Length:"))), BAD)
attack("F2 a length of zeros before it", head_of(JSON, b"Content-Length: 00%d" % len(SMALL), CLOSE) + SMALL, GOOD, hits=1)
attacks("F3 other codings", (
    (v, framed(b"Transfer-Encoding: " + v, body=EMPTY)) for v in (
        b"gzip, chunked", b"chunked, gzip", b"identity", b"xchunked", b"chunkedx", b"chunked;q=1", b'"chunked"', b"chunked,", b",chunked",
        b"chunked chunked", b"", b"c hunked", b"deflate")), E(501, "invalid_request_error", connection="close"))
attacks("F3 codings twice, or of HTTP/1.0", (
    ("twice", framed(CHUNKED, CHUNKED, body=EMPTY)), ("and identity", framed(CHUNKED, b"Transfer-Encoding: identity", body=EMPTY)),
    ("1.0", framed(CHUNKED, body=EMPTY, version=b"HTTP/1.0"))), BAD)
attacks("F4 broken fields", (
    (v, framed(length(7), v)) for v in (
        b"X : y", b"X\t: y", b" X: y", b"X: a\r\n b", b"X: a\r\n\tb", b"X: a\0b", b"X: a\rb", b"X: a\nb", b"X: y\n", b": y", b"X", b"X Y: z",
        b"X: \x01", b"X: \x7f", b"\xffX: y", b"X\0: y", b"(X): y", b"X@: y", b"Content-Length : 7", b"\0")), BAD)
attacks("F4 broken request lines", (
    (v, v + b"\r\n" + fields() + b"\r\n" + HIDDEN) for v in (
        b"GET  /health HTTP/1.1", b"GET /health  HTTP/1.1", b" GET /health HTTP/1.1", b"GET\t/health\tHTTP/1.1", b"GET /he\0alth HTTP/1.1",
        b"GET /he\x01alth HTTP/1.1", b"GET HTTP/1.1", b"GET /health HTTP/1.1 x", b"GET /health http/1.1", b"GET /health HTTP/1.1\rX: y", b"/health",
        b"G(T /health HTTP/1.1", b"GET /health HTTP/1.10", b"GET /health HTTP/1.", b"GET /health HTTP/11", b"GET /health")), BAD)
attack("F4 lines that end with LF alone", b"GET /health HTTP/1.1\nHost: localhost\n\n" + HIDDEN, BAD)

# ---- F5, F6: chunks


def chunks(body):
    return framed(CHUNKED, body=body)


attacks("F5 chunk sizes that are none", (
    (v, chunks(v + b"\r\n" + SEVEN + b"\r\n" + EMPTY)) for v in (
        b"0x7", b"+7", b"-7", b" 7", b"7 ", b"7\t", b"", b"7g", b"g", b"fffffffffffffffff", b"10000000000000007", b"00000000000000007", b"7\0", b"7\r",
        b"\n7")), BAD)
attacks("F5 chunks that do not end where they should", (
    (v, chunks(v)) for v in (
        b"7\r\n" + SEVEN + EMPTY, b"7\r\n" + SEVEN + b"\n" + EMPTY, b"7\n" + SEVEN + b"\r\n" + EMPTY, b"7\r\n" + SEVEN + b"\r0\r\n\r\n",
        b"6\r\n" + SEVEN + b"\r\n" + EMPTY, b"7\r\n" + SEVEN + b"\r\n0\n\r\n", b"7\r\n" + SEVEN + b"\r\n0\r\nno colon\r\n\r\n",
        b"7;a\0b\r\n" + SEVEN + b"\r\n" + EMPTY, b"7;" + b"e" * 300 + b"\r\n" + SEVEN + b"\r\n" + EMPTY,
        b"7\r\n" + SEVEN + b"\r\n0\r\n" + b"X: y\r\n" * 5000 + b"\r\n")), BAD)
for what, ends in ("extensions", (b';a;b="c"', b"\r\n")), ("trailers", (b"", b"Content-Length: 9\r\nTransfer-Encoding: gzip\r\nX: y\r\n\r\n")):
    body = b"%x%s\r\n%s\r\n%x%s\r\n%s\r\n0%s\r\n%s" % (10, ends[0], SMALL[:10], len(SMALL) - 10, ends[0], SMALL[10:], ends[0], ends[1])
    attack("F6 %s are passed over" % what, head_of(JSON, CHUNKED) + body + last(), GOOD, GOOD, hits=2)

# the longest line of a chunk has 256 bytes, all trailers 8192, each without its LF
for line, trailers, want in (255, 8194, [GOOD]), (256, 0, [BAD]), (4, 8195, [BAD]):
    size = b"%x;" % len(SMALL)
    size += b"e" * (line - len(size))
    named = b"X: " + b"y" * (trailers - 7) + b"\r\n" if trailers else b""
    attack("F6 a chunk's line of %d bytes, trailers of %d" % (line, trailers),
           head_of(JSON, CHUNKED, *([CLOSE] if want == [GOOD] else [])) + size + b"\r\n" + SMALL + b"\r\n0\r\n" + named + b"\r\n", *want,
           hits=want.count(GOOD))

# ---- F7: Transfer-Encoding in disguise, beside a length. Framed by the length a bad body comes first, and behind it a
# GET; framed by chunks there would be another request, which must not be.

CANARY_REQUEST = EMPTY + b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
PLACES = (b"%sTransfer-Encoding: chunked", b"Transfer%s-Encoding: chunked", b"Transfer-Encoding%s: chunked", b"Transfer-Encoding:%schunked",
          b"Transfer-Encoding: chun%sked", b"Transfer-Encoding: chunked%s", b"X: y%sTransfer-Encoding: chunked", b"Transfer-Encoding: x%s, chunked")
DISGUISES = [place % bytes([c]) for place in PLACES for c in (0, 1, 8, 9, 10, 11, 12, 13, 0x1f, 0x20, 0x7f, 0xa0, 0xff)]
wrong = []
for field in DISGUISES:
    BENCH.case = c = Case(answer, False)
    t = talk(head_of(JSON, length(len(CANARY_REQUEST)), field) + CANARY_REQUEST + b"GET /health HTTP/1.1\r\n" + fields(CLOSE) + b"\r\n")
    w = conclude(t, [], 0, c)
    if t.statuses not in ([400], [501], [400, 200]) or not t.closed:
        w.append("answers: %s" % t.statuses)
    if w:
        wrong.append("%r: %s" % (field, "; ".join(w)))
say_line("F7 T8 Transfer-Encoding in %d disguises" % len(DISGUISES), wrong[:8] if len(DISGUISES) == 104 else ["not 104"])

# ---- F8, F9: several at once, and in pieces

attack("F8 two requests in a packet", post() + last(), GOOD, GOOD, hits=2)
attack("F8 three, one of them refused", post() + b"GET /none HTTP/1.1\r\n" + fields() + b"\r\n" + last(), GOOD, E(404, "not_found_error"), GOOD, hits=2)
attack("F9 byte by byte", post() + last(), GOOD, GOOD, hits=2, step=1)
attacks("F9 in two pieces, cut anywhere", ((n, last()) for n in (1, 2, 3, 17, 18, 100)), GOOD, hits=1)
whole = last()
wrong = []
for n in range(1, len(whole), 9 if SLOW else 1):
    BENCH.case = c = Case(answer, False)
    with dial() as s:
        s.sendall(whole[:n])
        time.sleep(0.001)
        s.sendall(whole[n:])
        got, closed = receive(s, PATIENCE)
    t = Talk(got, closed, 0)
    if t.statuses != [200] or c.hits != 1:
        wrong.append("cut at %d: %s" % (n, t.statuses))
say_case("F9 in two pieces, cut at each byte", *wrong[:8])

# ---- F10-F12: large ones


def get(*lines, target=b"/health", method=b"GET", **options):
    return head_of(*lines, method=method, target=target, key=False, **options)


before = resident()
attack("F10 a request line of 4096 bytes", get(CLOSE, target=b"/health?" + b"x" * (4096 - 21)), R(200))
attack("F10 a request line of 4097 bytes", get(target=b"/health?" + b"x" * (4096 - 20)), E(414, "invalid_request_error", connection="close"))
attack("F10 a request line of 64 KB", get(target=b"/" + b"x" * 65536), E(414, "invalid_request_error"))
attack("F10 64 fields", get(CLOSE, *[b"X: y"] * 62), R(200))
attack("F10 65 fields", get(CLOSE, *[b"X: y"] * 63), E(431, "invalid_request_error", connection="close"))
attack("F10 a thousand fields", get(CLOSE, *[b"X: y"] * 1000), E(431, "invalid_request_error"))
rest = 16384 - len(get(CLOSE, b"X: "))
attack("F10 a head of 16384 bytes", get(CLOSE, b"X: " + b"y" * rest), R(200))
attack("F10 a head of 16385 bytes", get(CLOSE, b"X: " + b"y" * (rest + 1)), E(431, "invalid_request_error", connection="close"))
attack("F10 a head of 128 KB", get(CLOSE, b"X: " + b"y" * 131072), E(431, "invalid_request_error"))
attack("F10 a head without end, in pieces", get(CLOSE, b"X: " + b"y" * 20000)[:-4], E(431, "invalid_request_error"), step=3000)
say_case("F10 the memory is what it was", flat(before))

BIG = 1 << 20	# MAX_BODY of this bench


def sized(n):
    return SMALL.replace(b"hi", b"x" * (n - len(SMALL) + 2))


TOO_LARGE = E(413, "request_too_large", connection="close")
attack("F11 a body at the limit", last(sized(BIG)), GOOD, hits=1)
attack("F11 a body above the limit", post(sized(BIG + 1)) + HIDDEN, TOO_LARGE)
before = resident()
for n in BIG + 1, 1 << 32, (1 << 63) - 1:
    BENCH.case = c = Case(answer, False)
    with dial() as s:
        began = time.monotonic()
        s.sendall(head_of(JSON, length(n)))
        got, closed = receive(s, PATIENCE, lambda d: b"}}" in d or b'"}' in d)
        told = time.monotonic() - began
        try:
            for _ in range(40):
                s.sendall(b"x" * 65536)
        except OSError:
            pass
        rest, closed = receive(s, PATIENCE)
        t = Talk(got + rest, closed, time.monotonic() - began)
    say_case("F11 %d bytes are refused before they come" % n, TOO_LARGE(t.answers[0], False),
             None if told < soon(1) else "not at once", None if closed else "not closed", flat(before), talk=t, c=c)


def in_chunks(body, size=65536):
    return b"".join(chunk(body[i:i + size]) for i in range(0, len(body), size)) + EMPTY


attack("F12 chunks up to the limit", head_of(JSON, CHUNKED, CLOSE) + in_chunks(sized(BIG)), GOOD, hits=1)
attack("F12 chunks above the limit", head_of(JSON, CHUNKED) + in_chunks(sized(BIG + 1)) + HIDDEN, TOO_LARGE)
BENCH.case = c = Case(answer, False)
with dial() as s:
    s.sendall(head_of(JSON, CHUNKED) + b"fffffff\r\n" + b"x" * (BIG + 1))
    got, closed = receive(s, PATIENCE, lambda d: b"}}" in d or b'"}' in d)
t = Talk(got, True, 0)
say_case("F12 told where chunks cross it, not at their end", TOO_LARGE(t.answers[0], False) if t.answers else "no answer", talk=t, c=c)

# ---- F13: Expect

attack("F13 another Expect", post(SMALL, b"Expect: a-miracle"), E(417, "invalid_request_error"), closed=False, half=True)
attack("F13 Expect with the body behind it", last(SMALL, b"Expect: 100-continue"), GOOD, hits=1)
BENCH.case = c = Case(answer, False)
with dial() as s:
    s.sendall(head_of(JSON, length(len(SMALL)), CLOSE, b"Expect: 100-continue"))
    got, _ = receive(s, PATIENCE, lambda d: d.endswith(b"\r\n\r\n"))
    s.sendall(SMALL)
    rest, closed = receive(s, PATIENCE)
t = Talk(got + rest, closed, 0)
say_case("F13 100 Continue, then the answer", None if got == b"HTTP/1.1 100 Continue\r\n\r\n" else "no 100",
         GOOD(t.answers[0], False), talk=t, hits=1, c=c)

# ---- F14: methods and paths

for method in b"GET", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"post":
    attack("F14 %s on /v1/messages" % method.decode(), head_of(CLOSE, method=method),
           R(405, allow="POST"), bodiless=method == b"HEAD")
for path in b"/none", b"/v1", b"/v1/messages2", b"//", b"/v1/messages/../none", b"/%76%31/messages", b"*", b"/v1/messages;x":
    attack("F14 path %s" % path.decode(), last(target=path), E(404, "not_found_error"))
attack("F14 POST /health", last(target=b"/health"), E(405, "invalid_request_error", allow="GET, HEAD"))
c = attack("F14 HEAD /health", get(CLOSE, method=b"HEAD"), R(200), bodiless=True)
say_case("F14 HEAD has no body", None if c.talk.data.endswith(b"\r\n\r\n") and c.talk.data.count(b"\r\n\r\n") == 1 else "it has", talk=c.talk)

# ---- F15: what is no HTTP/1


def lines_of(data, name, *wants):
    PROXY.new_log()
    BENCH.case = c = Case(answer, False)
    t = talk(data)
    wrong = [w(a, False) for w, a in zip(wants, t.answers)]
    until(lambda: os.path.getsize(PROXY.log) > PROXY.read, SOON)
    n = PROXY.new_log().count(b"\n")
    say_case(name, *wrong, None if len(t.answers) == len(wants) else "answers: %s" % t.statuses, None if t.closed else "not closed",
             None if n == 1 else "%d lines of log" % n, None if t.took < soon(1.5) else "%.1f s" % t.took, talk=t, c=c)


lines_of(b"GET /health\r\n\r\n", "F15 HTTP/0.9", BAD)
lines_of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\x12\4\0\0\0\0\0", "F15 HTTP/2", E(505, "invalid_request_error"))
lines_of(b"GET /health HTTP/3.0\r\nHost: localhost\r\n\r\n", "F15 HTTP/3", E(505, "invalid_request_error"))
lines_of(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"r" * 300, "F15 a TLS hello", BAD)
lines_of(b"SSH-2.0-OpenSSH_9.6\r\n", "F15 SSH", BAD)
lines_of(b"\0" * 10000000, "F15 10 MB of zeros", BAD)
lines_of(bytes(range(256)) * 40000, "F15 10 MB of all bytes", BAD)
lines_of(b"\r\n" * 100000, "F15 empty lines", E(431, "invalid_request_error"))

# ---- F16: Host

attack("F16 no Host", post(host=b""), BAD)
attack("F16 two Hosts", post(host=b"Host: localhost\r\nHost: localhost\r\n"), BAD)
attack("F16 an empty Host", post(host=b"Host:\r\n"), E(421, "invalid_request_error"), half=True)
attack("F16 HTTP/1.0 needs none", head_of(JSON, length(len(SMALL)), version=b"HTTP/1.0", host=b"") + SMALL, GOOD, hits=1)

# ---- F17, F18, F25: clients that end

whole = last()
wrong_half, wrong_gone = [], []
BENCH.case = c = Case(answer, False)
for n in [0] + list(range(1, len(whole), 40 if SLOW else 7)):
    t = talk(whole[:n], half=True)
    if t.statuses != ([400] if n else []) or not t.closed:
        wrong_half.append("at %d: %s" % (n, t.statuses))
    with dial() as s:
        s.sendall(whole[:n])
say_case("F17 a side that ends inside the request", *wrong_half[:8], c=c)
say_case("F17 a client that goes inside the request", None if c.hits == 0 else "sent on", c=c)
for kind in True, False:
    wrong = []
    for _ in range(3):
        BENCH.case = c = Case([0.05, answer(kind)], kind)
        with dial() as s:
            s.sendall(request("x", kind))
            s.shutdown(socket.SHUT_WR)
            got, closed = receive(s, PATIENCE)
        a = Answer(got, 0)
        wrong += [OK()(a, kind), None if c.hits == 1 and not c.broke else "cancelled"]
    say_case("F18 T23 a half-close is served, each time (%s)" % ("streamed" if kind else "whole"), *wrong, c=c, hits=1)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


BENCH.case = c = Case(answer, False)
for n in range(20):
    s = dial()
    if n % 2:
        s.sendall(post()[:n * 9])
    reset(s)
say_case("F25 reset right after accept, or inside a head", c=c)
for kind in True, False:
    BENCH.case = c = Case([head(chunked=True), *[chunk(say("z" * 60000)) for _ in range(100)], HANG] if kind else
                          document(completion("z" * 6000000)), kind)
    c.script = c.script if isinstance(c.script, list) else [c.script]
    s = dial()
    s.sendall(request("x", kind))
    s.recv(1000)
    reset(s)
    say_case("F25 reset while the answer is written (%s)" % ("streamed" if kind else "whole"),
             None if until(lambda: c.closed_at or c.broke or not kind, SOON) else "the upstream is kept", c=c, hits=1)

# ---- F26-F33: pages and other machines. ALLOWED_ORIGINS has https://app.example, ALLOWED_HOSTS proxy.example

ORIGINS = (b"https://evil.example", b"null", b"http://localhost.evil", b"http://127.0.0.1.evil:3000", b"http://localhost", b"http://127.0.0.1:%d" % PROXY.port,
           b"https://app.example.evil", b"https://app.example:444", b"http://app.example", b"https://xapp.example", b"", b"https://app.example, https://evil")
attacks("F26 T1 a page of another origin", ((o, last(SMALL, b"Origin: " + o)) for o in ORIGINS), E(403, "permission_error"))
BENCH.case = c = Case(answer, False)
with dial() as s:
    s.sendall(head_of(JSON, length(1000), b"Origin: https://evil.example"))
    got, _ = receive(s, PATIENCE, lambda d: b'"}' in d)
t = Talk(got, True, 0)
say_case("F26 it is told before its body comes", E(403, "permission_error")(t.answers[0], False), talk=t, c=c)
attacks("F27 a preflight of another origin", ((o, head_of(b"Origin: " + o, b"Access-Control-Request-Method: POST", CLOSE, method=b"OPTIONS", key=False))
        for o in ORIGINS), E(403, "permission_error"))
LET_IN = R(204, access_control_allow_origin="https://app.example", vary="origin")
attack("F27 a preflight of the configured origin", head_of(b"Origin: https://app.example", b"Access-Control-Request-Method: POST", CLOSE,
       method=b"OPTIONS", key=False), LET_IN, let_in=True)
attack("F27 and its request", last(SMALL, b"Origin: https://app.example", b"Sec-Fetch-Site: cross-site"),
       lambda a, s: GOOD(a, s) or R(200, access_control_allow_origin="https://app.example", vary="origin")(a, s), hits=1, let_in=True)
attacks("F28 Sec-Fetch-Site", ((v, last(SMALL, b"Sec-Fetch-Site: " + v)) for v in (b"cross-site", b"same-site", b"CROSS-SITE", b"", b"x", b"none, cross-site")),
        E(403, "permission_error"))
attacks("F28 Sec-Fetch-Site of no page", ((v, last(SMALL, b"Sec-Fetch-Site: " + v)) for v in (b"none", b"same-origin")), GOOD, hits=1)
attacks("F29 T2 Content-Type", ((v, head_of(*v, length(len(SMALL)), CLOSE) + SMALL) for v in (
    (), (b"Content-Type: text/plain",), (b"Content-Type: text/plain; application/json",), (b"Content-Type: application/x-www-form-urlencoded",),
    (b"Content-Type: multipart/form-data; boundary=x",), (b"Content-Type: application/jsonx",), (b"Content-Type:",), (b"Content-Type: application",),
    (b"Content-Type: text/plain, application/json",), (b"Content-Type: application/json+x",))), E(415, "invalid_request_error"))
attacks("F29 Content-Type with parameters", ((v, head_of(b"Content-Type: " + v, length(len(SMALL)), CLOSE) + SMALL) for v in (
    b"application/json; charset=utf-8", b"Application/JSON", b'application/json ;x="y"')), GOOD, hits=1)
EVIL_HOSTS = (b"evil.example", b"localhost.evil.example", b"evil-localhost", b"127.0.0.1.evil.example", b"127.1", b"127.0.0", b"0x7f.0.0.1", b"2130706433",
              b"128.0.0.1", b"0.0.0.0", b"[::2]", b"::1", b"[::1", b"xproxy.example", b"proxy.example.evil", b"localhost:12x4", b"localhost:123456", b"localhost.")
OUR_HOSTS = (b"127.0.0.1:%d" % PROXY.port, b"127.0.0.1", b"127.8.9.10", b"[::1]:%d" % PROXY.port, b"[::1]", b"localhost", b"LocalHost:1", b"proxy.example",
             b"Proxy.Example:99")
attacks("F30 T3 a Host of another", ((h, last(host=b"Host: " + h + b"\r\n")) for h in EVIL_HOSTS), E(421, "invalid_request_error"))
attacks("F30 a Host of ours", ((h, last(host=b"Host: " + h + b"\r\n")) for h in OUR_HOSTS), GOOD, hits=1)
for path in b"/health", b"/", b"/v1/models", b"/test-connection", b"/api/hello":
    attacks("F32 %s: the same rules" % path.decode(), [(h, get(CLOSE, target=path, host=b"Host: " + h + b"\r\n")) for h in EVIL_HOSTS],
            E(421, "invalid_request_error"))
    attacks("F32 %s: not for pages" % path.decode(), [(o, get(CLOSE, b"Origin: " + o, target=path)) for o in ORIGINS] +
            [("site", get(CLOSE, b"Sec-Fetch-Site: cross-site", target=path))], E(403, "permission_error"))


def no_secret(a, stream):
    text = a.body.decode()
    for word in CANARY.decode(), KEY.decode(), "user:", "secret", "query":
        if word in text:
            return "%s is told" % word
    return R(200)(a, stream)


for path in b"/health", b"/":
    attack("F32 T28 %s tells no secret" % path.decode(), get(CLOSE, target=path), no_secret)
attacks("F33 T5 fields that name another upstream", ((v, last(SMALL, v)) for v in (
    b"X-Base-URL: http://127.0.0.1:9/", b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: evil.example", b"Forwarded: host=evil.example",
    b"X-Target: evil", b"X-Original-URL: /none", b"X-HTTP-Method-Override: GET", b"X-Real-IP: 127.0.0.1")), GOOD, hits=1)
sent = BENCH.case.heads[-1].lower()
say_case("F33 and they are not passed on", "they are" if b"evil" in sent or b"real-ip" in sent else None)
attacks("F33 absolute targets of others", ((v, last(target=v)) for v in (
    b"http://evil.example/v1/messages", b"http://127.0.0.1.evil:80/v1/messages", b"http://localhost@evil.example/v1/messages", b"http:///v1/messages",
    b"https://evil.example:443/v1/messages", b"x://evil.example?/v1/messages")), E(421, "invalid_request_error"))
attack("F33 an absolute target of ours", last(target=b"http://localhost/v1/messages"), GOOD, hits=1)
attack("F33 not with a Host of another", last(target=b"http://localhost/v1/messages", host=b"Host: evil.example\r\n"), E(421, "invalid_request_error"))
attacks("F33 T26 no forwarded field opens a door", ((v, last(SMALL, v, key=False)) for v in (
    b"X-Forwarded-For: 127.0.0.1", b"X-Real-IP: 127.0.0.1", b"Forwarded: for=127.0.0.1", b"Cookie: x-api-key=" + KEY)), E(401, "authentication_error"))
