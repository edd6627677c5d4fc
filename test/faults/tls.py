# F57-F70, and of F76, F77, F90, F91 what is different with TLS. TLS_MS is 500, MAX_RETRIES 1.

def server(name="good", minimum=ssl.TLSVersion.TLSv1_2, maximum=ssl.TLSVersion.TLSv1_2, more=""):
    c = BENCH.context(name)
    if more:
        with open(DIR + "/ca/whole.pem", "w") as f:
            for part in (name + ".pem", more):
                f.write(open(DIR + "/ca/" + part).read())
        c.load_cert_chain(DIR + "/ca/whole.pem", "%s/ca/%s.key" % (DIR, name))
    c.minimum_version, c.maximum_version = minimum, maximum
    return c


def refused(name, context, *words):
    """Nothing is sent to such a server, nor is it tried again."""
    c = case(name, answer, E(502, "api_error", *words, x_should_retry="false"), hits=0, connections=1, context=context)
    if c.heads:
        say_line(name + ": nothing was sent", ["a head came"])


# ---- F57, F58: certificates. The whole table of them is in tls_test

refused("F57 an expired certificate", server("expired"), "has expired or is not yet valid", "20")
for name, words in (("wrong", "is for another name"), ("unknown", "signed by nobody in"), ("sha1", "SHA-1"), ("short", "weak key"),
                    ("critical", "critical extension"), ("ed25519", "shares no TLS version"), ("chain", "signed by nobody in"),
                    ("usage", "critical extension"), ("address", "is for another name"), ("long", "longer than 4096 bits")):
    refused("F58 T22 a certificate, %s" % name, server(name), words)
refused("F58 a critical constraint", server("named", more="named.more"), "critical extension")
refused("F58 certificates out of order", server("disorder", more="disorder.more"), "in the order sent")
for name, more in (("good", ""), ("rsa", ""), ("chain", "chain.more"), ("rooted", "rooted.more"), ("extra", "extra.more"), ("p521", ""),
                   ("p384", ""), ("rsa4096", ""), ("common", ""), ("staple", ""), ("pinned", ""), ("hinted", "hinted.more")):
    case("F58 T22 a certificate, %s" % name, answer, OK(), hits=1, connections=1, context=server(name, more=more))

# ---- F60-F63: servers of another kind

V = ssl.TLSVersion
refused("F60 TLS 1.3 alone", server(minimum=V.TLSv1_3, maximum=V.TLSv1_3), "requires TLS 1.3")
refused("F61 TLS 1.1 alone", server(minimum=V.TLSv1_1, maximum=V.TLSv1_1), "TLS")
refused("F61 TLS 1.0 alone", server(minimum=V.TLSv1, maximum=V.TLSv1), "TLS")
for name, words in (
        ("F62 the port speaks HTTP", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), ("F63 the port speaks SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("F63 the port speaks SMTP", b"220 mail ESMTP\r\n"), ("F63 the port speaks zeros", bytes(200)), ("F63 the port speaks ones", b"\xff" * 70000),
        ("F63 the port speaks all bytes", bytes(range(256)) * 100), ("F63 the port speaks a record too long", b"\x16\x03\x03\xff\xff" + bytes(70000)),
        ("F63 the port speaks data in the place of a handshake", b"\x17\x03\x03\0\5hello"), ("F63 the port speaks an alert", b"\x15\x03\x03\0\2\2\x28"),
        ("F63 the port speaks an empty record", b"\x16\x03\x03\0\0" * 50), ("F63 the port speaks SSL 2", b"\x80\x2e\x01\0\2" + bytes(43))):
    case(name, [RAW, words, 0.05], E(502, "api_error"), hits=0)

# ---- F64, F65: a handshake that does not come to its end

def flight(peer):
    """The server's first flight, after the client's hello."""
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = peer.bench.good.wrap_bio(into, out, server_side=True)
    while True:
        data = peer.sock.recv(65536)
        if not data:
            raise Gone
        into.write(data)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        data = out.read()
        if data:
            return data


def part(n):
    return lambda peer: peer.sock.sendall(flight(peer)[:n])


def changed(n):
    def send(peer):
        data = bytearray(flight(peer))
        data[n % len(data)] ^= 0x20
        peer.sock.sendall(data)
    return send


case("F64 silent behind the connect", [RAW, HANG], E(504, "timeout_error"), hits=0, connections=1)
case("F64 silent behind the first record", [RAW, part(100), HANG], E(504, "timeout_error"), hits=0, connections=1)
case("F64 silent behind the first flight", [RAW, part(9999), HANG], E(504, "timeout_error"), kinds="S", hits=0, connections=1)
case("F64 a byte now and then", [RAW, *([lambda peer: peer.sock.sendall(b"\x16"), 0.1] * 20)], E(502, "api_error"), kinds="N", hits=0)
for end in (FIN, RST):
    case("F65 %s behind the connect" % end.upper(), [RAW, end], E(502, "api_error"), hits=0, connections=2)
    series("F65 %s within the first flight" % end.upper(), ([RAW, part(n), end] for n in range(0, 900, 180)), E(502, "api_error"),
           kinds="S", hits=0)
series("F65 a byte of the first flight is another one", ([RAW, changed(n), 0.03] for n in range(0, 900, 60)),
       E(502, "api_error"), kinds="N", hits=0)

# ---- F67: what was changed on the way

def spoil(peer):
    """From now on the last byte of what is sent is another one."""
    peer.tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])


def plainly(data):
    return lambda peer: peer.sock.sendall(data)


SAYS = json.dumps(completion()).encode()
case("F67 a spoilt record in a stream", [head(), say("So far"), spoil, say("evil"), finish(), DONE], CUT("So far"), kinds="S", hits=1)
case("F67 a spoilt record in a document", [head(type="application/json", length=len(SAYS)), SAYS[:20], spoil, SAYS[20:]],
     E(502, "api_error"), kinds="N", hits=1)
case("F67 a spoilt head", [spoil, document(completion())], E(502, "api_error"), hits=1)
for name, data in (("plain bytes", b"data: {}\n\n"), ("a plain alert", b"\x15\x03\x03\0\2\2\x28"), ("a plain record", b"\x17\x03\x03\0\5hello"),
                   ("another version", b"\x17\x03\x01\0\x20" + bytes(32)), ("a long record", b"\x17\x03\x03\x50\0" + bytes(0x5000))):
    case("F67 %s in a stream" % name, [head(), say("So far"), plainly(data), say("more")], CUT("So far"), kinds="S", hits=1)

# ---- F68, F69: records of all sizes

big = "x" * 500000
case("F68 records as long as they may be", lambda stream: answer(stream, big), OK(big), hits=1)


big = "".join("%d " % n for n in range(4000))
before = cpu()
case("F69 records of one byte", lambda stream: slowly(answer(stream, big)), OK(big), hits=1, within=4)
used = cpu() - before
say_line("F69 and no time is lost with them", [] if SLOW or used < 2 else ["%.2f s" % used])
def record(peer, data):
    peer.tls.write(data)
    return peer.output.read()


case("F69 a byte of a record each segment", [head(), lambda peer: [peer.sock.sendall(b) for b in slowly(record(peer, say("All")))],
     finish(), DONE], OK(), kinds="S", hits=1)


case("F69 empty records", [head(), say("All"), *[lambda peer: peer.send(b"")] * 100, finish(), DONE], OK(), kinds="S", hits=1)

# ---- F70: sessions

shared = server()
c = case("F70 the first time", answer, OK(), kinds="S", hits=1, context=shared)
c = case("F70 the second time", answer, OK(), kinds="S", hits=1, context=shared)
say_line("F70 is resumed", [] if c.peers[-1].resumed else ["it was not"])
c = case("F70 a server that knows nothing of it", answer, OK(), kinds="S", hits=1, connections=1, context=server())
say_line("F70 has a full handshake", ["it was resumed"] if c.peers[-1].resumed else [])
case("F70 a session, and a certificate of another name behind it", answer, E(502, "api_error", "another name"), kinds="S", hits=0,
     context=server("wrong"))
case("F70 and the right one again", answer, OK(), hits=1, context=server())

# ---- close_notify: the end of the connection is no end of a body

case("F76 close_notify within a length", [head(type="application/json", length=len(SAYS) + 50), SAYS, NOTIFY], E(502, "api_error"), kinds="N")
case("F76 FIN within a length", [head(type="application/json", length=len(SAYS) + 50), SAYS, FIN], E(502, "api_error"), kinds="N")
case("F77 no length, close_notify", [head(type="application/json"), SAYS, NOTIFY], OK(), kinds="N")
case("F77 no length, FIN, the document whole", [head(type="application/json"), SAYS, FIN], OK(), kinds="N")
case("F77 no length, FIN, half a document", [head(type="application/json"), SAYS[:-9], FIN], E(502, "api_error"), kinds="N")
whole = head() + say("So far") + say(" and more") + finish() + DONE
behind = whole.index(b'"finish_reason"') + len('"finish_reason": "stop"}]}')
first, second = whole.index(say("So far")) + len(say("So far").rstrip()), whole.index(say(" and more")) + len(say(" and more").rstrip())


def cut_at(n):
    return E(502, "api_error") if n < first else CUT("So far") if n < second else CUT("So far and more") if n < behind else OK("So far and more")


for end in (NOTIFY, FIN):
    places = list(range(0, len(whole), 3))
    series("F90 a stream cut by %s" % ("close_notify" if end == NOTIFY else "FIN alone"), ([whole[:n], end] for n in places),
           lambda i: cut_at(places[i]), numbered=True, kinds="S", hits=1)
case("F91 finished, then FIN without close_notify", [head(), say("All"), finish(), FIN], OK(), hits=1)
case("F91 finished in chunks, then FIN without the last", [head(chunked=True), chunk(say("All")), chunk(finish()), FIN], OK(), hits=1)
case("F91 finished, then a spoilt record", [head(), say("All"), finish(), spoil, DONE], OK(), hits=1)

# ---- F87 with TLS

BENCH.case = c = Case([EARLY, error("401 Unauthorized", "no such key"), DEAF])
a = exchange(PROXY.port, request("x" * 8000000, False))
wrong = [E(401, "authentication_error", "no such key")(a, False)]
say_line("F87 refused early over TLS, then nothing is read", [w for w in wrong if w] + after_case(a), a)
