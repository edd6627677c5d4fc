# F104-F108: connections that are used again, what is sent twice and what never.

PROXY.base += 2		# of connections that are kept


def asked(stream, text="say something", patience=None):
    return exchange(PROXY.port, request(text, stream))


def pair(name, first, second, want, hits, connections, pause=0.0):
    """
    A good answer by the script first, which then goes on; a second request, for which second is the script of
    a new connection. hits: what the two scripts got; connections: new ones for the second.
    """
    for stream in (True, False):
        BENCH.case = one = Case(lambda s: [answer(s, "first"), *first], stream)
        a = asked(stream)
        wrong = [OK("first")(a, stream)]
        time.sleep(pause)
        BENCH.case = two = Case(second, stream)
        a = asked(stream)
        wrong.append(want(a, stream))
        if (one.hits, two.hits, two.connections) != (*hits, connections):
            wrong.append("requests: %d, then %d; new connections: %d" % (one.hits, two.hits, two.connections))
        if one.connections != 1:
            wrong.append("%d connections for the first" % one.connections)
        say_line("%s (%s)" % (name, "streamed" if stream else "whole"), [w for w in wrong if w] + after_case(a), a)


# ---- F104: an idle connection that the other side closed

pair("F104 used again", [NEXT, lambda p: p.send(answer(p.case.stream, "second"))], answer, OK("second"), (2, 0), 0)
pair("F104 closed behind its answer", [FIN], answer, OK(), (1, 1), 1, pause=0.05)
pair("F104 reset behind its answer", [0.02, RST], answer, OK(), (1, 1), 1, pause=0.05)
pair("F104 closed when the next request came", [NEXT, FIN], answer, OK(), (2, 1), 1)
pair("F104 reset when the next request came", [NEXT, RST], answer, OK(), (2, 1), 1)
pair("F104 spoke out of turn", [0.02, b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n", HANG], answer, OK(), (1, 1), 1, pause=0.05)
pair("F104 closed twice: only one more", [NEXT, FIN], [FIN], E(502, "api_error"), (2, 1), 1)

# ---- F105: closed when the request is there, on a connection of its own; or when an answer has begun

for end in (FIN, RST):
    case("F105 %s behind the request" % end.upper(), [end], E(502, "api_error"), hits=1, connections=1)
    case("F105 %s within the head" % end.upper(), [b"HTTP/1.1 200 OK\r\nCont", 0.02, end], E(502, "api_error"), hits=1, connections=1)
    case("F105 %s within the request" % end.upper(), [EARLY, end], E(502, "api_error"), connections=1)
    pair("F105 used again, %s within the head" % end.upper(), [NEXT, b"HTTP/1.1 2", 0.02, end], answer, E(502, "api_error"), (2, 0), 0)
    pair("F105 used again, %s within the body" % end.upper(),
         [NEXT, head(type="application/json", length=99), b'{"choices":', 0.02, end], answer, E(502, "api_error"), (2, 0), 0)

# ---- F106: told to wait

for name, value, passed in (("digits", "5", "5"), ("nothing", "0", "0"), ("garbage", "soon", None), ("too long to wait for", "1000000000", "1000000000"),
                            ("more than fits", "9" * 40, None), ("a minus", "-5", None), ("a line end", "5\rX: y", None)):
    for status, type in ((429, "rate_limit_error"), (503, "overloaded_error")):
        case("F106 %d, retry-after: %s" % (status, name), [error("%d No" % status, "wait", retry_after=value)],
             EITHER(E(status, type, "wait", retry_after=passed), E(502, "api_error")) if passed is None else
             E(status, type, "wait", retry_after=passed), hits=1, within=0.5)
case("F106 a date", [error("429 No", "wait", retry_after="Wed, 25 Nov 2026 08:00:05 GMT", Date="Wed, 25 Nov 2026 08:00:00 GMT")],
     E(429, "rate_limit_error", retry_after="5"), hits=1, within=0.5)

# ---- F107: an upstream that is down. Three attempts for each request, and little work

BENCH.down()
before, began = cpu(), time.monotonic()
wrong, answers, threads = [], [], []
for n in range(30):
    threads.append(threading.Thread(target=lambda n=n: answers.append(asked(n % 2 == 0)), daemon=True))
    threads[-1].start()
    time.sleep(0.02)
for t in threads:
    t.join(PATIENCE)
used = cpu() - before
if len(answers) != 30 or any(E(502, "api_error", "refused")(a, True) for a in answers):
    wrong.append("another answer: %r" % [a.data for a in answers if E(502, "api_error", "refused")(a, True)][:1])
log = PROXY.new_log()
tries = log.count(b" try ")
if tries > 60:
    wrong.append("%d attempts more" % tries)
if not SLOW and used > 0.3:
    wrong.append("%.2f s of processor time" % used)
say_line("F107 thirty requests to an upstream that is down", wrong + (["the key is shown"] if CANARY in log else []))
BENCH.up()
case("F107 and when it is there again", answer, OK(), hits=1, connections=1)
BENCH.case = c = Case([RAW, RST])
wrong = [E(502, "api_error")(asked(n % 2 == 0), True) for n in range(5)]
if c.connections > 15:
    wrong.append("%d connections for five requests" % c.connections)
say_line("F107 an upstream that resets all connections", [w for w in wrong if w] + after_case(Answer(b"", 0)))

# ---- F108: after a doubt the connection is not used again

for name, doubt in (
        ("a length too short", lambda s: head("500 No", "text/plain", 2) + b"noSURPLUS"),
        ("both framings", lambda s: answer(s, Content_Length="3") if s else head(type="application/json", chunked=True, Content_Length="3") +
         chunk(json.dumps(completion()).encode()) + b"0\r\n\r\n"),
        ("Connection: close", lambda s: answer(s, Connection="close")),
        ("HTTP/1.0", lambda s: document(completion()).replace(b"1.1", b"1.0", 1)),
        ("a broken chunk", lambda s: head(chunked=True) + b"zz\r\n"),
        ("a second answer", lambda s: answer(s) + document(completion("EVIL"))),
        ("cut in the middle of its events", lambda s: head(chunked=True) + chunk(say("So far")) + chunk(b"data: {\n\n"))):
    for stream in (True, False):
        BENCH.case = one = Case(lambda s: [doubt(s), HANG], stream)
        asked(stream)
        BENCH.case = two = Case(answer, stream)
        a = asked(stream)
        wrong = [OK()(a, stream)]
        if two.connections != 1 or two.hits != 1 or one.hits != 1:
            wrong.append("requests: %d, then %d; new connections: %d" % (one.hits, two.hits, two.connections))
        if b"EVIL" in a.data or b"SURPLUS" in a.data:
            wrong.append("bytes of another answer")
        say_line("F108 %s: not used again (%s)" % (name, "streamed" if stream else "whole"), [w for w in wrong if w] + after_case(a), a)
