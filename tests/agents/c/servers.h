/* The words of servers, and of messages to them. */
#ifndef SERVERS_H
#define SERVERS_H

#include "line.h"

#include <chinwag.h>

/* The header that goes from call to call. */
#define TRACE "traceparent"

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
chinwag_status servers(chinwag_node *node, const char *word, const struct line *line,
                       struct out *out, chinwag_error **err);

/* Whether an error of that word tells if it may have happened. */
bool tells_executed(const char *word);

/* Reads `value`, a letter and a text. The caller frees it. */
chinwag_payload *value_of(const struct line *line);

/* Adds the value of a payload: a letter and a text. */
void put_value(struct out *out, const uint8_t *bytes, size_t length);

/* The server of the protocol, on a thread of its own. */
chinwag_status serve_name(chinwag_node *node, const char *name, chinwag_error **err);
chinwag_status stop_name(const char *name, const char *reason);

#endif
