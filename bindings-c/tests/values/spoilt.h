/* Input that is cut short, or of which a bit is wrong: refused with a code, or another value. */
#ifndef SPOILT_H
#define SPOILT_H

#include "check.h"

/* Reads bytes, looks at what was read, and frees it; the last argument takes the error. */
typedef chinwag_status (*reader)(const uint8_t *bytes, size_t count, chinwag_error **err);

/* Reads a copy of its exact size, so that a tool sees who reads behind the end. */
static inline chinwag_status read_copy(reader read, const uint8_t *bytes, size_t count) {
    uint8_t *copy = malloc(count == 0 ? 1 : count);
    CHECK(copy != NULL);
    memcpy(copy, bytes, count);
    chinwag_error *err = NULL;
    chinwag_status status = read(copy, count, &err);
    free(copy);
    CHECK(status == CHINWAG_OK || status == CHINWAG_EBADARGUMENT || status == CHINWAG_ETOOLARGE);
    CHECK((err == NULL) == (status == CHINWAG_OK));
    const char *code = status == CHINWAG_EBADARGUMENT ? "bad_argument" : "too_large";
    CHECK(err == NULL || strcmp(chinwag_error_code(err), code) == 0);
    CHECK(err == NULL || strlen(chinwag_error_message(err)) < 300);
    chinwag_error_free(err);
    return status;
}

/* No part of it is whole, and nothing may stand behind it. */
static inline void parts_are_refused(reader read, const uint8_t *good, size_t count) {
    CHECK(read_copy(read, good, count) == CHINWAG_OK);
    for (size_t length = 0; length < count; length++) {
        CHECK(read_copy(read, good, length) == CHINWAG_EBADARGUMENT);
    }
    uint8_t *more = calloc(count + 1, 1);
    CHECK(more != NULL);
    memcpy(more, good, count);
    CHECK(read_copy(read, more, count + 1) == CHINWAG_EBADARGUMENT);
    free(more);
}

/* Each bit of it may be wrong; some must be seen, and some may make another value. */
static inline void bits_are_harmless(reader read, const uint8_t *good, size_t count) {
    uint8_t *spoilt = malloc(count);
    CHECK(spoilt != NULL);
    memcpy(spoilt, good, count);
    size_t refused = 0;
    for (size_t bit = 0; bit < 8 * count; bit++) {
        spoilt[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += read_copy(read, spoilt, count) != CHINWAG_OK;
        spoilt[bit / 8] = good[bit / 8];
    }
    CHECK(refused > count && refused < 8 * count);
    free(spoilt);
}

/* Text of these bytes with a zero at its end, to be freed. */
static inline char *as_text(const uint8_t *bytes, size_t count) {
    char *text = calloc(count + 1, 1);
    CHECK(text != NULL);
    memcpy(text, bytes, count);
    return text;
}

/* Text of one letter, to be freed. */
static inline char *gigantic(size_t length) {
    char *text = calloc(length + 1, 1);
    CHECK(text != NULL);
    memset(text, 'x', length);
    return text;
}

#endif
