/* Vector clocks: what is native to C, and arguments that are wrong. */
#include "check.h"

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

int main(void) {
    alarm(240);
    entries_come_in_order();
    a_name_from_elsewhere_may_hold_a_zero();
    twelve_are_trimmed_by_default();
    null_is_an_empty_clock_or_an_error();
    wrong_tables_are_errors();
    too_much_is_refused();
    puts("ok");
    return 0;
}
