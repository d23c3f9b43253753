/* Statements about hybrid and Lamport clocks. */
#ifndef STATEMENTS_STAMPS_H
#define STATEMENTS_STAMPS_H

#include "words.h"

static chinwag_hybrid *hybrids[128];
static uint64_t lamports[128];

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

#endif
