/* See line.h. */
#include "line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c) {
    const char *digits = "0123456789abcdef0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;
    return found == NULL ? -1 : (int)((found - digits) % 16);
}

size_t line_unescape(char *text) {
    char *start = text, *to = text;
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
    return (size_t)(to - start);
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
        line_unescape(key);
        /* A list is split before its items are unescaped. */
        bool is_list = strcmp(key, "items") == 0;
        line->pairs[line->count].length =
            is_list ? strlen(equals + 1) : line_unescape(equals + 1);
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

bool line_is(const struct line *line, const char *key, const char *value) {
    const char *found = line_get(line, key);
    return found != NULL && strcmp(found, value) == 0;
}

unsigned long long line_number(const struct line *line, const char *key, unsigned long long other) {
    const char *value = line_get(line, key);
    return value != NULL ? strtoull(value, NULL, 10) : other;
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

static void put_escaped(struct out *out, const unsigned char *bytes, size_t length) {
    const char *plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    for (size_t i = 0; i < length; i++) {
        char piece[4] = {(char)bytes[i], '\0', '\0', '\0'};
        if (bytes[i] == 0 || strchr(plain, bytes[i]) == NULL) {
            snprintf(piece, sizeof piece, "%%%02x", bytes[i]);
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
    put_escaped(out, (const unsigned char *)key, strlen(key));
    put(out, "=");
    put_escaped(out, (const unsigned char *)value, strlen(value));
}

void out_bytes(struct out *out, const char *key, const unsigned char *bytes, size_t length) {
    out_pair(out, "", key, "");
    put_escaped(out, bytes, length);
}

void out_item(struct out *out, const unsigned char *bytes, size_t length) {
    put(out, ",");
    put_escaped(out, bytes, length);
}

static unsigned long crc32(const unsigned char *bytes, size_t length) {
    unsigned long sum = 0xffffffff;
    for (size_t i = 0; i < length * 8; i++) {
        unsigned long bit = (sum ^ (unsigned long)(bytes[i / 8] >> (i % 8))) & 1;
        sum = (sum >> 1) ^ (bit ? 0xedb88320 : 0);
    }
    return sum ^ 0xffffffff;
}

void out_payload(struct out *out, const unsigned char *bytes, size_t length) {
    enum { WHOLE = 1024 };
    char sum[24];
    if (length <= WHOLE) {
        out_bytes(out, "payload", bytes, length);
        return;
    }
    snprintf(sum, sizeof sum, "%08lx", crc32(bytes, length));
    out_number(out, "length", length);
    out_pair(out, "", "crc32", sum);
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
