/* Statements about other forms of clocks, and about bytes of all of them. */
#ifndef STATEMENTS_FORMS_H
#define STATEMENTS_FORMS_H

#include "folds.h"
#include "records.h"

static chinwag_actor_table *tables[128];

/* A clock that was read: it is shown, and given up. */
static void read_clock(chinwag_status status, chinwag_vclock **clock, char *out) {
    if (!failed(status, out)) {
        say_clock(*clock, out);
        chinwag_vclock_free(*clock);
    }
}

static void make_table(char **words, char *out) {
    size_t count = 0;
    while (words[2 + count] != NULL) {
        plain(words[2 + count++]);
    }
    chinwag_actor_table **place = &tables[(unsigned char)*words[1] & 127];
    chinwag_actor_table_free(*place);
    *place = NULL;
    const char *const *names = (const char *const *)&words[2];
    if (!failed(chinwag_actor_table_new(names, count, place, NULL), out)) {
        sprintf(out, "%016" PRIx64, chinwag_actor_table_fingerprint(*place));
    }
}

static void read_form(char **words, char *out) {
    uint8_t bytes[LONGEST];
    size_t count = unhex(words[2], bytes);
    chinwag_vclock *clock = NULL;
    if (strcmp(words[1], "clock") == 0) {
        read_clock(chinwag_vclock_from_bytes(bytes, count, &clock, NULL), &clock, out);
    } else if (strcmp(words[1], "siblings") == 0) {
        chinwag_siblings *record = NULL;
        if (!failed(chinwag_siblings_from_bytes(bytes, count, &record, NULL), out)) {
            say_record(record, out);
        }
        chinwag_siblings_free(record);
    } else if (strcmp(words[1], "retired") == 0) {
        chinwag_retired *log = NULL;
        if (!failed(chinwag_retired_from_bytes(bytes, count, &log, NULL), out)) {
            say_log(log, out);
        }
        chinwag_retired_free(log);
    } else {
        chinwag_folded *folded = NULL;
        if (!failed(chinwag_folded_from_bytes(bytes, count, &folded, NULL), out)) {
            say_fold(folded, out);
        }
        chinwag_folded_free(folded);
    }
    if (*out != 'b' && *out != 't') {
        SAME(out, words[2]);
        strcpy(out, "ok");
    }
}

/* Statements about other forms of clocks. */
static bool form(char **words, char *out) {
    uint8_t bytes[LONGEST];
    chinwag_vclock *clock = NULL;
    chinwag_answer *answer = NULL;
    if (is(words, "read")) {
        read_form(words, out);
    } else if (is(words, "json")) {
        say_answer(chinwag_vclock_to_json(clock_of(words[1]), &answer, NULL), &answer, out);
    } else if (is(words, "from-json")) {
        read_clock(chinwag_vclock_from_json(plain(words[1]), &clock, NULL), &clock, out);
    } else if (is(words, "table")) {
        make_table(words, out);
    } else if (is(words, "dense")) {
        const chinwag_actor_table *table = tables[(unsigned char)*words[2] & 127];
        chinwag_status status;
        status = chinwag_vclock_to_dense(clock_of(words[1]), table, &answer, NULL);
        say_answer(status, &answer, out);
    } else if (is(words, "from-dense")) {
        const chinwag_actor_table *table = tables[(unsigned char)*words[1] & 127];
        size_t count = unhex(words[2], bytes);
        read_clock(chinwag_vclock_from_dense(table, bytes, count, &clock, NULL), &clock, out);
    } else {
        return false;
    }
    return true;
}

#endif
