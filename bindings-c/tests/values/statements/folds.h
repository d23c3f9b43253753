/* Statements about clocks that are folded under retirements. */
#ifndef STATEMENTS_FOLDS_H
#define STATEMENTS_FOLDS_H

#include "clocks.h"

static chinwag_folded *folds[128];
static chinwag_retired *ended;

static chinwag_folded *fold_of(const char *name) {
    chinwag_folded **place = &folds[(unsigned char)*name & 127];
    if (*place == NULL) {
        const uint8_t empty[] = {0x31, 0, 0x11, 0};
        OK(chinwag_folded_from_bytes(empty, sizeof empty, place, &err));
    }
    return *place;
}

static void say_fold(const chinwag_folded *folded, char *out) {
    uint8_t bytes[LONGEST];
    size_t count = chinwag_folded_to_bytes(folded, bytes, sizeof bytes);
    CHECK(count < sizeof bytes);
    hex(bytes, count, out);
}

static void say_log(const chinwag_retired *log, char *out) {
    uint8_t bytes[LONGEST];
    size_t count = chinwag_retired_to_bytes(log, bytes, sizeof bytes);
    CHECK(count < sizeof bytes);
    hex(bytes, count, out);
}

/* A folded clock that was made: it takes the place of another. */
static void keep_fold(chinwag_status status, const char *name, chinwag_folded **made, char *out) {
    if (!failed(status, out)) {
        chinwag_folded_free(fold_of(name));
        folds[(unsigned char)*name & 127] = *made;
        say_fold(*made, out);
        CHECK(chinwag_folded_epoch(*made) == chinwag_retired_epoch(ended));
    }
}

static void retire(const char *actor, uint64_t count, char *out) {
    uint64_t epoch = 0, last = 0;
    if (!failed(chinwag_retired_add(ended, actor, count, &epoch, NULL), out)) {
        CHECK(epoch == chinwag_retired_epoch(ended));
        CHECK(chinwag_retired_get(ended, actor, &last) && last == count);
        sprintf(out, "%" PRIu64, epoch);
    }
}

/* Statements about retirements that make a folded clock, or none. */
static bool fold(char **words, char *out) {
    chinwag_folded *made = NULL;
    chinwag_status status = CHINWAG_OK;
    if (is(words, "fold")) {
        status = chinwag_retired_fold(ended, clock_of(words[2]), &made, NULL);
    } else if (is(words, "fold-raise")) {
        status = chinwag_retired_raise(ended, fold_of(words[1]), &made, NULL);
    } else if (is(words, "fold-merge")) {
        const chinwag_folded *other = fold_of(words[2]);
        status = chinwag_retired_merge(ended, fold_of(words[1]), other, &made, NULL);
    } else {
        return false;
    }
    keep_fold(status, words[1], &made, out);
    return true;
}

/* Other statements about retirements. */
static bool ask_fold(char **words, char *out) {
    chinwag_vclock *clock = NULL;
    chinwag_answer *answer = NULL;
    chinwag_causality order = CHINWAG_EQUAL;
    if (is(words, "retire")) {
        retire(plain(words[1]), number(words[2]), out);
    } else if (is(words, "relog")) {
        chinwag_retired_free(ended);
        ended = chinwag_retired_new();
        strcpy(out, "0");
    } else if (is(words, "unfold")) {
        if (!failed(chinwag_retired_unfold(ended, fold_of(words[1]), &clock, NULL), out)) {
            say_clock(clock, out);
            set_clock(words[2], clock);
        }
    } else if (is(words, "fold-compare")) {
        const chinwag_folded *folded = fold_of(words[1]), *other = fold_of(words[2]);
        if (!failed(chinwag_retired_compare(ended, folded, other, &order, NULL), out)) {
            say_causality(order, out);
        }
    } else if (is(words, "fold-json")) {
        chinwag_folded *again = NULL;
        OK(chinwag_folded_to_json(fold_of(words[1]), &answer, &err));
        strcpy(out, chinwag_answer_text(answer));
        OK(chinwag_folded_from_json(out, &again, &err));
        CHECK(chinwag_retired_compare(ended, again, fold_of(words[1]), &order, NULL) == CHINWAG_OK);
        CHECK(order == CHINWAG_EQUAL);
        chinwag_folded_free(again);
        chinwag_answer_free(answer);
    } else {
        return false;
    }
    return true;
}

/* The log in its forms. */
static bool ask_log(char **words, char *out) {
    chinwag_retired *log = NULL;
    if (is(words, "log")) {
        say_log(ended, out);
    } else if (is(words, "log-json")) {
        char bytes[2 * LONGEST], again[2 * LONGEST];
        chinwag_answer *answer = NULL;
        say_answer(chinwag_retired_to_json(ended, &answer, NULL), &answer, out);
        OK(chinwag_retired_from_json(out, &log, &err));
        say_log(ended, bytes);
        say_log(log, again);
        SAME(again, bytes);
    } else if (is(words, "from-log-json")) {
        if (!failed(chinwag_retired_from_json(plain(words[1]), &log, NULL), out)) {
            say_log(log, out);
        }
    } else {
        return false;
    }
    chinwag_retired_free(log);
    return true;
}

#endif
