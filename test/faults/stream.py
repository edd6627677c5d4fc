# F90-F103: what an upstream can do to a stream.

def raw(*data, **fields):
    """A stream of these bytes, up to the end of the connection."""
    return [head(**fields)] + list(data)


# ---- F90: cut at every byte, in pieces of seven bytes; by FIN, by RST, within chunks. What was said is kept, and is no answer

GOLDEN = [b": keep-alive\n\n", delta(role="assistant", content=""), say("Gr\u00fc\u00dfe "), say("\U0001f388").replace(b"\n", b"\r\n"),
          say("!"), finish(), event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}}), DONE]


def cuts(pieces, bytes_of, ends):
    """A script for each position, and what each must give: an event counts when its line is whole."""
    whole = b"".join(pieces)
    at, lines = 0, []
    for p in pieces:
        lines.append((at + len(p.rstrip(b"\r\n")), p))
        at += len(p)
    for n in range(0, len(whole)):
        said = "".join(json.loads(p[6:])["choices"][0]["delta"].get("content", "") for end, p in lines
                       if end <= n and p.startswith(b'data: {"choices": [{'))
        over = any(end <= n and b"finish_reason" in p for end, p in lines)
        want = OK(said) if over else CUT(said) if said else E(502, "api_error")
        for end in ends:
            yield [*bytes_of(whole[:n]), end], want


for name, bytes_of, ends in (
        ("F90 a stream cut at every byte, in pieces", lambda data: [head()] + slowly(data, 7), (FIN,)),
        ("F90 the same in a chunk each", lambda data: [head(chunked=True)] + [chunk(p) for p in slowly(data, 7)], (FIN,)),
        ("F90 the same within a chunk", lambda data: [head(chunked=True), b"1000\r\n" + data], (FIN,))):
    made = list(cuts(GOLDEN, bytes_of, ends))
    series(name, [m[0] for m in made], lambda n: made[n][1], numbered=True, kinds="S", hits=1)


def either_way(want):
    # a reset may overtake what was sent before it
    return EITHER(want, E(502, "api_error"), CUT("Gr\u00fc\u00dfe "), CUT("Gr\u00fc\u00dfe \U0001f388"), CUT("Gr\u00fc\u00dfe \U0001f388!"))


made = list(cuts(GOLDEN, lambda data: [head(), data], (RST,)))[::5]
series("F90 cut by RST", [m[0] for m in made], lambda n: either_way(made[n][1]), numbered=True, kinds="S", hits=1)

# ---- F91, F92: finished, but no end

for name, rest in (("no [DONE]", []), ("no [DONE], the connection reset", [0.03, RST]), ("half a [DONE]", [b"data: [DO"]),
                   ("a broken event behind it", [b"data: {\n\n"]), ("an error behind it", [event({"error": {"message": "late"}})])):
    case("F91 finished, then " + name, raw(say("All"), finish(), *rest), OK(), hits=1)
case("F91 finished, no last chunk", [head(chunked=True), chunk(say("All")), chunk(finish()), FIN], OK(), hits=1)
case("F91 finished, a broken chunk behind it", [head(chunked=True), chunk(say("All") + finish()), b"zz\r\n"], OK(), hits=1)
case("F92 finished, then held open", raw(say("All"), finish(), HANG), OK(), hits=1, within=2.5)
case("F92 [DONE], then held open", raw(say("All"), finish(), DONE, HANG), OK(), hits=1, within=1)
case("F92 the last chunk, then held open", [chunked(say("All"), finish(), DONE), HANG], OK(), hits=1, within=1)

# ---- F93: silence

case("F93 silent before the first event", raw(HANG), E(504, "timeout_error", "REQUEST_TIMEOUT"), hits=1)
case("F93 silent in the middle", raw(say("So far"), HANG), CUT("So far", "timeout_error", "REQUEST_TIMEOUT"), kinds="S", hits=1)
case("F93 silent within an event", raw(say("So far"), say("more")[:-9], HANG), CUT("So far", "timeout_error"), kinds="S", hits=1)
case("F93 comments and nothing else", raw(say("So far"), *[b": keep-alive\n\n", 0.2] * (60 if SLOW else 12)), CUT("So far", "timeout_error"), kinds="S", hits=1)

# ---- F94: the same stream in other bytes

plain = [say("One "), say("t\u00fcw\U0001f388 "), finish(), DONE]
text = b"".join(plain)
want = OK("One t\u00fcw\U0001f388 ")
two_lines = b'data: {"choices":[{"delta":\ndata: {"content":"One t\xc3\xbcw\xf0\x9f\x8e\x88 "}}]}\n\n' + finish() + DONE
for name, data in (
        ("LF", text), ("CRLF", text.replace(b"\n", b"\r\n")), ("CR", text.replace(b"\n", b"\r")),
        ("line ends of all kinds", b"".join(p.replace(b"\n", e) for p, e in zip(plain, (b"\r", b"\n", b"\r\n", b"\r")))),
        ("a byte order mark", b"\xef\xbb\xbf" + text), ("comments", b": x\n" + text.replace(b"data", b":\n: data: no\ndata")),
        ("ids, names, waits", text.replace(b"data: ", b"id: 7\nretry: 5\nevent: message\nnonsense\ndata: ")),
        ("no space", text.replace(b"data: ", b"data:")), ("data in two lines", two_lines),
        ("many empty lines", text.replace(b"\n\n", b"\n\n\n\n\n"))):
    case("F94 %s, whole" % name, raw(data), want, hits=1)
    case("F94 %s, byte by byte" % name, raw(*slowly(data)), want, kinds="S", hits=1)
    case("F94 %s, a chunk each byte" % name, [head(chunked=True)] + [chunk(b) for b in slowly(data)] + [b"0\r\n\r\n"], want, kinds="S")
    case("F94 %s, a byte of the chunks each" % name, slowly(chunked(data)), want, kinds="S")
series("F94 in two pieces, cut anywhere", ([head(), text[:n], 0.002, text[n:]] for n in range(0, len(text), 3)), want, kinds="S", hits=1)

# ---- F95: large ones

def rss():
    with open("/proc/%d/status" % PROXY.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


big = "x" * 65536
case("F95 a delta of 64 KB", raw(say(big), finish(), DONE), OK(big), hits=1)
big = "y" * 1000000
case("F95 a line of a megabyte", raw(say(big), finish(), DONE), OK(big), hits=1)
big = "z" * 7000000
grown = []
for n in range(1 if SLOW else 2):
    case("F95 an event of seven megabytes, time %d" % n, raw(say(big), finish(), DONE), OK(big), kinds="S", hits=1)
    case("F95 an event of ten megabytes, time %d" % n, raw(say("So far"), say("w" * 10000000), finish(), DONE),
         CUT("So far", "api_error", "MAX_EVENT"), kinds="S", hits=1)
    case("F95 a line without an end, time %d" % n, raw(say("So far"), b"data: " + b"v" * 10000000), CUT("So far"), kinds="S", hits=1)
    case("F95 an endless comment, time %d" % n, raw(say("All"), b": " + b"u" * 10000000 + b"\n\n", finish(), DONE), OK(), kinds="S", hits=1)
    grown.append(rss())
say_line("F95 no memory is kept", [] if SLOW or grown[1] <= grown[0] + 1000 else ["%s KB" % grown])
case("F95 ten thousand events at once", raw(b"".join(say("%d " % n) for n in range(10000)) + finish() + DONE),
     OK("".join("%d " % n for n in range(10000))), kinds="S", hits=1)

# ---- F96: characters in two parts

def parts(a, b):
    """Two deltas whose text is not what JSON may hold."""
    return raw(b'data: {"choices":[{"delta":{"content":"a' + a + b'"}}]}\n\n', b'data: {"choices":[{"delta":{"content":"' + b + b'z"}}]}\n\n',
               finish(), DONE)


def mended(text):
    """The character, or marks in its place: U+FFFD where the bytes have room for it, else a question mark."""
    def check(a, stream):
        s = Stream(a.body)
        if s.at != "end" or not (s.said() == text or re.fullmatch("a[\ufffd?]+z", s.said())):
            return "said %r" % s.said()
    return check


for name, a, b, whole in (("F96 two bytes", b"\xc3", b"\xa9", "a\u00e9z"), ("F96 three, behind one", b"\xe2", b"\x82\xac", "a\u20acz"),
                          ("F96 three, behind two", b"\xe2\x82", b"\xac", "a\u20acz"), ("F96 four, behind one", b"\xf0", b"\x9f\x8e\x88", "a\U0001f388z"),
                          ("F96 four, behind three", b"\xf0\x9f\x8e", b"\x88", "a\U0001f388z"),
                          ("F96 a surrogate pair", b"\\ud83d", b"\\ude00", "a\U0001f600z"), ("F96 a surrogate alone", b"\\ud83d", b"", "a\ufffdz"),
                          ("F96 surrogates reversed", b"\\ude00", b"\\ud83d", "a\ufffd\ufffdz"), ("F96 bytes that are no text", b"\xff", b"\xc0\xaf", "")):
    case(name, parts(a, b), mended(whole), kinds="S", hits=1)

# ---- F97: an event that is no JSON

for bad in (b"{", b"[", b'{"choices":[{"delta":{"content":"x"}]}', b"<html>error 500</html>", b'{"choices":[{"delta":{"content":"\x01"}}]}'):
    case("F97 in the middle: %s" % bad.decode(), raw(say("So far"), b"data: " + bad + b"\n\n", say(" and more"), finish(), DONE),
         EITHER(CUT("So far"), OK("So far and more"), OK("So far\x01 and more")), kinds="S", hits=1)
    case("F97 first: %s" % bad.decode(), raw(b"data: " + bad + b"\n\n"), EITHER(E(502, "api_error"), E(500, "api_error"), CUT("\x01")), kinds="S")

# ---- F98: errors within a stream

for code, type in ((400, "invalid_request_error"), (401, "authentication_error"), (429, "rate_limit_error"), (500, "api_error"),
                   (502, "api_error"), (503, "overloaded_error"), (529, "overloaded_error")):
    broken = {"error": {"message": "it broke", "code": code}}
    case("F98 error %d before anything" % code, raw(event(broken)),
         lambda a, stream: None if json.loads(a.body)["error"]["type"] == type and a.status >= 400 else "another error", hits=1)
    case("F98 error %d later" % code, raw(say("So far"), event(broken), say("more"), finish(), DONE), CUT("So far", type, "it broke"), kinds="S")
case("F98 an event named error", raw(say("So far"), b"event: error\ndata: it broke\n\n", finish(), DONE), CUT("So far", "api_error", "it broke"),
     kinds="S")
case("F98 an error of another kind", raw(say("So far"), event({"error": "it broke"}), DONE), CUT("So far", "api_error", "it broke"), kinds="S")
case("F98 an error with the key", raw(say("So far"), event({"error": {"message": "no test-upstream-key"}})), CUT("So far"), kinds="S")
case("F98 finish_reason error", raw(say("So far"), finish("error")), CUT("So far"), kinds="S")

# ---- F99: calls

def tool(index, id=None, name=None, arguments=None):
    f = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    c = {"function": f}
    if index is not None:
        c["index"] = index
    if id is not None:
        c["id"] = id
    return delta(tool_calls=[c])


end = finish("tool_calls") + DONE
for name, events, want in (
        ("one after the other", [tool(0, "a", "A", "{"), tool(0, None, None, "}"), tool(1, "b", "B", "{}")], ("A {}", "B {}")),
        ("interleaved", [tool(0, "a", "A", '{"x'), tool(1, "b", "B", '{"y'), tool(0, None, None, '":1}'), tool(1, None, None, '":2}')],
         ('A {"x":1}', 'B {"y":2}')),
        ("0, 1, 0, 1, 0", [tool(0, "a", "A", "{"), tool(1, "b", "B", "{"), tool(0, None, None, '"x":'), tool(1, None, None, "}"),
                           tool(0, None, None, "1}")], ('A {"x":1}', "B {}")),
        ("no id in the first piece", [tool(0, None, "A", "{"), tool(0, "a", None, "}")], ("A {}",)),
        ("no id at all", [tool(0, None, "A", "{}"), tool(1, None, "B", "{}")], ("A {}", "B {}")),
        ("the name behind the arguments", [tool(0, "a", None, '{"x"'), tool(0, None, None, ":1}"), tool(0, None, "A", "")], ('A {"x":1}',)),
        ("the same id for both", [tool(0, "a", "A", "{}"), tool(1, "a", "B", "{}")], ("A {}", "B {}")),
        ("indices 3 and 9", [tool(3, "a", "A", "{}"), tool(9, "b", "B", "{}")], ("A {}", "B {}")),
        ("no index", [tool(None, "a", "A", "{}"), tool(None, "b", "B", '{"x":1}')], ("A {}", 'B {"x":1}')),
        ("a byte of arguments each", [tool(0, "a", "A", "")] + [tool(0, None, None, c) for c in '{"x":"\u00fc\\n"}'], ('A {"x":"\u00fc\\n"}',)),
        ("no arguments", [tool(0, "a", "A")], ("A {}",))):
    wanted = BLOCKS(*("tool_use " + w for w in want))
    case("F99 " + name, raw(*events, end), wanted, kinds="S", hits=1)
    case("F99 %s, byte by byte" % name, raw(*slowly(b"".join(events) + end)), wanted, kinds="S", hits=1)
case("F99 arguments that never end", raw(tool(0, "a", "A", '{"x":"'), end), lambda a, stream: Stream(a.body) and None, kinds="S", hits=1)

# ---- F100: blocks in order

case("F100 reasoning, text, a call, text", raw(delta(reasoning_content="Hm."), say("One. "), tool(0, "a", "A", "{}"), say("Two."), end),
     lambda a, stream: None if [b[0] for b in Stream(a.body).blocks] in (["text", "tool_use", "text"], ["text", "tool_use"],
         ["thinking", "text", "tool_use", "text"]) and Stream(a.body).at == "end" else "blocks %s" % Stream(a.body).blocks, kinds="S", hits=1)
case("F100 the same with thinking", raw(delta(reasoning_content="Hm."), say("One. "), tool(0, "a", "A", "{}"), delta(reasoning_content="Ah."),
     say("Two."), end), lambda a, stream: None if Stream(a.body).blocks[0][:2] == ["thinking", "Hm."] and Stream(a.body).at == "end"
     else "blocks %s" % Stream(a.body).blocks, kinds="S", members='"thinking":{"type":"enabled","budget_tokens":1024}', hits=1)
for name, events in (("[DONE] alone", [DONE]), ("nothing", []), ("blank lines", [b"\n\n\n"]), ("comments", [b": a\n\n: b\n\n"]),
                     ("a role and [DONE]", [delta(role="assistant", content=""), DONE]), ("empty choices", [event({"choices": []}), DONE]),
                     ("empty data", [b"data:\n\ndata: \n\n"]), ("null", [b"data: null\n\n", DONE]), ("{}", [event({}), DONE])):
    case("F100 an empty stream: " + name, raw(*events), E(502, "api_error"), hits=1)
case("F100 a finish and no word", raw(finish(), DONE), OK(""), kinds="S", hits=1)

# ---- F101: the other kind of answer

case("F101 a document for a stream", [document(completion("All"))], OK(), kinds="S", hits=1)
case("F101 a document without a type", [document(completion("All"), type="text/plain")], OK(), hits=1)
case("F101 a document that is called a stream", [document(completion("All"), type="text/event-stream")], OK(), hits=1)
case("F101 a stream for a document", [answer(True)], OK(), kinds="N", hits=1)
case("F101 a stream that is called a document", raw(say("All"), finish(), DONE, type="application/json"), OK(), hits=1)
case("F101 a stream for a document, cut", raw(say("All")), E(500, "api_error"), kinds="N", hits=1)
case("F101 half a document for a stream", raw(json.dumps(completion()).encode()[:50], type="application/json"), E(502, "api_error"), hits=1)

# ---- F102: the client goes

for how in ("FIN", "RST"):
    for stream in (True, False):
        c = scripted(raw(say("So far"), HANG) if stream else [HANG], stream)
        s = client(stream)
        until(lambda: c.hits == 1)
        if stream:
            while b"So far" not in s.recv(65536):
                pass
        if how == "RST":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        left = time.monotonic()
        gone = until(lambda: c.closed_at)
        wrong = [] if gone and c.closed_at - left < SOON / 10 + CLOCK.slack() else ["after %s s" % (c.closed_at and c.closed_at - left)]
        say_line("F102 the client goes by %s: the upstream is closed (%s)" % (how, "streamed" if stream else "whole"),
                 wrong + after_case(Answer(b"", 0)))

# ---- F103: a hundred at a time; one upstream stalls, one client reads slowly, one goes

WORDS = 30
stalls = threading.Event()


def many(peer):
    mine = re.search(rb"number (\d+)", peer.body).group(1)
    peer.send(head())
    for n in range(WORDS):
        peer.send(say("%s-%d " % (mine.decode(), n)))
        if mine == b"0" and n == 3:
            peer.wait_closed()
            return
        time.sleep(0.02)
    peer.send(finish() + DONE)


gaps, wrong = [], []


def reader(n):
    s = client(text="number %d." % n)
    data, last = b"", time.monotonic()
    if n == 2:
        until(lambda: b"2-1 " in s.recv(65536))
        s.close()
        return
    while True:
        got = s.recv(50 if n == 1 else 65536)
        if not got:
            break
        gaps.append(time.monotonic() - last)
        last = time.monotonic()
        data += got
        if n == 1:
            time.sleep(0.005)
    s.close()
    want = "".join("%d-%d " % (n, i) for i in range(WORDS if n else 4))
    said = (OK(want) if n else CUT(want, "timeout_error"))(Answer(data, 0), True)
    if said:
        wrong.append("%d: %s" % (n, said))


scripted([many])
threads = [threading.Thread(target=reader, args=(n,), daemon=True) for n in range(100)]
for t in threads:
    t.start()
for t in threads:
    t.join(PATIENCE)
gaps.sort()
if gaps[int(len(gaps) * 0.99)] > SOON + CLOCK.slack():
    wrong.append("a gap of %.2f s" % gaps[int(len(gaps) * 0.99)])
say_line("F103 a hundred streams, of which three are trouble", wrong + after_case(Answer(b"", 0)))
