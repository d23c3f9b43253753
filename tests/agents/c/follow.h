/* The words of what is followed: topics, keys of members, servers, and loops. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "line.h"

#include <chinwag.h>

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
chinwag_status follow(chinwag_node *node, const char *word, const struct line *line,
                      struct out *out, chinwag_error **err);

#endif
