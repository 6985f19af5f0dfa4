/* Expressions, pins of -p, users of -u. */
#include "iotopx/filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static const char *find_user(void *data, uint32_t uid)
{
	(void)data;
	return uid == 0 ? "root" : uid == 33 ? "www-data" : "nobody";
}

static const char *find_cmdline(void *data, struct task_info *info)
{
	(void)data;
	return info->cmdline;
}

static const struct lookup lookup = { .user = find_user, .cmdline = find_cmdline };

static char nginx_line[] = "/usr/sbin/nginx -g daemon  off; (worker)";

static struct task_info make_info(void)
{
	struct task_info info = { .refs = 1,
				  .id = { 1235, 2 * SECOND },
				  .process = { 1234, SECOND },
				  .uid = 33,
				  .unit = "Web.service",
				  .container = "shop-frontend",
				  .cmdline = nginx_line };

	strcpy(info.comm, "nginx-io");
	return info;
}

static bool matches_info(const char *expression, struct task_info *info)
{
	struct filter *filter = NULL;
	char error[256] = "";
	bool result;

	if (filter_parse(expression, &filter, error, sizeof(error)) != 0)
		fail_msg("'%s': %s", expression, error);
	result = filter_match(filter, info, &lookup);
	filter_free(filter);
	return result;
}

static bool matches(const char *expression)
{
	struct task_info info = make_info();

	return matches_info(expression, &info);
}

static void nothing_matches_all(void **state)
{
	struct filter *filter = (struct filter *)1;
	char error[64];

	(void)state;
	assert_int_equal(filter_parse("", &filter, error, sizeof(error)), 0);
	assert_null(filter);
	filter = (struct filter *)1;
	assert_int_equal(filter_parse(" \t ", &filter, error, sizeof(error)), 0);
	assert_null(filter);
	assert_true(filter_match(NULL, NULL, &lookup));
	filter_free(NULL);
}

static void terms(void **state)
{
	(void)state;
	assert_true(matches("user:www-data"));
	assert_true(matches("user:33"));
	assert_false(matches("user:www"));
	assert_false(matches("user:3"));
	assert_true(matches("pid:1234"));
	assert_true(matches("pid:1235"));
	assert_false(matches("pid:123"));
	assert_true(matches("unit:web"));
	assert_true(matches("unit:SERVICE"));
	assert_false(matches("unit:db"));
	assert_true(matches("container:Front"));
	assert_false(matches("container:back"));
}

static void all_terms_must_match(void **state)
{
	(void)state;
	assert_true(matches("user:33 pid:1234 unit:web container:shop nginx"));
	assert_false(matches("user:33 pid:1 unit:web container:shop nginx"));
	assert_false(matches("user:33 nginx apache"));
	assert_false(matches("unit:web unit:db"));
}

static void what_is_unknown_does_not_match(void **state)
{
	struct task_info info = make_info();

	(void)state;
	info.unit = info.container = NULL;
	info.uid = UINT32_MAX;
	assert_false(matches_info("unit:web", &info));
	assert_false(matches_info("container:shop", &info));
	assert_false(matches_info("user:4294967295", &info));
}

static void the_regex_is_extended(void **state)
{
	(void)state;
	assert_true(matches("ngin[xy]"));
	assert_true(matches("apache|nginx"));
	assert_true(matches("^/usr/s?bin/nginx"));
	assert_false(matches("^sbin"));
	assert_false(matches("NGINX"));
	assert_true(matches("nginx$|worker\\)$"));
}

static void name_and_command_line_both_count(void **state)
{
	struct task_info info = make_info();
	char empty[] = "";

	(void)state;
	assert_true(matches("^nginx-io$"));
	assert_true(matches("daemon"));
	info.cmdline = NULL; /* gone, or not there yet */
	assert_true(matches_info("nginx-io", &info));
	assert_false(matches_info("daemon", &info));
	info.cmdline = empty;
	assert_true(matches_info("nginx", &info));
	assert_false(matches_info("^$", &info));
}

static void words_form_one_regex_with_their_blanks(void **state)
{
	(void)state;
	assert_true(matches("nginx -g"));
	assert_true(matches("-g daemon  off"));
	assert_false(matches("-g daemon off"));
	assert_false(matches("daemon -g"));
	assert_true(matches("nginx user:33 -g"));
	assert_true(matches("  nginx -g\t"));
}

static void quotes_keep_blanks_and_colons(void **state)
{
	struct task_info info = make_info();
	char line[] = "tool user:root \"x\"";

	(void)state;
	info.cmdline = line;
	assert_true(matches_info("\"user:root\"", &info));
	assert_false(matches_info("user:root", &info));
	assert_true(matches_info("\"tool  *user\"", &info));
	assert_true(matches_info("\\\"x\\\"", &info));
	assert_true(matches_info("\"\\\"x\"", &info));
	info.unit = "my unit.service";
	assert_true(matches_info("unit:\"my unit\"", &info));
	assert_true(matches_info("nonsense:|tool", &info));
}

static void backslashes_reach_the_regex(void **state)
{
	(void)state;
	assert_true(matches("\\(worker\\)"));
	assert_true(matches("daemon\\ \\ off"));
	assert_false(matches("nginx\\.io"));
	assert_true(matches("\"\\(worker\\)\""));
}

static void bad_expressions_say_why(void **state)
{
	static const struct {
		const char *expression, *says;
	} bad[] = {
		{ "pid:x", "pid:" },     { "pid:0", "pid:" },  { "pid:-1", "pid:" },     { "pid:4294967296", "pid:" },
		{ "pid:", "needs" },     { "user:", "user:" }, { "unit: web", "unit:" }, { "container:", "container:" },
		{ "(", "regular" },      { "a[", "regular" },  { "*a|(b", "regular" },   { "\"open", "quote" },
		{ "user:\"a", "quote" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct filter *filter = (struct filter *)1;
		char error[256] = "";

		if (filter_parse(bad[i].expression, &filter, error, sizeof(error)) != -EINVAL)
			fail_msg("'%s' is accepted", bad[i].expression);
		assert_ptr_equal(filter, (struct filter *)1);
		if (!strstr(error, bad[i].says) || strchr(error, '\n'))
			fail_msg("'%s': '%s'", bad[i].expression, error);
	}
}

/* What would take regcomp gigabytes, or its stack, or regexec for ever; beside what only looks like it. */
static void what_asks_too_much_is_refused(void **state)
{
	static const struct {
		const char *expression, *says;
	} tried[] = {
		{ "unit++++++++++++++++++++++++++++", "repetition" },
		{ "((((a+)+)+)+)++", NULL },
		{ "((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)", "repetition" },
		{ "(a{100}){100}", "repetition" },
		{ "a{9999}", "repetition" },
		{ "a{99999999999999999999}", "repetition" },
		{ "(a{30}){30,}", NULL },
		{ "(a{30}){3,34}", "repetition" },
		{ "(a{500}|b{500})", "repetition" },
		{ "(a{500}|b{400})", NULL },
		{ "(a)\\1", "back-references" },
		{ "[[:alpha:]]{2,9}", NULL },
		{ "[]+{9999}]", NULL },
		{ "[^]+{9999}[.+.]]++", NULL },
		{ "\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+\\+", NULL },
		{ "a\\{9999}", NULL },
		{ "[a]{500}]{501}", "repetition" },
		/* Few nodes, and minutes of walks between them. */
		{ "@?\?\?\?{13,}", "repetition" },
		{ "a[ab]*{2,5}?{9,}", "repetition" },
		{ "((a?b?c?d?)?(e?f?g?h?)?){4,}", "repetition" },
		{ "(^(\\b))?{2,}", "repeated" },
		{ "(a|$)+", "repeated" },
		{ "{9}", "regular" },
		{ "(^|/)(pg|my)?sql( |$)?", NULL },
		{ "a?b?c?d?e?f?", NULL },
		{ "(a?){13}", NULL },
		{ "(a|b|c|)*(\\w+ ?)+", NULL },
		{ "([0-9]{1,3}\\.){3}[0-9]{1,3}:[0-9]{2,5}", NULL },
		{ "[a-z]*[0-9]*[._-]*x{,20}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
		struct filter *filter = NULL;
		char error[256] = "";
		int result = filter_parse(tried[i].expression, &filter, error, sizeof(error));

		if (result != (tried[i].says ? -EINVAL : 0) || !strstr(error, tried[i].says ? tried[i].says : ""))
			fail_msg("'%s': %d, '%s'", tried[i].expression, result, error);
		filter_free(filter);
	}
}

static void parentheses_are_counted(void **state)
{
	char expression[8192];

	(void)state;
	for (size_t depth = 99; depth <= 4000; depth = depth == 99 ? 101 : depth * 40) {
		struct filter *filter = NULL;
		char error[256] = "";

		memset(expression, '(', depth);
		expression[depth] = 'a';
		memset(expression + depth + 1, ')', depth);
		expression[depth * 2 + 1] = '\0';
		assert_int_equal(filter_parse(expression, &filter, error, sizeof(error)), depth > 100 ? -EINVAL : 0);
		assert_true(depth <= 100 || strstr(error, "parentheses"));
		filter_free(filter);
	}
}

/* An error goes to a terminal as it is. */
static void errors_are_clean(void **state)
{
	static const char *const bad[] = { "(\x1b]0;x\x07", "pid:\x1b[2J", "\"\xc2\x9b\xff\n", "(a)\\1\x1b" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct filter *filter = NULL;
		char error[256] = "";

		assert_int_equal(filter_parse(bad[i], &filter, error, sizeof(error)), -EINVAL);
		for (const char *at = error; *at; at++)
			assert_true(*at >= ' ' && *at <= '~');
	}
}

static void raw_bytes_are_no_trouble(void **state)
{
	struct task_info info = make_info();
	char line[] = "\xff\xfe\x1b[1m evil \xe2\x82";

	(void)state;
	info.cmdline = line;
	assert_true(matches_info("evil", &info));
	assert_true(matches_info("ev.l", &info));
	assert_true(matches_info("\x1b", &info));
}

/* -p pins who bears the number now: threads born later belong to it, a later bearer of the number does not. */
static void a_pid_is_pinned_to_its_process(void **state)
{
	struct task_info thread = make_info();
	struct task_info leader = make_info();
	struct task_info later = make_info();
	struct task_info child = make_info();
	struct filter *filter = NULL;

	(void)state;
	leader.id = leader.process;
	assert_int_equal(filter_add_pid(&filter, 1234), 0);
	assert_int_equal(filter_pid_count(filter), 1);
	filter_pin(filter, &leader);
	assert_true(filter_match(filter, &leader, &lookup));
	assert_true(filter_match(filter, &thread, &lookup));
	thread.id.tid = 9999;
	assert_true(filter_match(filter, &thread, &lookup));
	/* Two readings of one start may differ a little. */
	leader.process.start_ns += 5000000;
	assert_true(filter_match(filter, &leader, &lookup));
	later.process.start_ns += 10 * SECOND;
	assert_false(filter_match(filter, &later, &lookup));
	filter_pin(filter, &later);
	assert_false(filter_match(filter, &later, &lookup));
	child.process.tid = child.id.tid = 5000;
	child.ppid = 1234;
	assert_false(filter_match(filter, &child, &lookup));
	filter_free(filter);
}

static void a_tid_is_pinned_to_its_thread(void **state)
{
	struct task_info thread = make_info();
	struct task_info leader = make_info();
	struct filter *filter = NULL;

	(void)state;
	leader.id = leader.process;
	assert_int_equal(filter_add_pid(&filter, 1235), 0);
	filter_pin(filter, &leader);
	filter_pin(filter, &thread);
	assert_true(filter_match(filter, &thread, &lookup));
	assert_false(filter_match(filter, &leader, &lookup));
	thread.id.start_ns += SECOND;
	assert_false(filter_match(filter, &thread, &lookup));
	filter_free(filter);
}

static void pids_are_gone_when_all_of_them_exited(void **state)
{
	struct task_info thread = make_info();
	struct task_info other = make_info();
	struct filter *filter = NULL;

	(void)state;
	other.id = other.process = (struct task_id){ 77, SECOND };
	assert_int_equal(filter_add_pid(&filter, 1234), 0);
	assert_int_equal(filter_add_pid(&filter, 77), 0);
	assert_int_equal(filter_add_pid(&filter, 77), 0);
	assert_int_equal(filter_pid_count(filter), 2);
	filter_pin(filter, &thread);
	filter_pin(filter, &other);
	assert_int_equal(filter_pids_gone(filter), 0);
	filter_exited(filter, &thread, false); /* a thread of it only */
	assert_int_equal(filter_pids_gone(filter), 0);
	filter_exited(filter, &thread, true);
	filter_exited(filter, &thread, true);
	assert_int_equal(filter_pids_gone(filter), 1);
	filter_exited(filter, &other, true);
	assert_int_equal(filter_pids_gone(filter), 2);
	/* Still shown in the interval in which it exited. */
	assert_true(filter_match(filter, &other, &lookup));
	filter_free(filter);
}

static void lists_are_ored_within_and_anded_with_the_rest(void **state)
{
	struct task_info info = make_info();
	struct filter *filter = NULL;
	char error[64];

	(void)state;
	assert_int_equal(filter_parse("nginx", &filter, error, sizeof(error)), 0);
	assert_int_equal(filter_add_uid(&filter, 1000), 0);
	assert_false(filter_match(filter, &info, &lookup));
	assert_int_equal(filter_add_uid(&filter, 33), 0);
	assert_true(filter_match(filter, &info, &lookup));
	assert_int_equal(filter_add_pid(&filter, 77), 0);
	assert_false(filter_match(filter, &info, &lookup));
	assert_int_equal(filter_add_pid(&filter, 1234), 0);
	assert_true(filter_match(filter, &info, &lookup));
	strcpy(info.comm, "apache");
	info.cmdline = NULL;
	assert_false(filter_match(filter, &info, &lookup));
	filter_free(filter);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_matches_all),
		cmocka_unit_test(terms),
		cmocka_unit_test(all_terms_must_match),
		cmocka_unit_test(what_is_unknown_does_not_match),
		cmocka_unit_test(the_regex_is_extended),
		cmocka_unit_test(name_and_command_line_both_count),
		cmocka_unit_test(words_form_one_regex_with_their_blanks),
		cmocka_unit_test(quotes_keep_blanks_and_colons),
		cmocka_unit_test(backslashes_reach_the_regex),
		cmocka_unit_test(bad_expressions_say_why),
		cmocka_unit_test(what_asks_too_much_is_refused),
		cmocka_unit_test(parentheses_are_counted),
		cmocka_unit_test(errors_are_clean),
		cmocka_unit_test(raw_bytes_are_no_trouble),
		cmocka_unit_test(a_pid_is_pinned_to_its_process),
		cmocka_unit_test(a_tid_is_pinned_to_its_thread),
		cmocka_unit_test(pids_are_gone_when_all_of_them_exited),
		cmocka_unit_test(lists_are_ored_within_and_anded_with_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
