/* Records of siblings: what is native to C, and arguments that are wrong. */
#include "check.h"

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

int main(void) {
    alarm(240);
    a_cart_is_written_by_two();
    null_is_a_new_record_or_an_error();
    puts("ok");
    return 0;
}
