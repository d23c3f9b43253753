/* Statements about vector clocks. */
#ifndef STATEMENTS_CLOCKS_H
#define STATEMENTS_CLOCKS_H

#include "words.h"

/* What the statements of a case have named, by the letter. */
static chinwag_vclock *clocks[128];

static chinwag_vclock *clock_of(const char *name) {
    chinwag_vclock **place = &clocks[(unsigned char)*name & 127];
    if (*place == NULL) {
        *place = chinwag_vclock_new();
    }
    return *place;
}

static void set_clock(const char *name, chinwag_vclock *clock) {
    chinwag_vclock_free(clock_of(name));
    clocks[(unsigned char)*name & 127] = clock;
}

static void say_clock(const chinwag_vclock *clock, char *out) {
    uint8_t bytes[LONGEST];
    size_t count = chinwag_vclock_to_bytes(clock, bytes, sizeof bytes);
    CHECK(count < sizeof bytes);
    hex(bytes, count, out);
}

static void trim(char **words) {
    chinwag_trim_bounds bounds = {.lower = number(words[3]),
                                  .upper = number(words[5]),
                                  .young_us = number(words[4]),
                                  .old_us = number(words[6])};
    chinwag_vclock *clock = clock_of(words[1]);
    size_t before = chinwag_vclock_size(clock);
    size_t dropped = chinwag_vclock_trim(clock, number(words[2]), &bounds);
    CHECK(before - dropped == chinwag_vclock_size(clock));
}

/* Statements that change a clock. */
static bool change(char **words, char *out) {
    chinwag_vclock *clock = clock_of(words[1] ? words[1] : "a");
    chinwag_status status = CHINWAG_OK;
    uint64_t count = 0;
    if (is(words, "insert")) {
        status = chinwag_vclock_insert(clock, plain(words[2]), at(words[3]), NULL);
    } else if (is(words, "increment")) {
        status = chinwag_vclock_increment(clock, plain(words[2]), at(words[3]), &count, NULL);
        CHECK(count == chinwag_vclock_count(clock, words[2]));
    } else if (is(words, "update")) {
        count = number(words[3]);
        status = chinwag_vclock_update(clock, plain(words[2]), count, at(words[4]), NULL);
    } else if (is(words, "remove")) {
        bool had = chinwag_vclock_has(clock, plain(words[2]));
        CHECK(had == chinwag_vclock_remove(clock, words[2]));
    } else if (is(words, "merge")) {
        status = chinwag_vclock_merge(clock, clock_of(words[2]), NULL);
    } else if (is(words, "copy")) {
        set_clock(words[2], chinwag_vclock_copy(clock));
    } else if (is(words, "trim")) {
        trim(words);
    } else {
        return false;
    }
    if (!failed(status, out)) {
        say_clock(clock_of(words[1]), out);
    }
    return true;
}

static void say_entry(const chinwag_vclock *clock, const char *actor, char *out) {
    chinwag_vclock_entry entry;
    if (!chinwag_vclock_get(clock, actor, &entry)) {
        strcpy(out, "none");
        return;
    }
    out += sprintf(out, "%" PRIu64, entry.count);
    for (int n = 0; n < 2; n++) {
        uint64_t time = n == 0 ? entry.insert : entry.time;
        out += time == CHINWAG_NO_TIME ? sprintf(out, " -") : sprintf(out, " %" PRIu64, time);
    }
}

static void compare(char **words, char *out) {
    const chinwag_vclock *clock = clock_of(words[1]), *other = clock_of(words[2]);
    chinwag_causality order = chinwag_vclock_compare(clock, other);
    bool after = order == CHINWAG_AFTER;
    CHECK(chinwag_vclock_dominates(clock, other) == after);
    CHECK(chinwag_vclock_descends(clock, other) == (after || order == CHINWAG_EQUAL));
    say_causality(order, out);
}

static void dot(const chinwag_vclock *clock, const char *actor, char *out) {
    uint64_t count = chinwag_vclock_count(clock, actor);
    CHECK(chinwag_vclock_descends_dot(clock, actor, count));
    CHECK(count == UINT64_MAX || !chinwag_vclock_descends_dot(clock, actor, count + 1));
    count == 0 ? (void)strcpy(out, "none") : (void)sprintf(out, "%" PRIu64, count);
}

/* Statements that ask of a clock. */
static bool ask(char **words, char *out) {
    if (is(words, "compare")) {
        compare(words, out);
    } else if (is(words, "get")) {
        say_entry(clock_of(words[1]), plain(words[2]), out);
    } else if (is(words, "dot")) {
        dot(clock_of(words[1]), plain(words[2]), out);
    } else if (is(words, "actor")) {
        char actor[CHINWAG_ACTOR_SIZE] = "";
        size_t length = chinwag_actor(plain(words[1]), number(words[2]), actor, sizeof actor);
        CHECK(length == strlen(actor));
        length == 0 ? (void)strcpy(out, "bad_argument") : escaped(actor, out);
    } else {
        return false;
    }
    return true;
}

#endif
