/* The words of the ring, and of slots that change hands. */
#ifndef RINGS_H
#define RINGS_H

#include "line.h"

#include <chinwag.h>

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
chinwag_status rings(chinwag_node *node, const char *word, const struct line *line,
                     struct out *out, chinwag_error **err);

/* Has the ring kept from now on. */
void keep_ring(const chinwag_node *node);

/* What an event tells of rings and slots. */
void put_ring_event(struct out *out, const chinwag_event *event);

#endif
