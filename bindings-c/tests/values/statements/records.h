/* Statements about records of siblings. */
#ifndef STATEMENTS_RECORDS_H
#define STATEMENTS_RECORDS_H

#include "clocks.h"

static chinwag_siblings *records[128];

static chinwag_siblings *record_of(const char *name) {
    chinwag_siblings **place = &records[(unsigned char)*name & 127];
    if (*place == NULL) {
        *place = chinwag_siblings_new();
    }
    return *place;
}

static void say_record(const chinwag_siblings *record, char *out) {
    uint8_t bytes[LONGEST];
    size_t count = chinwag_siblings_to_bytes(record, bytes, sizeof bytes);
    CHECK(count < sizeof bytes);
    hex(bytes, count, out);
}

/* All values of a record, one after the other, as one. */
static chinwag_status resolve(chinwag_siblings *record, const char *actor) {
    uint8_t all[LONGEST];
    size_t size = 0, length = 0;
    for (size_t n = 0; n < chinwag_siblings_count(record); n++) {
        const uint8_t *value = chinwag_siblings_value(record, n, &length);
        CHECK(size + length <= sizeof all);
        memcpy(all + size, value, length);
        size += length;
    }
    return chinwag_siblings_resolve(record, actor, all, size, NULL);
}

static void say_values(const chinwag_siblings *record, char *out) {
    size_t length = 0;
    strcpy(out, "none");
    for (size_t n = 0; n < chinwag_siblings_count(record); n++) {
        const uint8_t *value = chinwag_siblings_value(record, n, &length);
        out += n == 0 ? 0 : sprintf(out, ",");
        hex(value, length, out);
        out += strlen(out);
    }
    CHECK(chinwag_siblings_value(record, chinwag_siblings_count(record), NULL) == NULL);
}

/* Statements that change a record. */
static bool change_record(char **words, char *out) {
    chinwag_siblings *record = record_of(words[1] ? words[1] : "s");
    chinwag_status status = CHINWAG_OK;
    if (is(words, "put")) {
        uint8_t value[LONGEST];
        size_t length = unhex(words[4], value);
        const chinwag_vclock *context = clock_of(words[3]);
        /* One without entries is as good as none. */
        context = chinwag_vclock_size(context) == 0 ? NULL : context;
        status = chinwag_siblings_put(record, plain(words[2]), context, value, length, NULL);
    } else if (is(words, "discard")) {
        status = chinwag_siblings_discard(record, clock_of(words[2]), NULL);
    } else if (is(words, "sync")) {
        status = chinwag_siblings_merge(record, record_of(words[2]), NULL);
    } else if (is(words, "resolve")) {
        status = resolve(record, plain(words[2]));
    } else {
        return false;
    }
    if (!failed(status, out)) {
        say_record(record, out);
    }
    return true;
}

/* Statements that ask of a record. */
static bool ask_record(char **words, char *out) {
    if (is(words, "context")) {
        set_clock(words[2], chinwag_siblings_context(record_of(words[1])));
        say_clock(clock_of(words[2]), out);
    } else if (is(words, "values")) {
        say_values(record_of(words[1]), out);
    } else if (is(words, "compare-siblings")) {
        const chinwag_siblings *record = record_of(words[1]), *other = record_of(words[2]);
        chinwag_causality order = chinwag_siblings_compare(record, other);
        CHECK(order == CHINWAG_EQUAL || !chinwag_siblings_equal(record, other));
        say_causality(order, out);
    } else if (is(words, "siblings-json")) {
        chinwag_answer *answer = NULL;
        say_answer(chinwag_siblings_to_json(record_of(words[1]), &answer, NULL), &answer, out);
        chinwag_siblings *again = NULL;
        OK(chinwag_siblings_from_json(out, &again, &err));
        CHECK(chinwag_siblings_equal(again, record_of(words[1])));
        chinwag_siblings_free(again);
    } else if (is(words, "from-siblings-json")) {
        chinwag_siblings *record = NULL;
        if (!failed(chinwag_siblings_from_json(plain(words[1]), &record, NULL), out)) {
            say_record(record, out);
        }
        chinwag_siblings_free(record);
    } else {
        return false;
    }
    return true;
}

#endif
