/* Sums since the begin of a recording. A day takes many seconds to add up: that is done piece by piece, between keys,
 * and only while somebody looks at it; line 1 tells how far it is. */
#include "state.h"
#include "travel.h"

static int add_sum(void *sums, const struct interval *interval)
{
	return accumulator_add(sums, interval);
}

static bool are_shown(const struct screen *screen)
{
	return screen->settings->view.mode != MODE_RATE && !screen_on_page(screen) && !screen->back;
}

bool screen_has_work(const struct screen *screen)
{
	return screen->sums.under_way && are_shown(screen);
}

void screen_work(struct screen *screen)
{
	struct sums *sums = &screen->sums;
	int result = screen->host.each_before(screen->host.data, &sums->at, add_sum, screen->accumulator, &sums->done);
	const int percent = (int)(100 * sums->done);

	if (percent != sums->percent || result != 1)
		screen->table_stale = screen->frame_stale = true;
	sums->percent = percent;
	if (result == 1)
		return;
	sums->under_way = sums->stale = false;
	sums->partial = result != 0;
}

void sums_freshen(struct screen *screen)
{
	struct accumulator *fresh;

	if (!screen->sums.stale || screen->sums.under_way || !screen->host.each_before)
		return;
	fresh = accumulator_open(ACCUMULATOR_ENTRIES_DEFAULT);
	if (!fresh) { /* nobody can go on without any */
		screen->sums = (struct sums){ .partial = true };
		return;
	}
	/* Rows borrow from what goes. */
	screen->table.count = screen->detail_table.count = 0;
	screen->table_stale = screen->frame_stale = true;
	accumulator_close(screen->accumulator);
	screen->accumulator = fresh;
	screen->sums = (struct sums){ .stale = true, .under_way = true };
	screen_work(screen);
}
