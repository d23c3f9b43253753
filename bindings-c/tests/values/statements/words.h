/* Words of the shared vectors: `tests/vectors/clocks/README.md` has them. */
#ifndef STATEMENTS_WORDS_H
#define STATEMENTS_WORDS_H

#include "check.h"
#include <inttypes.h>

enum { LONGEST = 1 << 14 };

static size_t unhex(const char *text, uint8_t *out) {
    size_t count = 0;
    for (; text[0] != '-' && text[0] != 0; text += 2) {
        unsigned byte;
        CHECK(sscanf(text, "%2x", &byte) == 1);
        out[count++] = (uint8_t)byte;
    }
    return count;
}

static void hex(const uint8_t *bytes, size_t count, char *out) {
    strcpy(out, count == 0 ? "-" : "");
    for (size_t n = 0; n < count; n++) {
        out += sprintf(out, "%02x", bytes[n]);
    }
}

/* A text as in a URL, in its place. */
static char *plain(char *text) {
    char *out = text;
    for (const char *in = text; *in != 0; in++) {
        unsigned byte = (unsigned char)*in;
        if (*in == '%') {
            CHECK(sscanf(in + 1, "%2x", &byte) == 1);
            in += 2;
        }
        *out++ = (char)byte;
    }
    *out = 0;
    return text;
}

static void escaped(const char *text, char *out) {
    for (*out = 0; *text != 0; text++) {
        unsigned char byte = (unsigned char)*text;
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool is_plain = letter || (byte >= '0' && byte <= '9') || strchr("-_.~", byte) != NULL;
        out += sprintf(out, is_plain ? "%c" : "%%%02X", byte);
    }
}

static uint64_t number(const char *word) {
    return strtoull(word, NULL, 10);
}

/* The time in a word that may be missing. The largest number says "none" in C. */
static uint64_t at(const char *word) {
    uint64_t time = word == NULL ? CHINWAG_NO_TIME : number(word);
    return word != NULL && time == CHINWAG_NO_TIME ? time - 1 : time;
}

static bool is(char **words, const char *verb) {
    return strcmp(words[0], verb) == 0;
}

/* The code of an outcome; false if it is a success. */
static bool failed(chinwag_status status, char *out) {
    const char *code = status == CHINWAG_EBADARGUMENT ? "bad_argument" : "too_large";
    CHECK(status == CHINWAG_OK || status == CHINWAG_EBADARGUMENT || status == CHINWAG_ETOOLARGE);
    if (status != CHINWAG_OK) {
        strcpy(out, code);
    }
    return status != CHINWAG_OK;
}

static void say_causality(chinwag_causality causality, char *out) {
    const char *words[] = {"equal", "before", "after", "concurrent"};
    strcpy(out, words[causality]);
}

static void say_answer(chinwag_status status, chinwag_answer **given, char *out) {
    if (failed(status, out)) {
        return;
    }
    size_t count;
    chinwag_answer *answer = *given;
    const uint8_t *bytes = chinwag_answer_bytes(answer, &count);
    if (bytes != NULL) {
        hex(bytes, count, out);
    } else {
        strcpy(out, chinwag_answer_text(answer));
    }
    chinwag_answer_free(answer);
}

#endif
