/* Clocks folded under retirements: arguments that are wrong. */
#include "check.h"

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

int main(void) {
    alarm(240);
    null_is_no_log_and_no_fold();
    puts("ok");
    return 0;
}
