/* Keys of gossip, and newcomers who wait to be let in. */
#include "check.h"

/* Of 16 and of 32 bytes. */
static const char *OLD = "MDEyMzQ1Njc4OWFiY2RlZg==";
static const char *NEW = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/* How many keys the node has; `bits` of the one that encrypts. */
static size_t keys(chinwag_node *node, uint64_t bits) {
    chinwag_answer *list = NULL;
    OK(chinwag_keys(node, &list, &err));
    size_t count = chinwag_answer_count(list);
    const chinwag_answer *first = chinwag_answer_at(list, 0);
    if (first != NULL) {
        CHECK(chinwag_answer_number(chinwag_answer_get(first, "bits")) == bits);
        CHECK(chinwag_answer_flag(chinwag_answer_get(first, "primary")));
        CHECK(strlen(chinwag_answer_text(chinwag_answer_get(first, "fingerprint"))) == 8);
    }
    chinwag_answer_free(list);
    return count;
}

static void own_keys(void) {
    chinwag_node *node = start_with("own", NULL, "keys", OLD);
    CHECK(keys(node, 128) == 1);
    OK(chinwag_add_key(node, NEW, &err));
    CHECK(keys(node, 128) == 2);
    CHECK(chinwag_remove_key(node, OLD, NULL) == CHINWAG_EBADARGUMENT); /* it encrypts */
    OK(chinwag_use_key(node, NEW, &err));
    OK(chinwag_remove_key(node, OLD, &err));
    CHECK(keys(node, 256) == 1);
    chinwag_error *err = NULL;
    CHECK(chinwag_add_key(node, "hunter2", &err) == CHINWAG_EBADARGUMENT);
    CHECK(strstr(chinwag_error_message(err), "hunter2") == NULL); /* no secret in a message */
    chinwag_error_free(err);
    CHECK(chinwag_use_key(node, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_keys(node, NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_close(node) == CHINWAG_OK);
    CHECK(chinwag_add_key(node, NEW, NULL) == CHINWAG_ECLOSED);
    chinwag_node_free(node);
    node = start("plain", NULL);
    CHECK(keys(node, 0) == 0 && chinwag_add_key(node, NEW, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_node_free(node);
}

static chinwag_node *encrypted(const char *name, const char *seeds) {
    chinwag_config *config = options(name, seeds);
    OK(chinwag_config_set(config, "keys", OLD, &err));
    OK(chinwag_config_set(config, "delegate_versions", "2,5,5", &err));
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    return node;
}

static void all_do(chinwag_node *node, const char *op, const char *key) {
    chinwag_answer *told = NULL;
    OK(chinwag_cluster_keys(node, op, key, &told, &err));
    CHECK(chinwag_answer_type(told) == CHINWAG_ANSWER_MAP && chinwag_answer_count(told) == 2);
    for (const char **name = (const char *[]){"a", "b", NULL}; *name != NULL; name++) {
        const chinwag_answer *outcome = chinwag_answer_get(told, *name);
        CHECK(chinwag_answer_flag(chinwag_answer_get(outcome, "done")));
        if (key == NULL) {
            SAME(chinwag_answer_text(chinwag_answer_get(outcome, "primary")), NEW);
            CHECK(chinwag_answer_count(chinwag_answer_get(outcome, "keys")) == 1);
        }
    }
    chinwag_answer_free(told);
}

static void keys_of_all(void) {
    chinwag_node *a = encrypted("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = encrypted("b", addr);
    UNTIL(count_members(a) == 2);
    all_do(a, "install", NEW);
    all_do(a, "use", NEW);
    all_do(a, "remove", OLD);
    all_do(b, "list", NULL);
    CHECK(keys(b, 256) == 1);
    chinwag_answer *told = NULL;
    CHECK(chinwag_cluster_keys(a, "rotate", NEW, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, "use", NULL, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, NULL, NEW, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, "use", NEW, NULL, NULL) == CHINWAG_EBADARGUMENT && told == NULL);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

/* Decides about whoever is not called "bad". */
static void on_admission(const chinwag_event *event, void *user_data) {
    chinwag_node *node = user_data;
    uint64_t id = chinwag_event_number(event, "id");
    const char *name = chinwag_member_name(chinwag_event_member(event));
    CHECK(chinwag_refuse(node, id, NULL, NULL) == CHINWAG_EBADARGUMENT);
    if (strcmp(name, "bad") == 0) {
        OK(chinwag_refuse(node, id, "not today", &err));
    } else {
        OK(chinwag_admit(node, id, &err));
    }
    CHECK(chinwag_admit(node, id, NULL) == CHINWAG_EBADARGUMENT); /* it is decided */
}

static void newcomers(void) {
    chinwag_node *door = start_with("door", NULL, "admission", "ask");
    CHECK(chinwag_on_event(door, CHINWAG_MASK_ADMISSION, on_admission, door, NULL) > 0);
    char addr[64];
    address(door, addr, sizeof addr);
    chinwag_node *good = start("good", NULL), *bad = start("bad", NULL);
    size_t contacted = 0;
    OK(chinwag_join(good, addr, &contacted, &err));
    CHECK(contacted == 1);
    chinwag_error *err = NULL;
    CHECK(chinwag_join(bad, addr, NULL, &err) != CHINWAG_OK);
    CHECK(strstr(chinwag_error_message(err), "not today") != NULL);
    chinwag_error_free(err);
    UNTIL(count_members(door) == 2);
    chinwag_node_free(bad);
    chinwag_node_free(good);
    chinwag_node_free(door);
}

int main(void) {
    alarm(120);
    own_keys();
    keys_of_all();
    newcomers();
    puts("ok");
    return 0;
}
