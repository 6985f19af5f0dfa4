#include "crash.h"

#include "iotopx/screen.h"

#include <signal.h>
#include <stdlib.h>

#define STACK_BYTES 65536 /* its own, so that a stack that ran over is told too */

static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP };
#define CRASH_COUNT (sizeof(crash_signals) / sizeof(*crash_signals))

/* A handler of a signal gets no pointer of ours: the only mutable state of the program that is not passed around. */
static struct {
	struct sigaction before[CRASH_COUNT]; /* a sanitizer's handler, or the default */
	void *stack; /* the kernel's, while the process lives; here so that it counts as reachable */
} crash;

static void crash_handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	screen_emergency_restore();
	for (size_t i = 0; i < CRASH_COUNT; i++)
		if (crash_signals[i] == number)
			sigaction(number, &crash.before[i], NULL);
	/* A fault comes again by itself when this returns, and finds the action from before; a sent signal does not. */
	if (info->si_code <= 0)
		raise(number);
}

void crash_guard(void)
{
	struct sigaction action = { .sa_sigaction = crash_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = malloc(STACK_BYTES), .ss_size = STACK_BYTES };

	crash.stack = stack.ss_sp;
	if (stack.ss_sp)
		sigaltstack(&stack, NULL); /* lives as long as the process */
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < CRASH_COUNT; i++)
		sigaction(crash_signals[i], &action, &crash.before[i]);
}
