/* Clocks folded under retirements: arguments that are wrong. */
#include "spoilt.h"

static void null_is_no_log_and_no_fold(void) {
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

static chinwag_retired *ended;

static chinwag_status use(chinwag_folded *folded, chinwag_status status) {
    CHECK((folded != NULL) == (status == CHINWAG_OK));
    if (folded != NULL) {
        /* Of a log that goes on, it is another clock, or cannot be told. */
        chinwag_vclock *clock = NULL;
        chinwag_status unfolded = chinwag_retired_unfold(ended, folded, &clock, NULL);
        CHECK((clock != NULL) == (unfolded == CHINWAG_OK));
        CHECK(clock != NULL || unfolded == CHINWAG_EBADARGUMENT);
        chinwag_vclock_free(clock);
    }
    chinwag_folded_free(folded);
    return status;
}

static chinwag_status read_folded(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_folded *folded = NULL;
    chinwag_status status = chinwag_folded_from_bytes(from, count, &folded, err);
    return use(folded, status);
}

static chinwag_status read_json(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_folded *folded = NULL;
    char *text = as_text(from, count);
    chinwag_status status = chinwag_folded_from_json(text, &folded, err);
    free(text);
    return use(folded, status);
}

static void spoilt_clocks_are_refused_or_others(void) {
    chinwag_vclock *clock = chinwag_vclock_new();
    chinwag_folded *folded = NULL;
    chinwag_answer *answer = NULL;
    ended = chinwag_retired_new();
    OK(chinwag_retired_add(ended, "gone", 7, NULL, &err));
    OK(chinwag_vclock_update(clock, "gone", 7, CHINWAG_NO_TIME, &err));
    OK(chinwag_vclock_update(clock, "here", 300, CHINWAG_NO_TIME, &err));
    OK(chinwag_retired_fold(ended, clock, &folded, &err));
    uint8_t form[64];
    size_t count = chinwag_folded_to_bytes(folded, form, sizeof form);
    CHECK(count < sizeof form);
    parts_are_refused(read_folded, form, count);
    bits_are_harmless(read_folded, form, count);
    OK(chinwag_folded_to_json(folded, &answer, &err));
    const char *json = chinwag_answer_text(answer);
    bits_are_harmless(read_json, (const uint8_t *)json, strlen(json));
    const char *wrong[] = {"{\"clock\":{},\"epoch\":NaN}", "{\"clock\":{},\"epoch\":1e400}",
                           "{\"clock\":{},\"epoch\":-1}", "{\"clock\":{}}", "[]", "{"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        const uint8_t *text = (const uint8_t *)wrong[n];
        CHECK(read_copy(read_json, text, strlen(wrong[n])) == CHINWAG_EBADARGUMENT);
    }
    chinwag_answer_free(answer);
    chinwag_folded_free(folded);
    chinwag_vclock_free(clock);
    chinwag_retired_free(ended);
}

int main(void) {
    alarm(300);
    null_is_no_log_and_no_fold();
    spoilt_clocks_are_refused_or_others();
    puts("ok");
    return 0;
}
