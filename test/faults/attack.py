# What a client can do, for the tables that begin with: exec(open("test/faults/attack.py").read())

def fields(*lines, key=True, host=b"Host: localhost\r\n"):
    """The lines of a head behind the first."""
    own = b"x-api-key: " + KEY + b"\r\n" if key else b""
    return host + own + b"".join(line + b"\r\n" for line in lines)


JSON = b"Content-Type: application/json"
CLOSE = b"Connection: close"
SMALL = json.dumps({"model": "claude-opus-4-8", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}).encode()


def head_of(*lines, method=b"POST", target=b"/v1/messages", version=b"HTTP/1.1", **options):
    return b"%s %s %s\r\n" % (method, target, version) + fields(*lines, **options) + b"\r\n"


def length(n):
    return b"Content-Length: %d" % n


def post(body=SMALL, *lines, **options):
    """A whole good request."""
    return head_of(JSON, length(len(body)), *lines, **options) + body


def last(body=SMALL, *lines, **options):
    return post(body, CLOSE, *lines, **options)


def answers(data, bodiless=False):
    """The answers in what came, interim ones left out; each decoded."""
    got = []
    while data:
        a = Answer(data, 0)
        top, _, data = data.partition(b"\r\n\r\n")
        if a.status == 0 and data:	# an interim one: the whole was looked through for another
            got.append(a)
            return got
        while re.match(rb"HTTP/1\.1 1\d\d ", top):
            top, _, data = data.partition(b"\r\n\r\n")
        if bodiless:
            a.body, n = b"", 0
        elif "content-length" in a.fields:
            n = int(a.fields["content-length"])
            a.body, a.clean = data[:n], len(data) >= n
        else:
            n = len(data)
        data = data[n:]
        got.append(a)
    return got


class Talk:
    """What came on a connection: data, its answers, how long it took, and whether the proxy ended it."""

    def __init__(self, data, closed, took, bodiless=False):
        self.data, self.closed, self.took = data, closed, took
        self.answers = answers(data, bodiless)
        self.statuses = [a.status for a in self.answers]


def dial():
    s = socket.create_connection(("127.0.0.1", PROXY.port), PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def receive(s, patience, enough=None):
    """All that comes until the end, or until it is enough. (data, whether it ended)"""
    parts, end = b"", time.monotonic() + patience
    try:
        while enough is None or not enough(parts):
            s.settimeout(max(0.001, end - time.monotonic()))
            got = s.recv(1 << 18)
            if not got:
                return parts, True
            parts += got
    except socket.timeout:
        return parts, False
    except ConnectionError:
        return parts, True
    return parts, False


def talk(data, half=False, step=0, bodiless=False):
    """Sends, in pieces of step bytes where it is not 0; half: ends its own side then."""
    began = time.monotonic()
    with dial() as s:
        try:
            for piece in slowly(data, step) if step else [data]:
                s.sendall(piece)
            if half:
                s.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        got, closed = receive(s, PATIENCE)
    return Talk(got, closed, time.monotonic() - began, bodiless)


def soon(seconds):
    """At most so long; longer where the program is slow, or the machine busy."""
    return seconds * (10 if SLOW else 1) + CLOCK.slack()


def conclude(t, wrong, hits, c, within=2.0):
    """A case's line: wrong, and what must hold behind every case."""
    if hits is not None and c.hits != hits:
        wrong.append("%d requests came to the upstream, want %d" % (c.hits, hits))
    if t.took > soon(within):
        wrong.append("took %.2f s" % t.took)
    for a in t.answers:
        if "access-control-allow-origin" in a.fields and not getattr(c, "let_in", False):
            wrong.append("an origin is let in")
    wrong += after_case(t)
    return wrong


def attack(name, data, *wants, hits=0, quiet=False, closed=True, let_in=False, script=answer, within=2.0, **options):
    """
    Sends data on a connection of its own. wants: what each answer must be, in order and none
    besides: functions as E and OK. hits: requests that the upstream must have got.
    """
    BENCH.case = c = Case(script, False)
    c.let_in = let_in
    t = talk(data, **options)
    wrong = []
    if len(t.answers) != len(wants):
        wrong.append("%d answers, want %d: %s" % (len(t.answers), len(wants), t.statuses))
    for a, want in zip(t.answers, wants):
        try:
            w = want(a, False)
        except (ValueError, KeyError, TypeError, IndexError) as e:
            w = "no answer of its kind: %r" % e
        if w:
            wrong.append(w)
    if closed and not t.closed:
        wrong.append("not closed")
    wrong = conclude(t, wrong, hits, c, within)
    c.wrong = wrong
    c.talk = t
    if not quiet:
        say_line(name, wrong, t)
    return c


def attacks(name, rows, *wants, **options):
    """Many that must all end alike, in a line. rows: (what, data)."""
    wrong, n = [], 0
    for what, data in rows:
        n += 1
        c = attack(name, data, *wants, quiet=True, **options)
        if c.wrong:
            wrong.append("%r: %s %r" % (what, "; ".join(c.wrong), c.talk.data[:300]))
    say_line("%s: %d cases" % (name, n), wrong[:8])


BAD = E(400, "invalid_request_error", connection="close")
GOOD = OK()


def R(status, **want):
    """That status, whatever the body; fields as for E."""
    def check(a, stream):
        if a.status != status:
            return "status %d, want %d" % (a.status, status)
        for name, value in want.items():
            if a.fields.get(name.replace("_", "-")) != value:
                return "%s: %s" % (name, a.fields.get(name.replace("_", "-")))
    return check


def resident():
    """KB of memory."""
    with open("/proc/%d/status" % PROXY.pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))


def ticks():
    with open("/proc/%d/stat" % PROXY.pid) as f:
        return sum(int(n) for n in f.read().rpartition(") ")[2].split()[11:13])


def flat(before, kb=1024):
    """Whether the memory is what it was; under valgrind it tells nothing."""
    now = resident()
    return None if SLOW or now - before <= kb else "resident: %d KB more" % (now - before)


def say_case(name, *wrong, talk=None, hits=0, c=None):
    """A line for a case that was played by hand."""
    t = talk or Talk(b"", True, 0)
    say_line(name, conclude(t, [w for w in wrong if w], hits if c else None, c or Case(answer)), t)
