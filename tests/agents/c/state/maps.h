/* The words of maps that all members write. */
#ifndef MAPS_H
#define MAPS_H

#include "../line.h"

#include <chinwag.h>

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
chinwag_status maps(chinwag_node *node, const char *word, const struct line *line,
                    struct out *out, chinwag_error **err);

#endif
