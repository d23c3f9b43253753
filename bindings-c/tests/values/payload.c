/* Payloads: the shared vectors, whose README has their form, and what is refused. */
#include <inttypes.h>

#include "check.h"

enum { LINE = 1 << 14 };

static uint8_t bytes[LINE];
static char said[4 * LINE];

static size_t unhex(const char *digits) {
    size_t count = 0;
    for (; digits[0] != 0 && digits[0] != '-'; digits += 2) {
        unsigned byte;
        CHECK(sscanf(digits, "%2x", &byte) == 1);
        bytes[count++] = (uint8_t)byte;
    }
    return count;
}

/* What is quoted as in URLs. */
static size_t unquote(char *text) {
    char *to = text;
    for (const char *from = text; *from != 0;) {
        unsigned byte = (unsigned char)*from;
        bool quoted = *from == '%';
        CHECK(!quoted || sscanf(from + 1, "%2x", &byte) == 1);
        from += quoted ? 3 : 1;
        *to++ = (char)byte;
    }
    return (size_t)(to - text);
}

static bool begins(const char *word, const char *kind) {
    return strncmp(word, kind, strlen(kind)) == 0;
}

/* Writes a word; a text as a key where one comes next. */
static chinwag_status put_word(chinwag_payload *payload, char *word, bool is_key) {
    char *rest = strchr(word, ':');
    rest = rest == NULL ? word : rest + 1;
    if (is_key) return chinwag_payload_key(payload, rest, unquote(rest));
    if (begins(word, "nil")) return chinwag_payload_nil(payload);
    if (begins(word, "true")) return chinwag_payload_bool(payload, true);
    if (begins(word, "false")) return chinwag_payload_bool(payload, false);
    if (begins(word, "int:-")) return chinwag_payload_int(payload, strtoll(rest, NULL, 10));
    if (begins(word, "int")) return chinwag_payload_uint(payload, strtoull(rest, NULL, 10));
    if (begins(word, "text")) return chinwag_payload_text(payload, rest, unquote(rest));
    if (begins(word, "bytes")) return chinwag_payload_octets(payload, bytes, unhex(rest));
    if (begins(word, "list")) return chinwag_payload_array(payload, strtoul(rest, NULL, 10));
    if (begins(word, "map")) return chinwag_payload_map(payload, strtoul(rest, NULL, 10));
    if (begins(word, "float")) {
        uint64_t bits = strtoull(rest, NULL, 16);
        double number;
        memcpy(&number, &bits, sizeof number);
        return chinwag_payload_float(payload, number);
    }
    CHECK(begins(word, "time"));
    int64_t secs = strtoll(rest, &rest, 10);
    return chinwag_payload_timestamp(payload, secs, (uint32_t)strtoul(rest + 1, NULL, 10));
}

/* Writes the value that the words are, and goes behind them. */
static void put(chinwag_payload *payload, char **words) {
    char *word = strsep(words, " ");
    CHECK(word != NULL);
    bool is_map = begins(word, "map");
    bool holds = is_map || begins(word, "list");
    unsigned long count = holds ? strtoul(strchr(word, ':') + 1, NULL, 10) : 0;
    CHECK(put_word(payload, word, false) == CHINWAG_OK);
    for (; count > 0; count--) {
        CHECK(!is_map || put_word(payload, strsep(words, " "), true) == CHINWAG_OK);
        put(payload, words);
    }
}

static char *say_text(char *to, const chinwag_payload_part *part) {
    to += sprintf(to, "text:");
    for (size_t at = 0; at < part->count; at++) {
        unsigned char byte = (unsigned char)part->text[at];
        bool plain = byte < 128 && (byte | 32) >= 'a' && (byte | 32) <= 'z';
        plain = plain || (byte >= '0' && byte <= '9');
        plain = plain || (byte != 0 && strchr("-_.~", byte) != NULL);
        to += sprintf(to, plain ? "%c" : "%%%02X", byte);
    }
    return to;
}

static char *say(char *to, const chinwag_payload_part *part) {
    uint64_t bits;
    switch (part->kind) {
    case CHINWAG_PAYLOAD_NIL: return to + sprintf(to, "nil");
    case CHINWAG_PAYLOAD_BOOL: return to + sprintf(to, part->flag ? "true" : "false");
    case CHINWAG_PAYLOAD_INT:
        CHECK(part->integer < 0 ? part->natural == 0 : part->natural == (uint64_t)part->integer);
        return to + sprintf(to, "int:%" PRId64, part->integer);
    case CHINWAG_PAYLOAD_UINT: return to + sprintf(to, "int:%" PRIu64, part->natural);
    case CHINWAG_PAYLOAD_FLOAT:
        memcpy(&bits, &part->number, sizeof bits);
        return to + sprintf(to, "float:%016" PRIx64, bits);
    case CHINWAG_PAYLOAD_TEXT: return say_text(to, part);
    case CHINWAG_PAYLOAD_BYTES:
        to += sprintf(to, "bytes:");
        for (size_t at = 0; at < part->count; at++) to += sprintf(to, "%02x", part->bytes[at]);
        return to;
    case CHINWAG_PAYLOAD_ARRAY: return to + sprintf(to, "list:%zu", part->count);
    case CHINWAG_PAYLOAD_MAP: return to + sprintf(to, "map:%zu", part->count);
    default:
        CHECK(part->kind == CHINWAG_PAYLOAD_TIMESTAMP);
        return to + sprintf(to, "time:%" PRId64 ":%" PRIu32, part->integer, part->nanos);
    }
}

/* Reads a copy of its exact size, so that a tool sees who reads behind the end. */
static chinwag_status read_all(size_t count, chinwag_error **err) {
    uint8_t *copy = malloc(count == 0 ? 1 : count);
    CHECK(copy != NULL);
    memcpy(copy, bytes, count);
    chinwag_payload_reader *reader = chinwag_payload_reader_new(copy, count);
    chinwag_payload_part part;
    chinwag_status status;
    char *to = said;
    *to = 0;
    while ((status = chinwag_payload_read(reader, &part, err)) == CHINWAG_OK) {
        if (part.kind == CHINWAG_PAYLOAD_END) break;
        to += sprintf(to, to == said ? "" : " ");
        to = say(to, &part);
    }
    /* It stays as it is. */
    CHECK(chinwag_payload_read(reader, &part, NULL) == status);
    chinwag_payload_reader_free(reader);
    free(copy);
    return status;
}

static void vectors(const char *file, int at_least) {
    static char line[LINE], words[LINE];
    char path[4096];
    snprintf(path, sizeof path, "%s/payloads/%s.txt", VECTORS, file);
    FILE *lines = fopen(path, "r");
    CHECK(lines != NULL);
    int played = 0;
    for (; fgets(line, sizeof line, lines) != NULL; played++) {
        chinwag_error *err = NULL;
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#') continue;
        char *digits = strstr(line, " | ");
        CHECK(digits != NULL);
        char *text = strstr(digits += 3, " | ");
        if (text == NULL) {
            CHECK(read_all(unhex(digits), &err) == CHINWAG_ECODEC);
            CHECK(strstr(chinwag_error_message(err), " at $") != NULL);
            chinwag_error_free(err);
            continue;
        }
        *text = 0;
        CHECK(read_all(unhex(digits), &err) == CHINWAG_OK);
        CHECK(strcmp(said, text + 3) == 0);
        chinwag_payload *payload = chinwag_payload_new();
        char *rest = strcpy(words, text + 3);
        put(payload, &rest);
        const uint8_t *made = NULL;
        size_t count = 0;
        OK(chinwag_payload_bytes(payload, &made, &count, &err));
        bool same = count == unhex(digits) && memcmp(made, bytes, count) == 0;
        CHECK(same == (strcmp(file, "payloads") == 0));
        chinwag_payload_free(payload);
    }
    fclose(lines);
    CHECK(played > at_least);
}

/* The error that a value has in the end. */
static void fails(chinwag_payload *payload, chinwag_status expected, const char *message) {
    const uint8_t *made = NULL;
    size_t count = 0;
    chinwag_error *err = NULL;
    CHECK(chinwag_payload_bytes(payload, &made, &count, &err) == expected);
    CHECK(strcmp(chinwag_error_message(err), message) == 0);
    CHECK(made == NULL && count == 0);
    chinwag_error_free(err);
    CHECK(chinwag_payload_nil(payload) == expected);
    CHECK(chinwag_payload_bytes(payload, &made, &count, NULL) == expected);
    chinwag_payload_free(payload);
}

static void what_is_refused(void) {
    fails(chinwag_payload_new(), CHINWAG_ECODEC,
          "the value is not whole: something is missing at $");
    chinwag_payload *payload = chinwag_payload_new();
    CHECK(chinwag_payload_map(payload, 2) == CHINWAG_OK);
    CHECK(chinwag_payload_key(payload, "items", 5) == CHINWAG_OK);
    CHECK(chinwag_payload_array(payload, 2) == CHINWAG_OK);
    CHECK(chinwag_payload_nil(payload) == CHINWAG_OK);
    CHECK(chinwag_payload_text(payload, "\xff", 1) == CHINWAG_ECODEC);
    CHECK(chinwag_payload_nil(payload) == CHINWAG_ECODEC);
    fails(payload, CHINWAG_ECODEC, "a text that is no UTF-8 at $.items[1]");

    payload = chinwag_payload_new();
    CHECK(chinwag_payload_map(payload, 2) == CHINWAG_OK);
    for (int n = 0; n < 2; n++) {
        CHECK(chinwag_payload_key(payload, "a\0b", 3) == CHINWAG_OK);
        CHECK(chinwag_payload_int(payload, n) == CHINWAG_OK);
    }
    fails(payload, CHINWAG_ECODEC, "the key \"a\\0b\" comes twice in a map at $");

    payload = chinwag_payload_new();
    CHECK(chinwag_payload_bool(payload, true) == CHINWAG_OK);
    CHECK(chinwag_payload_float(payload, 0.5) == CHINWAG_ECODEC);
    fails(payload, CHINWAG_ECODEC, "a payload is one value, and another follows at $");
    payload = chinwag_payload_new();
    CHECK(chinwag_payload_timestamp(payload, 0, 1000000000) == CHINWAG_ECODEC);
    chinwag_payload_free(payload);
    payload = chinwag_payload_new();
    CHECK(chinwag_payload_array(payload, (size_t)1 << 40) == CHINWAG_ECODEC);
    chinwag_payload_free(payload);
    payload = chinwag_payload_new();
    CHECK(chinwag_payload_text(payload, NULL, 1) == CHINWAG_EBADARGUMENT);
    fails(payload, CHINWAG_EBADARGUMENT, "text is NULL or its count is impossible");
}

/* A value that is whole stays so, and takes nothing more. */
static void whole(void) {
    chinwag_payload *payload = chinwag_payload_new();
    const uint8_t *made = NULL;
    size_t count = 0;
    OK(chinwag_payload_octets(payload, NULL, 0));
    for (int n = 0; n < 2; n++) {
        OK(chinwag_payload_bytes(payload, &made, &count, &err));
        CHECK(count == 2 && memcmp(made, "\xc4\0", 2) == 0);
    }
    CHECK(chinwag_payload_uint(payload, 1) == CHINWAG_ECODEC);
    made = NULL;
    fails(payload, CHINWAG_ECODEC, "a payload is one value, and another follows at $");
}

static void null_is_refused(void) {
    const uint8_t *made = NULL;
    size_t count = 0;
    chinwag_payload_part part;
    CHECK(chinwag_payload_nil(NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_key(NULL, "a", 1) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_bytes(NULL, &made, &count, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_read(NULL, &part, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_wrong(NULL, "why", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_reader_new(NULL, 1) == NULL);
    chinwag_payload *payload = chinwag_payload_new();
    CHECK(chinwag_payload_nil(payload) == CHINWAG_OK);
    CHECK(chinwag_payload_bytes(payload, NULL, &count, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_bytes(payload, &made, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_payload_bytes(payload, &made, &count, NULL) == CHINWAG_OK);
    chinwag_payload_free(payload);
    chinwag_payload_free(NULL);
    chinwag_payload_reader_free(NULL);
}

/* A program that expects something else says so at the place. */
static void the_place_of_what_is_not_expected(void) {
    chinwag_error *err = NULL;
    chinwag_payload_part part;
    size_t count = unhex("81a56974656d7392c001");
    chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, count);
    for (int n = 0; n < 4; n++) OK(chinwag_payload_read(reader, &part, &err));
    CHECK(part.kind == CHINWAG_PAYLOAD_NIL);
    CHECK(chinwag_payload_wrong(reader, "no text", &err) == CHINWAG_ECODEC);
    CHECK(strcmp(chinwag_error_message(err), "no text at $.items[0]") == 0);
    chinwag_error_free(err);
    chinwag_payload_reader_free(reader);
}

int main(void) {
    vectors("payloads", 80);
    vectors("forms", 20);
    vectors("refused", 40);
    what_is_refused();
    whole();
    null_is_refused();
    the_place_of_what_is_not_expected();
    puts("ok");
    return 0;
}
