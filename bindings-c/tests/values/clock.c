/* Clocks: the shared vectors line by line, what is native to C, and arguments that are wrong. */
#include "check.h"

#include <inttypes.h>

enum { LONGEST = 1 << 14, WORDS = 32 };

/* What the statements of a case have named, by the letter. */
static chinwag_vclock *clocks[128];
static chinwag_actor_table *tables[128];
static chinwag_siblings *records[128];
static chinwag_hybrid *hybrids[128];
static uint64_t lamports[128];
static chinwag_folded *folds[128];
static chinwag_retired *ended;

/* Statements that C cannot make: it has no text with a zero byte inside. */
static int left_out;

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

static void say_causality(chinwag_causality causality, char *out) {
    const char *words[] = {"equal", "before", "after", "concurrent"};
    strcpy(out, words[causality]);
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

static bool is(char **words, const char *verb) {
    return strcmp(words[0], verb) == 0;
}

/* A clock that was read: it is shown, and given up. */
static void read_clock(chinwag_status status, chinwag_vclock **clock, char *out) {
    if (!failed(status, out)) {
        say_clock(*clock, out);
        chinwag_vclock_free(*clock);
    }
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

static void say_stamp(chinwag_status status, uint64_t stamp, char *out) {
    char text[CHINWAG_STAMP_SIZE];
    uint64_t again = 0;
    if (!failed(status, out)) {
        CHECK(chinwag_stamp_text(stamp, text, sizeof text) == sizeof text - 1);
        OK(chinwag_stamp_parse(text, &again, &err));
        CHECK(again == stamp);
        sprintf(out, "%s %016" PRIx64, text, stamp);
    }
}

/* Statements about hybrid and Lamport clocks. */
static bool stamps(char **words, char *out) {
    unsigned char name = (unsigned char)(words[1] ? *words[1] : 0) & 127;
    uint64_t stamp = 0;
    chinwag_status status = CHINWAG_OK;
    if (is(words, "hybrid")) {
        chinwag_hybrid_free(hybrids[name]);
        hybrids[name] = chinwag_hybrid_with_drift(number(words[2]));
        strcpy(out, "ok");
    } else if (is(words, "tick")) {
        say_stamp(status, chinwag_hybrid_tick(hybrids[name], number(words[2])), out);
    } else if (is(words, "observe")) {
        uint64_t remote = 0, now = number(words[3]), before = chinwag_hybrid_last(hybrids[name]);
        OK(chinwag_stamp_parse(words[2], &remote, &err));
        status = chinwag_hybrid_observe(hybrids[name], remote, now, &stamp, NULL);
        uint64_t last = status == CHINWAG_OK ? stamp : before;
        CHECK(chinwag_hybrid_last(hybrids[name]) == last);
        say_stamp(status, stamp, out);
    } else if (is(words, "read-stamp")) {
        if (!failed(chinwag_stamp_parse(plain(words[1]), &stamp, NULL), out)) {
            sprintf(out, "%" PRIu64, stamp);
        }
    } else if (is(words, "lamport-tick")) {
        sprintf(out, "%" PRIu64, chinwag_lamport_tick(&lamports[name]));
    } else if (is(words, "lamport-observe")) {
        sprintf(out, "%" PRIu64, chinwag_lamport_observe(&lamports[name], number(words[2])));
    } else {
        return false;
    }
    return true;
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

static void begin(void) {
    chinwag_retired_free(ended);
    ended = chinwag_retired_new();
    for (int n = 0; n < 128; n++) {
        chinwag_folded_free(folds[n]);
        folds[n] = NULL;
        chinwag_siblings_free(records[n]);
        chinwag_hybrid_free(hybrids[n]);
        records[n] = NULL;
        hybrids[n] = NULL;
        lamports[n] = 0;
        chinwag_vclock_free(clocks[n]);
        chinwag_actor_table_free(tables[n]);
        clocks[n] = NULL;
        tables[n] = NULL;
    }
}

/* What cannot be said in C has its outcome from the vectors, so that the rest can go on. */
static void leave_out(char **words, const char *outcome) {
    uint8_t bytes[LONGEST];
    left_out++;
    bool changes = is(words, "insert") || is(words, "increment") || is(words, "update");
    if (is(words, "table")) {
        chinwag_actor_table **place = &tables[(unsigned char)*words[1] & 127];
        chinwag_actor_table_free(*place);
        *place = NULL;
    } else if (is(words, "put") || is(words, "resolve")) {
        chinwag_siblings **place = &records[(unsigned char)*words[1] & 127];
        chinwag_siblings_free(*place);
        OK(chinwag_siblings_from_bytes(bytes, unhex(outcome, bytes), place, &err));
    } else if (changes || is(words, "remove")) {
        chinwag_vclock *clock = NULL;
        OK(chinwag_vclock_from_bytes(bytes, unhex(outcome, bytes), &clock, &err));
        set_clock(words[1], clock);
    }
}

/* A statement and its outcome; whether it was played. */
static bool play(char *statement, const char *outcome) {
    static char out[1 << 16];
    char *words[WORDS] = {NULL};
    int count = 0;
    bool has_zero = strstr(statement, "%00") != NULL;
    /* Words may be empty: strtok() would skip these. */
    for (char *word; (word = strsep(&statement, " ")) != NULL;) {
        CHECK(count < WORDS - 1);
        words[count++] = word;
    }
    const char *table = is(words, "dense") ? words[2] : is(words, "from-dense") ? words[1] : NULL;
    if (has_zero || (table != NULL && tables[(unsigned char)*table & 127] == NULL)) {
        leave_out(words, outcome);
        return false;
    }
    CHECK(change(words, out) || ask(words, out) || form(words, out) || change_record(words, out)
          || ask_record(words, out) || stamps(words, out) || fold(words, out)
          || ask_fold(words, out) || ask_log(words, out));
    if (strcmp(out, outcome) != 0) {
        fprintf(stderr, "%s %s...: %s, not %s\n", words[0], words[1], out, outcome);
        _exit(1);
    }
    return true;
}

static void play_file(const char *name, int lines_at_least, int at_most_left_out) {
    char path[4096];
    static char line[1 << 14];
    int played = 0;
    left_out = 0;
    snprintf(path, sizeof path, "%s/clocks/%s.txt", VECTORS, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "case ", 5) == 0) {
            begin();
        } else if (*line != 0 && *line != '#') {
            char *outcome = strstr(line, " => ");
            CHECK(outcome != NULL);
            *outcome = 0;
            played += play(line, outcome + 4);
        }
    }
    fclose(file);
    begin();
    if (played < lines_at_least || left_out > at_most_left_out) {
        fprintf(stderr, "%s: %d played, %d left out\n", name, played, left_out);
        _exit(1);
    }
}

static void entries_come_in_order(void) {
    chinwag_vclock *clock = chinwag_vclock_new();
    OK(chinwag_vclock_increment(clock, "web-2", 7, NULL, &err));
    OK(chinwag_vclock_insert(clock, "web-1", CHINWAG_NO_TIME, &err));
    char actor[CHINWAG_ACTOR_SIZE];
    chinwag_vclock_entry entry;
    CHECK(chinwag_vclock_actor(clock, 0, actor, sizeof actor) == 5);
    SAME(actor, "web-1");
    CHECK(chinwag_vclock_at(clock, 0, &entry) && entry.count == 0);
    CHECK(entry.insert == CHINWAG_NO_TIME && entry.time == CHINWAG_NO_TIME);
    CHECK(chinwag_vclock_at(clock, 1, &entry) && entry.count == 1 && entry.time == 7);
    CHECK(!chinwag_vclock_at(clock, 2, &entry) && entry.time == 7);
    CHECK(chinwag_vclock_actor(clock, 2, actor, sizeof actor) == 0);
    strcpy(actor, "as it was");
    CHECK(chinwag_vclock_actor(clock, 1, actor, 5) == 5);
    SAME(actor, "as it was");
    CHECK(chinwag_vclock_actor(clock, 1, actor, 6) == 5);
    SAME(actor, "web-2");
    CHECK(chinwag_vclock_actor(clock, 1, NULL, 6) == 5 && chinwag_vclock_at(clock, 1, NULL));
    CHECK(chinwag_vclock_to_bytes(clock, NULL, 0) == chinwag_vclock_to_bytes(clock, NULL, 99));
    OK(chinwag_vclock_merge(clock, clock, &err)); /* with itself: nothing is new */
    CHECK(chinwag_vclock_count(clock, "web-2") == 1);
    chinwag_vclock_free(clock);
}

static void a_name_from_elsewhere_may_hold_a_zero(void) {
    const uint8_t bytes[] = {0x11, 1, 3, 'a', 0, 'b', 5};
    chinwag_vclock *clock = NULL;
    chinwag_vclock_entry entry;
    char actor[CHINWAG_ACTOR_SIZE];
    OK(chinwag_vclock_from_bytes(bytes, sizeof bytes, &clock, &err));
    CHECK(chinwag_vclock_actor(clock, 0, actor, sizeof actor) == 3);
    CHECK(memcmp(actor, "a\0b", 4) == 0);
    CHECK(!chinwag_vclock_has(clock, "a"));
    CHECK(chinwag_vclock_at(clock, 0, &entry) && entry.count == 5);
    chinwag_vclock_free(clock);
}

static void twelve_are_trimmed_by_default(void) {
    chinwag_vclock *clock = chinwag_vclock_new();
    for (char name[2] = "a"; *name < 'm'; ++*name) {
        OK(chinwag_vclock_increment(clock, name, *name == 'a' ? 0 : 90000000000, NULL, &err));
    }
    CHECK(chinwag_vclock_trim(clock, 90000000000, NULL) == 1 && !chinwag_vclock_has(clock, "a"));
    chinwag_vclock_free(clock);
}

static void null_is_an_empty_clock_or_an_error(void) {
    chinwag_vclock *clock = chinwag_vclock_new(), *other = NULL;
    chinwag_error *err = NULL;
    chinwag_answer *answer = NULL;
    CHECK(chinwag_vclock_insert(NULL, "a", 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_insert(clock, NULL, 0, &err) == CHINWAG_EBADARGUMENT);
    SAME(chinwag_error_message(err), "actor is NULL");
    chinwag_error_free(err);
    CHECK(chinwag_vclock_increment(clock, "\xff", 0, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_increment(NULL, "a", 0, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_update(NULL, "a", 1, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_merge(clock, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_merge(NULL, clock, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_merge(NULL, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(!chinwag_vclock_remove(NULL, "a") && !chinwag_vclock_remove(clock, NULL));
    CHECK(chinwag_vclock_trim(NULL, 0, NULL) == 0 && chinwag_vclock_size(NULL) == 0);
    CHECK(chinwag_vclock_size(clock) == 0 && chinwag_vclock_copy(NULL) == NULL);
    OK(chinwag_vclock_increment(clock, "a", CHINWAG_NO_TIME, NULL, &err));
    CHECK(chinwag_vclock_compare(clock, NULL) == CHINWAG_AFTER);
    CHECK(chinwag_vclock_compare(NULL, clock) == CHINWAG_BEFORE);
    CHECK(chinwag_vclock_compare(NULL, NULL) == CHINWAG_EQUAL);
    CHECK(chinwag_vclock_descends(NULL, NULL) && !chinwag_vclock_dominates(NULL, clock));
    CHECK(chinwag_vclock_descends_dot(NULL, "a", 0) && !chinwag_vclock_descends_dot(NULL, "a", 1));
    CHECK(!chinwag_vclock_descends_dot(clock, NULL, 0));
    CHECK(chinwag_vclock_count(NULL, "a") == 0 && chinwag_vclock_count(clock, NULL) == 0);
    CHECK(!chinwag_vclock_has(NULL, "a") && !chinwag_vclock_get(clock, NULL, NULL));
    CHECK(!chinwag_vclock_at(NULL, 0, NULL) && chinwag_vclock_actor(NULL, 0, NULL, 0) == 0);
    CHECK(chinwag_actor(NULL, 1, NULL, 0) == 0 && chinwag_actor("a", 1, NULL, 9) == 3);
    CHECK(chinwag_vclock_to_bytes(NULL, NULL, 0) == 0);
    CHECK(chinwag_vclock_from_bytes(NULL, 5, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_from_bytes(NULL, 0, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_from_bytes((const uint8_t *)"\x11", 2, NULL, NULL) != CHINWAG_OK);
    CHECK(chinwag_vclock_to_json(NULL, &answer, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_to_json(clock, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_from_json(NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(other == NULL && answer == NULL);
    chinwag_vclock_free(clock);
    chinwag_vclock_free(NULL);
}

static void wrong_tables_are_errors(void) {
    chinwag_actor_table *table = NULL;
    chinwag_vclock *clock = chinwag_vclock_new(), *other = NULL;
    chinwag_answer *answer = NULL;
    const char *names[] = {"a", "b", NULL};
    CHECK(chinwag_actor_table_new(names, 3, &table, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_actor_table_new(NULL, 1, &table, NULL) == CHINWAG_EBADARGUMENT && !table);
    CHECK(chinwag_actor_table_new(names, 2, NULL, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_actor_table_new(names, 2, &table, &err));
    CHECK(chinwag_vclock_to_dense(clock, NULL, &answer, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_to_dense(NULL, table, &answer, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_from_dense(NULL, NULL, 0, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_from_dense(table, NULL, 9, &other, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_vclock_increment(clock, "c", CHINWAG_NO_TIME, NULL, &err));
    CHECK(chinwag_vclock_to_dense(clock, table, &answer, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(answer == NULL && other == NULL && chinwag_actor_table_fingerprint(NULL) == 0);
    chinwag_vclock_free(clock);
    chinwag_actor_table_free(table);
    chinwag_actor_table_free(NULL);
}

static void a_cart_is_written_by_two(void) {
    chinwag_siblings *cart = chinwag_siblings_new(), *replica = NULL;
    size_t length = 9;
    OK(chinwag_siblings_put(cart, "web-1", NULL, (const uint8_t *)"tea", 3, &err));
    OK(chinwag_siblings_put(cart, "web-1", NULL, NULL, 0, &err));
    CHECK(chinwag_siblings_count(cart) == 2);
    CHECK(memcmp(chinwag_siblings_value(cart, 0, &length), "tea", 3) == 0 && length == 3);
    CHECK(chinwag_siblings_value(cart, 1, &length) != NULL && length == 0);
    CHECK(chinwag_siblings_value(cart, 2, &length) == NULL && length == 0);
    replica = chinwag_siblings_copy(cart);
    CHECK(chinwag_siblings_equal(cart, replica));
    OK(chinwag_siblings_merge(cart, cart, &err)); /* with itself: nothing is new */
    OK(chinwag_siblings_resolve(cart, "web-2", (const uint8_t *)"milk", 4, &err));
    CHECK(chinwag_siblings_compare(cart, replica) == CHINWAG_AFTER);
    CHECK(!chinwag_siblings_equal(cart, replica) && chinwag_siblings_count(cart) == 1);
    OK(chinwag_siblings_merge(replica, cart, &err));
    CHECK(chinwag_siblings_equal(cart, replica));
    chinwag_vclock *context = chinwag_siblings_context(cart);
    OK(chinwag_siblings_discard(cart, context, &err));
    CHECK(chinwag_siblings_count(cart) == 0 && chinwag_vclock_count(context, "web-1") == 2);
    OK(chinwag_vclock_update(context, "web-1", UINT64_MAX, CHINWAG_NO_TIME, &err));
    CHECK(chinwag_siblings_put(cart, "web-1", context, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_vclock_free(context);
    chinwag_siblings_free(cart);
    chinwag_siblings_free(replica);
}

static void null_is_a_new_record_or_an_error(void) {
    chinwag_siblings *record = chinwag_siblings_new(), *other = NULL;
    chinwag_vclock *context = chinwag_vclock_new();
    CHECK(chinwag_siblings_put(NULL, "a", NULL, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_put(record, NULL, NULL, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_put(record, "", NULL, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_put(record, "a", NULL, NULL, 1, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_resolve(NULL, "a", NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_resolve(record, NULL, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_discard(record, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_discard(NULL, context, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_merge(record, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_merge(NULL, record, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_from_bytes(NULL, 1, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_from_bytes(NULL, 0, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_from_bytes((const uint8_t *)"A", 2, NULL, NULL) != CHINWAG_OK);
    chinwag_answer *answer = NULL;
    CHECK(chinwag_siblings_to_json(NULL, &answer, NULL) == CHINWAG_EBADARGUMENT && !answer);
    CHECK(chinwag_siblings_to_json(record, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_from_json(NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_from_json("{}", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_siblings_count(NULL) == 0 && chinwag_siblings_to_bytes(NULL, NULL, 0) == 0);
    CHECK(chinwag_siblings_value(NULL, 0, NULL) == NULL && chinwag_siblings_context(NULL) == NULL);
    CHECK(chinwag_siblings_copy(NULL) == NULL && chinwag_siblings_count(record) == 0);
    CHECK(chinwag_siblings_equal(NULL, record));
    CHECK(chinwag_siblings_compare(record, NULL) == CHINWAG_EQUAL && other == NULL);
    chinwag_siblings_free(record);
    chinwag_siblings_free(NULL);
    chinwag_vclock_free(context);
}

static void wrong_stamps_are_errors(void) {
    chinwag_hybrid *clock = chinwag_hybrid_new();
    uint64_t stamp = 7, now = 1795316449123000;
    char text[CHINWAG_STAMP_SIZE] = "as it was";
    CHECK(chinwag_hybrid_last(NULL) == 0 && chinwag_hybrid_tick(NULL, now) == 0);
    CHECK(chinwag_hybrid_observe(NULL, 0, now, &stamp, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_hybrid_observe(clock, (now / 1000 + 500) << 16, now, NULL, &err));
    uint64_t ahead = (now / 1000 + 501) << 16, last = chinwag_hybrid_last(clock);
    CHECK(chinwag_hybrid_observe(clock, ahead, now, &stamp, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_hybrid_last(clock) == last && stamp == 7);
    CHECK(chinwag_stamp_text(last, text, sizeof text - 1) == sizeof text - 1);
    SAME(text, "as it was");
    CHECK(chinwag_stamp_text(last, NULL, 99) == sizeof text - 1);
    CHECK(chinwag_stamp_parse(NULL, &stamp, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_stamp_parse("001795316449123.00042", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_lamport_tick(NULL) == 0 && chinwag_lamport_observe(NULL, 5) == 0);
    chinwag_hybrid_free(clock);
    chinwag_hybrid_free(NULL);
}

static void null_is_no_endedand_no_fold(void) {
    chinwag_retired *log = chinwag_retired_new();
    chinwag_vclock *clock = chinwag_vclock_new(), *unfolded = NULL;
    chinwag_folded *folded = NULL, *other = NULL;
    chinwag_causality order;
    uint64_t count = 7;
    OK(chinwag_retired_fold(log, clock, &folded, &err));
    CHECK(chinwag_retired_add(NULL, "a", 1, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_add(log, NULL, 1, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_add(log, "", 1, NULL, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_retired_add(log, "a", 1, NULL, &err));
    CHECK(chinwag_retired_add(log, "a", 1, &count, NULL) == CHINWAG_EBADARGUMENT && count == 7);
    CHECK(chinwag_retired_get(log, "a", NULL) && !chinwag_retired_get(log, "b", &count));
    CHECK(!chinwag_retired_get(NULL, "a", &count) && !chinwag_retired_get(log, NULL, &count));
    CHECK(chinwag_retired_epoch(NULL) == 0 && chinwag_retired_epoch(log) == 1 && count == 7);
    CHECK(chinwag_retired_fold(NULL, clock, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_fold(log, NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_fold(log, clock, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_unfold(NULL, folded, &unfolded, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_unfold(log, NULL, &unfolded, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_raise(log, NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_raise(NULL, folded, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_merge(log, folded, NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_merge(log, NULL, folded, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_compare(log, folded, NULL, &order, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_compare(log, folded, folded, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_compare(NULL, folded, folded, &order, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_retired *read = NULL;
    chinwag_answer *answer = NULL;
    CHECK(chinwag_retired_to_bytes(NULL, NULL, 0) == 0);
    CHECK(chinwag_retired_to_bytes(log, NULL, 9) == 5);
    CHECK(chinwag_retired_from_bytes(NULL, 2, &read, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_from_bytes((const uint8_t *)"a", 2, NULL, NULL) != CHINWAG_OK);
    CHECK(chinwag_retired_to_json(NULL, &answer, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_to_json(log, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_from_json(NULL, &read, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_retired_from_json("[]", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(read == NULL && answer == NULL);
    CHECK(chinwag_folded_to_bytes(NULL, NULL, 0) == 0 && chinwag_folded_epoch(NULL) == 0);
    CHECK(chinwag_folded_from_bytes(NULL, 2, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_folded_from_json(NULL, &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_folded_from_json("{}", &other, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_folded_to_json(NULL, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(other == NULL && unfolded == NULL);
    chinwag_folded_free(folded);
    chinwag_folded_free(NULL);
    chinwag_retired_free(log);
    chinwag_retired_free(NULL);
    chinwag_vclock_free(clock);
}

static void too_much_is_refused(void) {
    enum { MUCH = 5 << 20 };
    chinwag_vclock *clock = NULL;
    chinwag_siblings *record = NULL;
    chinwag_retired *log = NULL;
    char *gigantic = calloc(MUCH, 1);
    CHECK(gigantic != NULL);
    memset(gigantic, ' ', MUCH - 1);
    CHECK(chinwag_vclock_from_json(gigantic, &clock, NULL) == CHINWAG_ETOOLARGE);
    CHECK(chinwag_retired_from_json(gigantic, &log, NULL) == CHINWAG_ETOOLARGE && !log);
    CHECK(chinwag_siblings_from_json(gigantic, &record, NULL) == CHINWAG_ETOOLARGE && !record);
    CHECK(chinwag_vclock_from_bytes((uint8_t *)gigantic, MUCH, &clock, NULL) != CHINWAG_OK);
    CHECK(chinwag_actor(gigantic, 1, NULL, 0) == 0 && clock == NULL);
    clock = chinwag_vclock_new();
    CHECK(chinwag_vclock_insert(clock, gigantic, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_insert(clock, "", 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_vclock_size(clock) == 0);
    free(gigantic);
    chinwag_vclock_free(clock);
}

int main(void) {
    alarm(240);
    play_file("clocks", 1689, 7);
    play_file("forms", 1168, 58);
    play_file("retired", 1521, 0);
    play_file("siblings", 1061, 24);
    play_file("hybrid", 564, 0);
    entries_come_in_order();
    a_name_from_elsewhere_may_hold_a_zero();
    twelve_are_trimmed_by_default();
    null_is_an_empty_clock_or_an_error();
    wrong_tables_are_errors();
    a_cart_is_written_by_two();
    null_is_a_new_record_or_an_error();
    wrong_stamps_are_errors();
    null_is_no_endedand_no_fold();
    too_much_is_refused();
    puts("ok");
    return 0;
}
