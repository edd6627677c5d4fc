/*
 * A fuzz target that replays its corpus: all of test/fuzz/NAME/, and what
 * test/fuzz/NAME.seeds names; or the files named on the command line; or with
 * "-w DIR" writes that corpus there, for one that looks for more.
 *
 * A line of NAME.seeds is PREFIX PATTERN: files that match (test's own data),
 * with some bytes in front. "-" is none; "\n" and "\xNN" are such bytes.
 */
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1 << 20)

struct corpus {
	const char *into;	/* NULL: replayed */
	int n;
};

static size_t unescape(const char *text, uint8_t *to)
{
	size_t n = 0;

	while (*text != '\0' && strcmp(text, "-") != 0) {
		if (text[0] == '\\' && text[1] == 'n') {
			to[n++] = '\n';
			text += 2;
		} else if (text[0] == '\\' && text[1] == 'x') {
			char hex[3] = { text[2], text[2] != '\0' ? text[3] : '\0', '\0' };
			to[n++] = (uint8_t)strtol(hex, NULL, 16);
			text += 2 + strlen(hex);
		} else {
			to[n++] = (uint8_t)*text++;
		}
	}
	return n;
}

static int write_input(const char *dir, int i, const uint8_t *data, size_t n)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/%04d", dir, i);
	FILE *f = fopen(path, "wb");
	if (f == NULL || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		return perror(path), 1;
	return 0;
}

static int one(struct corpus *c, const char *prefix, const char *path)
{
	static uint8_t data[INPUT_MAX];
	size_t n = unescape(prefix, data);
	struct stat st;
	FILE *f = fopen(path, "rb");

	if (f == NULL)
		return perror(path), 1;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) {
		n += fread(data + n, 1, sizeof data - n, f);
		/* of just its size, so that a read behind its end is seen */
		uint8_t *input = malloc(n + (n == 0));
		memcpy(input, data, n);
		if (c->into != NULL)
			write_input(c->into, c->n, input, n);
		else
			LLVMFuzzerTestOneInput(input, n);
		free(input);
		c->n++;
	}
	fclose(f);
	return 0;
}

static int all(struct corpus *c, const char *prefix, const char *pattern)
{
	glob_t found;
	int bad = 0;

	if (glob(pattern, 0, NULL, &found) != 0)
		return fprintf(stderr, "%s: no such files\n", pattern), 1;
	for (size_t i = 0; i < found.gl_pathc; i++)
		bad |= one(c, prefix, found.gl_pathv[i]);
	globfree(&found);
	return bad;
}

static int seeds(struct corpus *c, const char *name)
{
	char path[4096], line[4096], prefix[2000], pattern[2000];
	int bad = 0;

	snprintf(path, sizeof path, "test/fuzz/%s.seeds", name);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (line[0] != '#' && sscanf(line, "%1999s %1999s", prefix, pattern) == 2)
			bad |= all(c, prefix, pattern);
	if (f != NULL)
		fclose(f);
	snprintf(path, sizeof path, "test/fuzz/%s/*", name);
	return bad | all(c, "-", path);
}

int main(int argc, char **argv)
{
	struct corpus c = { 0 };
	const char *name = strstr(argv[0], "fuzz_");
	int bad = 0;

	for (const char *next = name; next != NULL; next = strstr(next + 1, "fuzz_"))
		name = next;
	if (argc > 2 && strcmp(argv[1], "-w") == 0)
		c.into = argv[2];
	for (int i = 1; c.into == NULL && i < argc; i++)
		bad |= one(&c, "-", argv[i]);
	if (c.into != NULL || argc == 1)
		bad |= seeds(&c, name + 5);
	printf("%s - %d inputs of %s\n", bad || c.n == 0 ? "not ok" : "ok", c.n, name);
	return bad || c.n == 0;
}
