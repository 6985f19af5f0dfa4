/* What must be put back even when iotopx crashes: the terminal. (Delay accounting is a helper's: helper.h.) */
#ifndef IOTOPX_APP_CRASH_H
#define IOTOPX_APP_CRASH_H

/* Handles the signals of crashes: restores, then lets the signal take its course. Call it before a thread is made. */
void crash_guard(void);

#endif
