/* What shells run: env, before Claude Code is started, and completion (see commands.h). */
#include "commands.h"

#include <string.h>

#include "listen.h"

extern char **environ;

static void warn(void *ctx, const char *line)
{
	(void)ctx;
	say("claude-code-proxy: %s\n", line);
}

/* One word of sh and of fish: what ends quotes, and what fish takes for an escape between them, stands outside. */
static bool put_variable(const char *format, const char *value)
{
	bool good = print(format, "ANTHROPIC_");

	while (good && *value != '\0') {
		size_t n = strcspn(value, "'\\");
		good = write_all(1, value, n);
		value += n;
		if (*value != '\0')
			good = good && print("'\\%c'", *value++);
	}
	return good && print("';\n");
}

/* Where a client on this machine finds what listens everywhere. */
static const char *near(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(host, "::") == 0 ? "::1" : host;
}

int command_env(const struct options *o)
{
	char err[512] = "PORT=0: which port it is, is known only to the program that listens", where[300];
	struct config *cfg = cfg_load(o->env[0], environ, err, sizeof err, warn, NULL);

	if (cfg != NULL && cfg->host[0] == '/')
		fmt(err, sizeof err, "HOST=%s: Claude Code cannot call a Unix socket: let nginx listen for it, or: socat "
			"TCP-LISTEN:8082,bind=127.0.0.1,reuseaddr,fork UNIX-CONNECT:%s, and set ANTHROPIC_BASE_URL=http://127.0.0.1:8082",
			cfg->host, cfg->host);
	if (cfg == NULL || cfg->port == 0) {
		say("claude-code-proxy: %s\n", err);
		cfg_free(cfg);
		return 100;
	}
	const char *key = cfg_client_key(cfg);
	listen_where(near(cfg->host), cfg->port, where, sizeof where);
	bool good = put_variable(o->fish ? "set -gx %sBASE_URL 'http://" : "export %sBASE_URL='http://", where) &&
		put_variable(o->fish ? "set -gx %sAPI_KEY '" : "export %sAPI_KEY='", key[0] != '\0' ? key : "any-word");
	cfg_free(cfg);
	return good ? 0 : 111;
}

bool print_completion(void)
{
	static const char script[] =
		"_claude_code_proxy() {\n"
		"	local w='--env -i -w --check status env convert completion --help --version --env-example'\n"
		"	case ${COMP_WORDS[COMP_CWORD-1]} in\n"
		"	--env | =) w= ;;\n"
		"	convert) w='request reply stream error' ;;\n"
		"	env) w='sh fish --env' ;;\n"
		"	esac\n"
		"	COMPREPLY=($(compgen -W \"$w\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
		"}\n"
		"complete -o default -F _claude_code_proxy claude-code-proxy\n";

	return write_all(1, script, sizeof script - 1);
}
