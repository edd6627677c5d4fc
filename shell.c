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
static bool put_variable(const char *format, const char *name, const char *value)
{
	bool good = print(format, name);

	while (good && *value != '\0') {
		size_t n = strcspn(value, "'\\");
		good = write_all(1, value, n);
		value += n;
		if (*value != '\0')
			good = good && print("'\\%c'", *value++);
	}
	return good && print("';\n");
}

/* Where a client on this machine finds what listens everywhere; with TLS by a name that the certificate has. */
static const char *near(const struct config *cfg, char *name, size_t room)
{
	const char *host = cfg->host, *names = cfg->identity != NULL ? tls_identity_names(cfg->identity) : "", *first;
	size_t n;

	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0)
		host = "::1";
	first = cfg_listed(names, host, strlen(host)) ? NULL : cfg_entry(&names, &n);
	if (first == NULL || *first == '*')
		return host;
	fmt(name, room, "%.*s", (int)n, first);
	return name;
}

static bool put_address(const struct config *cfg, bool fish)
{
	const char *set = fish ? "set -gx %s '" : "export %s='";
	char name[256], where[300], url[320];

	listen_where(near(cfg, name, sizeof name), cfg->port, where, sizeof where);
	fmt(url, sizeof url, "%s://%s", cfg->identity != NULL ? "https" : "http", where);
	if (!put_variable(set, "ANTHROPIC_BASE_URL", url))
		return false;
	if (cfg->identity == NULL)
		return true;
	if (tls_identity_own(cfg->identity))
		return put_variable(set, "NODE_EXTRA_CA_CERTS", cfg->tls_cert);
	say("claude-code-proxy: if the certificate is of an authority of your own: export NODE_EXTRA_CA_CERTS=its file\n");
	return true;
}

int command_env(const struct options *o)
{
	char err[512] = "PORT=0: which port it is, is known only to the program that listens";
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
	bool good = put_address(cfg, o->fish) &&
		put_variable(o->fish ? "set -gx %s '" : "export %s='", "ANTHROPIC_API_KEY", key[0] != '\0' ? key : "any-word");
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
