/*
 * Upstream errors into Anthropic ones.
 *
 * The status is the upstream's, but for what makes Claude Code do the right
 * thing:
 *
 *   context overflow                400 "prompt is too long": it compacts and goes on
 *   max_tokens alone too large      400 in Anthropic's words: it asks for less
 *   body too large                  413: it compacts too
 *   rate limit under another name   429 (413 and 400 of Groq, Bedrock)
 *   overload under another name     529
 *   422                             400: the same to it, and it mends 400s
 *   redirects and odd statuses      502
 *   401, 402, used up quotas        x-should-retry: false (it would try ten times)
 *   waits                           whole seconds up to 60, see retry below
 *
 * The same words elsewhere would set off the same reactions, so they are broken
 * by a no-break space where they are not meant. Hints follow the provider's
 * words and never replace them.
 */
#include <string.h>

#include "error.h"
#include "error_said.h"
#include "log.h"

#define WAIT_MAX 60		/* seconds: Claude Code gives up at once where more is asked for */
#define WAIT_SOON 180		/* a limit that resets so soon is worth waiting 60 s at a time */

/* ---- status ---- */

/* business codes of GLM, MiniMax, SiliconFlow, Cloudflare, Baidu; where HTTP says 200 */
static int status_of_code(int64_t code)
{
	static const uint16_t rows[][2] = {
		{ 1000, 401 }, { 1002, 429 }, { 1004, 401 }, { 1008, 402 }, { 1026, 400 }, { 1027, 400 }, { 1039, 429 },
		{ 1113, 429 }, { 1211, 404 }, { 1214, 400 }, { 1261, 400 }, { 1301, 400 }, { 1302, 429 }, { 1303, 429 },
		{ 1304, 429 }, { 1305, 529 }, { 1308, 429 }, { 1310, 429 }, { 2013, 400 }, { 2049, 401 }, { 2056, 429 },
		{ 3010, 400 }, { 5021, 400 }, { 10000, 401 }, { 20012, 404 }, { 20015, 400 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i][0] == code)
			return rows[i][1];
	return 0;
}

/* names of types and codes, where no number tells */
static int status_of_name(const struct said *s)
{
	static const char names[] =
		"context_length_exceeded\0"
		"rate_limit|resource_exhausted|insufficient_quota|throttling\0"
		"overloaded\0"
		"authentication_error|unauthenticated|invalid_api_key\0"
		"billing_error\0"
		"permission_denied|permission_error\0"
		"not_found\0"
		"unavailable\0"
		"deadline_exceeded|timeout\0"
		"invalid_argument|invalid_request|badrequest|content_filter\0"
		"request_too_large\0";
	static const uint16_t statuses[] = { 400, 429, 529, 401, 402, 403, 404, 503, 504, 400, 413 };
	const char *tags = strrchr(s->all, '\n'), *words = names;

	for (size_t i = 0; tags != NULL && *words != '\0'; i++, words += strlen(words) + 1)
		if (text_has(tags, words))
			return statuses[i];
	return 0;
}

/* "429 Too Many Requests", "error code: 429": a number of the text's first words */
static int status_in_text(const char *text)
{
	size_t lead = strcspn(text, "0123456789"), n = strspn(text + lead, "0123456789");
	const char *p = text + lead;

	if (n != 3 || (p[0] != '4' && p[0] != '5') || p[1] > '2')
		return 0;
	if (lead == 0 || text_begins(text, "HTTP") || (lead <= 16 && text_begins(text, "Error|error")))
		return 100 * (p[0] - '0') + 10 * (p[1] - '0') + (p[2] - '0');
	return 0;
}

static int inner_status(const struct said *s, int fallback)
{
	int status = s->status;

	if (status == 0)
		status = status_of_code(s->code);
	if (status == 0)
		status = status_in_text(s->text);
	if (status == 0)
		status = status_of_name(s);
	return status != 0 ? status : fallback;
}

/* ---- classes ---- */

static bool is_body_size(const struct said *s)
{
	return !said_has(s, "token")
		&& said_has(s, "max bytes|payload size|payload too large|payload is too large|entity too large|body too large|"
			"body is too large|body size|content too large|request size|request body exceed|length limit exceeded|"
			"request_too_large|request is too large");
}

static bool is_overload(const struct said *s)
{
	return s->code == 1305
		|| said_has(s, "overload|insufficient_system_resource|at capacity|capacity exceeded|no capacity|"
			"no available capacity|over capacity|high demand|server is busy|servers are busy|service is busy|访问量过大");
}

/* a quota that no waiting within a session brings back */
static bool is_used_up(const struct said *s)
{
	/* DashScope says insufficient_quota for its limit per minute */
	if (said_has(s, "error-code#token-limit") || (s->delay >= 0 && s->delay <= WAIT_SOON * 1000 && !said_has(s, "perday")))
		return false;
	return s->code == 1113 || s->code == 1308 || s->code == 1310
		|| said_has(s, "insufficient_quota|insufficient quota|insufficient balance|insufficient_balance|credit balance|"
			"billing_hard_limit|billing hard limit|quota_exceeded*month|overdue|arrearage|perday|"
			"exceeded your monthly|exceeded your weekly|usage limit reached for");
}

/* one request above the whole limit: no waiting helps */
static bool is_above_rate(const struct said *s)
{
	return said_has(s, "request too large|must be reduced in order to run");
}

static bool may_overflow(int status)
{
	return status == 400 || status == 413 || status == 422 || status == 500 || status == 502;
}

/* ---- the message ---- */

/* What is written here is clean already, and shorter than a message: see SAID_TEXT. */

static size_t write_overflow(char *dst, size_t room, const struct said *s, const struct overflow *o)
{
	size_t n;

	if (o->what == OVER_OUTPUT)
		n = fmt(dst, room, "input length and `max_tokens` exceed context limit: %lld + %lld > %lld", (long long)o->input,
			(long long)o->output, (long long)o->limit);
	else if (o->count > 0)
		n = fmt(dst, room, "prompt is too long: %lld tokens > %lld maximum", (long long)o->count, (long long)o->limit);
	else
		n = fmt(dst, room, "prompt is too long");
	return n + fmt(dst + n, room - n, " (upstream: %s)", s->text[0] != '\0' ? s->text : "an empty answer");
}

/* the provider's words, with what would be taken for an overflow broken by U+00A0 in place of its first blank */
static size_t write_harmless(char *dst, const struct said *s)
{
	size_t n = 0;

	for (size_t i = 0; s->text[i] != '\0'; i++) {
		bool breaks = i >= 6 && text_begins(s->all + i - 6, "prompt is too long|exceed context limit");

		if (breaks)
			dst[n++] = '\xc2';
		dst[n++] = breaks ? '\xa0' : s->text[i];
	}
	dst[n] = '\0';
	return n;
}

/* ---- hints ---- */

static const char *hint(const struct said *s, int status)
{
	if (status < 500 && said_has(s, "unsupported_country|region*not support|country*not support|location is not supported|"
	    "not available in your|unsupported region|region*not available|not support*region|not available*country"))
		return "The provider does not serve this region: use Azure OpenAI or another OPENAI_BASE_URL.";
	if (status == 403 && (s->html
	    || said_has(s, "cloudflare|error code: 10|access denied|user-agent|user agent|blocked| waf")))
		return "A web firewall refused this client: try another name in CUSTOM_HEADER_USER_AGENT.";
	if (status == 401 || ((status == 400 || status == 403) && said_has(s, "api key not valid|invalid api key|"
	    "incorrect api key|invalid_api_key|api_key_invalid|api key is invalid")))
		return "Check OPENAI_API_KEY, and that it belongs to OPENAI_BASE_URL.";
	if ((status == 404 || status == 400) && (s->code == 1211 || s->code == 20012
	    || said_has(s, "model*not found|model*not exist|unknown model|invalid model|no such model|"
		"deploymentnotfound|deployment*does not exist|not a valid model|model_not_found|model not supported|"
		"no endpoints found|model*not available|not found the model|模型不存在")))
		return "Check the model names in BIG_MODEL, MIDDLE_MODEL and SMALL_MODEL.";
	if (status == 404)
		return "Check OPENAI_BASE_URL, and BIG_MODEL, MIDDLE_MODEL and SMALL_MODEL.";
	if (status == 429 && is_used_up(s))
		return "The quota of this key is used up: see the provider's usage page, or use another key.";
	return status == 402 ? "The provider wants payment: see its billing page." : NULL;
}

/* ---- retry ---- */

static bool is_retried(int status)
{
	return status == 408 || status == 409 || status == 429 || status >= 500;
}

/* seconds to wait as the client can take them */
static void wait_seconds(struct api_error *e, int64_t seconds)
{
	if (seconds > WAIT_MAX && seconds <= WAIT_SOON)
		seconds = WAIT_MAX;
	if (seconds > WAIT_MAX)
		e->should_retry = 0;
	fmt(e->retry_after, sizeof e->retry_after, "%lld", (long long)seconds);
}

/* digits, with a fraction rounded up; -1 otherwise */
static int64_t decimal(struct http_text t)
{
	int64_t value = 0;
	size_t i = 0;

	for (; i < t.n && t.p[i] >= '0' && t.p[i] <= '9' && i < 12; i++)
		value = 10 * value + (t.p[i] - '0');
	if (i == 0 || (i < t.n && t.p[i] != '.'))
		return -1;
	for (i++; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return -1;
		if (t.p[i] != '0')
			return value + 1;
	}
	return value;
}

static int64_t digits(const char *p, size_t n)
{
	return decimal((struct http_text){ p, n });
}

/* Seconds of an IMF-fixdate (RFC 9110 5.6.7), "Wed, 21 Oct 2026 07:28:00 GMT", from some day on; -1 otherwise. */
static int64_t date_seconds(struct http_text t)
{
	static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
	int64_t f[5], month = 0;

	if (t.n != 29)
		return -1;
	while (month < 12 && memcmp(months + 3 * month, t.p + 8, 3) != 0)
		month++;
	for (int i = 0; i < 5; i++) {
		f[i] = i == 1 ? digits(t.p + 12, 4) : digits(t.p + (i == 0 ? 5 : 11 + 3 * i), 2);
		if (f[i] < 0 || month == 12)
			return -1;
	}
	/* years from March on: the leap day is the last of them */
	int64_t year = f[1] - (month > 9);
	int64_t days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + f[0];
	return ((days * 24 + f[2]) * 60 + f[3]) * 60 + f[4];
}

/* an HTTP date */
static bool is_date(struct http_text t)
{
	if (t.n < 20 || t.n >= sizeof ((struct api_error *)0)->retry_after || memchr(t.p, ',', t.n) == NULL)
		return false;
	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] < ' ' || t.p[i] > '~')
			return false;
	return memcmp(t.p + t.n - 3, "GMT", 3) == 0;
}

static bool retry_field(const struct http_head *head, struct api_error *e)
{
	struct http_text after = http_field(head, "retry-after");
	int64_t seconds = decimal(after), exact = decimal(http_field(head, "retry-after-ms"));

	int64_t until = date_seconds(after), now = date_seconds(http_field(head, "date"));

	if (until >= 0 && now >= 0)
		seconds = until > now ? until - now : 0;
	/* there is no clock here: without the answer's own date it is passed on as it is */
	if (seconds < 0 && is_date(after)) {
		memcpy(e->retry_after, after.p, after.n);
		e->retry_after[after.n] = '\0';
		return true;
	}
	if (seconds < 0 && exact >= 0)
		seconds = (exact + 999) / 1000;
	if (seconds < 0)
		return false;
	wait_seconds(e, seconds);
	return true;
}

/* "Please try again in 7m12.5s" */
static int64_t delay_in_text(const struct said *s)
{
	const char *leads = "try again in |retry in |retry after |try again after ";
	char lead[WORD];
	size_t n;

	while ((n = next_word(&leads, lead)) > 0) {
		const char *p = strstr(s->all, lead);
		int64_t delay = p != NULL ? said_duration(p + n) : -1;

		if (delay >= 0)
			return delay;
	}
	return -1;
}

static void retry(const struct http_head *head, const struct said *s, struct api_error *e)
{
	struct http_text own = { NULL, 0 };
	int64_t delay = s->delay;

	if (head != NULL)
		own = http_field(head, "x-should-retry");
	if (is_retried(e->status) && (head == NULL || !retry_field(head, e))) {
		if (delay < 0)
			delay = delay_in_text(s);
		if (delay >= 0)
			wait_seconds(e, (delay + 999) / 1000);
	}
	if (e->status == 401 || e->status == 402)
		e->should_retry = 0;
	if (e->status == 429 && (is_used_up(s) || is_above_rate(s)))
		e->should_retry = 0;
	if (http_is(own, "true"))
		e->should_retry = 1;
	if (http_is(own, "false"))
		e->should_retry = 0;
}

/* ---- the whole ---- */

/* whether o makes Claude Code compact, or ask for less */
static bool is_told(const struct overflow *o)
{
	return o->what == OVER_PROMPT || (o->what == OVER_OUTPUT && o->input > 0);
}

/* the status that says to Claude Code what was meant */
static int meant(const struct said *s, int status, struct overflow *o)
{
	if ((status == 400 || status == 413) && said_rate(s))
		return 429;
	if (may_overflow(status) && is_body_size(s))
		return 413;
	if (may_overflow(status))
		said_overflow(s, o);
	if (s->empty && (status == 400 || status == 413))
		o->what = OVER_PROMPT;
	if (is_told(o))
		return 400;
	if ((status == 429 || status >= 500) && is_overload(s) && !is_used_up(s))
		return 529;
	if (status == 422)
		return 400;
	return status >= 400 && status <= 599 ? status : 502;
}

/* the status is HTTP's where that tells of an error, else from the body */
static void write_error(const struct http_head *head, const struct said *s, int fallback, struct api_error *e)
{
	const size_t room = sizeof e->message;
	struct overflow o = { OVER_NONE, 0, 0, 0, 0 };
	int upstream = head != NULL && head->status >= 400 ? head->status : inner_status(s, fallback);
	int status = meant(s, upstream, &o);
	size_t n;

	error_set(e, status, "");
	if (is_told(&o))
		n = write_overflow(e->message, room, s, &o);
	else if (s->text[0] != '\0')
		n = write_harmless(e->message, s);
	else
		n = fmt(e->message, room, "the upstream answered with status %d and no text%s%s", upstream,
			s->tags[0] != '\0' ? " but " : "", s->tags);
	const char *advice = hint(s, status);
	if (advice != NULL)
		fmt(e->message + n, room - n, " (%s)", advice);
	retry(head, s, e);
}

/* the host of a Location (RFC 3986 3.2), nothing else of it: it may hold a key */
static struct http_text host_of(struct http_text location)
{
	struct http_text host = { "the same host", 13 };
	const char *p = location.p, *end = p + location.n;

	while (end - p > 3 && memcmp(p, "://", 3) != 0)
		p++;
	if (end - p <= 3)
		return host;
	host = (struct http_text){ p + 3, 0 };
	for (p += 3; p < end && memchr("/?#", *p, 3) == NULL; p++) {
		host.n++;
		if (*p == '@')
			host = (struct http_text){ p + 1, 0 };
	}
	return host;
}

/* 3xx and what no answer to a POST should be */
static void odd_status(const struct http_head *head, struct api_error *e)
{
	struct http_text location = http_field(head, "location");
	bool redirect = head->status >= 300 && head->status <= 399 && location.p != NULL;
	char text[256];

	location = redirect ? host_of(location) : (struct http_text){ "", 0 };
	fmt(text, sizeof text, "the upstream answered with status %d, %s%.*s%s (Check OPENAI_BASE_URL.)", head->status,
		redirect ? "a redirect to " : "which is no answer to a request", (int)(location.n < 127 ? location.n : 127),
		location.p, redirect ? ", which is not followed" : "");
	error_set(e, 502, text);
	/* ten more redirects help nobody */
	e->should_retry = 0;
}

void error_read(const struct http_head *head, const char *body, size_t n, struct api_error *e)
{
	struct said s;

	if (head != NULL && (head->status < 200 || (head->status >= 300 && head->status <= 399) || head->status > 599)) {
		odd_status(head, e);
		return;
	}
	said_read(&s, body, n);
	write_error(head, &s, s.empty ? 502 : 500, e);
}

void error_keep_type(struct j_val value, struct api_error *e)
{
	struct j_val type = j_get(j_get(value, "error"), "type");

	if (!j_is(j_get(value, "type"), "error"))
		return;
	for (int status = 400; status < 530; status++)
		if (j_is(type, error_type(status)))
			e->type = error_type(status);
}

/* ---- errors inside a 200 ---- */

static bool code_is_success(struct j_val code)
{
	int64_t n;

	return j_whole(code, &n) && (n == 0 || n == 200);
}

static bool is_filled(struct j_val v)
{
	return !j_empty(v) && v.type != J_FALSE && !j_blank(v) && !code_is_success(v);
}

static bool any_filled(const struct j_val v[], size_t n)
{
	while (n > 0 && !is_filled(v[n - 1]))
		n--;
	return n > 0;
}

/* words that tell of an error where nothing else does */
static bool error_words(const struct said *s)
{
	return s->html || status_in_text(s->text) != 0 || said_has(s, "error|too many |bad gateway|unavailable|timed out|"
		"unauthorized|forbidden|overloaded|failed|denied|exceed|invalid");
}

enum verdict { NO_ERROR, MAYBE, ERROR_FOUND };

static enum verdict is_error(struct j_val value)
{
	enum { ERROR, ERRORS, DETAIL, MESSAGE, MSG, CODE, STATUS, BASE_RESP, CHOICES, TYPE, OBJECT, MEMBERS };
	struct j_val m[MEMBERS], code;

	if (value.type == J_STRING)
		return j_blank(value) ? NO_ERROR : MAYBE;
	if (value.type == J_ARRAY)
		return j_count(value) > 0 ? ERROR_FOUND : NO_ERROR;
	j_pick(value, "error\0errors\0detail\0message\0msg\0code\0status_code\0base_resp\0choices\0type\0object\0", m);
	if (any_filled(&m[ERROR], 2))
		return ERROR_FOUND;
	code = j_get(m[BASE_RESP], "status_code");
	if (code.type != J_NONE && !code_is_success(code))
		return ERROR_FOUND;
	if (is_filled(m[CHOICES]) || code_is_success(m[CODE]))
		return NO_ERROR;
	/* a code alone is an error where there are no choices */
	if (j_is(m[OBJECT], "error") || j_is(m[TYPE], "error") || is_filled(m[DETAIL])
		|| (m[CHOICES].type == J_NONE && any_filled(&m[CODE], 2)))
		return ERROR_FOUND;
	return any_filled(&m[MESSAGE], 2) ? MAYBE : NO_ERROR;
}

bool error_object(struct j_val value, bool by_message, struct api_error *e)
{
	enum verdict verdict = is_error(value);
	struct said s;

	if (verdict == NO_ERROR)
		return false;
	said_value(&s, value);
	if (verdict == MAYBE && !by_message && !error_words(&s))
		return false;
	write_error(NULL, &s, 500, e);
	return true;
}

bool error_text(const char *p, size_t n, struct api_error *e)
{
	struct said s;

	said_read(&s, p, n);
	if (s.text[0] == '\0' || !error_words(&s))
		return false;
	write_error(NULL, &s, 500, e);
	return true;
}
