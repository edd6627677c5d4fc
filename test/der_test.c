/*
 * der.c: certificates put together here, whole, cut short at every byte, with
 * every length one too large, and with each part replaced by what may not stand there.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "der.h"

struct bytes {
	unsigned char p[4096];
	size_t n;
};

static struct bytes of(const void *p, size_t n)
{
	struct bytes b = { .n = n };

	memcpy(b.p, p, n);
	return b;
}

#define RAW(text) of(text, sizeof text - 1)

static struct bytes join(struct bytes a, struct bytes b)
{
	memcpy(a.p + a.n, b.p, b.n);
	a.n += b.n;
	return a;
}

/* an element of that tag with that in it */
static struct bytes el(unsigned char tag, struct bytes in)
{
	unsigned char head[4] = { tag, (unsigned char)in.n };
	size_t n = 2;

	if (in.n > 255) {
		head[1] = 0x82;
		head[2] = (unsigned char)(in.n >> 8);
		head[3] = (unsigned char)in.n;
		n = 4;
	} else if (in.n > 127) {
		head[1] = 0x81;
		head[2] = (unsigned char)in.n;
		n = 3;
	}
	return join(of(head, n), in);
}

static struct bytes seq(struct bytes in)
{
	return el(0x30, in);
}

static const char rsa_oid[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05", ec_oid[] = "\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
static const char p256[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", p384[] = "\x06\x05\x2b\x81\x04\x00\x22",
	p521[] = "\x06\x05\x2b\x81\x04\x00\x23", k1[] = "\x06\x05\x2b\x81\x04\x00\x0a";

static struct bytes number(size_t n)
{
	struct bytes b = { .n = n + 1 };

	memset(b.p + 1, 0xb7, n);	/* behind the zero that keeps it positive */
	return el(2, b);
}

static struct bytes rsa(size_t n)
{
	struct bytes both = seq(join(number(n), RAW("\x02\x03\x01\x00\x01")));

	return seq(join(seq(of(rsa_oid, sizeof rsa_oid)), el(3, join(RAW("\0"), both))));
}

static struct bytes ec(struct bytes curve, size_t n)
{
	struct bytes q = { .n = n };

	memset(q.p, 0x5a, n);
	return seq(join(seq(join(of(ec_oid, sizeof ec_oid - 1), curve)), el(3, join(RAW("\0"), q))));
}

static struct bytes extension(const char *id, struct bytes critical, struct bytes value)
{
	return seq(join(join(el(6, of(id, 3)), critical), el(4, value)));
}

static struct bytes authority(struct bytes basic)
{
	return el(0xa3, seq(join(extension("\x55\x1d\x0f", RAW(""), RAW("\x03\x02\x01\x06")),
		extension("\x55\x1d\x13", RAW("\x01\x01\xff"), seq(basic)))));
}

#define VERSION RAW("\xa0\x03\x02\x01\x02")
#define SERIAL RAW("\x02\x01\x07")
#define ALGORITHM seq(RAW("\x06\x03\x55\x04\x03"))
#define NAME seq(RAW("\x31\x03\x0c\x01\x41"))
#define VALIDITY seq(RAW("\x17\x01\x30\x17\x01\x31"))
#define YES RAW("\x01\x01\xff")

static struct bytes certificate(struct bytes version, struct bytes key, struct bytes more)
{
	struct bytes b = join(version, SERIAL);

	b = join(join(join(b, ALGORITHM), seq(RAW("\x31\x00"))), VALIDITY);
	b = seq(join(join(join(b, NAME), key), more));
	return seq(join(join(b, ALGORITHM), RAW("\x03\x02\x00\x01")));
}

static struct der_certificate c;

/* from storage that ends where it ends, so that a sanitizer sees what reads on */
static bool read_bytes(const unsigned char *p, size_t n)
{
	unsigned char *exact = malloc(n + !n);

	memcpy(exact, p, n);
	bool good = der_certificate(exact, n, &c);
	free(exact);
	return good;
}

static struct bytes kept;

static bool reads(struct bytes b)
{
	kept = b;
	return read_bytes(b.p, b.n) && der_certificate(kept.p, kept.n, &c);
}

static void whole(void)
{
	struct bytes name = NAME;

	CHECK("RSA, an authority", reads(certificate(VERSION, rsa(256), authority(YES))) && c.ca && c.key.key_type == BR_KEYTYPE_RSA);
	CHECK("its subject", c.nsubject == name.n && memcmp(c.subject, name.p, name.n) == 0);
	CHECK("its modulus, without the zero", c.key.key.rsa.nlen == 256 && c.key.key.rsa.n[0] == 0xb7);
	CHECK("its exponent", c.key.key.rsa.elen == 3 && memcmp(c.key.key.rsa.e, "\1\0\1", 3) == 0);
	CHECK("P-256", reads(certificate(VERSION, ec(of(p256, 10), 65), authority(YES))) && c.ca && c.key.key_type == BR_KEYTYPE_EC
		&& c.key.key.ec.curve == BR_EC_secp256r1 && c.key.key.ec.qlen == 65 && c.key.key.ec.q[0] == 0x5a);
	CHECK("P-384", reads(certificate(VERSION, ec(of(p384, 7), 97), authority(YES))) && c.key.key.ec.curve == BR_EC_secp384r1);
	CHECK("P-521", reads(certificate(VERSION, ec(of(p521, 7), 133), authority(YES))) && c.key.key.ec.curve == BR_EC_secp521r1);
	CHECK("version 1: no extensions", reads(certificate(RAW(""), rsa(256), RAW(""))) && !c.ca);
	CHECK("no authority", reads(certificate(VERSION, rsa(256), authority(RAW("")))) && !c.ca);
	CHECK("no authority, said so", reads(certificate(VERSION, rsa(256), authority(RAW("\x01\x01\x00")))) && !c.ca);
	CHECK("an authority with a path length", reads(certificate(VERSION, rsa(256), authority(RAW("\x01\x01\xff\x02\x01\x00")))) && c.ca);
	CHECK("unique ids", reads(certificate(VERSION, rsa(256), join(RAW("\x81\x02\x00\x01\x82\x02\x00\x01"), authority(YES)))) && c.ca);
	CHECK("4096 bits", reads(certificate(VERSION, rsa(512), RAW(""))));
}

static void refused(void)
{
	struct bytes good = certificate(VERSION, rsa(256), authority(YES)), b;
	size_t wrong = 0;

	CHECK("nothing", !read_bytes(good.p, 0));
	CHECK("4104 bits", !reads(certificate(VERSION, rsa(513), RAW(""))));
	CHECK("another curve", !reads(certificate(VERSION, ec(of(k1, 7), 65), RAW(""))));
	CHECK("another kind of key", !reads(certificate(VERSION, seq(join(seq(RAW("\x06\x03\x2b\x65\x70")), RAW("\x03\x02\x00\x01"))), RAW(""))));
	CHECK("a key of half bytes", !reads(certificate(VERSION, seq(join(seq(of(rsa_oid, sizeof rsa_oid)), RAW("\x03\x02\x01\x02"))), RAW(""))));
	CHECK("an empty key", !reads(certificate(VERSION, seq(join(seq(of(rsa_oid, sizeof rsa_oid)), RAW("\x03\x00"))), RAW(""))));
	CHECK("no key", !reads(certificate(VERSION, RAW(""), authority(YES))));
	CHECK("something behind the extensions", !reads(certificate(VERSION, rsa(256), join(authority(YES), RAW("\x05\x00")))));
	CHECK("an extension without a value", !reads(certificate(VERSION, rsa(256), el(0xa3, seq(seq(el(6, RAW("\x55\x1d\x13"))))))));
	CHECK("something behind it", !reads(join(good, RAW("\0"))));
	b = good;
	b.p[1] = 0x80;
	CHECK("a length without an end", !reads(b));
	b.p[1] = 0x83;
	CHECK("a length of three bytes", !reads(b));
	for (size_t n = 0; n < good.n; n++)
		wrong += read_bytes(good.p, n);
	CHECK("cut short at every byte", wrong == 0);
	/* whatever a byte becomes, nothing outside is read */
	for (size_t i = 0; i < good.n; i++)
		for (unsigned v = 0; v < 256; v += i < 64 ? 1 : 17) {
			b = good;
			b.p[i] = (unsigned char)v;
			wrong += read_bytes(b.p, b.n) && (c.nsubject > b.n || c.key.key.rsa.nlen > b.n);
		}
	CHECK("every byte another", wrong == 0);
}

static void dates(void)
{
	static const struct {
		const char *der, *from, *until;	/* from NULL: refused */
	} t[] = {
		{ "\x17\x0d" "491231235959Z" "\x17\x0d" "500101000000Z", "2049-12-31T23:59:59Z", "1950-01-01T00:00:00Z" },
		{ "\x17\x0d" "261125095600Z" "\x18\x0f" "20500101000000Z", "2026-11-25T09:56:00Z", "2050-01-01T00:00:00Z" },
		{ "\x17\x0d" "261125095600Z", NULL, NULL },
		{ "\x17\x0b" "2611250956Z" "\x17\x0d" "271125095600Z", NULL, NULL },
		{ "\x16\x0d" "261125095600Z" "\x17\x0d" "271125095600Z", NULL, NULL },
		{ "", NULL, NULL },
	};
	char from[DER_TIME], until[DER_TIME];

	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		bool good = der_dates((struct der){ (const unsigned char *)t[i].der, strlen(t[i].der) }, from, until);
		CHECK(t[i].from != NULL ? t[i].from : "no dates", good == (t[i].from != NULL)
			&& (!good || (strcmp(from, t[i].from) == 0 && strcmp(until, t[i].until) == 0)));
	}
}

int main(void)
{
	whole();
	refused();
	dates();
	return CHECK_END();
}
