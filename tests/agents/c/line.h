/* Lines of the agent protocol: `word key=value …`, escaped as ../README.md says. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { LINE_MAX_BYTES = 65536, PAIRS_MAX = 256 };

/* A parsed line. Everything points into the text that it was parsed from. */
struct line {
    const char *word;
    size_t count;
    struct {
        const char *key, *value;
        /* Of the value, which may have zeroes in it. That of "items" is escaped still. */
        size_t length;
    } pairs[PAIRS_MAX];
};

/* Parses `text` in place; whether it is a line. */
bool line_parse(struct line *line, char *text);

/* Turns escapes into their bytes, in place; how many there are then. */
size_t line_unescape(char *text);

/* The value of `key`, or NULL. */
const char *line_get(const struct line *line, const char *key);

/* Whether that is the value of `key`. */
bool line_is(const struct line *line, const char *key, const char *value);

/* The value of `key` as a number, or `other` when it is absent. */
unsigned long long line_number(const struct line *line, const char *key, unsigned long long other);

/* What follows `prefix` in the key of pair `index`, or NULL when it does not start so. */
const char *line_under(const struct line *line, size_t index, const char *prefix);

/* A line under construction. What would be too long is cut. */
struct out {
    size_t length;
    char text[LINE_MAX_BYTES];
};

void out_start(struct out *out, const char *start);
void out_pair(struct out *out, const char *prefix, const char *key, const char *value);
void out_bytes(struct out *out, const char *key, const unsigned char *bytes, size_t length);
/* One more item of the list that was added last. */
void out_item(struct out *out, const unsigned char *bytes, size_t length);
/* The bytes of a short payload; the length and checksum of a longer one. */
void out_payload(struct out *out, const unsigned char *bytes, size_t length);
void out_number(struct out *out, const char *key, unsigned long long number);

/* Writes it to stdout as one whole line: other threads write lines, too. */
void out_say(struct out *out);

#endif
