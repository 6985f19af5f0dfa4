/* Output that never blocks its maker: a thread writes to a descriptor what was rendered into memory.
 *
 * Bounded: who asks queue_has_room first, and drops what does not fit, is never stopped by a full pipe.
 */
#ifndef IOTOPX_APP_QUEUE_H
#define IOTOPX_APP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

int queue_open(int fd, struct queue **queue); /* fd is borrowed. 0 or -errno */
/* What is put replaces the file at `path` (borrowed), each time as a whole. */
int queue_open_file(const char *path, struct queue **queue);
/* Ends the thread even if its write is stuck; what was not written by then is lost. NULL allowed. */
void queue_close(struct queue *queue);

bool queue_has_room(struct queue *queue);
/* Takes `bytes` (from malloc) in any case. 0 or -ENOMEM. */
int queue_put(struct queue *queue, char *bytes, size_t length);

/* Readable when the thread has written something or failed; queue_collect resets it. */
int queue_fd(const struct queue *queue);
void queue_collect(struct queue *queue);
size_t queue_waiting(struct queue *queue); /* of what was put, how many are not written yet; 0 after an error */
int queue_error(struct queue *queue);     /* the -errno that ended writing, or 0 */

#endif
