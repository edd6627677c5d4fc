# F19-F24: clients that idle, drip, do not read, and crowds. HEAD_TIMEOUT_MS=500 BODY_IDLE_MS=400 BODY_MAX_MS=900
# WRITE_STALL_MS=500 KEEPALIVE_MS=500 LINGER_MS=200 MAX_CONNECTIONS=300
exec(open("test/faults/attack.py").read())
import resource

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def drip(data, pause, goes_on):
    """A byte each time, until the proxy answers: what it said, and when it ended."""
    began = time.monotonic()
    got, closed = b"", False
    with dial() as s:
        try:
            for byte in slowly(data) + [b" "] * 10000:
                s.sendall(byte)
                got, closed = receive(s, pause)
                if got or closed:
                    break
            if not closed:
                more, closed = receive(s, PATIENCE)
                got += more
        except ConnectionError:
            closed = True
    return Talk(got, closed, time.monotonic() - began)


def between(t, least, most):
    return None if least <= t.took <= soon(most) else "%.2f s" % t.took


# ---- F19: idle ones end in silence

for what, before in ("nothing was asked", b""), ("an answer", HEAD):
    BENCH.case = c = Case(answer)
    began = time.monotonic()
    with dial() as s:
        s.sendall(before)
        got, closed = receive(s, PATIENCE)
    t = Talk(got, closed, time.monotonic() - began)
    say_case("F19 idle behind %s: closed without a word" % what, None if t.statuses == ([200] if before else []) else "said %s" % t.statuses,
             None if closed else "not closed", between(t, 0.4, 1.5), talk=t, c=c)

# ---- F20, F21: drips. The sum counts for a head, pauses and the sum for a body

t = drip(b"POST /v1/messages HTTP/1.1\r\nX-Long: " + b"y" * 1000, 0.05, True)
say_case("F20 T11 a head that drips", E(408, "timeout_error", connection="close")(t.answers[0], False) if t.answers else "no answer",
         None if t.closed else "not closed", between(t, 0.4, 1.5), talk=t)
t = drip(head_of(JSON, length(5000))[:-1], 2, True)
say_case("F20 a head that stops", E(408, "timeout_error")(t.answers[0], False) if t.answers else "no answer", between(t, 0.4, 1.5), talk=t)
for what, pause, least, part in ("drips", 0.05, 0.8, 1), ("stops", 2, 0.3, 1):
    for how, start in ("of a length", head_of(JSON, length(50000))), ("in chunks", head_of(JSON, b"Transfer-Encoding: chunked") + b"fff\r\n"):
        BENCH.case = c = Case(answer)
        began = time.monotonic()
        with dial() as s:
            s.sendall(start)
            got, closed, n = b"", False, 0
            while not got and not closed and n < 1000:
                s.sendall(b"x")
                n += 1
                got, closed = receive(s, pause, lambda d: d)
            more, closed = receive(s, PATIENCE)
        t = Talk(got + more, closed, time.monotonic() - began)
        say_case("F21 a body %s that %s" % (how, what), E(408, "timeout_error", connection="close")(t.answers[0], False) if t.answers else "no answer",
                 None if closed else "not closed", between(t, least, 1.7), talk=t, c=c)

# ---- F22: who does not read

piece = chunk(say("w" * 4000))
for kind in True, False:
    sent = [0]

    def flood(peer):
        peer.sock.settimeout(PATIENCE)
        try:
            for _ in range(16000 if kind else 0):
                peer.sock.sendall(piece)
                sent[0] += len(piece)
        finally:
            peer.case.closed_at = time.monotonic()

    BENCH.case = c = Case([head(chunked=True), flood] if kind else document(completion("w" * 8000000)), kind)
    before = resident()
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.settimeout(PATIENCE)
        s.connect(("127.0.0.1", PROXY.port))
        s.sendall(request("x", kind))
        began = time.monotonic()
        first = s.recv(100)
        gone = until(lambda: PROXY.fds() <= PROXY.base)
        took = time.monotonic() - began
    t = Talk(b"", True, took)
    say_case("F22 a client that does not read (%s)" % ("streamed" if kind else "whole"), None if first.startswith(b"HTTP/1.1 200") else "no answer",
             None if gone else "it is kept", between(t, 0.4, 1.5), None if not kind or sent[0] < 40000000 else "%d bytes were taken" % sent[0],
             # a whole answer is kept while it is sent: 8 MB of it, once
             flat(before, 2048 if kind else 20000), talk=t, c=c, hits=1)

BENCH.case = c = Case([head(chunked=True), *[piece] * 60, chunk(finish()), chunk(DONE), b"0\r\n\r\n"], True)
with socket.socket() as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.settimeout(PATIENCE)
    s.connect(("127.0.0.1", PROXY.port))
    s.sendall(request("x", True))
    got = b""
    while True:
        part = s.recv(8000)
        if not part:
            break
        got += part
        time.sleep(0.003)
say_case("F22 a slow reader gets all of it", OK("w" * 240000)(Answer(got, 0), True), c=c, hits=1)

# ---- F23: crowds

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
MANY = min(2000, hard - 100)
BENCH.case = c = Case(answer, False)
idle = []
for _ in range(MANY):
    idle.append(dial())
t = talk(last())
say_case("F23 %d that say nothing: others are served" % MANY, GOOD(t.answers[0], False) if t.answers else "no answer",
         None if PROXY.fds() < PROXY.base + 310 else "%d descriptors" % PROXY.fds(), None if t.took < soon(1) else "%.1f s" % t.took, PROXY.healthy())
for s in idle:
    s.close()
say_case("F23 and when they are gone nothing is left", talk=t, c=c, hits=1)

# all places taken by requests that wait. Of 300 one is the stream's beside
HANGING = Case(["early", HANG], True)
BENCH.case = HANGING


def until_hits(n):
    return until(lambda: len(HANGING.heads) >= n)


busy = [client() for _ in range(298)]
taken = until_hits(298)
keep = dial()
keep.sendall(HEAD)
receive(keep, PATIENCE, lambda d: b"healthy" in d)
HANGING.hits = 0
extra = client()
until_hits(299)
got, ended = receive(keep, PATIENCE)
say_line("F23 an idle one makes room", [] if taken and ended and not got else ["it does not"])
t = talk(post())
say_line("F23 no place: 529 and when to come again", [w for w in [E(529, "overloaded_error", retry_after="2", connection="close")(t.answers[0], False)] if w])
t = talk(HEAD)
say_line("F23 no place: /health is answered", [w for w in [R(200)(t.answers[0], False), None if t.took < soon(1) else "late"] if w])
t = talk(HEAD.replace(b"localhost", b"evil.example"))
say_line("F23 no place: to our names only", [w for w in [E(421, "invalid_request_error")(t.answers[0], False)] if w])
began = time.monotonic()
with dial() as s:
    got, ended = receive(s, PATIENCE)
t = Talk(got, ended, time.monotonic() - began)
say_line("F23 no place: who says nothing is told as well", [w for w in [E(529, "overloaded_error")(t.answers[0], False), between(t, 0.4, 1.2)] if w])
t = talk(head_of(length(1000), method=b"GET", target=b"/health") + b"x")
say_line("F23 no place: nor is a body waited for", [w for w in [E(529, "overloaded_error")(t.answers[0], False)] if w])
for s in busy + [extra]:
    s.close()
say_case("F23 and when there are places again, all is well")

# ---- F24: no descriptors. The limit of the running proxy is taken down to what it has

BENCH.case = c = Case(answer, False)
own = resource.prlimit(PROXY.pid, resource.RLIMIT_NOFILE)
FEW = PROXY.fds() + 10
resource.prlimit(PROXY.pid, resource.RLIMIT_NOFILE, (FEW, own[1]))
PROXY.new_log()
free = [dial() for _ in range(20)]
for s in free:
    s.sendall(b"GET /hea")
until(lambda: PROXY.fds() >= FEW, 0.2)
before = ticks()
time.sleep(0.4)
spent = ticks() - before
log = PROXY.new_log()
resource.prlimit(PROXY.pid, resource.RLIMIT_NOFILE, own)
t = talk(HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
for s in free:
    s.close()
say_case("F24 T19 no descriptors: it waits, and does not spin", None if spent < (40 if SLOW else 5) else "%d ticks in half a second" % spent,
         None if log.count(b"accept: ") == 1 else "said %d times" % log.count(b"accept: "), None if t.statuses == [200] else "nor serve again", c=c)
