#include "layout.h"

#include <math.h>

#define MIDDLE_BYTES (1024.0 * 1024)
#define HIGH_BYTES (32.0 * 1024 * 1024)
#define MIDDLE_COUNT 1000.0
#define HIGH_COUNT 10000.0
#define MIDDLE_RATIO 0.2
#define HIGH_RATIO 0.6

static const unsigned char compact_widths[COLUMN_KIND_COUNT] = {
	[COLUMN_ID] = 5,    [COLUMN_TEXT] = 8,     [COLUMN_BYTES] = 10, [COLUMN_LIFETIME] = 8, [COLUMN_COUNT] = 5,
	[COLUMN_RATIO] = 7, [COLUMN_DURATION] = 6, [COLUMN_PRIO] = 4,   [COLUMN_GRAPH] = 8,
};

static int larger_of(int one, int other)
{
	return one > other ? one : other;
}

void layout_widths(struct fit *fit, enum column_kind kind, int width, int grown, const char *title,
		   const char *short_title)
{
	for (int tier = TIER_FULL; tier < TIER_COUNT; tier++) {
		int least = width, content = grown;

		if (tier == TIER_COMPACT && compact_widths[kind] < least)
			least = compact_widths[kind];
		if (kind == COLUMN_TEXT) /* texts may be cut; they grow only where there is room */
			content = tier != TIER_FULL ? 0 : grown < 2 * least ? grown : 2 * least;
		fit->widths[tier] =
		    larger_of(larger_of(least, content), (int)text_width(tier == TIER_FULL ? title : short_title));
	}
}

/* What all that are in take, gaps included, without the flexible one's own cells. */
static int taken(const struct fit *items, size_t count, enum tier tier)
{
	int width = 0;

	for (size_t i = 0; i < count; i++)
		if (items[i].width)
			width += items[i].flexible ? 1 : items[i].widths[tier] + 1;
	return width;
}

/* Of two of one priority the one further right leaves. */
static bool drop_one(struct fit *items, size_t count)
{
	size_t worst = count;

	for (size_t i = 0; i < count; i++)
		if (items[i].width && items[i].priority && !items[i].flexible &&
		    (worst == count || items[i].priority >= items[worst].priority))
			worst = i;
	if (worst == count)
		return false;
	items[worst].width = 0;
	return true;
}

enum tier layout_fit(struct fit *items, size_t count, int cells, int least, int roomy)
{
	enum tier tier = TIER_FULL;
	int room;

	for (size_t i = 0; i < count; i++)
		items[i].width = 1;
	for (;;) {
		room = cells + 1 - taken(items, count, tier);
		if (room >= (tier == TIER_FULL ? roomy : least))
			break;
		if (tier != TIER_COMPACT)
			tier++;
		else if (!drop_one(items, count))
			break;
	}
	for (size_t i = 0; i < count; i++)
		if (items[i].width)
			items[i].width = items[i].flexible ? (room > 0 ? room : 0) : items[i].widths[tier];
	return tier;
}

bool layout_is_left(enum column_kind kind)
{
	return kind == COLUMN_TEXT || kind == COLUMN_GRAPH || kind == COLUMN_PRIO;
}

static enum style by_magnitude(double number, double middle, double high)
{
	if (!(number > 0))
		return STYLE_ZERO;
	return number >= high ? STYLE_HIGH : number >= middle ? STYLE_MIDDLE : STYLE_LOW;
}

enum style layout_style(enum column_kind kind, double number, bool sums)
{
	switch (kind) {
	case COLUMN_BYTES:
		return by_magnitude(number, sums ? HUGE_VAL : MIDDLE_BYTES, sums ? HUGE_VAL : HIGH_BYTES);
	case COLUMN_COUNT:
		return by_magnitude(number, sums ? HUGE_VAL : MIDDLE_COUNT, sums ? HUGE_VAL : HIGH_COUNT);
	case COLUMN_RATIO:
		return by_magnitude(number, MIDDLE_RATIO, HIGH_RATIO);
	case COLUMN_ID:
	case COLUMN_TEXT:
	case COLUMN_LIFETIME:
	case COLUMN_DURATION:
	case COLUMN_PRIO:
	case COLUMN_GRAPH:
	case COLUMN_KIND_COUNT:
		break;
	}
	return STYLE_NORMAL;
}
