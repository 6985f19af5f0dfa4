#include "outage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define S 1000000000ull

static void test_works(void **state)
{
	struct outage outage = { 0 };

	(void)state;
	for (uint64_t now = 0; now < 10 * S; now += S / 2)
		assert_false(outage_may_ask(&outage, now));
}

static void test_asks_once_a_second(void **state)
{
	struct outage outage = { 0 };
	unsigned asked = 0;

	(void)state;
	outage_begin(&outage, -EBADF);
	assert_true(outage_may_ask(&outage, 1)); /* at once */
	outage_answer(&outage, -EMFILE);
	for (uint64_t now = 2; now < 10 * S; now += S / 100)
		if (outage_may_ask(&outage, now)) {
			outage_answer(&outage, -EMFILE);
			asked++;
		}
	assert_int_equal(asked, 9);
	assert_int_equal(outage.error, -EBADF);
	assert_true(outage_may_ask(&outage, 11 * S));
	outage_answer(&outage, 0);
	assert_int_equal(outage.error, 0);
	assert_false(outage_may_ask(&outage, 20 * S));
}

/* One that fails as soon as it is there is an outage after the other, and not a loop without rest. */
static void test_rests_between_outages(void **state)
{
	struct outage outage = { 0 };
	unsigned asked = 0;

	(void)state;
	for (uint64_t now = S; now < 4 * S; now += S / 1000) {
		outage_begin(&outage, -ECONNREFUSED);
		if (outage_may_ask(&outage, now)) {
			outage_answer(&outage, 0);
			asked++;
		}
	}
	assert_int_equal(asked, 3);
}

static void test_describes(void **state)
{
	struct outage outage = { 0 };
	char text[128];

	(void)state;
	outage_begin(&outage, -EBADF);
	outage_begin(&outage, -EIO); /* a consequence */
	outage_describe(&outage, text, sizeof(text));
	assert_string_equal(text, "Bad file descriptor");
	assert_true(outage_may_ask(&outage, S));
	outage_answer(&outage, -EPERM);
	outage_describe(&outage, text, sizeof(text));
	assert_string_equal(text, "Bad file descriptor; no new socket: Operation not permitted");
	outage_answer(&outage, 0);
	outage_begin(&outage, -EIO);
	outage_describe(&outage, text, sizeof(text));
	assert_string_equal(text, "Input/output error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_works),
		cmocka_unit_test(test_asks_once_a_second),
		cmocka_unit_test(test_rests_between_outages),
		cmocka_unit_test(test_describes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
