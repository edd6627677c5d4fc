/* Upstream errors: every shape, what Claude Code must see of each, and what repairs them. */
#include "../error.h"

#include "check.h"

#include <stdlib.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

#define NO_RETRY 0
#define FREE (-1)

struct row {
	const char *what;
	const char *fields;	/* of the response head, each with \r\n */
	int http;		/* 0: no head */
	const char *body;
	int status;
	const char *type;
	const char *has;	/* of the message; several with | between */
	const char *retry_after;
	int should_retry;
};

#define INVALID "invalid_request_error"
#define RATE "rate_limit_error"

static const struct row rows[] = {
	/* shapes */
	{ "OpenAI's object", "", 400, "{\"error\":{\"message\":\"Bad \\\"thing\\\" \\u00e9\",\"type\":\"invalid_request_error\"}}",
	  400, INVALID, "Bad \"thing\" \xc3\xa9", "", FREE },
	{ "an array around it", "", 400, "[{\"error\":{\"code\":400,\"message\":\"in an array\",\"status\":\"INVALID_ARGUMENT\"}}]",
	  400, INVALID, "in an array", "", FREE },
	{ "error in error", "", 500, "{\"error\":{\"error\":{\"message\":\"inner\"}}}", 500, "api_error", "inner", "", FREE },
	{ "errors[0]", "", 401, "{\"success\":false,\"errors\":[{\"code\":10000,\"message\":\"Authentication error\"}],\"result\":null}",
	  401, "authentication_error", "Authentication error|OPENAI_API_KEY", "", NO_RETRY },
	{ "detail as text", "", 403, "{\"detail\":\"not for you\"}", 403, "permission_error", "not for you", "", FREE },
	{ "detail as pydantic's list", "", 422,
	  "{\"detail\":[{\"type\":\"missing\",\"loc\":[\"body\",\"messages\",2,\"role\"],\"msg\":\"Field required\"}]}",
	  400, INVALID, "body.messages.2.role: Field required", "", FREE },
	{ "flat", "", 400, "{\"object\":\"error\",\"message\":\"Expected last role User\",\"type\":\"x\",\"code\":\"3230\"}",
	  400, INVALID, "Expected last role", "", FREE },
	{ "code and error text", "", 400, "{\"code\":\"Client specified an invalid argument\",\"error\":\"that is wrong\"}",
	  400, INVALID, "that is wrong", "", FREE },
	{ "error as a string beside a message", "", 404, "{\"status\":404,\"error\":\"Not Found\",\"message\":\"No route here\"}",
	  404, "not_found_error", "No route here|OPENAI_BASE_URL", "", FREE },
	{ "a capital Message", "", 403, "{\"Message\":\"User: x is not authorized to perform: y\"}",
	  403, "permission_error", "not authorized", "", FREE },
	{ "statusCode and message", "", 401, "{\"statusCode\":401,\"message\":\"Unauthorized. Access token is missing\"}",
	  401, "authentication_error", "Unauthorized", "", NO_RETRY },
	{ "a bare JSON string", "", 429, "\"TPM limit reached\"\n", 429, RATE, "TPM limit reached", "", FREE },
	{ "a bare string in error", "", 404, "{\"error\":\"Unexpected endpoint or method. (POST /chat/completions)\"}",
	  404, "not_found_error", "Unexpected endpoint|OPENAI_BASE_URL", "", FREE },
	{ "base_resp", "", 200, "{\"base_resp\":{\"status_code\":1008,\"status_msg\":\"insufficient balance\"}}",
	  402, "billing_error", "insufficient balance", "", NO_RETRY },
	{ "base_resp of a rate limit", "", 200, "{\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate limit\"}}",
	  429, RATE, "rate limit", "", FREE },
	{ "metadata.raw goes first", "", 502, "{\"error\":{\"code\":502,\"message\":\"Provider returned error\",\"metadata\":{\"raw\":"
	  "\"{\\\"error\\\":{\\\"message\\\":\\\"the real cause\\\",\\\"code\\\":418}}\",\"provider_name\":\"Deep\"}},\"user_id\":\"u\"}",
	  502, "api_error", "the real cause (Deep)", "", FREE },
	{ "metadata.raw as text", "", 429, "{\"error\":{\"message\":\"Provider returned error\",\"code\":429,\"metadata\":{\"raw\":"
	  "\"m is temporarily rate-limited upstream\"}}}", 429, RATE, "temporarily rate-limited", "", FREE },
	{ "JSON in the message", "", 500, "{\"error\":{\"message\":\"{\\\"error\\\":{\\\"message\\\":\\\"deep\\\"}}\"}}",
	  500, "api_error", "deep", "", FREE },
	{ "JSON behind words", "", 400, "upstream said: {\"error\":{\"message\":\"quoth it\"}} bye", 400, INVALID, "quoth it", "", FREE },
	{ "an event in place of a body", "", 400, "event: error\ndata: {\"error\":{\"message\":\"as an event\"}}\n\n",
	  400, INVALID, "as an event", "", FREE },
	{ "blank lines before it", "", 503, "\n\n \n{\"error\":{\"message\":\"late\"}}", 503, "overloaded_error", "late", "", FREE },
	{ "a page", "", 502, "<!DOCTYPE html><html><head><title>502 Bad Gateway</title><style>a{}</style></head>"
	  "<body><center><h1>502 Bad&nbsp;Gateway</h1></center><script>x</script><hr>nginx &amp; co</body></html>",
	  502, "api_error", "502 Bad Gateway nginx & co", "", FREE },
	{ "Cloudflare's page", "", 403, "<!DOCTYPE html>\n<html><head><title>Access denied | api.x.test used Cloudflare</title></head>"
	  "<body><h1>Error 1010</h1><p>The owner has banned your browser</p></body></html>",
	  403, "permission_error", "Access denied | api.x.test used Cloudflare|Error 1010|CUSTOM_HEADER_USER_AGENT", "", FREE },
	{ "Cloudflare's line", "", 403, "error code: 1010", 403, "permission_error", "1010|CUSTOM_HEADER_USER_AGENT", "", FREE },
	{ "nothing", "", 503, "", 503, "overloaded_error", "status 503", "", FREE },
	{ "nothing, not even a head", "", 0, "", 502, "api_error", "502", "", FREE },
	{ "no text but a code", "", 500, "{\"error\":{\"code\":\"weird_code\"}}", 500, "api_error", "weird_code", "", FREE },
	{ "bytes that are no UTF-8", "", 500, "{\"error\":\"a\xff\xfe\x1b[2J b\xc3\"}", 500, "api_error", "a|b", "", FREE },

	/* statuses */
	{ "408", "", 408, "{\"error\":\"slow\"}", 408, "timeout_error", "slow", "", FREE },
	{ "409", "", 409, "{\"error\":\"clash\"}", 409, INVALID, "clash", "", FREE },
	{ "413 of a web server", "", 413, "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>",
	  413, "request_too_large", "413 Request Entity Too Large", "", FREE },
	{ "a body that is too large as a 400", "", 400, "{\"error\":{\"message\":\"Exceeded limit on max bytes to request body : 6291456\"}}",
	  413, "request_too_large", "max bytes", "", FREE },
	{ "payload size", "", 400, "[{\"error\":{\"code\":400,\"message\":\"Request payload size exceeds the limit: 20971520 bytes.\"}}]",
	  413, "request_too_large", "payload size", "", FREE },
	{ "524", "", 524, "x", 524, "api_error", "x", "", FREE },
	{ "504", "", 504, "x", 504, "timeout_error", "x", "", FREE },
	{ "a redirect names the host alone", "Location: https://user:secret@other.example.test:8443/v1?key=sk-secret\r\n", 302, "moved",
	  502, "api_error", "302|other.example.test:8443", "", NO_RETRY },
	{ "a redirect within", "Location: /login\r\n", 301, "", 502, "api_error", "301|the same host", "", NO_RETRY },
	{ "101", "", 101, "", 502, "api_error", "101", "", NO_RETRY },
	{ "a number in front of the text", "", 200, "429 Too Many Requests", 429, RATE, "429 Too Many Requests", "", FREE },

	/* overload, rate, quota */
	{ "Kimi's engine", "", 429, "{\"error\":{\"message\":\"The engine is currently overloaded, please try again later\","
	  "\"type\":\"engine_overloaded_error\"}}", 529, "overloaded_error", "overloaded", "", FREE },
	{ "GLM's 1305", "", 429, "{\"error\":{\"code\":\"1305\",\"message\":\"busy now\"}}", 529, "overloaded_error", "busy now", "", FREE },
	{ "503 overloaded", "", 503, "{\"error\":{\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}",
	  529, "overloaded_error", "overloaded", "", FREE },
	{ "GLM's rate limit", "", 429, "{\"error\":{\"code\":\"1302\",\"message\":\"Rate limit reached for requests\"}}",
	  429, RATE, "Rate limit", "", FREE },
	{ "GLM's empty account", "", 429, "{\"error\":{\"code\":\"1113\",\"message\":\"Insufficient balance or no resource package\"}}",
	  429, RATE, "no resource package|usage page", "", NO_RETRY },
	{ "GLM's plan window", "", 429, "{\"error\":{\"code\":\"1308\",\"message\":\"Limit reached, resets at 2026-01-01 10:00:00\"}}",
	  429, RATE, "resets at", "", NO_RETRY },
	{ "OpenAI's quota", "", 429, "{\"error\":{\"message\":\"You exceeded your current quota\",\"type\":\"insufficient_quota\","
	  "\"code\":\"insufficient_quota\"}}", 429, RATE, "exceeded your current quota", "", NO_RETRY },
	{ "DashScope's limit per minute looks like it", "", 429, "{\"error\":{\"message\":\"You exceeded your current quota, see "
	  "https://help.aliyun.com/error-code#token-limit\",\"code\":\"insufficient_quota\"}}", 429, RATE, "token-limit", "", FREE },
	{ "Gemini's RetryInfo", "", 429, "[{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\",\"details\":[{"
	  "\"@type\":\"t/QuotaFailure\",\"violations\":[{\"quotaId\":\"GenerateRequestsPerMinute-FreeTier\"}]},{\"@type\":\"t/RetryInfo\","
	  "\"retryDelay\":\"34.4s\"}]}}]", 429, RATE, "exceeded your current quota", "35", FREE },
	{ "Gemini's quota of the day", "", 429, "[{\"error\":{\"code\":429,\"message\":\"quota\",\"details\":[{\"violations\":[{"
	  "\"quotaId\":\"GenerateRequestsPerDayPerProject\"}]},{\"retryDelay\":\"12s\"}]}}]", 429, RATE, "quota", "12", NO_RETRY },
	{ "Groq's 413 is a rate limit", "", 413, "{\"error\":{\"message\":\"Request too large for model `m` in organization `org_x` on "
	  "tokens per minute (TPM): Limit 8000, Requested 26034, please reduce your message size and try again.\",\"type\":\"tokens\","
	  "\"code\":\"rate_limit_exceeded\"}}", 429, RATE, "Request too large", "", NO_RETRY },
	{ "Bedrock's throttle is no overflow", "", 400, "{\"message\":\"Too many tokens, please wait before trying again.\"}",
	  429, RATE, "Too many tokens", "", FREE },
	{ "a 429 never makes it compact", "", 429, "{\"error\":{\"message\":\"Prompt is too long for your tier, input length and "
	  "`max_tokens` exceed context limit: 1 + 2 > 3\"}}", 429, RATE, "Prompt\xc2\xa0is too long|exceed\xc2\xa0""context limit", "", FREE },
	{ "402", "", 402, "{\"error\":{\"message\":\"This request requires more credits, or fewer max_tokens. You requested up to 32000 "
	  "tokens, but can only afford 2000.\",\"code\":402}}", 402, "billing_error", "more credits|billing page", "", NO_RETRY },

	/* waits */
	{ "seconds", "Retry-After: 7\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "7", FREE },
	{ "a fraction of seconds", "retry-after: 1.2\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "2", FREE },
	{ "a date", "retry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x",
	  "Wed, 21 Oct 2026 07:28:00 GMT", FREE },
	{ "a date 40 seconds from the answer's own", "date: Wed, 21 Oct 2026 07:27:50 GMT\r\nretry-after: Wed, 21 Oct 2026 07:28:30 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "40", FREE },
	{ "beyond midnight and the year", "date: Thu, 31 Dec 2026 23:59:50 GMT\r\nretry-after: Fri, 01 Jan 2027 00:00:09 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "19", FREE },
	{ "beyond a leap day", "date: Mon, 28 Feb 2028 23:59:59 GMT\r\nretry-after: Wed, 01 Mar 2028 00:00:00 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "86401", NO_RETRY },
	{ "two minutes from it", "date: Wed, 21 Oct 2026 07:27:50 GMT\r\nretry-after: Wed, 21 Oct 2026 07:29:50 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "60", FREE },
	{ "a date that has passed", "date: Wed, 21 Oct 2026 07:27:50 GMT\r\nretry-after: Wed, 21 Oct 2026 07:27:49 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "0", FREE },
	{ "a date, and none of the answer's that can be read", "date: today\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "Wed, 21 Oct 2026 07:28:00 GMT", FREE },
	{ "a month that is none", "date: Wed, 21 Oct 2026 07:27:50 GMT\r\nretry-after: Wed, 21 Obt 2026 07:28:00 GMT\r\n",
	  429, "{\"error\":\"x\"}", 429, RATE, "x", "Wed, 21 Obt 2026 07:28:00 GMT", FREE },
	{ "what is neither", "retry-after: soon\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "", FREE },
	{ "milliseconds", "retry-after-ms: 1200\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "2", FREE },
	{ "60 stays", "retry-after: 60\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "60", FREE },
	{ "61 becomes 60", "retry-after: 61\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "60", FREE },
	{ "180 becomes 60", "retry-after: 180\r\n", 529, "{\"error\":\"x\"}", 529, "overloaded_error", "x", "60", FREE },
	{ "181 is the end", "retry-after: 181\r\n", 429, "{\"error\":\"x\"}", 429, RATE, "x", "181", NO_RETRY },
	{ "a wait in words", "", 429, "{\"error\":{\"message\":\"Rate limit reached on tokens per min (TPM): Limit 10000, Used 9000, "
	  "Requested 2000. Please try again in 6.5s. Visit\"}}", 429, RATE, "try again in", "7", FREE },
	{ "a wait in minutes", "", 429, "{\"error\":{\"message\":\"Please try again in 2m0.1s\"}}", 429, RATE, "again", "60", FREE },
	{ "a wait in milliseconds", "", 429, "{\"error\":{\"message\":\"Please try again in 120ms.\"}}", 429, RATE, "again", "1", FREE },
	{ "the upstream's own word", "x-should-retry: true\r\nretry-after: 5\r\n", 401, "{\"error\":\"x\"}", 401,
	  "authentication_error", "x", "", 1 },
	{ "the upstream's own no", "x-should-retry: false\r\n", 503, "{\"error\":\"x\"}", 503, "overloaded_error", "x", "", NO_RETRY },

	/* hints */
	{ "a region", "", 403, "{\"error\":{\"code\":\"unsupported_country_region_territory\",\"message\":\"Country, region, or territory "
	  "not supported\"}}", 403, "permission_error", "territory not supported|Azure|OPENAI_BASE_URL", "", FREE },
	{ "Gemini's region", "", 400, "[{\"error\":{\"code\":400,\"message\":\"User location is not supported for the API use.\"}}]",
	  400, INVALID, "User location|OPENAI_BASE_URL", "", FREE },
	{ "a model", "", 404, "{\"error\":{\"message\":\"model 'x' not found\"}}", 404, "not_found_error",
	  "model 'x' not found|BIG_MODEL, MIDDLE_MODEL and SMALL_MODEL", "", FREE },
	{ "a deployment", "", 404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API deployment for this resource does "
	  "not exist.\"}}", 404, "not_found_error", "deployment|BIG_MODEL", "", FREE },
	{ "Gemini's key", "", 400, "[{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\"}}]",
	  400, INVALID, "API key not valid|OPENAI_API_KEY", "", FREE },
};

/* context overflows as a body's error.message; what begins the message of a 400 */
static const struct {
	const char *what, *said, *begins;
} overflows[] = {
	{ "OpenAI", "This model's maximum context length is 128000 tokens. However, your messages resulted in 130500 tokens. Please "
	  "reduce the length of the messages.", "prompt is too long: 130500 tokens > 128000 maximum (upstream: This model's" },
	{ "gpt-5", "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 428548 tokens.",
	  "prompt is too long: 428548 tokens > 272000 maximum" },
	{ "gpt-5 without numbers", "Your input exceeds the context window of this model. Please adjust your input and try again.",
	  "prompt is too long (upstream: Your input" },
	{ "messages and completion, the messages too long", "This model's maximum context length is 8192 tokens. However, you requested "
	  "12000 tokens (9000 in the messages, 3000 in the completion).", "prompt is too long: 12000 tokens > 8192 maximum" },
	{ "vLLM with lower bounds", "This model's maximum context length is 131072 tokens. However, you requested 32000 output tokens and "
	  "your prompt contains at least 99073 input tokens, for a total of at least 131073 tokens.",
	  "prompt is too long: 131073 tokens > 131072 maximum" },
	{ "vLLM, the input alone", "'max_tokens' is too large: 1000. This model's maximum context length is 40960 tokens and your request "
	  "has 51200 input tokens (1000 > 40960 - 51200).", "prompt is too long: 52200 tokens > 40960 maximum" },
	{ "SGLang", "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 40000 "
	  "tokens: 35000 tokens from the input messages and 5000 tokens for the completion.",
	  "prompt is too long: 40000 tokens > 32768 maximum" },
	{ "SGLang, short", "The input (40000 tokens) is longer than the model's context length (32768 tokens).",
	  "prompt is too long: 40000 tokens > 32768 maximum" },
	{ "Gemini", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
	  "prompt is too long: 1200000 tokens > 1048576 maximum" },
	{ "Kimi", "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)",
	  "prompt is too long: 140000 tokens > 131072 maximum" },
	{ "GLM", "Prompt exceeds max length", "prompt is too long (upstream: Prompt exceeds" },
	{ "MiniMax", "invalid params, context window exceeds limit (2013)", "prompt is too long (upstream: invalid params" },
	{ "DashScope", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 258048]",
	  "prompt is too long (upstream: <400>" },
	{ "xAI", "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
	  "prompt is too long: 537812 tokens > 131072 maximum" },
	{ "Groq", "Please reduce the length of the messages or completion.", "prompt is too long (upstream: Please" },
	{ "OpenRouter", "This endpoint's maximum context length is 131072 tokens. However, you requested about 211183 tokens (199583 of text "
	  "input, 3600 of tool input, 8000 in the output).", "prompt is too long: 211183 tokens > 131072 maximum" },
	{ "Mistral", "Prompt contains 321774 tokens and 0 draft tokens, too large for model with 262144 maximum context length",
	  "prompt is too long: 321774 tokens > 262144 maximum" },
	{ "Fireworks", "The prompt is too long: 150123, model maximum context length: 131071",
	  "prompt is too long: 150123 tokens > 131071 maximum" },
	{ "SiliconFlow", "length of prompt_tokens (140000) must be less than max_seq_len (131072).",
	  "prompt is too long: 140000 tokens > 131072 maximum" },
	{ "Volcengine", "Total tokens of image and text exceed max message tokens. Request id: 0217",
	  "prompt is too long (upstream: Total" },
	{ "Cerebras", "Please reduce the length of the messages or completion. Current length is 143000 while limit is 131072",
	  "prompt is too long: 143000 tokens > 131072 maximum" },
	{ "llama.cpp", "request (4170 tokens) exceeds the available context size (4096 tokens), try increasing it",
	  "prompt is too long: 4170 tokens > 4096 maximum" },
	{ "Ollama", "prompt too long; exceeded max context length by 12 tokens", "prompt is too long (upstream: prompt too long" },
	{ "LM Studio", "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with context length of "
	  "only 4096 tokens, which is not enough.", "prompt is too long: 9000 tokens > 4096 maximum" },
	{ "oMLX", "Prompt too long: 140000 tokens exceeds max context window of 131072 tokens",
	  "prompt is too long: 140000 tokens > 131072 maximum" },
	{ "Copilot", "prompt token count of 391491 exceeds the limit of 128000", "prompt is too long: 391491 tokens > 128000 maximum" },
	{ "Workers AI", "AiError: The estimated number of input and maximum output tokens (144512) exceeded this model context window limit "
	  "(128000).", "prompt is too long: 144512 tokens > 128000 maximum" },
	{ "Bedrock", "Input is too long for requested model.", "prompt is too long (upstream: Input" },
	{ "Anthropic's own", "prompt is too long: 210000 tokens > 200000 maximum", "prompt is too long: 210000 tokens > 200000 maximum" },
	{ "thousands separated, a model's name with digits", "Model qwen3-235b-a22b-2507: your prompt has 140,123 tokens but the context "
	  "window is 131,072 tokens (error code: 400, request id: 99887766)", "prompt is too long: 140123 tokens > 131072 maximum" },
	{ "the other way round", "context length exceeded: limit 32768, got 40000", "prompt is too long: 40000 tokens > 32768 maximum" },
	{ "text generation inference", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. Given: 35000 `inputs` "
	  "tokens and 4000 `max_new_tokens`", "prompt is too long: 39000 tokens > 32768 maximum" },
	{ "functions count as input", "This model's maximum context length is 16385 tokens. However, you requested 17500 tokens (16000 in the "
	  "messages, 400 in the functions, and 1100 in the completion).", "prompt is too long: 17500 tokens > 16385 maximum" },
	{ "an engine", "The engine prompt length 21537 exceeds the max_model_len 16384. Please reduce prompt.",
	  "prompt is too long: 21537 tokens > 16384 maximum" },
	{ "limit first", "Too many input tokens. Max 30720, got 40000.", "prompt is too long: 40000 tokens > 30720 maximum" },
	{ "another order", "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000",
	  "prompt is too long: 5000 tokens > 4081 maximum" },
	{ "try again in words", "Your request exceeded model token limit: 262144 (requested: 300011), please try again in a while",
	  "prompt is too long: 300011 tokens > 262144 maximum" },
	{ "a negative max_tokens", "max_tokens must be at least 1, got -123", "prompt is too long (upstream: max_tokens" },
	{ "Chinese", "输入内容超长，上下文最大长度为131072，当前140000", "prompt is too long: 140000 tokens > 131072 maximum" },
	{ "one number", "the 131072-token context window is exceeded", "prompt is too long (upstream: the" },
	{ "max_tokens alone", "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens (60000 in the "
	  "messages, 10000 in the completion).", "input length and `max_tokens` exceed context limit: 60000 + 10000 > 65536 (upstream:" },
	{ "max_tokens alone in Anthropic's words", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease "
	  "input length or `max_tokens` and try again", "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000" },
};

/* ---- */

static void read_error(const struct row *r, struct api_error *e)
{
	char text[1024];
	struct http_head h;
	const char *why;

	memset(e, 0x5a, sizeof *e);
	snprintf(text, sizeof text, "HTTP/1.1 %d Any\r\n%scontent-length: 5\r\n\r\n", r->http, r->fields);
	if (r->http > 0 && http_response(text, strlen(text), false, &h, &why) <= 0)
		abort();
	error_read(r->http > 0 ? &h : NULL, r->body, strlen(r->body), e);
}

static bool has_all(const char *text, const char *parts)
{
	char part[200];

	for (;;) {
		size_t n = strcspn(parts, "|");

		/* " | " is text */
		while (n > 0 && parts[n] == '|' && parts[n - 1] == ' ')
			n += 1 + strcspn(parts + n + 1, "|");
		memcpy(part, parts, n);
		part[n] = '\0';
		if (strstr(text, part) == NULL)
			return false;
		if (parts[n] == '\0')
			return true;
		parts += n + 1;
	}
}

/* what every error must be: terminated, UTF-8 that JSON takes, the type of its status, no secret */
static bool is_sound(const struct api_error *e)
{
	static char text[3 * sizeof e->message];
	struct span spans[16];
	struct plan_pos pos = { 0 };
	struct j_err err;
	struct plan p;

	if (memchr(e->message, '\0', sizeof e->message) == NULL || memchr(e->retry_after, '\0', sizeof e->retry_after) == NULL)
		return false;
	plan_init(&p, spans, COUNT(spans), NULL, 0);
	error_body(&p, e, "req_x");
	size_t n = plan_pull(&p, &pos, text, sizeof text);
	return n == p.total && j_check(text, n, &err) == 0 && e->message[0] != '\0' && e->status >= 400
		&& e->type == error_type(e->status) && strstr(e->message, "secret") == NULL;
}

static void test_rows(void)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct api_error e;

		read_error(r, &e);
		bool right = is_sound(&e) && e.status == r->status && strcmp(e.type, r->type) == 0 && has_all(e.message, r->has)
			&& strcmp(e.retry_after, r->retry_after) == 0 && e.should_retry == r->should_retry;
		CHECK(r->what, right);
		if (!right)
			printf("# %d %s retry-after %s should-retry %d: %s\n", e.status, e.type, e.retry_after, e.should_retry, e.message);
	}
}

static void test_overflows(void)
{
	static const int statuses[] = { 400, 413, 422, 500 };
	char body[1024], what[200];
	struct row r = { "", "", 0, body, 400, INVALID, "", "", FREE };
	struct api_error e;

	for (size_t i = 0; i < COUNT(overflows); i++) {
		bool right = true;

		snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s\",\"code\":400}}", overflows[i].said);
		for (size_t k = 0; k < COUNT(statuses); k++) {
			r.http = statuses[k];
			read_error(&r, &e);
			right = right && is_sound(&e) && e.status == 400 && strncmp(e.message, overflows[i].begins,
				strlen(overflows[i].begins)) == 0 && strstr(e.message, overflows[i].said) != NULL;
		}
		snprintf(what, sizeof what, "overflow of %s", overflows[i].what);
		CHECK(what, right);
		if (!right)
			printf("# %d %s\n", e.status, e.message);
		r.http = 429;
		read_error(&r, &e);
		snprintf(what, sizeof what, "none of %s as a 429", overflows[i].what);
		CHECK(what, e.status == 429 && strstr(e.message, "prompt is too long") == NULL
			&& strstr(e.message, "rompt is too long") == NULL && strstr(e.message, "exceed context limit") == NULL);
	}
	r.body = "";
	for (r.http = 400; r.http <= 413; r.http += 13) {
		read_error(&r, &e);
		CHECK("an empty 400 or 413 is one", e.status == 400 && strncmp(e.message, "prompt is too long (", 20) == 0);
	}
	r.http = 400;
	r.body = "{\"error\":{\"message\":\"too big\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":4170,\"n_ctx\":4096}}";
	read_error(&r, &e);
	CHECK("counts in members of their own", strncmp(e.message, "prompt is too long: 4170 tokens > 4096 maximum", 46) == 0);
}

static void test_no_overflow(void)
{
	static const char *const texts[] = {
		"max_tokens is too large: 40000. This model supports at most 16384 completion tokens, whereas you provided 40000.",
		"Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
		"The prompt contains sensitive content and was blocked.",
		"Your prompt has been flagged by our policy.",
		"Invalid 'messages[3].content': expected a string.",
		"You exceeded the quota of tokens of this account.",
	};
	char body[512];
	struct row r = { "", "", 400, body, 0, "", "", "", 0 };
	struct api_error e;

	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s\"}}", texts[i]);
		read_error(&r, &e);
		CHECK("a 400 that is no overflow", e.status == 400 && strncmp(e.message, texts[i], strlen(texts[i])) == 0);
	}
}

/* ---- inside a 200 ---- */

static const struct {
	const char *value;
	int status;		/* 0: no error */
	const char *has;
} objects[] = {
	{ "{\"error\":{\"code\":429,\"message\":\"Provider returned error\",\"metadata\":{\"raw\":\"m is temporarily rate-limited\"}},"
	  "\"choices\":[]}", 429, "temporarily rate-limited" },
	{ "{\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[{\"index\":0,\"finish_reason\":\"error\"}]}",
	  502, "disconnected" },
	{ "{\"code\":500,\"message\":\"context shift is disabled\",\"type\":\"server_error\"}", 500, "context shift" },
	{ "{\"object\":\"error\",\"message\":\"The model produced no output: internal error\",\"code\":500}", 500, "internal error" },
	{ "{\"message\":\"Tool call validation failed\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\","
	  "\"status_code\":400}", 400, "Tool call validation failed" },
	{ "{\"id\":\"\",\"choices\":null,\"usage\":null,\"base_resp\":{\"status_code\":2013,\"status_msg\":\"invalid params, context "
	  "window exceeds limit\"}}", 400, "prompt is too long" },
	{ "{\"error\":{\"code\":\"429\",\"message\":\"Requests have exceeded call rate limit\"}}", 429, "call rate limit" },
	{ "{\"code\":\"BadRequest.TooLarge\",\"message\":\"Exceeded limit on max bytes to request body : 6291456\"}", 413, "max bytes" },
	{ "\"data:{\\\"code\\\":\\\"BadRequest.TooLarge\\\",\\\"message\\\":\\\"Exceeded limit on max bytes to request body : 6291456\\\"}"
	  "\\n\\n\"", 413, "Exceeded limit on max bytes" },
	{ "{\"code\":\"The service is currently unavailable\",\"error\":\"The model is at capacity\"}", 529, "at capacity" },
	{ "{\"error\":\"plain\"}", 500, "plain" },
	{ "\"plain\"", 500, "plain" },
	{ "[{\"error\":{\"message\":\"listed\"}}]", 500, "listed" },
	{ "{\"detail\":\"Internal\"}", 500, "Internal" },
	{ "{\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}", 529, "x" },
	{ "{\"error\":{}}", 0, "" },
	{ "{\"error\":null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}", 0, "" },
	{ "{\"error\":0,\"choices\":[{\"index\":0}]}", 0, "" },
	{ "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", 0, "" },
	{ "{\"choices\":[{\"message\":{\"content\":\"\"}}],\"base_resp\":{\"status_code\":0,\"status_msg\":\"success\"}}", 0, "" },
	{ "{\"code\":200,\"message\":\"success\",\"choices\":[]}", 0, "" },
	{ "{\"type\":\"ping\"}", 0, "" },
	{ "{}", 0, "" }, { "null", 0, "" }, { "\"\"", 0, "" }, { "[]", 0, "" }, { "7", 0, "" },
};

static void test_objects(void)
{
	for (size_t i = 0; i < COUNT(objects); i++) {
		struct j_err err;
		struct api_error e;
		char text[1024];

		strcpy(text, objects[i].value);
		if (j_check(text, strlen(text), &err) != 0)
			abort();
		bool found = error_object(j_root(text, strlen(text)), true, &e);
		bool right = found == (objects[i].status != 0);
		if (found)
			right = right && is_sound(&e) && e.status == objects[i].status && strstr(e.message, objects[i].has) != NULL;
		CHECK("an object inside a 200", right);
		if (!right)
			printf("# %s: %d %s\n", objects[i].value, found ? e.status : 0, found ? e.message : "no error");
	}
}

/* what is said between an answer's events is an error where its words are one's */
static void test_messages(void)
{
	static const struct {
		const char *value;
		bool is;
	} lines[] = {
		{ "{\"message\":\"processing\"}", false }, { "{\"msg\":\"queued\",\"id\":\"1\"}", false }, { "\"waiting\"", false },
		{ "{\"message\":\"Too many tokens, please wait before trying again.\"}", true }, { "\"503 Service Unavailable\"", true },
		{ "{\"message\":\"Internal server error\"}", true }, { "{\"message\":\"processing\",\"code\":5}", true },
		{ "{\"error\":\"processing\"}", true }, { "{\"detail\":\"x\"}", true }, { "[{\"error\":1}]", true },
	};

	for (size_t i = 0; i < COUNT(lines); i++) {
		struct api_error e;

		CHECK("a message between events", error_object(j_root(lines[i].value, strlen(lines[i].value)), false, &e) == lines[i].is);
	}
}

/* JSON that says nothing is not what the client reads */
static void test_nothing(void)
{
	static const char *const bodies[] = { "null", "{}", "[]", "\"\"", " null\n", "" };
	struct http_head head = { .status = 500 };

	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct api_error e;

		error_read(&head, bodies[i], strlen(bodies[i]), &e);
		CHECK("a body that says nothing", e.status == 500 && strcmp(e.message, "the upstream answered with status 500 and no text") == 0);
	}
}

static void test_text(void)
{
	static const struct {
		const char *text;
		int status;
	} lines[] = {
		{ "429 Too Many Requests", 429 }, { "Error code: 503 - down", 503 }, { "<html><title>Oops</title></html>", 500 },
		{ "internal error", 500 }, { "[DONE]", 0 }, { "ping", 0 }, { "", 0 }, { "   ", 0 }, { "4290 sheep", 0 },
		{ "hello world", 0 }, { "{\"error\":{\"message\":\"cut off\",\"code\":429", 500 },
	};

	for (size_t i = 0; i < COUNT(lines); i++) {
		struct api_error e;
		bool found = error_text(lines[i].text, strlen(lines[i].text), &e);

		CHECK("a line of text", found == (lines[i].status != 0) && (!found || (is_sound(&e) && e.status == lines[i].status)));
	}
}

/* ---- repairs ---- */

static const struct {
	const char *what, *holds;	/* settings before */
	int status;
	const char *body;
	const char *setting;		/* NULL: none */
	int64_t max_tokens;
} repairs[] = {
	{ "the name of max_tokens", "", 400, "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is not supported with this model. "
	  "Use 'max_completion_tokens' instead.\",\"param\":\"max_tokens\",\"code\":\"unsupported_parameter\"}}",
	  "maxtok=max_completion_tokens", 0 },
	{ "which is not told twice", "maxtok=max_completion_tokens", 400, "{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens' is "
	  "not supported with this model. Use 'max_completion_tokens' instead.\"}}", NULL, 0 },
	{ "the other order", "", 400, "{\"error\":{\"message\":\"Please use max_completion_tokens, max_tokens is deprecated\"}}",
	  "maxtok=max_completion_tokens", 0 },
	{ "and back", "maxtok=max_completion_tokens", 400, "{\"error\":{\"message\":\"Unknown name \\\"max_completion_tokens\\\"\"}}",
	  "maxtok=max_tokens", 0 },
	{ "OpenAI's temperature", "", 400, "{\"error\":{\"message\":\"Unsupported parameter: 'temperature' is not supported with this "
	  "model.\",\"param\":\"temperature\"}}", "drop=temperature", 0 },
	{ "a value of temperature", "", 400, "{\"error\":{\"message\":\"Unsupported value: 'temperature' does not support 0.7 with this model. "
	  "Only the default (1) value is supported.\",\"param\":\"temperature\"}}", "drop=temperature", 0 },
	{ "Kimi's temperature", "", 400, "{\"error\":{\"message\":\"invalid temperature: only 1 is allowed for this model\"}}",
	  "drop=temperature", 0 },
	{ "what is dropped already stays so", "drop=stop,user", 400, "{\"error\":{\"message\":\"invalid temperature: only 1 is allowed\"}}",
	  "drop=stop,user,temperature", 0 },
	{ "what is dropped already is not told again", "drop=temperature", 400,
	  "{\"error\":{\"message\":\"invalid temperature: only 1 is allowed\"}}", NULL, 0 },
	{ "Gemini's unknown name", "", 400, "[{\"error\":{\"code\":400,\"message\":\"Invalid JSON payload received. Unknown name "
	  "\\\"store\\\": Cannot find field.\"}}]", "drop=store", 0 },
	{ "xAI's argument", "", 400, "{\"code\":\"Client specified an invalid argument\",\"error\":\"Argument not supported on this model: "
	  "stop\"}", "drop=stop", 0 },
	{ "Mistral's list", "", 422, "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"messages\",2,\"assistant\","
	  "\"reasoning_content\"],\"msg\":\"Extra inputs are not permitted\",\"input\":\"x\"}]}", "echo=none", 0 },
	{ "Groq's property", "", 400, "{\"error\":{\"message\":\"'messages.2' : for 'role:assistant' the following must be "
	  "satisfied[('messages.2' : property 'reasoning_content' is unsupported)]\"}}", "echo=none", 0 },
	{ "NIM's location", "", 400, "{\"object\":\"error\",\"message\":\"[{'type': 'extra_forbidden', 'loc': ('body', 'enable_thinking'), "
	  "'msg': 'Extra inputs are not permitted', 'input': True}]\"}", "drop=enable_thinking", 0 },
	{ "Fireworks' field", "", 400, "{\"error\":{\"message\":\"Extra inputs are not permitted, field: 'parallel_tool_calls'\"}}",
	  "drop=parallel_tool_calls", 0 },
	{ "an argument of Python's", "", 400, "{\"detail\":\"create() got an unexpected keyword argument 'top_p'\"}", "drop=top_p", 0 },
	{ "an unrecognized argument", "", 400, "{\"error\":{\"message\":\"Unrecognized request argument supplied: prompt_cache_key\"}}",
	  "drop=prompt_cache_key", 0 },
	{ "cache_control", "cache=anthropic", 400, "{\"error\":{\"message\":\"property 'cache_control' is unsupported\"}}", "cache=strip", 0 },
	{ "reasoning that must come back", "", 400, "{\"error\":{\"message\":\"thinking is enabled but reasoning_content is missing in "
	  "assistant tool call message at index 3\"}}", "echo=reasoning_content echo_all=1 echo_fill=empty", 0 },
	{ "with a dot where empty does not do", "echo=reasoning_content echo_all=1 echo_fill=empty", 400,
	  "{\"error\":{\"message\":\"The `reasoning_content` in the thinking mode must be passed back to the API.\"}}",
	  "echo=reasoning_content echo_all=1 echo_fill=dot", 0 },
	{ "and then no more", "echo=reasoning_content echo_all=1 echo_fill=dot", 400,
	  "{\"error\":{\"message\":\"thinking is enabled but reasoning_content is missing\"}}", NULL, 0 },
	{ "Gemini's signature", "", 400, "[{\"error\":{\"code\":400,\"message\":\"Function call is missing a thought_signature in "
	  "functionCall parts.\"}}]", "echo=gemini", 0 },
	{ "Gemini's schema", "", 400, "[{\"error\":{\"code\":400,\"message\":\"Invalid JSON payload received. Unknown name "
	  "\\\"propertyNames\\\" at 'tools[0].function_declarations[3].parameters.properties[1].value': Cannot find field.\"}}]",
	  "schema=gemini", 0 },
	{ "which is not told twice", "schema=gemini", 400, "[{\"error\":{\"code\":400,\"message\":\"Unknown name \\\"propertyNames\\\" at "
	  "'tools[0].function_declarations[3]': Cannot find field.\"}}]", NULL, 0 },
	{ "Moonshot's schema", "", 400, "{\"error\":{\"message\":\"tools.function.parameters is not a valid moonshot flavored json schema\"}}",
	  "schema=moonshot", 0 },
	{ "a grammar", "", 400, "{\"error\":{\"message\":\"JSON schema conversion failed: Unrecognized schema: true\"}}", "schema=grammar", 0 },
	{ "streams only", "", 400, "{\"error\":{\"code\":\"invalid_parameter_error\",\"message\":\"parameter.enable_thinking must be set to "
	  "false for non-streaming calls\"}}", "stream=always", 0 },
	{ "tool_choice", "", 400, "{\"error\":{\"message\":\"tool_choice 'specified' is incompatible with thinking enabled\"}}",
	  "tool_choice=auto", 0 },
	{ "tool_choice once more", "tool_choice=auto", 400, "{\"error\":{\"message\":\"tool_choice is not supported\"}}", "tool_choice=none", 0 },
	{ "tool_choice and no more", "tool_choice=none", 400, "{\"error\":{\"message\":\"tool_choice is not supported\"}}", NULL, 0 },
	{ "images", "", 400, "{\"error\":{\"message\":\"Failed to deserialize the JSON body: messages[0]: unknown variant `image_url`, "
	  "expected `text`\"}}", "images=none", 0 },
	{ "images in words", "", 400, "{\"error\":{\"message\":\"this model does not support image input\"}}", "images=none", 0 },
	{ "one bad image is no reason", "", 400, "{\"error\":{\"message\":\"Could not process image: unsupported format\"}}", NULL, 0 },
	{ "stream_options", "", 422, "{\"error\":{\"message\":\"Unknown field: stream_options\"}}", "usage=off", 0 },
	{ "effort words", "", 400, "{\"error\":{\"message\":\"Unsupported value: 'reasoning_effort' does not support 'minimal' with this "
	  "model. Supported values are: 'low', 'medium', and 'xhigh'.\",\"param\":\"reasoning_effort\"}}", "efforts=low,medium,xhigh", 0 },
	{ "no effort at all", "", 400, "{\"error\":{\"message\":\"json: unknown field \\\"reasoning_effort\\\"\"}}",
	  "drop=reasoning_effort", 0 },
	{ "tools beside reasoning", "", 400, "{\"error\":{\"message\":\"Function tools with reasoning_effort are not supported for "
	  "gpt-6-astra in /v1/chat/completions. Please use /v1/responses instead.\",\"param\":\"reasoning_effort\"}}",
	  "think=effort efforts=none", 0 },
	{ "Mistral's ids", "", 400, "{\"object\":\"error\",\"message\":\"Tool call id was call_1234 but must be a-z, A-Z, 0-9, with a length "
	  "of 9.\"}", "tool_id=mistral9", 0 },
	{ "vLLM's max_tokens", "", 400, "{\"object\":\"error\",\"message\":\"'max_tokens' or 'max_completion_tokens' is too large: 32000. This "
	  "model's maximum context length is 40960 tokens and your request has 12345 input tokens (32000 > 40960 - 12345).\",\"code\":400}",
	  "", 28615 },
	{ "SGLang's max_tokens", "", 400, "{\"message\":\"Requested token count exceeds the model's maximum context length of 32768 tokens. "
	  "You requested a total of 40000 tokens: 8000 tokens from the input messages and 32000 tokens for the completion.\"}", "", 24768 },
	{ "DeepSeek's max_tokens", "", 400, "{\"error\":{\"message\":\"This model's maximum context length is 65536 tokens. However, you "
	  "requested 70000 tokens (60000 in the messages, 10000 in the completion).\"}}", "", 5536 },
	{ "text generation inference's", "", 422, "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 32768. "
	  "Given: 30000 `inputs` tokens and 4000 `max_new_tokens`\"}", "", 2768 },
	{ "a model's own limit", "", 400, "{\"error\":{\"message\":\"max_tokens is too large: 40000. This model supports at most 16384 "
	  "completion tokens, whereas you provided 40000.\"}}", "", 16384 },
	{ "a range", "", 400, "{\"error\":{\"message\":\"Invalid max_tokens value, the valid range of max_tokens is [1, 8192]\"}}", "", 8192 },
	{ "a limit in other words", "", 400, "{\"error\":{\"message\":\"max_tokens (40000) exceeds the maximum of 16384\"}}", "", 16384 },
	{ "the window alone is told", "", 400, "{\"error\":{\"message\":\"'max_tokens' is too large: 32000. This model's maximum context length "
	  "is 4096 tokens.\"}}", "", 2048 },
	{ "nearly no room left is an overflow", "", 400, "{\"error\":{\"message\":\"This model's maximum context length is 65536 tokens. "
	  "However, you requested 70000 tokens (65500 in the messages, 4500 in the completion).\"}}", NULL, 0 },
	{ "lower bounds are none to go by", "", 400, "{\"error\":{\"message\":\"This model's maximum context length is 131072 tokens. However, "
	  "you requested 32000 output tokens and your prompt contains at least 99073 input tokens, for a total of at least 131073 "
	  "tokens.\"}}", NULL, 0 },
	{ "the model's own slip", "", 400, "{\"error\":{\"message\":\"Failed to call a function. Please adjust your prompt.\",\"code\":"
	  "\"tool_use_failed\"}}", "", 0 },
	{ "a name that stands first", "drop=top_k", 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	  "\"context_management: Extra inputs are not permitted\"}}", "drop=top_k,context_management", 0 },
	{ "not one within another", "", 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	  "\"messages.0.content.1.newer: Extra inputs are not permitted\"}}", NULL, 0 },
	{ "DeepSeek's thinking, by Anthropic's name", "", 400, "{\"error\":{\"message\":\"The `content[].thinking` in the thinking mode must "
	  "be passed back to the API.\"}}", "echo=reasoning_content echo_all=1 echo_fill=empty", 0 },
	{ "and its effort without thinking", "", 400, "{\"error\":{\"message\":\"thinking options type cannot be disabled when "
	  "reasoning_effort is set\"}}", "drop=output_config", 0 },
	{ "a signature: Claude Code mends it", "", 400, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
	  "\"messages.1.content.0: Invalid `signature` in `thinking` block\"}}", NULL, 0 },
	{ "adaptive thinking: it mends that too", "", 400, "{\"error\":{\"message\":\"adaptive thinking is not supported on this model\"}}",
	  NULL, 0 },
	{ "never a 429", "", 429, "{\"error\":{\"message\":\"Unsupported parameter: 'temperature'\"}}", NULL, 0 },
	{ "never a 500", "", 500, "{\"error\":{\"message\":\"Unsupported parameter: 'temperature'\"}}", NULL, 0 },
	{ "a filter", "", 400, "{\"error\":{\"message\":\"The response was filtered due to the prompt triggering Azure OpenAI's content "
	  "management policy.\",\"param\":\"prompt\",\"code\":\"content_filter\"}}", NULL, 0 },
	{ "an order of messages", "", 400, "{\"message\":\"Expected last role User or Tool (or Assistant with prefix True) for serving but got "
	  "assistant\",\"code\":\"3230\"}", NULL, 0 },
	{ "what is needed is never dropped", "", 400, "{\"error\":{\"message\":\"Unsupported parameter: 'messages'\",\"param\":\"messages\"}}",
	  NULL, 0 },
	{ "a tool's name is none", "", 400, "{\"error\":{\"message\":\"Invalid schema for function 'read_file': 'foo' is not valid\"}}", NULL, 0 },
	{ "nothing", "", 400, "", NULL, 0 },
};

static void test_repairs(void)
{
	for (size_t i = 0; i < COUNT(repairs); i++) {
		char setting[Q_TEXT] = "unset";
		const char *why;
		int64_t max_tokens = -1;
		struct quirks q;
		size_t at;

		q_init(&q);
		if (q_apply(&q, repairs[i].holds, strlen(repairs[i].holds), &why, &at) != 0)
			abort();
		bool found = error_repair(repairs[i].status, repairs[i].body, strlen(repairs[i].body), &q, setting, &max_tokens);
		bool right = found == (repairs[i].setting != NULL);
		if (found && right)
			right = strcmp(setting, repairs[i].setting) == 0 && max_tokens == repairs[i].max_tokens
				&& q_apply(&q, setting, strlen(setting), &why, &at) == 0;
		CHECK(repairs[i].what, right);
		if (!right)
			printf("# %s setting %s max_tokens %ld\n", found ? "found" : "nothing", setting, (long)max_tokens);
	}
}

/* ---- any bytes, any length ---- */

static void test_bytes(void)
{
	static char body[65536];
	struct row r = { "", "", 500, "", 0, "", "", "", 0 };
	struct api_error e;
	struct http_head h;
	const char *why, *head = "HTTP/1.1 500 x\r\ncontent-length: 1\r\n\r\n";
	unsigned seed = 1;
	bool sound = true;

	(void)r;
	if (http_response(head, strlen(head), false, &h, &why) <= 0)
		abort();
	for (int round = 0; round < 200; round++) {
		size_t n = (size_t)round * 37;

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			body[i] = (char)(seed >> 16);
		}
		error_read(&h, body, n, &e);
		sound = sound && is_sound(&e);
	}
	CHECK("any bytes", sound);
	error_read(&h, NULL, 0, &e);
	CHECK("no body, and no place of one", is_sound(&e));
	memset(body, 'x', sizeof body);
	error_read(&h, body, sizeof body, &e);
	CHECK("a long text is cut", is_sound(&e) && strlen(e.message) > 1000 && strlen(e.message) < sizeof e.message);
	memset(body, '\0', sizeof body);
	for (size_t i = 0; i + 1 < sizeof body; i += 2)
		memcpy(body + i, "\xc3\xa9", 2);
	error_read(&h, body, sizeof body, &e);
	CHECK("and at a whole character", is_sound(&e));
	memset(body, '[', sizeof body);
	error_read(&h, body, sizeof body, &e);
	CHECK("deep nesting", is_sound(&e));
}

int main(void)
{
	test_rows();
	test_overflows();
	test_no_overflow();
	test_objects();
	test_messages();
	test_nothing();
	test_text();
	test_repairs();
	test_bytes();
	return CHECK_END();
}
