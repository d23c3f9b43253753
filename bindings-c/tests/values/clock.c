/* Vector clocks: what is native to C, and arguments that are wrong. */
#include "spoilt.h"

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

static chinwag_status read_clock(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_vclock *clock = NULL;
    chinwag_status status = chinwag_vclock_from_bytes(from, count, &clock, err);
    CHECK((clock != NULL) == (status == CHINWAG_OK));
    if (clock != NULL) {
        uint8_t *again = calloc(count, 1);
        CHECK(chinwag_vclock_to_bytes(clock, again, count) == count);
        CHECK(memcmp(again, from, count) == 0); /* there is one form of each clock */
        free(again);
    }
    chinwag_vclock_free(clock);
    return status;
}

static chinwag_status read_json(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_vclock *clock = NULL;
    char *text = as_text(from, count);
    chinwag_status status = chinwag_vclock_from_json(text, &clock, err);
    CHECK((clock != NULL) == (status == CHINWAG_OK));
    CHECK(chinwag_vclock_compare(clock, clock) == CHINWAG_EQUAL);
    chinwag_vclock_free(clock);
    free(text);
    return status;
}

static chinwag_actor_table *table;

static chinwag_status read_dense(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_vclock *clock = NULL;
    chinwag_status status = chinwag_vclock_from_dense(table, from, count, &clock, err);
    CHECK((clock != NULL) == (status == CHINWAG_OK));
    chinwag_vclock_free(clock);
    return status;
}

static void spoilt_clocks_are_refused_or_others(void) {
    const char *names[] = {"web-1", "web-2", "\xc3\xa9"};
    chinwag_vclock *clock = chinwag_vclock_new();
    OK(chinwag_vclock_update(clock, "web-1", 300, CHINWAG_NO_TIME, &err));
    OK(chinwag_vclock_update(clock, "web-2", UINT64_MAX, CHINWAG_NO_TIME, &err));
    OK(chinwag_vclock_increment(clock, "\xc3\xa9", 7, NULL, &err));
    uint8_t form[128];
    size_t count = chinwag_vclock_to_bytes(clock, form, sizeof form);
    CHECK(count < sizeof form);
    parts_are_refused(read_clock, form, count);
    bits_are_harmless(read_clock, form, count);
    chinwag_answer *answer = NULL;
    OK(chinwag_vclock_to_json(clock, &answer, &err));
    const uint8_t *json = (const uint8_t *)chinwag_answer_text(answer);
    size_t length = strlen(chinwag_answer_text(answer));
    for (size_t part = 0; part < length; part++) {
        CHECK(read_copy(read_json, json, part) == CHINWAG_EBADARGUMENT);
    }
    bits_are_harmless(read_json, json, length);
    chinwag_answer_free(answer);
    OK(chinwag_actor_table_new(names, 3, &table, &err));
    OK(chinwag_vclock_to_dense(clock, table, &answer, &err));
    const uint8_t *dense = chinwag_answer_bytes(answer, &count);
    parts_are_refused(read_dense, dense, count);
    bits_are_harmless(read_dense, dense, count);
    chinwag_answer_free(answer);
    chinwag_actor_table_free(table);
    chinwag_vclock_free(clock);
}

static void numbers_of_json_are_whole_and_in_their_bounds(void) {
    const char *numbers[] = {"NaN", "Infinity", "1e400", "-1", "0.5", "1e2", "\"1\"", "null", "{}",
                             "9007199254740993", "\"18446744073709551616\"", "{\"time\":1}"};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        char json[64];
        snprintf(json, sizeof json, "{\"a\":%s}", numbers[n]);
        CHECK(read_copy(read_json, (uint8_t *)json, strlen(json)) == CHINWAG_EBADARGUMENT);
    }
    const char *twice = "{\"a\":1,\"a\":2}";
    CHECK(read_copy(read_json, (const uint8_t *)twice, strlen(twice)) == CHINWAG_OK);
}

int main(void) {
    alarm(300);
    entries_come_in_order();
    a_name_from_elsewhere_may_hold_a_zero();
    twelve_are_trimmed_by_default();
    null_is_an_empty_clock_or_an_error();
    wrong_tables_are_errors();
    too_much_is_refused();
    spoilt_clocks_are_refused_or_others();
    numbers_of_json_are_whole_and_in_their_bounds();
    puts("ok");
    return 0;
}
