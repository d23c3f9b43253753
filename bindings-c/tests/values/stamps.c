/* Hybrid and Lamport clocks: arguments that are wrong. */
#include "check.h"

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

int main(void) {
    alarm(240);
    wrong_stamps_are_errors();
    puts("ok");
    return 0;
}
