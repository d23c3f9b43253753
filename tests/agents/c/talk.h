/* The words of what members say to each other, and of keys and newcomers. */
#ifndef TALK_H
#define TALK_H

#include "line.h"

#include <chinwag.h>

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
chinwag_status talk(chinwag_node *node, const char *word, const struct line *line,
                    struct out *out, chinwag_error **err);

/* The payload of a command, as often as it says. The caller frees it. */
unsigned char *payload_of(const struct line *line, size_t *length);

/* What an event that is not about members tells. */
void put_told(struct out *out, const chinwag_event *event);

#endif
