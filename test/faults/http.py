# F73-F89: what an upstream can do to an answer that is not a stream. Asked for streamed and whole.

HTML = b"<!DOCTYPE html><html><head><title>Oops 1010</title></head><body><h1>Access denied</h1></body></html>"
SAYS = json.dumps(completion()).encode()

# ---- F73: statuses

for status, out, type in (
        ("400 Bad Request", 400, "invalid_request_error"), ("401 Unauthorized", 401, "authentication_error"),
        ("402 Payment Required", 402, "billing_error"), ("403 Forbidden", 403, "permission_error"),
        ("404 Not Found", 404, "not_found_error"), ("408 Request Timeout", 408, "timeout_error"),
        ("413 Too Large", 413, "request_too_large"), ("422 Unprocessable", 400, "invalid_request_error"),
        ("429 Too Many", 429, "rate_limit_error"), ("500 Error", 500, "api_error"), ("502 Bad Gateway", 502, "api_error"),
        ("503 Unavailable", 503, "overloaded_error"), ("504 Timeout", 504, "timeout_error"),
        *(("%d Odd" % n, n, "api_error") for n in range(520, 529)), ("529 Overloaded", 529, "overloaded_error")):
    name = "F73 status " + status[:3]
    case(name, [error(status, "it is said here")], E(out, type, "it is said here"), hits=1)
    case("F74 a page for " + name[4:], [document(HTML, status, "text/html")], E(out, type), hits=1)
    # a 413 without a word is what one provider says of a prompt that is too long: Claude Code knows it by these words
    too_long = E(400, "invalid_request_error", "prompt is too long")
    case("F74 nothing for " + name[4:], [document(b"", status)], too_long if out == 413 else E(out, type), hits=1)
case("F73 a long message is cut", [error("500 Error", "x" * 9000)], E(500, "api_error", "x" * 1000), hits=1)
if len(case("F73 at 4 KB", [error("500 Error", "y" * 9000)], E(500, "api_error"), kinds="N").answer.body) > 4800:
    say_line("F73 a long message is cut at 4 KB", ["it is longer"])
case("F73 the key in a message", [error("401 No", "wrong key test-upstream-key.")], E(401, "authentication_error", "wrong key"))

# ---- F74: bodies that are none

case("F74 a megabyte", [error("500 Error", "z" * 1000000)], E(500, "api_error"), hits=1)
case("F74 invalid JSON", [document(b'{"error":{"message":"ha', "500 Error")], E(500, "api_error"))
case("F74 invalid UTF-8", [document(b'{"error":{"message":"caf\xe9 \xff\xc0\xaf"}}', "500 Error")], E(500, "api_error", "caf"))
case("F74 zeros and escapes", [document(b"\0\0\x1b[2J\0", "500 Error", "text/plain")], E(500, "api_error"))
case("F74 an error that is cut", [head("500 Error", "application/json", 100), b'{"error":{"message":"words'], E(500, "api_error"))
case("F74 a deep error", [document(b'{"error":' * 5000 + b"1" + b"}" * 5000, "500 Error")], E(500, "api_error"))

# ---- F75: redirects. The other place is a port where somebody listens and must not be asked

other = socket.socket()
other.bind(("127.0.0.1", 0))
other.listen(5)
for status in (300, 301, 302, 303, 304, 307, 308):
    case("F75 status %d" % status,
         [document(b"", "%d See" % status, Location="http://127.0.0.1:%d/?k=secret" % other.getsockname()[1])],
         E(502, "api_error", x_should_retry="false"), hits=1)
say_line("F75 nobody asked the other place", ["it was"] if select.select([other], [], [], 0.05)[0] else [])
other.close()

# ---- F76: less than was promised

series("F76 a length that is not reached", ([head(type="application/json", length=len(SAYS)), SAYS[:n], end]
       for n in range(0, len(SAYS), 7) for end in (FIN, RST)), E(502, "api_error"), kinds="N", hits=1)
series("F76 a length too long", ([head(type="application/json", length=len(SAYS) + n), SAYS] for n in (1, 2, 100, 1 << 40)),
       E(502, "api_error"), kinds="N", hits=1)

# ---- F77: no length

case("F77 no length", [head(type="application/json"), SAYS], OK(), kinds="N")
case("F77 no length, reset behind it", [head(type="application/json"), SAYS, 0.02, RST], EITHER(OK(), E(502, "api_error")), kinds="N")
case("F77 no length, half", [head(type="application/json"), SAYS[:-20]], E(502, "api_error"))

# ---- F78: more than was promised

case("F78 bytes behind the body", [document(completion()), b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"], OK(), kinds="N")
case("F78 a length too short", [head(type="application/json", length=len(SAYS) - 3), SAYS], E(502, "api_error"), kinds="N")

# ---- F79: chunks

good = b"%x\r\n%s\r\n" % (len(SAYS), SAYS)
coded = head(type="application/json", chunked=True)
case("F79 chunks that are right", [coded, good, b"0\r\n\r\n"], OK(), kinds="N")
case("F79 extensions and trailers", [coded, good.replace(b"\r\n", b";a=b\r\n", 1), b"0\r\nX: y\r\n\r\n"], OK(), kinds="N")
case("F79 a byte in a chunk, a segment each", [coded] + [b"1\r\n%c\r\n" % c for c in SAYS] + [b"0\r\n\r\n"], OK(), kinds="N")
for name, bad in (
        ("no last chunk", good), ("half a last chunk", good + b"0\r"), ("no end of the trailers", good + b"0\r\nX: y\r\n"),
        ("no number", b"zz\r\n{}\r\n0\r\n\r\n"), ("an empty number", b"\r\n{}\r\n0\r\n\r\n"), ("a sign", b"+2\r\n{}\r\n0\r\n\r\n"),
        ("a minus", b"-2\r\n{}\r\n0\r\n\r\n"), ("0x", b"0x2\r\n{}\r\n0\r\n\r\n"), ("17 digits", b"1" * 17 + b"\r\n{}"),
        ("16 digits", b"f" * 16 + b"\r\n{}"), ("no line end behind the data", b"2\r\n{}0\r\n\r\n"),
        ("a space before the number", b" 2\r\n{}\r\n0\r\n\r\n"), ("a bare LF", b"2\n{}\n0\n\n")):
    case("F79 chunks: " + name, [coded, bad], E(502, "api_error"))
case("F79 an extension of a megabyte", [coded, b"2;" + b"x" * 1000000], E(502, "api_error"), hits=1)
case("F79 endless trailers", [coded, good, b"0\r\n", b"X: y\r\n" * 100000], E(502, "api_error"), kinds="N", hits=1)

# ---- F80: framings

case("F80 a length beside chunks", [head(type="application/json", chunked=True, Content_Length="3"), good, b"0\r\n\r\n"], OK(),
     kinds="N", hits=1)
case("F80 two lengths", [head(type="application/json", length=2, Content__Length="3").replace(b"--", b"-"), SAYS], E(502, "api_error"))
case("F80 two lengths that agree", [head(type="application/json", length=len(SAYS), Content__Length=len(SAYS)).replace(b"--", b"-"),
     SAYS], EITHER(OK(), E(502, "api_error")), kinds="N")
for name, value in (("a sign", "+5"), ("hexadecimal", "0x5"), ("a minus", "-5"), ("nothing", ""), ("too large", "9" * 25),
                    ("a list", "5, 6"), ("words", "five")):
    case("F80 a length that is none: " + name, [head(type="application/json", Content_Length=value), SAYS], E(502, "api_error"))
case("F80 another coding", [head(type="application/json", Transfer_Encoding="gzip, chunked"), good, b"0\r\n\r\n"], E(502, "api_error"))

# ---- F81: interim heads, and heads that are none

ok = document(completion())
for n in (100, 102, 103):
    case("F81 status %d first" % n, [b"HTTP/1.1 %d Wait\r\nX: y\r\n\r\n" % n, 0.02, ok], OK(), kinds="N", hits=1)
case("F81 a thousand of them", [b"HTTP/1.1 103 Early\r\n\r\n" * 1000, ok], E(502, "api_error"), hits=1)
case("F81 status 101", [b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", ok], E(502, "api_error"), hits=1)
for name, bad in (
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n"), ("RTSP", b"RTSP/1.0 200 OK\r\n\r\n"), ("HTTP/2", b"HTTP/2 200\r\n\r\n"),
        ("no status", b"HTTP/1.1\r\n\r\n"), ("two digits", b"HTTP/1.1 20 OK\r\n\r\n"), ("four digits", b"HTTP/1.1 2000 OK\r\n\r\n"),
        ("a zero", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}"), ("garbage", bytes(range(256)) * 300),
        ("nothing", b""), ("half a line", b"HTTP/1.1 2"), ("half a field", b"HTTP/1.1 200 OK\r\nConte"),
        ("no colon", b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n{}"),
        ("a space before the colon", b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}"),
        ("a folded field", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}"),
        ("a field of 100 KB", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100000 + b"\r\n\r\n"),
        ("ten thousand fields", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10000 + b"\r\n{}"),
        ("a line of a megabyte", b"HTTP/1.1 200 " + b"O" * 1000000 + b"\r\n\r\n{}")):
    case("F81 a head that is none: " + name, [bad], E(502, "api_error"), hits=1)
whole = document(completion())
series("F81 a head cut at every byte", ([whole[:n]] for n in range(0, whole.index(b"\r\n\r\n") + 4)), E(502, "api_error"), kinds="N", hits=1)
case("F81 an answer of one byte a segment", slowly(whole), OK(), kinds="N", hits=1)

# ---- F82: compressed

for coding in ("gzip", "br", "zstd", "deflate"):
    case("F82 " + coding, [document(b"\x1f\x8b\x08\0\0", Content_Encoding=coding)], E(502, "api_error", "compressed"), hits=1)
case("F82 identity", [document(completion(), Content_Encoding="identity")], OK(), kinds="N")

# ---- F83: a good status, and no answer

case("F83 an error object", [document({"error": {"message": "slow down", "code": 429}})], E(429, "rate_limit_error", "slow down"), hits=1)
for name, value in (
        ("{}", {}), ("no choices", {"choices": []}), ("choices null", {"choices": None}), ("an array", []),
        ("a number", 7), ("null", None), ("true", True), ("a choice of null", {"choices": [None]}),
        ("a choice of nothing", {"choices": [{}]}), ("a message of null", {"choices": [{"message": None}]}),
        ("an array for a message", {"choices": [{"message": []}]}),
        ("content null", {"choices": [{"message": {"content": None}}]}),
        ("a number for content", {"choices": [{"message": {"content": 7}}]}),
        ("an object for choices", {"choices": {"0": {}}, "id": 7, "usage": "x"}),
        ("calls of wrong types", {"choices": [{"message": {"tool_calls": [7, None, "x", {}, {"function": 1}]}}]}),
        ("calls that are no array", {"choices": [{"message": {"tool_calls": {"a": 1}}}]})):
    case("F83 " + name, [document(value)], E(502, "api_error"))
for name, body in (("nothing", b""), ("blanks", b" \r\n\t "), ("a zero", b"\0"), ("half of UTF-8", b'{"choices":[{"message":{"content":"\xc3'),
                   ("very deep", b'{"choices":' + b"[" * 100000)):
    case("F83 " + name, [document(body)], E(502, "api_error"))
# words are what is wrong
case("F83 a string", [document("x")], E(500, "api_error", "x"))
case("F83 status 204", [b"HTTP/1.1 204 No Content\r\n\r\n"], E(502, "api_error"), hits=1)

# ---- F84: blank lines first

case("F84 blank lines first", [head(type="application/json", length=len(SAYS) + 65)] + [b"\n", b" \r\n", b"\t \n"] * 5 + [0.1] +
     [b"\n   "] * 7 + [b"  ", SAYS], OK(), kinds="N", hits=1)
case("F84 blank lines for longer than REQUEST_TIMEOUT", [head(type="application/json")] + [b"\n", 0.2] * 7 + [SAYS],
     EITHER(OK(), E(504, "timeout_error")), kinds="N", hits=1)

# ---- F85: calls

def calls(*items):
    return [document(completion(None, "tool_calls", tool_calls=list(items)))]


def call(arguments, name="Bash", **more):
    return dict({"type": "function", "function": {"name": name, "arguments": arguments}}, **more)


case("F85 a call", calls(call('{"a":1}', id="c1")), BLOCKS('tool_use Bash {"a":1}'), kinds="N")
case("F85 no ids", calls(call("{}"), call("{}")), BLOCKS("tool_use Bash {}", "tool_use Bash {}"), kinds="N")
case("F85 the same id twice", calls(call("{}", id="c"), call('{"b":2}', id="c")), BLOCKS("tool_use Bash {}", 'tool_use Bash {"b":2}'), kinds="N")
case("F85 gaps between indices", calls(call("{}", id="a", index=3), call('{"b":2}', id="b", index=9)),
     BLOCKS("tool_use Bash {}", 'tool_use Bash {"b":2}'), kinds="N")
case("F85 arguments as an object", calls(call({"a": 1}, id="a")), BLOCKS('tool_use Bash {"a":1}'), kinds="N")
case("F85 no arguments", calls(call("", id="a")), BLOCKS("tool_use Bash {}"), kinds="N")


def defined(a, stream):
    """An input that is an object, or an error; nothing else."""
    m = json.loads(a.body)
    if a.status == 200 and all(isinstance(b["input"], dict) for b in m["content"] if b["type"] == "tool_use"):
        return None
    return None if a.status == 502 and m["type"] == "error" else "status %d" % a.status


for bad in ('{"a":', "nonsense", "[1]", '"x"', "7", "null", '{"a":1}}', '{"a":1} {"b":2}', "\0", '{"a":"\ud800"}'):
    case("F85 arguments that are none: " + ascii(bad), calls(call(bad, id="a")), defined, kinds="N")
case("F85 two hundred calls", calls(*(call('{"n":%d}' % n, id="c%d" % n) for n in range(200))),
     EITHER(BLOCKS(*('tool_use Bash {"n":%d}' % n for n in range(200))), E(502, "api_error")), kinds="N")

# ---- F86: usage

def usage(text):
    body = json.dumps(dict(completion(), usage=0)).replace('"usage": 0', '"usage": ' + text if text else '"x": 0')
    return [document(body.encode())]


def counted(a, stream):
    wrong = OK()(a, stream)
    u = json.loads(a.body)["usage"]
    if wrong or not all(isinstance(u[n], int) and 0 <= u[n] < 1 << 53 for n in ("input_tokens", "output_tokens")):
        return wrong or "usage %s" % u


for text in ("", "null", "{}", "[]", "7", '{"prompt_tokens":-5,"completion_tokens":-1}', '{"prompt_tokens":null,"completion_tokens":"x"}',
             '{"prompt_tokens":1e300,"completion_tokens":99999999999999999999999999}', '{"prompt_tokens":1.5,"completion_tokens":2e1}',
             '{"prompt_tokens":5,"completion_tokens":6,"prompt_tokens_details":{"cached_tokens":700}}'):
    case("F86 usage " + (text or "missing"), usage(text), counted, kinds="N")

# ---- F87, F88: an answer before the request is sent

def early(name, script, want, within=1.0):
    """Eight megabytes that the upstream does not read."""
    BENCH.case = c = Case(script)
    a = exchange(PROXY.port, request("x" * 8000000, False))
    wrong = [want(a, False)]
    if a.took > within * (20 if SLOW else 1) + CLOCK.slack():
        wrong.append("took %.2f s" % a.took)
    say_line(name, [w for w in wrong if w] + after_case(a), a)


refusal = error("401 Unauthorized", "no such key")
early("F87 refused early, then nothing is read", [EARLY, refusal, DEAF], E(401, "authentication_error", "no such key"))
early("F87 refused early, the connection closed", [EARLY, refusal, FIN], E(401, "authentication_error", "no such key"))
early("F88 refused early, then reset", [EARLY, refusal, 0.1, RST], E(401, "authentication_error", "no such key"))
early("F88 half of a refusal, then reset", [EARLY, refusal[:-30], 0.1, RST],
      EITHER(E(401, "authentication_error"), E(502, "api_error")))
early("F88 half of a head, then reset", [EARLY, refusal[:30], 0.1, RST], E(502, "api_error"))
early("F88 reset while it is sent", [EARLY, 0.05, RST], E(502, "api_error"))
early("F88 closed while it is sent", [EARLY, 0.05, FIN], E(502, "api_error"))

# ---- F89: nothing comes

case("F89 no first byte", [HANG], E(504, "timeout_error", "REQUEST_TIMEOUT"), hits=1)
case("F89 half a head", [b"HTTP/1.1 200 OK\r\nX: ", HANG], E(504, "timeout_error"), kinds="N", hits=1)
case("F89 half a document", [head(type="application/json", length=900), SAYS[:40], HANG], E(504, "timeout_error"), kinds="N", hits=1)
for stream in (True, False):
    c = scripted([HANG], stream)
    s = client(stream)
    until(lambda: c.hits == 1)
    s.close()
    left = time.monotonic()
    gone = until(lambda: c.closed_at)
    say_line("F89 the client goes: so does the upstream's connection (%s)" % ("streamed" if stream else "whole"),
             [] if gone and c.closed_at - left < SOON / 10 + CLOCK.slack() else ["after %s" % (c.closed_at and c.closed_at - left)])
