/* Records of siblings: what is native to C, and arguments that are wrong. */
#include "spoilt.h"

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

static chinwag_status read_record(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_siblings *record = NULL;
    chinwag_status status = chinwag_siblings_from_bytes(from, count, &record, err);
    CHECK((record != NULL) == (status == CHINWAG_OK));
    if (record != NULL) {
        uint8_t *again = calloc(count, 1);
        CHECK(chinwag_siblings_to_bytes(record, again, count) == count);
        CHECK(memcmp(again, from, count) == 0); /* there is one form of each record */
        free(again);
        size_t length = 0;
        for (size_t n = 0; n < chinwag_siblings_count(record); n++) {
            CHECK(chinwag_siblings_value(record, n, &length) != NULL && length < count);
        }
    }
    chinwag_siblings_free(record);
    return status;
}

static void spoilt_records_are_refused_or_others(void) {
    chinwag_siblings *record = chinwag_siblings_new();
    OK(chinwag_siblings_put(record, "web-1", NULL, (const uint8_t *)"tea", 3, &err));
    OK(chinwag_siblings_put(record, "web-2", NULL, (const uint8_t *)"milk", 4, &err));
    uint8_t form[128];
    size_t count = chinwag_siblings_to_bytes(record, form, sizeof form);
    CHECK(count < sizeof form);
    parts_are_refused(read_record, form, count);
    bits_are_harmless(read_record, form, count);
    chinwag_siblings_free(record);
    /* More values than events, and more than there are bytes. */
    const uint8_t values[] = {0x41, 1, 1, 'a', 1, 2, 0, 0};
    const uint8_t many[] = {0x41, 1, 1, 'a', 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
    const uint8_t length[] = {0x41, 1, 1, 'a', 1, 1, 255, 255, 255, 255, 15, 'x'};
    CHECK(read_copy(read_record, values, sizeof values) == CHINWAG_EBADARGUMENT);
    CHECK(read_copy(read_record, many, sizeof many) == CHINWAG_EBADARGUMENT);
    CHECK(read_copy(read_record, length, sizeof length) == CHINWAG_EBADARGUMENT);
}

static void what_cannot_be_written_changes_nothing(void) {
    chinwag_siblings *record = chinwag_siblings_new(), *before = NULL;
    OK(chinwag_siblings_put(record, "a", NULL, (const uint8_t *)"x", 1, &err));
    OK(chinwag_siblings_put(record, "b", NULL, (const uint8_t *)"y", 1, &err));
    before = chinwag_siblings_copy(record);
    char *name = gigantic(1 << 20);
    const uint8_t *value = (const uint8_t *)"y";
    const char *actors[] = {"", "\xff", name};
    for (int n = 0; n < 3; n++) {
        chinwag_status no = CHINWAG_EBADARGUMENT;
        CHECK(chinwag_siblings_put(record, actors[n], NULL, value, 1, NULL) == no);
        CHECK(chinwag_siblings_resolve(record, actors[n], value, 1, NULL) == no);
        CHECK(chinwag_siblings_put(record, "a", NULL, value, SIZE_MAX, NULL) == no);
    }
    CHECK(chinwag_siblings_equal(record, before));
    free(name);
    chinwag_siblings_free(record);
    chinwag_siblings_free(before);
}

int main(void) {
    alarm(300);
    a_cart_is_written_by_two();
    null_is_a_new_record_or_an_error();
    spoilt_records_are_refused_or_others();
    what_cannot_be_written_changes_nothing();
    puts("ok");
    return 0;
}
