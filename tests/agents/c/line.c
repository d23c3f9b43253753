/* See line.h. */
#include "line.h"

#include <stdio.h>
#include <string.h>

static int digit(char c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;
    return found == NULL ? -1 : (int)((found - digits) % 16);
}

static void unescape(char *text) {
    char *to = text;
    for (; *text != '\0'; text++) {
        int high = *text == '%' ? digit(text[1]) : -1;
        int low = high >= 0 ? digit(text[2]) : -1;
        if (low >= 0) {
            *to++ = (char)(high * 16 + low);
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

bool line_parse(struct line *line, char *text) {
    line->count = 0;
    line->word = text;
    for (char *next = strchr(text, ' '); next != NULL;) {
        *next++ = '\0';
        char *key = next, *equals = strchr(key, '=');
        next = strchr(key, ' ');
        if (equals == NULL || (next != NULL && equals > next) || line->count == PAIRS_MAX) {
            return false;
        }
        *equals = '\0';
        if (next != NULL) {
            *next = '\0';
        }
        unescape(key);
        unescape(equals + 1);
        line->pairs[line->count].key = key;
        line->pairs[line->count++].value = equals + 1;
    }
    return *line->word != '\0';
}

const char *line_get(const struct line *line, const char *key) {
    for (size_t i = 0; i < line->count; i++) {
        if (strcmp(line->pairs[i].key, key) == 0) {
            return line->pairs[i].value;
        }
    }
    return NULL;
}

const char *line_under(const struct line *line, size_t index, const char *prefix) {
    const char *key = line->pairs[index].key;
    size_t length = strlen(prefix);
    return strncmp(key, prefix, length) == 0 ? key + length : NULL;
}

static void put(struct out *out, const char *text) {
    size_t room = sizeof out->text - 2 - out->length, length = strlen(text);
    memcpy(out->text + out->length, text, length < room ? length : room);
    out->length += length < room ? length : room;
}

static void put_escaped(struct out *out, const char *text) {
    const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    for (; *text != '\0'; text++) {
        char piece[4] = {*text, '\0', '\0', '\0'};
        if (strchr(plain, *text) == NULL) {
            snprintf(piece, sizeof piece, "%%%02x", (unsigned char)*text);
        }
        put(out, piece);
    }
}

void out_start(struct out *out, const char *start) {
    out->length = 0;
    put(out, start);
}

void out_pair(struct out *out, const char *prefix, const char *key, const char *value) {
    put(out, " ");
    put(out, prefix);
    put_escaped(out, key);
    put(out, "=");
    put_escaped(out, value);
}

void out_number(struct out *out, const char *key, unsigned long long number) {
    char text[24];
    snprintf(text, sizeof text, "%llu", number);
    out_pair(out, "", key, text);
}

void out_say(struct out *out) {
    out->text[out->length] = '\n';
    out->text[out->length + 1] = '\0';
    fputs(out->text, stdout);
    fflush(stdout);
}
