/* The room of the actions is the program itself, which has no library: its file is built in here. */
#include "../../../src/app/actions.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static struct task_id sleeper_start(void)
{
	struct task_id id = { .start_ns = now_ns() };

	id.tid = fork();
	if (id.tid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* not left behind by a test that fails */
		for (;;)
			pause();
	}
	assert_true(id.tid > 0);
	return id;
}

static void sleeper_end(const struct task_id *id)
{
	kill(id->tid, SIGKILL);
	assert_int_equal(waitpid(id->tid, NULL, 0), id->tid);
}

/* The same PID in another life. */
static struct task_id other_life(const struct task_id *id)
{
	return (struct task_id){ id->tid, id->start_ns + 3600 * 1000000000ull };
}

static long prio_of(pid_t tid)
{
	return syscall(SYS_ioprio_get, IOPRIO_WHO_THREAD, tid);
}

static void test_prio(void **state)
{
	const struct actions actions = actions_direct();
	const struct task_id id = sleeper_start();
	const struct task_id other = other_life(&id);
	const long own = prio_of(getpid());

	(void)state;
	assert_int_equal(actions.set_prio(actions.data, &id, 2, 6), 0);
	assert_int_equal(prio_of(id.tid), 2 << 13 | 6);
	assert_int_equal(actions.set_prio(actions.data, &other, 2, 1), -ESRCH);
	assert_int_equal(prio_of(id.tid), 2 << 13 | 6);
	assert_int_equal(actions.set_prio(actions.data, &id, 3, 0), 0);
	assert_int_equal(prio_of(id.tid) >> 13, 3);
	sleeper_end(&id);
	assert_int_equal(actions.set_prio(actions.data, &id, 2, 6), -ESRCH);
	/* Its parent is in the same group. */
	assert_int_equal(prio_of(getpid()), own);
}

static void test_prio_bad(void **state)
{
	const struct actions actions = actions_direct();
	const struct task_id id = sleeper_start();
	static const int bad[][2] = { { 0, 4 }, { 4, 0 }, { -1, 4 }, { 2, 8 }, { 2, -1 } };
	static const pid_t not_threads[] = { 0, -1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(actions.set_prio(actions.data, &id, bad[i][0], bad[i][1]), -EINVAL);
	for (size_t i = 0; i < 2; i++) {
		const struct task_id none = { not_threads[i], 0 };
		assert_int_equal(actions.set_prio(actions.data, &none, 2, 6), -ESRCH);
	}
	sleeper_end(&id);
}

struct thread {
	struct task_id id;
	int started[2], end[2];
};

static void *thread_main(void *data)
{
	struct thread *thread = data;
	char byte = 0;

	thread->id = (struct task_id){ gettid(), now_ns() };
	assert_int_equal(write(thread->started[1], &byte, 1), 1);
	assert_int_equal(read(thread->end[0], &byte, 1), 0);
	return NULL;
}

/* One thread of a process, not the others. */
static void test_prio_of_thread(void **state)
{
	const struct actions actions = actions_direct();
	const long own = prio_of(gettid());
	struct thread thread;
	pthread_t handle;
	char byte;

	(void)state;
	assert_int_equal(pipe(thread.started), 0);
	assert_int_equal(pipe(thread.end), 0);
	assert_int_equal(pthread_create(&handle, NULL, thread_main, &thread), 0);
	assert_int_equal(read(thread.started[0], &byte, 1), 1);
	assert_int_equal(actions.set_prio(actions.data, &thread.id, 2, 7), 0);
	assert_int_equal(prio_of(thread.id.tid), 2 << 13 | 7);
	assert_int_equal(prio_of(gettid()), own);
	close(thread.end[1]);
	pthread_join(handle, NULL);
	close(thread.end[0]);
	close(thread.started[0]);
	close(thread.started[1]);
}

static void test_signal(void **state)
{
	const struct actions actions = actions_direct();
	const struct task_id id = sleeper_start();
	const struct task_id other = other_life(&id);
	int status;

	(void)state;
	if (actions.send_signal(actions.data, &id, 0) == -ENOSYS) {
		sleeper_end(&id);
		skip(); /* a kernel before 5.3 */
	}
	assert_int_equal(actions.send_signal(actions.data, &other, SIGKILL), -ESRCH);
	assert_int_equal(waitpid(id.tid, &status, WNOHANG), 0);
	assert_int_equal(actions.send_signal(actions.data, &id, 0), 0);
	assert_int_equal(actions.send_signal(actions.data, &id, 1000), -EINVAL);
	assert_int_equal(actions.send_signal(actions.data, &id, SIGTERM), 0);
	assert_int_equal(waitpid(id.tid, &status, 0), id.tid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_int_equal(actions.send_signal(actions.data, &id, SIGTERM), -ESRCH);
}

/* To kill() these are everybody and a whole group. */
static void test_signal_nobody(void **state)
{
	const struct actions actions = actions_direct();
	static const pid_t not_processes[] = { 0, -1, -2 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct task_id id = { not_processes[i], 0 };
		assert_int_equal(actions.send_signal(actions.data, &id, 0), -ESRCH);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prio),           cmocka_unit_test(test_prio_bad),
		cmocka_unit_test(test_prio_of_thread), cmocka_unit_test(test_signal),
		cmocka_unit_test(test_signal_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
