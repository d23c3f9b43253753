/* Keys of members: written, looked up, followed by hand and by callback, and how that ends. */
#include "messages.h"

static void put(chinwag_node *node, const char *key, const char *text) {
    OK(chinwag_put(node, key, BYTES(text), strlen(text), 0, &err));
}

/* Whether that member has that value under the key; no value for NULL. */
static bool has(const chinwag_node *node, const char *member, const char *key, const char *text) {
    chinwag_answer *answer = NULL;
    OK(chinwag_get(node, member, key, &answer, &err));
    bool is_so = text != NULL ? is_bytes(answer, text)
                              : chinwag_answer_type(answer) == CHINWAG_ANSWER_NONE;
    chinwag_answer_free(answer);
    return is_so;
}

static bool entry_is(const chinwag_answer *entry, const char *member, const char *key,
                     const char *text) {
    return strcmp(chinwag_answer_text(chinwag_answer_get(entry, "member")), member) == 0
        && strcmp(chinwag_answer_text(chinwag_answer_get(entry, "key")), key) == 0
        && is_bytes(chinwag_answer_get(entry, "value"), text);
}

static chinwag_watcher *watch(chinwag_node *node, const char *prefix, bool replay) {
    chinwag_watching how = {.replay = replay};
    chinwag_watcher *watcher = NULL;
    OK(chinwag_watch(node, prefix, &how, &watcher, &err));
    return watcher;
}

static chinwag_change *next(chinwag_watcher *watcher, chinwag_change_kind kind) {
    chinwag_change *change = NULL;
    CHECK(chinwag_next_change(watcher, DEADLINE_MS, &change) == CHINWAG_OK);
    CHECK(chinwag_change_type(change) == kind);
    return change;
}

static void is_put(chinwag_watcher *watcher, const char *member, const char *key,
                   const char *text) {
    chinwag_change *change = next(watcher, CHINWAG_CHANGE_PUT);
    SAME(chinwag_change_member(change), member);
    SAME(chinwag_change_key(change), key);
    size_t length = 0;
    const uint8_t *bytes = chinwag_change_value(change, &length);
    CHECK(bytes != NULL && length == strlen(text) && memcmp(bytes, text, length) == 0);
    CHECK(entry_is(chinwag_change_entry(change), member, key, text));
    CHECK(chinwag_change_count(change) == 0 && chinwag_change_entries(change) == NULL);
    chinwag_change_free(change);
}

static void by_hand(chinwag_node *a, chinwag_node *b) {
    put(a, "load", "3");
    put(a, "role", "db");
    UNTIL(has(b, "a", "load", "3") && has(b, "a", "role", "db"));
    CHECK(has(b, "a", "other", NULL) && has(b, "nobody", "load", NULL));
    chinwag_answer *list = NULL;
    OK(chinwag_entries(b, "lo", &list, &err));
    CHECK(chinwag_answer_count(list) == 1);
    CHECK(entry_is(chinwag_answer_at(list, 0), "a", "load", "3"));
    chinwag_answer_free(list);
    chinwag_watcher *watcher = watch(b, "lo", true);
    is_put(watcher, "a", "load", "3");
    chinwag_change *change = next(watcher, CHINWAG_CHANGE_REPLAY_DONE);
    CHECK(chinwag_change_member(change) == NULL && chinwag_change_key(change) == NULL);
    CHECK(chinwag_change_value(change, NULL) == NULL && chinwag_change_entry(change) == NULL);
    chinwag_change_free(change);
    change = NULL;
    CHECK(chinwag_next_change(watcher, 0, &change) == CHINWAG_ETIMEOUT && change == NULL);
    put(a, "other", "1");
    put(b, "lock", "");
    is_put(watcher, "b", "lock", "");
    OK(chinwag_delete(a, "load", &err));
    change = next(watcher, CHINWAG_CHANGE_DELETED);
    SAME(chinwag_change_member(change), "a");
    SAME(chinwag_change_key(change), "load");
    chinwag_change_free(change);
    OK(chinwag_put(b, "lot", BYTES("x"), 1, 50, &err)); /* it expires */
    is_put(watcher, "b", "lot", "x");
    chinwag_change_free(next(watcher, CHINWAG_CHANGE_DELETED));
    CHECK(chinwag_watcher_close(watcher) == CHINWAG_OK);
    CHECK(chinwag_watcher_close(watcher) == CHINWAG_OK);
    change = NULL;
    CHECK(chinwag_next_change(watcher, -1, &change) == CHINWAG_ECLOSED && change == NULL);
    chinwag_watcher_free(watcher);
    OK(chinwag_delete(b, "nothing", &err));
}

/* A reader that is slow is told how many it has not seen, and what there is. */
static void slow(void) {
    chinwag_node *node = start_with("slow", NULL, "event_buffer", "4");
    chinwag_watcher *watcher = watch(node, "", false);
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "k%02d", i);
        put(node, key, "x");
    }
    uint64_t seen = 0, lost = 0;
    chinwag_change *change = NULL;
    while (chinwag_next_change(watcher, 0, &change) == CHINWAG_OK) {
        if (chinwag_change_type(change) == CHINWAG_CHANGE_LOST) {
            lost += chinwag_change_count(change);
            const chinwag_answer *entries = chinwag_change_entries(change);
            CHECK(chinwag_answer_count(entries) == 20);
            CHECK(entry_is(chinwag_answer_at(entries, 19), "slow", "k19", "x"));
        } else {
            seen++;
        }
        chinwag_change_free(change);
    }
    CHECK(lost > 0 && seen + lost == 20);
    chinwag_watcher_free(watcher);
    chinwag_node_free(node);
}

struct state {
    chinwag_watcher *watcher;
    atomic_int seen, freed;
};

static void count_freed(void *user_data) {
    ++((struct state *)user_data)->freed;
}

static void on_change(const chinwag_change *change, void *user_data) {
    struct state *state = user_data;
    CHECK(chinwag_change_type(change) == CHINWAG_CHANGE_PUT);
    if (++state->seen == 2) {
        CHECK(chinwag_watcher_close(state->watcher) == CHINWAG_OK && state->freed == 0);
    }
}

static void by_callback(chinwag_node *node) {
    struct state state = {0};
    chinwag_watching how = {
        .callback = on_change, .user_data = &state, .free_user_data = count_freed};
    OK(chinwag_watch(node, "tick", &how, &state.watcher, &err));
    chinwag_change *none = NULL;
    CHECK(chinwag_next_change(state.watcher, 0, &none) == CHINWAG_EBADARGUMENT && none == NULL);
    put(node, "tick1", "x");
    put(node, "tick2", "x");
    put(node, "tick3", "x");
    UNTIL(state.freed == 1);
    CHECK(state.seen == 2);
    chinwag_watcher_free(state.watcher);
    CHECK(state.freed == 1);
}

static void *wait_and_be_let_go(void *watcher) {
    chinwag_change *change = NULL;
    CHECK(chinwag_next_change(watcher, -1, &change) == CHINWAG_ECLOSED && change == NULL);
    return NULL;
}

static void closed_while_waiting(void) {
    chinwag_node *node = start("closing", NULL);
    struct state state = {0};
    chinwag_watching how = {
        .callback = on_change, .user_data = &state, .free_user_data = count_freed};
    OK(chinwag_watch(node, "", &how, NULL, &err));
    chinwag_watcher *watcher = watch(node, "", false);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_and_be_let_go, watcher) == 0);
    CHECK(chinwag_close(node) == CHINWAG_OK && state.freed == 1);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(chinwag_put(node, "k", NULL, 0, 0, NULL) == CHINWAG_ECLOSED);
    chinwag_node_free(node);
    chinwag_watcher_free(watcher);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    static uint8_t large[65537];
    chinwag_answer *answer = NULL;
    chinwag_watcher *watcher = NULL;
    chinwag_change *change = NULL;
    size_t length = 7;
    CHECK(chinwag_put(NULL, "k", NULL, 0, 0, NULL) == bad);
    CHECK(chinwag_put(a, NULL, NULL, 0, 0, NULL) == bad);
    CHECK(chinwag_put(a, "", NULL, 0, 0, NULL) == bad);
    CHECK(chinwag_put(a, "\xff", NULL, 0, 0, NULL) == bad);
    CHECK(chinwag_put(a, "k", NULL, 1, 0, NULL) == bad);
    CHECK(chinwag_put(a, "k", large, sizeof large, 0, NULL) == CHINWAG_ETOOLARGE);
    CHECK(chinwag_delete(a, NULL, NULL) == bad && has(a, "a", "k", NULL));
    CHECK(chinwag_get(a, NULL, "k", &answer, NULL) == bad);
    CHECK(chinwag_get(a, "a", NULL, &answer, NULL) == bad);
    CHECK(chinwag_entries(a, NULL, &answer, NULL) == bad && answer == NULL);
    CHECK(chinwag_watch(a, NULL, NULL, &watcher, NULL) == bad);
    CHECK(chinwag_watch(a, "", NULL, NULL, NULL) == bad); /* nobody could take any */
    CHECK(chinwag_watch(NULL, "", NULL, &watcher, NULL) == bad && watcher == NULL);
    CHECK(chinwag_next_change(NULL, 0, &change) == bad && change == NULL);
    CHECK(chinwag_watcher_close(NULL) == bad);
    chinwag_watcher_free(NULL);
    CHECK(chinwag_change_type(NULL) == CHINWAG_CHANGE_LOST && chinwag_change_count(NULL) == 0);
    CHECK(chinwag_change_member(NULL) == NULL && chinwag_change_key(NULL) == NULL);
    CHECK(chinwag_change_value(NULL, &length) == NULL && length == 0);
    CHECK(chinwag_change_entry(NULL) == NULL && chinwag_change_entries(NULL) == NULL);
    chinwag_change_free(NULL);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    by_hand(a, b);
    slow();
    by_callback(a);
    closed_while_waiting();
    misuse(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
