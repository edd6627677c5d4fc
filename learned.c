/* What the providers taught (see learned.h). */
#include "learned.h"

#include <string.h>

/* LEARNED_MAX: none */
static size_t row_of(const struct learned *l, const char *place)
{
	size_t i = 0;

	while (i < LEARNED_MAX && strcmp(l->rows[i].place, place) != 0)
		i++;
	return i;
}

const char *learned_find(const struct learned *l, const char *place)
{
	size_t i = row_of(l, place);

	return i < LEARNED_MAX ? l->rows[i].settings : "";
}

static char *row_for(struct learned *l, const char *place)
{
	size_t i = row_of(l, place);

	if (i == LEARNED_MAX) {
		i = l->next++ % LEARNED_MAX;
		memcpy(l->rows[i].place, place, strlen(place) + 1);
		l->rows[i].settings[0] = '\0';
	}
	return l->rows[i].settings;
}

void learned_add(struct learned *l, const char *place, const char *settings)
{
	if (place[0] == '\0' || settings[0] == '\0' || strlen(place) >= sizeof l->rows[0].place)
		return;
	char *row = row_for(l, place);
	size_t n = strlen(row), k = strlen(settings);
	if (n + k + 2 > LEARNED_TEXT)
		return;
	if (n > 0)
		row[n++] = ' ';
	memcpy(row + n, settings, k + 1);
}
