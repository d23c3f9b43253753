/* Shared maps: written by several, read, followed, and kept when who wrote them goes. */
#include "messages.h"

static chinwag_map_write text_of(const char *key, const char *text) {
    chinwag_map_write made = {.map = "carts", .key = key};
    if (text != NULL) {
        made.value = BYTES(text);
        made.length = strlen(text);
    }
    return made;
}

static void put(chinwag_node *node, const char *key, const char *text) {
    chinwag_map_write write = text_of(key, text);
    OK(chinwag_map_put(node, &write, &err));
}

/* Puts it in place of what was read, and of nothing else. */
static void put_after(chinwag_node *node, const chinwag_answer *entry, const char *key,
                      const char *text) {
    chinwag_map_write write = text_of(key, text);
    write.context =
        chinwag_answer_bytes(chinwag_answer_get(entry, "context"), &write.context_length);
    CHECK(write.context != NULL);
    OK(chinwag_map_put(node, &write, &err));
}

static bool has(const chinwag_node *node, const char *key, const char *text) {
    chinwag_answer *answer = NULL;
    OK(chinwag_map_get(node, "carts", key, &answer, &err));
    bool is_so = text != NULL ? is_bytes(answer, text)
                              : chinwag_answer_type(answer) == CHINWAG_ANSWER_NONE;
    chinwag_answer_free(answer);
    return is_so;
}

static chinwag_answer *read_entry(const chinwag_node *node, const char *key) {
    chinwag_answer *entry = NULL;
    OK(chinwag_map_read(node, "carts", key, &entry, &err));
    return entry;
}

static const chinwag_answer *value_at(const chinwag_answer *entry, size_t index) {
    return chinwag_answer_at(chinwag_answer_get(entry, "values"), index);
}

static void side_by_side(chinwag_node *a, chinwag_node *b) {
    put(a, "alice", "tea");
    UNTIL(has(b, "alice", "tea"));
    chinwag_answer *entry = read_entry(b, "alice");
    SAME(chinwag_answer_text(chinwag_answer_get(entry, "key")), "alice");
    CHECK(chinwag_answer_count(chinwag_answer_get(entry, "values")) == 1);
    SAME(chinwag_answer_text(chinwag_answer_get(value_at(entry, 0), "writer")), "a");
    CHECK(chinwag_answer_number(chinwag_answer_get(value_at(entry, 0), "stamp")) > 0);
    /* Both write after the same state: neither knows of the other. */
    put_after(a, entry, "alice", "milk");
    put_after(b, entry, "alice", "rum");
    chinwag_answer_free(entry);
    for (int turns = 0, count = 0; count != 2; turns++) {
        struct timespec moment = {0, 2000000};
        CHECK(turns < 15000);
        nanosleep(&moment, NULL);
        entry = read_entry(a, "alice");
        count = (int)chinwag_answer_count(chinwag_answer_get(entry, "values"));
        if (count != 2) {
            chinwag_answer_free(entry);
        }
    }
    const chinwag_answer *newest = chinwag_answer_get(value_at(entry, 0), "value");
    const chinwag_answer *older = chinwag_answer_get(value_at(entry, 1), "value");
    CHECK((is_bytes(newest, "milk") && is_bytes(older, "rum"))
          || (is_bytes(newest, "rum") && is_bytes(older, "milk")));
    put_after(a, entry, "alice", "milk and rum");
    chinwag_answer_free(entry);
    UNTIL(has(b, "alice", "milk and rum"));
    entry = read_entry(b, "alice");
    CHECK(chinwag_answer_count(chinwag_answer_get(entry, "values")) == 1);
    chinwag_answer_free(entry);
    CHECK(has(a, "nobody", NULL));
    entry = read_entry(a, "nobody");
    CHECK(chinwag_answer_type(entry) == CHINWAG_ANSWER_NONE);
    chinwag_answer_free(entry);
}

static void followed(chinwag_node *a, chinwag_node *b) {
    put(a, "bob", "x");
    UNTIL(has(b, "bob", "x"));
    chinwag_answer *list = NULL;
    OK(chinwag_map_entries(b, "carts", "b", &list, &err));
    CHECK(chinwag_answer_count(list) == 1);
    const chinwag_answer *bob = chinwag_answer_at(list, 0);
    SAME(chinwag_answer_text(chinwag_answer_get(bob, "key")), "bob");
    chinwag_answer_free(list);
    chinwag_watching how = {.replay = true};
    chinwag_watcher *watcher = NULL;
    chinwag_change *change = NULL;
    OK(chinwag_map_watch(b, "carts", "b", &how, &watcher, &err));
    CHECK(chinwag_next_change(watcher, DEADLINE_MS, &change) == CHINWAG_OK);
    CHECK(chinwag_change_type(change) == CHINWAG_CHANGE_PUT);
    SAME(chinwag_change_key(change), "bob");
    size_t length = 0;
    const uint8_t *bytes = chinwag_change_value(change, &length);
    CHECK(length == 1 && bytes[0] == 'x' && chinwag_change_member(change) == NULL);
    const chinwag_answer *entry = chinwag_change_entry(change);
    CHECK(is_bytes(chinwag_answer_get(value_at(entry, 0), "value"), "x"));
    chinwag_change_free(change);
    CHECK(chinwag_next_change(watcher, DEADLINE_MS, &change) == CHINWAG_OK);
    CHECK(chinwag_change_type(change) == CHINWAG_CHANGE_REPLAY_DONE);
    chinwag_change_free(change);
    chinwag_map_write write = text_of("bob", NULL);
    OK(chinwag_map_delete(a, &write, &err));
    CHECK(chinwag_next_change(watcher, DEADLINE_MS, &change) == CHINWAG_OK);
    CHECK(chinwag_change_type(change) == CHINWAG_CHANGE_DELETED);
    SAME(chinwag_change_key(change), "bob");
    chinwag_change_free(change);
    CHECK(has(b, "bob", NULL));
    chinwag_watcher_free(watcher);
}

/* A key outlives who wrote it. */
static void outlives(chinwag_node *a, const char *addr) {
    chinwag_node *writer = start("writer", addr);
    UNTIL(count_members(a) == 3);
    put(writer, "left", "behind");
    UNTIL(has(a, "left", "behind"));
    OK(chinwag_leave(writer, 5000, &err));
    chinwag_node_free(writer);
    UNTIL(count_members(a) == 2);
    CHECK(has(a, "left", "behind"));
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_map_write write = text_of("k", "v");
    chinwag_answer *answer = NULL;
    chinwag_watcher *watcher = NULL;
    CHECK(chinwag_map_put(NULL, &write, NULL) == bad && chinwag_map_put(a, NULL, NULL) == bad);
    CHECK(chinwag_map_delete(a, &write, NULL) == bad); /* it has a value */
    write.context = BYTES("no context");
    write.context_length = 10;
    CHECK(chinwag_map_put(a, &write, NULL) == bad);
    write = text_of("", "v");
    CHECK(chinwag_map_put(a, &write, NULL) == bad);
    write = text_of("k", "v");
    write.map = "a b";
    CHECK(chinwag_map_put(a, &write, NULL) == bad);
    write = (chinwag_map_write){0};
    CHECK(chinwag_map_put(a, &write, NULL) == bad && chinwag_map_delete(a, &write, NULL) == bad);
    CHECK(chinwag_map_get(a, "a b", "k", &answer, NULL) == bad);
    CHECK(chinwag_map_get(a, "carts", NULL, &answer, NULL) == bad);
    CHECK(chinwag_map_read(NULL, "carts", "k", &answer, NULL) == bad);
    CHECK(chinwag_map_read(a, NULL, "k", &answer, NULL) == bad);
    CHECK(chinwag_map_entries(a, "a b", "", &answer, NULL) == bad && answer == NULL);
    CHECK(chinwag_map_watch(a, "a b", "", NULL, &watcher, NULL) == bad);
    CHECK(chinwag_map_watch(a, "carts", "", NULL, NULL, NULL) == bad && watcher == NULL);
    CHECK(has(a, "k", NULL));
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    side_by_side(a, b);
    followed(a, b);
    outlives(a, addr);
    misuse(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
