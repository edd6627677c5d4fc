# F34-F44: what a request's JSON can be. What goes upstream is read back as the upstream got it.
exec(open("test/faults/attack.py").read())

SHAPE = b'{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":%s}]}'
NOT_JSON = E(400, "invalid_request_error", "request body is not valid JSON")


def sent():
    """The body that the upstream got last."""
    return BENCH.case.peers[-1].body


def upstream_json():
    sent().decode("utf-8")
    return json.loads(sent(), parse_float=str, parse_int=str)


# ---- F34: JSONTestSuite, each as a whole body and as a member of a good one

SUITE = "test/json/parsing/"
rows = {"n": [], "y": [], "i": []}
for name in sorted(os.listdir(SUITE)):
    if name[:2] in ("n_", "y_", "i_"):
        with open(SUITE + name, "rb") as f:
            rows[name[0]].append((name, f.read()))
if SLOW:
    rows = {k: v[::8] for k, v in rows.items()}


def member(data):
    """The data as what a tool was called with."""
    return (b'{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use",'
            b'"id":"toolu_1","name":"t","input":{"v":' + data + b'}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1",'
            b'"content":"y"}]}]}')


def none_or(*statuses):
    return lambda a, s: None if a.status in statuses else "status %d" % a.status


bare = [(n, last(d)) for n, d in rows["n"] if d]
attacks("F34 JSONTestSuite: what is no JSON", bare, E(400, "invalid_request_error"))
# in the middle of another it may become JSON: of these, those that stay none
attacks("F34 what is no JSON, inside a request", ((n, last(member(d))) for n, d in rows["n"] if d and n not in (
    "n_structure_open_array_comma.json",) and not n.startswith("n_structure_close")), none_or(400, 200), hits=None)
attacks("F34 JSONTestSuite: what is JSON", ((n, last(d)) for n, d in rows["y"]), E(400, "invalid_request_error"))
attacks("F34 what is JSON, inside a request", ((n, last(member(d))) for n, d in rows["y"]), GOOD, hits=1)
attacks("F34 what may be JSON", ((n, last(member(d))) for n, d in rows["i"]), none_or(200, 400), hits=None)

# ---- F35: depth. A body is an object, messages, a message, its content, a block, its input: the rest is the value's

DEEP = 128	# J_DEPTH
own = 6


def nested(n, opening=b"[", closing=b"]"):
    return opening * n + closing * n


attack("F35 128 levels", last(member(nested(DEEP - own))), GOOD, hits=1)
attack("F35 T9 129 levels", last(member(nested(DEEP - own + 1))), E(400, "invalid_request_error", "deep"))
for what, data in ("lists", nested(100000)), ("lists that do not end", b"[" * 100000), ("objects", b'{"a":' * 100000 + b"1" + b"}" * 100000):
    attack("F35 100000 %s, at once" % what, last(data), E(400, "invalid_request_error", "deep"), within=0.25)

# ---- F36: numbers stay as they are written

for text in (b"1e999", b"-1E-999", b"123456789012345678901234567890", b"-0", b"-0.0", b"0.30000000000000004", b"1.0", b"1.50E+07", b"9007199254740993",
             b"18446744073709551616", b"0.1e-7"):
    attack("F36 %s in a tool's input" % text.decode(), last(member(text)), GOOD, hits=1)
    say_line("F36 %s goes on as it is" % text.decode(), [] if b'{\\"v\\":' + text + b"}" in sent() else ["%r" % sent()])
    schema = (b'{"model":"claude-opus-4-8","max_tokens":50,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"t","input_schema":'
              b'{"type":"object","properties":{"a":{"type":"number","maximum":' + text + b'}}}}]}')
    attack("F36 %s in a schema" % text.decode(), last(schema), GOOD, hits=1)
    say_line("F36 %s stays in it" % text.decode(), [] if b'"maximum":' + text + b"}" in sent() else ["%r" % sent()])

# ---- F37, F38: strings

for what, text, want in (("half a surrogate", rb'"a\ud83db"', "a\ufffdb"), ("the other half", rb'"a\ude00b"', "a\ufffdb"),
                         ("halves in the wrong order", rb'"\ude00\ud83d"', "\ufffd\ufffd"), ("a pair", rb'"\ud83d\ude00"', "\U0001f600"),
                         ("half, then an escape", rb'"\ud83d\n"', "\ufffd\n"), ("NUL", rb'"a\u0000b"', "a\0b"), ("U+2028", b'"\xe2\x80\xa8"', "\u2028"),
                         ("U+2028 escaped", rb'"\u2028"', "\u2028"), ("U+FFFF", b'"\xef\xbf\xbf"', "\uffff"), ("U+10FFFF", b'"\xf4\x8f\xbf\xbf"', "\U0010ffff"),
                         ("all escapes", rb'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'), ("DEL", b'"\x7f"', "\x7f")):
    attack("F37 %s" % what, last(SHAPE % text), GOOD, hits=1)
    got = upstream_json()["messages"][-1]["content"]
    got = got if isinstance(got, str) else got[0]["text"]
    say_line("F37 T10 %s: valid UTF-8 upstream, and the same" % what, [] if got == want and b"\0" not in sent() else ["%r" % sent()])
    # and the same on the way back
    c = attack("F37 %s in an answer" % what, last(), OK(want), hits=1, script=document(
        b'{"choices":[{"index":0,"message":{"role":"assistant","content":' + text + b'},"finish_reason":"stop"}]}'))
BAD_UTF8 = (b"\xff", b"\xfe", b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xc3", b"\xc3(", b"\xe0\x80\xaf", b"\xe2\x82", b"\xe2(\xa1", b"\xed\xa0\x80",
            b"\xed\xb0\x80", b"\xf0\x80\x80\xaf", b"\xf0\x9f\x98", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"a\xe9b")
attacks("F38 bytes that are no UTF-8", ((v, last(SHAPE % (b'"' + v + b'"'))) for v in BAD_UTF8), NOT_JSON)
attacks("F38 in a name", ((v, last(b'{"' + v + b'":1,' + SMALL[1:])) for v in BAD_UTF8), NOT_JSON)
attack("F38 a byte order mark", last(b"\xef\xbb\xbf" + SMALL), none_or(400, 200), hits=None)
attacks("F38 control characters in a string", ((v, last(SHAPE % (b'"' + bytes([v]) + b'"'))) for v in (0, 1, 9, 10, 13, 31)), NOT_JSON)

# ---- F39, F40: names

TWICE = b'{"model":"claude-first","max_tokens":50,"model":"claude-haiku-9","messages":[{"role":"user","content":"x"}]}'
seen = set()
for _ in range(3):
    attack("F39 model twice", last(TWICE), GOOD, hits=1)
    seen.add(upstream_json()["model"])
say_line("F39 one rule: the same counts each time, here and upstream", [] if len(seen) == 1 and sent().count(b'"model"') == 1 else [str(seen)])
attack("F39 twice in a tool's input", last(member(b'1,"v":2')), GOOD, hits=1)
attack("F40 an escaped name", last(SMALL.replace(b'"model"', rb'"\u006dodel"').replace(b'"role"', rb'"\u0072ole"')), GOOD, hits=1)
say_line("F40 is the same name", [] if upstream_json()["model"] == "gpt-4o" else ["%r" % sent()])

# ---- F41: what is missing is named

for what, body, word in (("an empty body", b"", "empty"), ("a list", b"[]", "object"), ("a string", b'"x"', "object"), ("null", b"null", "object"),
                         ("an empty object", b"{}", "model"), ("no messages", b'{"model":"m","max_tokens":5}', "messages"),
                         ("no max_tokens", b'{"model":"m","messages":[{"role":"user","content":"x"}]}', "max_tokens"),
                         ("no model", b'{"max_tokens":5,"messages":[{"role":"user","content":"x"}]}', "model"),
                         ("an empty model", SMALL.replace(b"claude-opus-4-8", b""), "model"), ("a number for a model", SMALL.replace(b'"claude-opus-4-8"', b"5"), "model"),
                         ("messages that are none", SHAPE.replace(b'[{"role":"user","content":%s}]', b'"x"'), "messages"),
                         ("no message", SHAPE.replace(b'[{"role":"user","content":%s}]', b"[]"), "messages"),
                         ("a message that is none", SHAPE.replace(b'{"role":"user","content":%s}', b"5"), "messages.0"),
                         ("a message without a role", SHAPE.replace(b'"role":"user",', b"") % b'"x"', "messages.0"),
                         ("a role that is none", SHAPE.replace(b'"user"', b'"king"') % b'"x"', "messages.0"),
                         ("max_tokens as a word", SMALL.replace(b"50", b'"lots"'), "max_tokens"), ("max_tokens of 0", SMALL.replace(b"50", b"0"), "max_tokens"),
                         ("max_tokens below 0", SMALL.replace(b"50", b"-5"), "max_tokens"), ("text that is a number", SHAPE % b'[{"type":"text","text":5}]', "messages.0.content.0.text"),
                         ("a block that is none", SHAPE % b"[5]", "messages.0.content.0")):
    attack("F41 %s" % what, last(body), E(400, "invalid_request_error", word))

# ---- F42: large ones. The time is mostly the bench's own

for what, body in (("10000 members", SMALL[:-1] + b"".join(b',"m%d":%d' % (n, n) for n in range(10000)) + b"}"),
                   ("a megabyte of text", SHAPE % (b'"' + b"t" * 1000000 + b'"')),
                   ("a megabyte of escapes", SHAPE % (b'"' + rb"\n\u00e9\"" * 100000 + b'"')),
                   ("10000 messages", SHAPE.replace(b'{"role":"user","content":%s}', b",".join(
                       [b'{"role":"user","content":"q"},{"role":"assistant","content":"a"}'] * 5000 + [b'{"role":"user","content":"q"}']))),
                   ("an image of 5 MB", SHAPE % (b'[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"' + b"iVBO" * 1310720 + b'"}}]'))):
    attack("F42 %s, in time" % what, last(body), GOOD, hits=1, within=0.7)
times = []
for n in (2000, 8000) if SLOW else (20000, 80000):
    before = ticks()
    body = SHAPE % (b"[" + b",".join([b'{"type":"text","text":"t"}'] * n) + b"]")
    attack("F42 %d blocks" % n, last(body), GOOD, hits=1, within=3)
    times.append(ticks() - before)
# in ticks of 10 ms: four times as many may take four times as long, not sixteen times
say_line("F42 time grows as the size does", [] if times[1] <= 8 * max(times[0], 2) else ["%s ticks" % times])

# ---- F43: models

for text in b"m\\r\\nX-Evil: 1", b"m\\u001b[2J", b'm\\"quoted\\"', b"m\\n[FAKE] line", b"../../etc/passwd", b"m?x=1#y", b"m%0d%0a", b"m\xc2\x9b31m":
    PROXY.new_log()
    attack("F43 model %s" % ascii(text)[2:-1], last(SMALL.replace(b"claude-opus-4-8", text)), GOOD, hits=1)
    with open(PROXY.log, "rb") as f:
        log = f.read()
    wrong = [] if upstream_json()["model"] == json.loads(b'"' + text + b'"') else ["%r" % sent()]
    if b"X-Evil" in BENCH.case.heads[-1] or b"passwd" in BENCH.case.heads[-1]:
        wrong.append("it is in the head")
    if re.search(rb"[^\n -~]|\n\[FAKE|\nX-Evil", log):
        wrong.append("it breaks the log's lines")
    say_line("F43 T17 it stays what it is", wrong)
attack("F43 a model with U+0000", last(SMALL.replace(b"claude-opus-4-8", b"m\\u0000")), E(400, "invalid_request_error", "model"))
attack("F43 a model of 256 bytes", last(SMALL.replace(b"claude-opus-4-8", b"m" * 256)), GOOD, hits=1)
attack("F43 a model of 257 bytes", last(SMALL.replace(b"claude-opus-4-8", b"m" * 257)), E(400, "invalid_request_error", "model"))
attack("F43 a model of a megabyte", last(SMALL.replace(b"claude-opus-4-8", b"m" * 1000000)), E(400, "invalid_request_error", "model"))

# ---- F44: cut at every byte. One connection after another is asked for several, so that this is quick

REAL = (b'{"model":"claude-opus-4-8","max_tokens":50,"system":[{"type":"text","text":"Be \\"brief\\"."}],"messages":[{"role":"user","content":[{"type":"text",'
        b'"text":"caf\xc3\xa9 \\ud83d\\ude00"}]},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"t","input":{"a":[1,-2.5e3,true,null]}}]},'
        b'{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}],"tools":[{"name":"t","input_schema":{"type":"object",'
        b'"properties":{"a":{"type":"array"}}}}],"stream":true,"temperature":0.5}')
attack("F44 the request as a whole", last(REAL), lambda a, s: OK()(a, True), hits=1, script=answer(True))
BENCH.case = c = Case(answer(True))
cuts = list(range(0, len(REAL), 16 if SLOW else 1))
wrong = []
for i in range(0, len(cuts), 50):
    part = cuts[i:i + 50]
    t = talk(b"".join(post(REAL[:n]) for n in part[:-1]) + last(REAL[:part[-1]]))
    wrong += ["cut at %d: %d" % (n, s) for n, s in zip(part, t.statuses) if s != 400]
    if len(t.statuses) != len(part):
        wrong.append("%d answers of %d" % (len(t.statuses), len(part)))
    wrong += [w for w in (E(400, "invalid_request_error")(a, False) for a in t.answers) if w]
say_case("F44 cut at each of %d bytes" % len(REAL), *wrong[:8], None if c.hits == 0 else "%d went on" % c.hits, talk=t, c=c)
