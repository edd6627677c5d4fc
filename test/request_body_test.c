/*
 * The members of a converted request beside its messages: a row is settings,
 * members of the request, and the members that must come out, in order.
 */
#include "request_run.h"

#include "check.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])
#define ASK "\"max_tokens\":100,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define SAID "{\"model\":\"up-model\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define MT "\"max_tokens\":100"
#define TOOL "\"tools\":[{\"name\":\"Read\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]"
#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"Read\"," \
	"\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"
#define NAMED "{\"type\":\"function\",\"function\":{\"name\":\"Read\"}}"

static const struct row {
	const char *settings;	/* lines of an env file */
	const char *in;		/* members behind max_tokens and messages, each with its comma */
	const char *out;
} rows[] = {
	/* nothing that is absent is sent */
	{ "", "", "," MT },
	{ "", ",\"stream\":false", "," MT },
	{ "", ",\"stream\":null,\"tools\":null,\"system\":null,\"thinking\":null,\"temperature\":null", "," MT },
	/* accepted and not sent */
	{ "", ",\"top_k\":5,\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\",\"context_management\":{\"edits\":[]}"
		",\"container\":\"c\",\"mcp_servers\":[],\"betas\":[\"x\"],\"inference_geo\":\"eu\",\"no_such\":{}", "," MT },

	/* the output limit */
	{ "limit 50", "", ",\"max_tokens\":50" },
	{ "minimum 1000", "", ",\"max_tokens\":1000" },
	{ "quirks maxtok=max_completion_tokens", "", ",\"max_completion_tokens\":100" },
	{ "quirks maxtok=none", "", "" },
	{ "", ",\"max_tokens\":1e3", ",\"max_tokens\":1000" },
	{ "", ",\"max_tokens\":\"300\"", ",\"max_tokens\":300" },

	/* sampling */
	{ "", ",\"temperature\":1", "," MT },
	{ "", ",\"temperature\":1.0", "," MT },
	{ "", ",\"temperature\":0.70", "," MT ",\"temperature\":0.70" },
	{ "quirks temp=pass", ",\"temperature\":1.0", "," MT ",\"temperature\":1.0" },
	{ "quirks temp=omit", ",\"temperature\":0.5,\"top_p\":0.9", "," MT },
	{ "quirks temp=unit", ",\"temperature\":1.5", "," MT ",\"temperature\":1" },
	{ "quirks temp=unit", ",\"temperature\":0", "," MT ",\"temperature\":0" },
	{ "quirks temp=unit", ",\"temperature\":1", "," MT },
	{ "quirks temp=gt0", ",\"temperature\":0", "," MT ",\"temperature\":0.01" },
	{ "quirks temp=gt0", ",\"temperature\":2", "," MT ",\"temperature\":1" },
	{ "", ",\"top_p\":0.95", "," MT ",\"top_p\":0.95" },

	/* stop sequences */
	{ "", ",\"stop_sequences\":[\"a\",\"\\u000a\",\"\",\"c\",\"d\",\"e\"]",
		"," MT ",\"stop\":[\"a\",\"\\u000a\",\"c\",\"d\"]" },
	{ "quirks stop=1", ",\"stop_sequences\":[\"a\",\"b\"]", "," MT ",\"stop\":[\"a\"]" },
	{ "quirks stop=0", ",\"stop_sequences\":[\"a\"]", "," MT },
	{ "", ",\"stop_sequences\":[]", "," MT },
	{ "quirks drop=stop", ",\"stop_sequences\":[\"a\"]", "," MT },

	/* streams */
	{ "", ",\"stream\":true", "," MT ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" },
	{ "quirks usage=off", ",\"stream\":true", "," MT ",\"stream\":true" },
	{ "quirks stream=always", "", "," MT ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" },
	{ "quirks tool_stream=1", ",\"stream\":true," TOOL,
		"," TOOLS "," MT ",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"tool_stream\":true" },
	{ "quirks tool_stream=1 usage=off", ",\"stream\":true", "," MT ",\"stream\":true" },
	{ "quirks tool_stream=1", "," TOOL, "," TOOLS "," MT },

	/* tools and the choice among them */
	{ "", ",\"tools\":[]", "," MT },
	{ "", ",\"tools\":[],\"tool_choice\":{\"type\":\"auto\"}", "," MT },
	{ "", ",\"tool_choice\":{\"type\":\"any\"}", "," MT },
	{ "", "," TOOL, "," TOOLS "," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"auto\"}", "," TOOLS ",\"tool_choice\":\"auto\"," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"any\"}", "," TOOLS ",\"tool_choice\":\"required\"," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"none\"}", "," TOOLS ",\"tool_choice\":\"none\"," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"Read\"}", "," TOOLS ",\"tool_choice\":" NAMED "," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"Gone\"}", "," TOOLS ",\"tool_choice\":\"auto\"," MT },
	{ "quirks tool_choice=strings", "," TOOL ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"Read\"}",
		"," TOOLS ",\"tool_choice\":\"required\"," MT },
	{ "quirks tool_choice=any", "," TOOL ",\"tool_choice\":{\"type\":\"any\"}", "," TOOLS ",\"tool_choice\":\"any\"," MT },
	{ "quirks tool_choice=any", "," TOOL ",\"tool_choice\":{\"type\":\"tool\",\"name\":\"Read\"}",
		"," TOOLS ",\"tool_choice\":" NAMED "," MT },
	{ "quirks tool_choice=auto", "," TOOL ",\"tool_choice\":{\"type\":\"any\"}", "," TOOLS ",\"tool_choice\":\"auto\"," MT },
	{ "quirks tool_choice=auto", "," TOOL ",\"tool_choice\":{\"type\":\"none\"}", "," MT },
	{ "quirks tool_choice=none", "," TOOL ",\"tool_choice\":{\"type\":\"any\"}", "," TOOLS "," MT },
	{ "quirks tool_choice=none", "," TOOL ",\"tool_choice\":{\"type\":\"none\"}", "," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}",
		"," TOOLS ",\"tool_choice\":\"auto\",\"parallel_tool_calls\":false," MT },
	{ "", "," TOOL ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":false}",
		"," TOOLS ",\"tool_choice\":\"auto\"," MT },
	{ "quirks drop=parallel_tool_calls,tool_choice",
		"," TOOL ",\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}", "," TOOLS "," MT },
	/* what only Anthropic's servers know about a tool stays behind */
	{ "", ",\"tools\":[{\"type\":\"custom\",\"name\":\"Read\",\"description\":\"\\u0041\",\"strict\":true"
		",\"cache_control\":{\"type\":\"ephemeral\"},\"eager_input_streaming\":true,\"input_examples\":[{}]"
		",\"allowed_callers\":[\"direct\"]}]",
		",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"Read\",\"description\":\"\\u0041\""
		",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]," MT },
	/* long names, and characters that a name may not have */
	{ "", ",\"tools\":[{\"name\":\"mcp__a.b\",\"input_schema\":{}}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"mcp__a.b\"}",
		",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"mcp__a_b_$\",\"parameters\":{\"type\":\"object\""
		",\"properties\":{}}}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"mcp__a_b_$\"}}," MT },

	/* the form of the answer */
	{ "", ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{}}}}",
		",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\""
		",\"schema\":{\"type\":\"object\",\"properties\":{}}}}," MT },
	{ "", ",\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{}}}",
		",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\""
		",\"schema\":{\"type\":\"object\",\"properties\":{}}}}," MT },
	{ "quirks drop=response_format",
		",\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\",\"properties\":{}}}", "," MT },

	/* thinking: no style, nothing sent */
	{ "", ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}", "," MT },
	/* effort: words and the nearest of them */
	{ "quirks think=effort", "", "," MT },
	{ "quirks think=effort", ",\"thinking\":{\"type\":\"adaptive\"}", "," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=effort", ",\"output_config\":{\"effort\":\"medium\"}", "," MT ",\"reasoning_effort\":\"medium\"" },
	{ "quirks think=effort", ",\"output_config\":{\"effort\":\"max\"}", "," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=effort", ",\"output_config\":{\"effort\":\"galactic\"}", "," MT },
	{ "quirks think=effort efforts=low,high,max", ",\"output_config\":{\"effort\":\"medium\"}",
		"," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=effort efforts=low,high,max", ",\"output_config\":{\"effort\":\"xhigh\"}",
		"," MT ",\"reasoning_effort\":\"max\"" },
	{ "quirks think=effort efforts=none,high", ",\"output_config\":{\"effort\":\"low\"}",
		"," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=effort", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1999}",
		"," MT ",\"reasoning_effort\":\"low\"" },
	{ "quirks think=effort", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}",
		"," MT ",\"reasoning_effort\":\"medium\"" },
	{ "quirks think=effort", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":12000}",
		"," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=effort efforts=none,low,high", ",\"thinking\":{\"type\":\"disabled\"},\"output_config\":{\"effort\":\"high\"}",
		"," MT ",\"reasoning_effort\":\"none\"" },
	{ "quirks think=effort", ",\"thinking\":{\"type\":\"disabled\"}", "," MT ",\"reasoning_effort\":\"low\"" },
	/* type, with words only where the row names some */
	{ "quirks think=type", ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}",
		"," MT ",\"thinking\":{\"type\":\"enabled\"}" },
	{ "quirks think=type efforts=low,high,max", ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"xhigh\"}",
		"," MT ",\"thinking\":{\"type\":\"enabled\"},\"reasoning_effort\":\"max\"" },
	{ "quirks think=type efforts=low,high,max", ",\"thinking\":{\"type\":\"disabled\"}",
		"," MT ",\"thinking\":{\"type\":\"disabled\"}" },
	{ "quirks think=type", ",\"output_config\":{\"effort\":\"high\"}", "," MT },
	/* the others */
	{ "quirks think=enable", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4096}",
		"," MT ",\"enable_thinking\":true,\"thinking_budget\":4096" },
	{ "quirks think=enable", ",\"thinking\":{\"type\":\"adaptive\"}", "," MT ",\"enable_thinking\":true" },
	{ "quirks think=enable", ",\"thinking\":{\"type\":\"disabled\"}", "," MT ",\"enable_thinking\":false" },
	{ "quirks think=template", ",\"thinking\":{\"type\":\"adaptive\"}",
		"," MT ",\"chat_template_kwargs\":{\"enable_thinking\":true,\"thinking\":true}" },
	{ "quirks think=template", ",\"thinking\":{\"type\":\"disabled\"}",
		"," MT ",\"chat_template_kwargs\":{\"enable_thinking\":false,\"thinking\":false}" },
	{ "quirks think=openrouter", ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}",
		"," MT ",\"reasoning\":{\"effort\":\"low\"}" },
	{ "quirks think=openrouter", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":31999}",
		"," MT ",\"reasoning\":{\"max_tokens\":31999}" },
	{ "quirks think=openrouter", ",\"thinking\":{\"type\":\"disabled\"}", "," MT ",\"reasoning\":{\"enabled\":false}" },
	{ "quirks think=gemini", ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"max\"}",
		"," MT ",\"reasoning_effort\":\"high\"" },
	{ "quirks think=gemini", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}",
		"," MT ",\"extra_body\":{\"google\":{\"thinking_config\":{\"thinking_budget\":2048,\"include_thoughts\":true}}}" },
	{ "quirks think=gemini", ",\"thinking\":{\"type\":\"disabled\"}", "," MT ",\"reasoning_effort\":\"low\"" },
	{ "quirks think=adaptive", ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}",
		"," MT ",\"thinking\":{\"type\":\"adaptive\"}" },
	{ "quirks think=adaptive", ",\"thinking\":{\"type\":\"disabled\"}", "," MT ",\"thinking\":{\"type\":\"disabled\"}" },
	/* a forced call and thinking exclude each other where thinking is a switch */
	{ "quirks think=enable", ",\"thinking\":{\"type\":\"adaptive\"}," TOOL ",\"tool_choice\":{\"type\":\"any\"}",
		"," TOOLS ",\"tool_choice\":\"required\"," MT ",\"enable_thinking\":false" },
	{ "quirks think=type tool_choice=auto", ",\"thinking\":{\"type\":\"adaptive\"}," TOOL ",\"tool_choice\":{\"type\":\"any\"}",
		"," TOOLS ",\"tool_choice\":\"auto\"," MT ",\"thinking\":{\"type\":\"enabled\"}" },

	/* what the provider's cache wants, and Requesty */
	{ "session abc\nquirks cache=key", "", "," MT ",\"prompt_cache_key\":\"abc\"" },
	{ "quirks cache=key", "", "," MT },
	{ "session abc", "", "," MT },
	{ "requesty", "", "," MT ",\"requesty\":{\"auto_cache\":true}" },

	/* extra: deep, and last; drop: whatever it comes from */
	{ "quirks extra={\"reasoning_split\":true}", "", "," MT ",\"reasoning_split\":true" },
	{ "quirks think=type extra={\"thinking\":{\"clear_thinking\":false}}", ",\"thinking\":{\"type\":\"adaptive\"}",
		"," MT ",\"thinking\":{\"type\":\"enabled\",\"clear_thinking\":false}" },
	{ "quirks think=type extra={\"thinking\":{\"clear_thinking\":false}}", "", "," MT ",\"thinking\":{\"clear_thinking\":false}" },
	{ "quirks think=gemini extra={\"extra_body\":{\"google\":{\"thinking_config\":{\"include_thoughts\":false},\"cached_content\":\"c\"}}}",
		",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":9}",
		"," MT ",\"extra_body\":{\"google\":{\"thinking_config\":{\"thinking_budget\":9,\"include_thoughts\":false}"
		",\"cached_content\":\"c\"}}" },
	{ "requesty\nquirks extra={\"requesty\":{\"trace_id\":\"t\"},\"seed\":7}", "",
		"," MT ",\"requesty\":{\"auto_cache\":true,\"trace_id\":\"t\"},\"seed\":7" },
	{ "quirks extra={\"max_tokens\":5,\"temperature\":0.1}", ",\"temperature\":0.9", ",\"max_tokens\":5,\"temperature\":0.1" },
	{ "quirks extra={\"messages\":[],\"seed\":1}", "", "," MT ",\"seed\":1" },
	{ "quirks drop=seed,max_tokens extra={\"seed\":1,\"user\":\"u\"}", "", ",\"user\":\"u\"" },
	{ "quirks think=type drop=thinking extra={\"thinking\":{\"keep\":\"all\"}}", ",\"thinking\":{\"type\":\"adaptive\"}", "," MT },
	{ "quirks drop=stream_options,stream", ",\"stream\":true", "," MT },
	{ "quirks drop=max", "", "," MT },
};

/* want is what has been got, where "$" in want stands for 8 hex digits */
static bool like(const char *want, const char *got)
{
	for (; *want != '\0'; want++) {
		if (*want == '$') {
			if (strspn(got, "0123456789abcdef") < 8)
				return false;
			got += 8;
		} else if (*want != *got++) {
			return false;
		}
	}
	return *got == '\0';
}

static void run(const struct row *row)
{
	char in[2048], want[2048], lines[1024], what[1024];
	struct setting s;

	setting_init(&s);
	strcpy(lines, row->settings);
	bool good = setting_lines(&s, lines);
	/* of two max_tokens the last counts */
	snprintf(in, sizeof in, "{%s%s}", ASK, row->in);
	snprintf(want, sizeof want, "%s%s}", SAID, row->out);
	snprintf(what, sizeof what, "body: %s %s", row->settings, row->in);
	for (char *p = what; *p != '\0'; p++)
		if (*p == '\n')
			*p = ' ';
	struct result r = run_text(in, &s.t, 64);
	CHECK(what, good && r.rc == 0 && r.same && like(want, r.body));
	if (r.rc != 0 || !like(want, r.body))
		printf("#  want %s\n#  got  %s %s\n", want, r.body, r.e.message);
	result_free(&r);
}

/* whether the conversion says so: stream up_stream show_thinking has_image last_is_user, as digits */
static void facts(const char *settings, const char *in, const char *want)
{
	char text[1024], lines[256], got[8], what[1200];
	struct setting s;

	setting_init(&s);
	strcpy(lines, settings);
	setting_lines(&s, lines);
	snprintf(text, sizeof text, "{\"max_tokens\":9%s}", in);
	struct result r = run_text(text, &s.t, 64);
	snprintf(got, sizeof got, "%d%d%d%d%d", r.f.stream, r.f.up_stream, r.f.show_thinking, r.f.has_image, r.f.last_is_user);
	snprintf(what, sizeof what, "facts: %s %s", settings, in);
	CHECK(what, r.rc == 0 && strcmp(got, want) == 0);
	if (strcmp(got, want) != 0)
		printf("#  got %s\n", got);
	result_free(&r);
}

#define USER ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
#define CALLED ",\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"n\",\"input\":{}}]}," \
	"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"content\":%s}]}]"
#define IMAGE "[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"}}]"

static void all_facts(void)
{
	char image[600];

	snprintf(image, sizeof image, CALLED, IMAGE);
	facts("", USER, "00001");
	facts("", USER ",\"stream\":true", "11001");
	facts("quirks stream=always", USER, "01001");
	facts("", USER ",\"thinking\":{\"type\":\"adaptive\"}", "00101");
	facts("", USER ",\"thinking\":{\"type\":\"disabled\"}", "00001");
	facts("", USER ",\"thinking\":{\"type\":\"disabled\"}," TOOL, "00101");
	facts("", image, "00010");
	facts("quirks images=none", image, "00000");
	facts("", ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":\"y\"}]", "00000");
	facts("", ",\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"system\",\"content\":\"y\"}]", "00001");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(rows); i++)
		run(&rows[i]);
	all_facts();
	return CHECK_END();
}
