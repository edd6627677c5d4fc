/*
 * The rows of the quirks: which provider and which model wants what. A new
 * provider is a new row here, or in the user's own file, which is read by the
 * same code.
 *
 * Promises: pure; later rows win key by key; a user's row that cannot be read
 * is found whatever host it is for.
 */
#include "quirks.h"

#include <arpa/inet.h>
#include <string.h>

#include "http.h"
#include "http_char.h"

#define AZURE "openai.azure.com|services.ai.azure.com|cognitiveservices.azure.com"
#define TITLE "headers=\"X-Title: claude-code-proxy\" "

/*
 * Hosts, models, settings; later rows win key by key; ^: the hosts of the row
 * above. In two pieces, as compilers need not take over 4095 characters at once.
 */
static const char *const builtin[] = {
	/* what holds anywhere, such as path=/v1, is said by q_init; rules for models on any host */
	"* *kimi-k2* heal=kimi echo_fill=dot temp=omit\n"
	"* *deepseek* heal=deepseek images=none\n"
	"* *deepseek-flash*|*v4.1-flash*|*deepseek*vision* images=data\n"
	"* *deepseek-v4* echo_all=1 echo_fill=empty\n"
	"* *minimax-m2* images=none cumulative=reasoning\n"
	"* *gemini-3* echo=gemini schema=gemini\n"
	"* *gpt-oss* images=none\n"
	/* hosts */
	"api.openai.com|" AZURE " * maxtok=max_completion_tokens echo=none tool_text=user\n"
	"^ o1*|o3*|o4*|gpt-5*|gpt-6* think=effort temp=omit stop=0 idle=600\n"
	"api.openai.com * efforts=none,minimal,low,medium,high,xhigh files=openai cache=key"
		" search={\"model\":\"gpt-5-search-api\",\"web_search_options\":{},\"reasoning_effort\":null}\n"
	AZURE " * path=/openai/v1 auth=api-key\n"
	"services.ai.azure.com *mistral* maxtok=max_tokens\n"
	"openrouter.ai * path=/api/v1 think=openrouter echo=details files=openai " TITLE "idle=300"
		" search={\"tools\":[{\"type\":\"openrouter:web_search\"}]}\n"
	"^ anthropic/*|google/* cache=anthropic\n"
	"requesty.ai * think=effort cache=anthropic " TITLE "\n"
	"api.moonshot.*|api.kimi.com * think=type temp=omit tool_choice=auto schema=moonshot"
		" echo=reasoning_content echo_fill=dot prefill=partial idle=300 search={\"stream\":false,\"thinking\":{\"type\":\"disabled\"},"
		"\"tools\":[{\"type\":\"builtin_function\",\"function\":{\"name\":\"$web_search\"}}]}\n"
	"api.kimi.com * path=/coding/v1 cache=key search=\n"
	"api.moonshot.*|api.kimi.com *k2.6*|*k2.7*"
		" extra={\"thinking\":{\"type\":\"enabled\",\"keep\":\"all\"}}\n"
	"^ *k2.7* think=none\n"	/* cannot be off */
	"^ *k3* think=effort efforts=low,high,max tool_choice=strings search=\n"
	"api.z.ai|open.bigmodel.cn * path=/api/paas/v4 think=type temp=unit tool_choice=auto tool_stream=1"
		" echo=reasoning_content images=none idle=600 extra={\"thinking\":{\"clear_thinking\":false}}"
		" search={\"stream\":false,\"tools\":[{\"type\":\"web_search\",\"web_search\":{\"enable\":true,"
		"\"search_engine\":\"search_pro_jina\",\"search_result\":true}}]}\n"
	"^ *v|*v-*|*5.3-flash images=data\n"
	"^ *5.2*|*5.3* efforts=low,high,max\n"
	"api.minimax.io|api.minimaxi.com * maxtok=max_completion_tokens temp=gt0 tool_choice=auto"
		" think=adaptive echo=details cumulative=reasoning extra={\"reasoning_split\":true} idle=300\n"
	"generativelanguage.googleapis.com|*aiplatform.googleapis.com *"
		" path=/v1beta/openai think=gemini echo=gemini schema=gemini tool_text=user\n"
	"*aiplatform.googleapis.com * path=/v1\n"
	"^ google/* search={\"web_search_options\":{}}\n"
	"api.deepseek.com * think=type efforts=low,high,max tool_choice=none echo=reasoning_content"
		" echo_all=1 echo_fill=empty idle=660\n"
	"dashscope*.aliyuncs.com|maas.aliyuncs.com *"
		" path=/compatible-mode/v1 think=enable tool_choice=strings idle=600\n"
	"dashscope*.aliyuncs.com *qwen* search={\"enable_search\":true,\"search_options\":{\"forced_search\":true}}\n"
	"coding*.dashscope.aliyuncs.com * path=/v1 search=\n"
	"api.groq.com * path=/openai/v1 maxtok=max_completion_tokens think=effort echo=none\n"
	"^ *gpt-oss* echo=reasoning search={\"tools\":[{\"type\":\"browser_search\"}]}\n"
	"^ *compound* search={}\n"
	,
	"api.x.ai * schema=xai echo=none stop=0 cache=key headers=\"x-grok-conv-id: {session}\" idle=900\n"
	"^ *3-mini*|*4.3*|*4.5*|*4.6*|*4.7* think=effort efforts=low,medium,high\n"
	"mistral.ai * usage=off tool_choice=any tool_id=mistral9 tool_name=1 echo=mistral prefill=prefix\n"
	"^ *small*|*medium-3-5* think=effort efforts=none,high\n"
	"fireworks.ai * path=/inference/v1 think=effort efforts=none,low,medium,high echo=reasoning_content\n"
	"siliconflow.cn|siliconflow.com * think=enable echo=reasoning_content\n"
	"volces.com|bytepluses.com * path=/api/v3 think=type echo=reasoning_content\n"
	"cerebras.ai * maxtok=max_completion_tokens drop=parallel_tool_calls usage=off"
		" tool_choice=strings echo=none\n"
	"^ *gpt-oss*|*qwen* think=effort\n"
	"integrate.api.nvidia.com * think=template\n"
	"githubcopilot.com * path= echo=copilot cache=copilot headers=\"Copilot-Integration-Id: vscode-chat"
		"|Editor-Version: vscode/1.99.0|Editor-Plugin-Version: copilot-chat/0.26.7"
		"|Openai-Intent: conversation-panel|X-Initiator: {initiator}|Copilot-Vision-Request: {vision}\"\n"
	"models.github.ai * path=/inference maxtok=max_completion_tokens\n"
	"cloudflare.com * path=\n"
	"amazonaws.com * path=/openai/v1 echo=none\n"
	"api.aws * echo=none\n"
	"qianfan.baidubce.com * path=/v2 echo=none search={\"web_search\":{\"enable\":true,\"enable_trace\":true}}\n"
	"ollama.com|:11434 * think=effort efforts=none,low,medium,high,max echo=reasoning"
		" tool_choice=none empty_length=1 schema=grammar\n"
	":1234 * think=effort tool_choice=strings echo=reasoning_content schema=grammar\n"
	":8080 * think=template tool_choice=strings echo=reasoning_content schema=grammar\n"
	":8000|:30000 * think=template\n"
	"local * idle=600\n"
	/* who speaks the Messages API: thinking goes back to those who do not check who signed it */
	"@* * path= auth=x-api-key idle=600\n"
	"@moonshot.*|kimi.com|deepseek.com|minimax.io|minimaxi.com|z.ai|bigmodel.cn *"
		" path=/anthropic auth=both echo=reasoning_content\n"
	"@moonshot.*|kimi.com|deepseek.com * echo_fill=dot echo_all=1\n"
	"@kimi.com * path=/coding\n"
	"@z.ai|bigmodel.cn * path=/api/anthropic\n"
	"@openrouter.ai * path=/api auth=bearer\n"
};

/* ---- patterns ---- */

/* glob over the whole of s, case folded; dots: whether a * may match one */
static bool glob(struct http_text p, struct http_text s, bool dots)
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

/* the name or the end of it behind a dot */
static bool name_matches(struct http_text pattern, const char *host)
{
	for (const char *p = host; p; p = strchr(p, '.')) {
		p += p > host;
		if (glob(pattern, (struct http_text){ p, strlen(p) }, false))
			return true;
	}
	return false;
}

static bool host_matches(struct http_text pattern, const struct q_place *at)
{
	struct http_text name, port = pattern;

	if (http_is(pattern, "*"))
		return true;
	if (http_is(pattern, "local"))
		return q_local(at->host);
	http_cut(&port, ':', &name);
	if (port.p && http_number(port, 65535) != at->port)
		return false;
	return (port.p && name.n == 0) || name_matches(name, at->host);
}

static bool any_host_matches(struct http_text hosts, const struct q_place *at)
{
	struct http_text one;

	while (http_cut(&hosts, '|', &one))
		if (host_matches(one, at))
			return true;
	return false;
}

static bool any_model_matches(struct http_text models, const char *model)
{
	struct http_text one, whole = { model ? model : "", model ? strlen(model) : 0 };

	while (http_cut(&models, '|', &one))
		if (glob(one, whole, true))
			return true;
	return false;
}

/* ---- rows ---- */

/* the next word of a line, which loses it */
static struct http_text column(struct http_text *line)
{
	struct http_text c = http_trim(line->p, line->n);

	line->n = (size_t)(line->p + line->n - c.p);
	line->p = c.p;
	for (c.n = 0; c.n < line->n && !is_space((unsigned char)c.p[c.n]); c.n++)
		;
	line->p += c.n;
	line->n -= c.n;
	return c;
}

static bool ports_good(struct http_text hosts)
{
	struct http_text one, name;

	while (http_cut(&hosts, '|', &one)) {
		http_cut(&one, ':', &name);
		if (one.p && http_number(one, 65535) < 0)
			return false;
	}
	return true;
}

/* one line of a table; *above: the hosts of the last row; NULL, or why it cannot be read */
static const char *row(struct quirks *q, struct http_text line, struct http_text *above, const struct q_place *place)
{
	struct http_text rest = line, hosts = column(&rest), models = column(&rest);
	struct quirks scratch = { 0 };
	const char *why = NULL;
	bool matches, native;
	size_t at;

	if (hosts.n == 0 || hosts.p[0] == '#')
		return NULL;
	if (models.n == 0)
		return "a row is: hosts, models, settings";
	if (!http_is(hosts, "^"))
		*above = hosts;
	hosts = *above;
	native = hosts.p[0] == '@';
	hosts.p += native;
	hosts.n -= native;
	if (!ports_good(hosts))
		return "a port is a number";
	matches = native == q->native && any_host_matches(hosts, place) && any_model_matches(models, place->model);
	if (q_apply(matches ? q : &scratch, rest.p, rest.n, &why, &at) == 0 && matches && place->matched)
		place->matched(place->ctx, q, above, &models);
	return why;
}

static int rows(struct quirks *q, const char *table, const struct q_place *place, const char **why, size_t *at)
{
	struct http_text text = { table, strlen(table) }, line, above = { "", 0 };

	for (*at = 1; http_cut(&text, '\n', &line); ++*at) {
		line.n -= line.n > 0 && line.p[line.n - 1] == '\r';
		*why = row(q, line, &above, place);
		if (*why)
			return -1;
	}
	return 0;
}

int q_rows(struct quirks *q, const char *table, const struct q_place *place, const char **why, size_t *at)
{
	if (table)
		return rows(q, table, place, why, at);
	for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
		(void)rows(q, builtin[i], place, why, at);
	return 0;
}

/* ---- local names ---- */

/* before the four bytes of an IPv4 address: RFC 4291 2.5.5.2 */
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"

bool q_in_net(const unsigned char a[16], const void *net, int bits)
{
	const unsigned char *b = net;
	int n = bits / 8, more = bits % 8;

	return memcmp(a, net, (size_t)n) == 0 && (more == 0 || (a[n] ^ b[n]) >> (8 - more) == 0);
}

bool q_address(const char *host, unsigned char a[16])
{
	memcpy(a, MAPPED, 12);
	return inet_pton(AF_INET, host, a + 12) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

bool q_local(const char *host)
{
	static const struct { char net[16]; unsigned char bits; } nets[] = {
		{ MAPPED "\x7f", 104 }, { MAPPED "\x0a", 104 }, { MAPPED "\xac\x10", 108 }, { MAPPED "\xc0\xa8", 112 },
		{ MAPPED "\xa9\xfe", 112 }, { MAPPED "\x64\x40", 106 }, { { [15] = 1 }, 128 }, { "\xfc", 7 }, { "\xfe\x80", 10 },
	};
	static const char ends[] = ".local\0.localhost\0.internal\0.lan\0.home.arpa\0";
	size_t n = strlen(host), k;
	unsigned char a[16];

	if (q_address(host, a)) {
		for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
			if (q_in_net(a, nets[i].net, nets[i].bits))
				return true;
		return false;
	}
	for (const char *end = ends; *end; end += k + 1) {
		k = strlen(end);
		if (n > k && memcmp(host + n - k, end, k) == 0)
			return true;
	}
	return n > 0 && host[strcspn(host, ".:")] == 0;
}
