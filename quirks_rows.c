/*
 * The rows of the quirks: which provider and which model wants what. A new
 * provider is a new row here, or in the user's own file, which is read by the
 * same code.
 *
 * Promises: pure; later rows win key by key; a user's row that cannot be read
 * is found whatever host it is for.
 */
#include "quirks.h"

#include <string.h>

#include "http_char.h"

#define AZURE "openai.azure.com|services.ai.azure.com|cognitiveservices.azure.com "
#define OPENAI_REASONING "o1*|o3*|o4*|gpt-5*|gpt-6* "
#define KIMI "api.moonshot.ai|api.moonshot.cn|api.kimi.com "
#define GLM "api.z.ai|open.bigmodel.cn "
#define TITLE "headers=\"X-Title: claude-code-proxy\" "

/* hosts, models, settings; later rows win key by key */
static const char *const builtin[] = {
	/* what holds anywhere is said by q_init; rules for models on any host */
	"* *kimi-k2* heal=kimi echo_fill=dot temp=omit",
	"* *deepseek* heal=deepseek images=none",
	"* *deepseek-flash*|*v4.1-flash*|*deepseek*vision* images=data",
	"* *deepseek-v4* echo_all=1 echo_fill=empty",
	"* *minimax-m2* images=none cumulative=reasoning",
	"* *gemini-3* echo=gemini schema=gemini",
	"* *gpt-oss* images=none",
	/* hosts */
	"api.openai.com * path=/v1 maxtok=max_completion_tokens echo=none tool_text=user files=openai cache=key",
	"api.openai.com " OPENAI_REASONING
		"think=effort efforts=none,minimal,low,medium,high,xhigh temp=omit stop=0 idle=600",
	AZURE "* path=/openai/v1 auth=api-key maxtok=max_completion_tokens echo=none tool_text=user",
	AZURE OPENAI_REASONING "think=effort temp=omit stop=0 idle=600",
	"services.ai.azure.com *mistral* maxtok=max_tokens",
	"openrouter.ai * path=/api/v1 think=openrouter echo=details files=openai " TITLE "idle=300",
	"openrouter.ai anthropic/*|google/* cache=anthropic",
	"requesty.ai * path=/v1 think=effort cache=anthropic " TITLE,
	"api.moonshot.ai|api.moonshot.cn * path=/v1 think=type temp=omit tool_choice=auto schema=moonshot"
		" echo=reasoning_content echo_fill=dot idle=300",
	"api.kimi.com * path=/coding/v1 think=type temp=omit tool_choice=auto schema=moonshot"
		" echo=reasoning_content echo_fill=dot cache=key idle=300",
	KIMI "*k2.6*|*k2.7* extra={\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}}",
	KIMI "*k3* think=effort efforts=low,high,max tool_choice=strings",
	GLM "* path=/api/paas/v4 think=type temp=unit tool_choice=auto tool_stream=1 echo=reasoning_content"
		" images=none idle=600 extra={\"thinking\":{\"clear_thinking\":false}}",
	GLM "*v|*v-*|*5.3-flash images=data",
	GLM "*5.2*|*5.3* efforts=low,high,max",
	"api.minimax.io|api.minimaxi.com * path=/v1 maxtok=max_completion_tokens temp=gt0 tool_choice=auto"
		" think=adaptive echo=details cumulative=reasoning extra={\"reasoning_split\":true} idle=300",
	"generativelanguage.googleapis.com *"
		" path=/v1beta/openai think=gemini echo=gemini schema=gemini tool_text=user",
	"*aiplatform.googleapis.com * think=gemini echo=gemini schema=gemini tool_text=user",
	"api.deepseek.com * path=/v1 think=type efforts=low,high,max tool_choice=none echo=reasoning_content"
		" echo_all=1 echo_fill=empty idle=660",
	"dashscope*.aliyuncs.com|maas.aliyuncs.com *"
		" path=/compatible-mode/v1 think=enable tool_choice=strings idle=600",
	"coding*.dashscope.aliyuncs.com * path=/v1",
	"api.groq.com * path=/openai/v1 maxtok=max_completion_tokens think=effort echo=none",
	"api.groq.com *gpt-oss* echo=reasoning",
	"api.x.ai * path=/v1 schema=xai echo=none stop=0 cache=key idle=900",
	"api.x.ai *3-mini*|*4.3*|*4.5*|*4.6*|*4.7* think=effort efforts=low,medium,high",
	"mistral.ai * path=/v1 usage=off tool_choice=any tool_id=mistral9 tool_name=1 echo=mistral",
	"mistral.ai *small*|*medium-3-5* think=effort efforts=none,high",
	"api.together.xyz|api.together.ai * path=/v1",
	"fireworks.ai * path=/inference/v1 think=effort efforts=none,low,medium,high echo=reasoning_content",
	"siliconflow.cn|siliconflow.com * path=/v1 think=enable echo=reasoning_content",
	"volces.com|bytepluses.com * path=/api/v3 think=type echo=reasoning_content",
	"cerebras.ai * path=/v1 maxtok=max_completion_tokens drop=parallel_tool_calls usage=off"
		" tool_choice=strings echo=none",
	"cerebras.ai *gpt-oss*|*qwen* think=effort",
	"integrate.api.nvidia.com * path=/v1 think=template",
	"githubcopilot.com * path= echo=copilot cache=copilot headers=\"Copilot-Integration-Id: vscode-chat"
		"|Editor-Version: vscode/1.99.0|Editor-Plugin-Version: copilot-chat/0.26.7"
		"|Openai-Intent: conversation-panel\"",
	"models.github.ai * path=/inference maxtok=max_completion_tokens",
	"api.cloudflare.com * path=",
	"gateway.ai.cloudflare.com * path=",
	"amazonaws.com * path=/openai/v1 echo=none",
	"api.aws * path=/v1 echo=none",
	"qianfan.baidubce.com * path=/v2 echo=none",
	"ollama.com|:11434 * path=/v1 think=effort efforts=none,low,medium,high,max echo=reasoning"
		" tool_choice=none empty_length=1 schema=grammar",
	":1234 * path=/v1 think=effort tool_choice=strings echo=reasoning_content schema=grammar",
	":8080 * path=/v1 think=template tool_choice=strings echo=reasoning_content schema=grammar",
	":8000|:30000 * path=/v1 think=template",
	"local * idle=600",
};

/* ---- patterns ---- */

struct span {
	const char *p;
	size_t n;
};

/* glob over the whole of s, case folded; dots: whether a * may match one */
static bool glob(struct span p, struct span s, bool dots)
{
	size_t i = 0, j = 0, star = 0, mark = 0;
	bool starred = false;

	while (j < s.n) {
		if (i < p.n && p.p[i] == '*') {
			starred = true;
			star = ++i;
			mark = j;
		} else if (i < p.n && fold((unsigned char)p.p[i]) == fold((unsigned char)s.p[j])) {
			i++;
			j++;
		} else if (starred && (dots || s.p[mark] != '.')) {
			i = star;
			j = ++mark;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

/* the next piece of a list: *p loses it, with its separator */
static struct span piece(const char **p, const char *end, char separator)
{
	const char *begin = *p;
	const char *stop = memchr(begin, separator, (size_t)(end - begin));

	*p = stop ? stop + 1 : end;
	return (struct span){ begin, (size_t)((stop ? stop : end) - begin) };
}

static bool is_text_of(struct span s, const char *t)
{
	return s.n == strlen(t) && memcmp(s.p, t, s.n) == 0;
}

/* the name or the end of it behind a dot */
static bool name_matches(struct span pattern, const char *host)
{
	for (const char *p = host; p; p = strchr(p, '.')) {
		p += p > host;
		if (glob(pattern, (struct span){ p, strlen(p) }, false))
			return true;
	}
	return false;
}

static bool host_matches(struct span pattern, const char *host, int port)
{
	const char *colon = memchr(pattern.p, ':', pattern.n);
	int wanted = 0;

	if (is_text_of(pattern, "*"))
		return true;
	if (is_text_of(pattern, "local"))
		return q_local(host);
	if (!colon)
		return name_matches(pattern, host);
	for (const char *p = colon + 1; p < pattern.p + pattern.n && wanted < 65536; p++)
		wanted = wanted * 10 + (*p - '0');
	pattern.n = (size_t)(colon - pattern.p);
	return wanted == port && (pattern.n == 0 || name_matches(pattern, host));
}

static bool any_matches(struct span patterns, const char *host, int port, const char *model)
{
	const char *p = patterns.p, *end = p + patterns.n;
	struct span one;

	while (p < end) {
		one = piece(&p, end, '|');
		if (host ? host_matches(one, host, port) : glob(one, (struct span){ model, strlen(model) }, true))
			return true;
	}
	return false;
}

/* ---- rows ---- */

static struct span column(const char **p, const char *end)
{
	struct span c;

	while (*p < end && is_space((unsigned char)**p))
		++*p;
	c.p = *p;
	while (*p < end && !is_space((unsigned char)**p))
		++*p;
	c.n = (size_t)(*p - c.p);
	return c;
}

static const char *ports_bad(struct span hosts)
{
	for (size_t i = 0; i < hosts.n; i++) {
		if (hosts.p[i] != ':')
			continue;
		for (i++; i < hosts.n && hosts.p[i] != '|'; i++)
			if (!is_digit((unsigned char)hosts.p[i]))
				return "a port is a number";
	}
	return NULL;
}

/* one line of a table; NULL, or why it cannot be read */
static const char *row(struct quirks *q, struct span line, const char *host, int port, const char *model)
{
	const char *p = line.p, *end = p + line.n, *why;
	struct span hosts = column(&p, end), models = column(&p, end);
	struct quirks scratch;
	size_t at;

	if (hosts.n == 0 || hosts.p[0] == '#')
		return NULL;
	if (models.n == 0)
		return "a row is: hosts, models, settings";
	why = ports_bad(hosts);
	if (why)
		return why;
	if (!any_matches(hosts, host, port, NULL) || !any_matches(models, NULL, 0, model)) {
		q_init(&scratch);
		q = &scratch;
	}
	return q_apply(q, p, (size_t)(end - p), &why, &at) == 0 ? NULL : why;
}

int q_rows(struct quirks *q, const char *table, const char *host, int port, const char *model,
	const char **why, size_t *at)
{
	const char *end;
	struct span line;

	model = model ? model : "";
	if (!table) {
		for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
			(void)row(q, (struct span){ builtin[i], strlen(builtin[i]) }, host, port, model);
		return 0;
	}
	end = table + strlen(table);
	for (*at = 1; table < end; ++*at) {
		line = piece(&table, end, '\n');
		line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
		*why = row(q, line, host, port, model);
		if (*why)
			return -1;
	}
	return 0;
}

/* ---- local names ---- */

/* a dotted quad as a number, false for anything else */
static bool quad(const char *p, uint32_t *out)
{
	uint32_t v = 0, part;

	for (int i = 0; i < 4; i++, p++) {
		if (!is_digit((unsigned char)*p))
			return false;
		for (part = 0; is_digit((unsigned char)*p) && part < 256; p++)
			part = part * 10 + (uint32_t)(*p - '0');
		if (part > 255 || *p != (i < 3 ? '.' : 0))
			return false;
		v = v << 8 | part;
	}
	*out = v;
	return true;
}

static bool local_quad(uint32_t v)
{
	static const struct { uint32_t net; int bits; } nets[] = {
		{ 0x7f000000, 8 }, { 0x0a000000, 8 }, { 0xac100000, 12 }, { 0xc0a80000, 16 }, { 0xa9fe0000, 16 },
		{ 0x64400000, 10 },
	};

	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		if ((v ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

/* ::1, fc00::/7, fe80::/10, and IPv4 inside IPv6 */
static bool local_six(const char *host)
{
	uint32_t v;

	if (strncmp(host, "::ffff:", 7) == 0 && quad(host + 7, &v))
		return local_quad(v);
	if (strcmp(host, "::1") == 0)
		return true;
	if (strcspn(host, ":") != 4 || host[0] != 'f')
		return false;
	return host[1] == 'c' || host[1] == 'd' || (host[1] == 'e' && host[2] && strchr("89ab", host[2]));
}

bool q_local(const char *host)
{
	static const char *const ends[] = { ".local", ".localhost", ".internal", ".lan", ".home.arpa" };
	size_t n = strlen(host), k;
	uint32_t v;

	if (strchr(host, ':'))
		return local_six(host);
	if (quad(host, &v))
		return local_quad(v);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		k = strlen(ends[i]);
		if (n > k && memcmp(host + n - k, ends[i], k) == 0)
			return true;
	}
	return n > 0 && !strchr(host, '.');
}
