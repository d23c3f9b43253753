/* Hybrid and Lamport clocks: arguments that are wrong. */
#include "spoilt.h"

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

static chinwag_status read_stamp(const uint8_t *from, size_t count, chinwag_error **err) {
    char again[CHINWAG_STAMP_SIZE];
    uint64_t stamp = 0;
    char *text = as_text(from, count);
    chinwag_status status = chinwag_stamp_parse(text, &stamp, err);
    if (status == CHINWAG_OK) {
        chinwag_stamp_text(stamp, again, sizeof again);
        SAME(again, text);
    }
    free(text);
    return status;
}

static void spoilt_stamps_are_refused_or_others(void) {
    const char *stamp = "001795316449123.00042";
    const uint8_t *text = (const uint8_t *)stamp;
    for (size_t length = 0; length < strlen(stamp); length++) {
        CHECK(read_copy(read_stamp, text, length) == CHINWAG_EBADARGUMENT);
    }
    bits_are_harmless(read_stamp, text, strlen(stamp));
    const char *wrong[] = {"281474976710656.00000", "001795316449123.65536", "NaN", "\xff",
                           "-01795316449123.00042", "001795316449123.000421"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        const uint8_t *bytes = (const uint8_t *)wrong[n];
        CHECK(read_copy(read_stamp, bytes, strlen(wrong[n])) == CHINWAG_EBADARGUMENT);
    }
    char *much = gigantic(1 << 20);
    CHECK(read_copy(read_stamp, (const uint8_t *)much, 1 << 20) == CHINWAG_EBADARGUMENT);
    free(much);
}

int main(void) {
    alarm(300);
    wrong_stamps_are_errors();
    spoilt_stamps_are_refused_or_others();
    puts("ok");
    return 0;
}
