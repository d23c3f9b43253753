/* Keys of gossip, and newcomers who wait to be let in. */
#include "check.h"

#include <sys/stat.h>

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

/* Adds a second key and takes it away again by the name that chinwag_keys() has for it. */
static void by_fingerprint(chinwag_node *node) {
    OK(chinwag_add_key(node, OLD, &err));
    chinwag_answer *list = NULL;
    OK(chinwag_keys(node, &list, &err));
    const chinwag_answer *second = chinwag_answer_at(list, 1);
    CHECK(!chinwag_answer_flag(chinwag_answer_get(second, "primary")));
    const char *fingerprint = chinwag_answer_text(chinwag_answer_get(second, "fingerprint"));
    OK(chinwag_remove_key(node, fingerprint, &err));
    CHECK(chinwag_use_key(node, fingerprint, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(keys(node, 256) == 1);
    chinwag_answer_free(list);
}

/* What is no key, or no operation, is in no message: it may be half of one, or one misplaced. */
static void no_secret_is_shown(chinwag_node *node) {
    const char *secret = "hunter2hunter2";
    chinwag_config *config = chinwag_config_new();
    chinwag_answer *told = NULL;
    chinwag_error *errs[6] = {NULL};
    CHECK(chinwag_add_key(node, secret, &errs[0]) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_use_key(node, secret, &errs[1]) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_remove_key(node, secret, &errs[2]) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(node, "use", secret, &told, &errs[3]) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(node, secret, NEW, &told, &errs[4]) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set(config, "keys", secret, &errs[5]) == CHINWAG_EBADCONFIG);
    for (size_t i = 0; i < sizeof errs / sizeof *errs; i++) {
        CHECK(strstr(chinwag_error_message(errs[i]), "hunter2") == NULL);
        chinwag_error_free(errs[i]);
    }
    CHECK(told == NULL);
    chinwag_config_free(config);
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
    by_fingerprint(node);
    no_secret_is_shown(node);
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_answer *told = NULL;
    CHECK(chinwag_add_key(NULL, NEW, NULL) == bad && chinwag_add_key(node, NULL, NULL) == bad);
    CHECK(chinwag_use_key(NULL, NEW, NULL) == bad && chinwag_use_key(node, NULL, NULL) == bad);
    CHECK(chinwag_remove_key(NULL, NEW, NULL) == bad);
    CHECK(chinwag_remove_key(node, NULL, NULL) == bad);
    CHECK(chinwag_use_key(node, OLD, NULL) == bad); /* the ring does not have it */
    CHECK(chinwag_remove_key(node, "00000000", NULL) == bad);
    CHECK(chinwag_keys(NULL, &told, NULL) == bad && chinwag_keys(node, NULL, NULL) == bad);
    CHECK(chinwag_close(node) == CHINWAG_OK);
    CHECK(chinwag_add_key(node, OLD, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_use_key(node, NEW, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_remove_key(node, NEW, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_cluster_keys(node, "list", NULL, &told, NULL) == CHINWAG_ECLOSED);
    CHECK(keys(node, 256) == 1); /* it tells what was known */
    chinwag_node_free(node);
    node = start("plain", NULL);
    CHECK(keys(node, 0) == 0 && chinwag_add_key(node, NEW, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_node_free(node);
}

static chinwag_node *encrypted(const char *name, const char *seeds) {
    chinwag_config *config = options(name, seeds);
    OK(chinwag_config_set(config, "keys", OLD, &err));
    OK(chinwag_config_set(config, "delegate_versions", "2,5,5", &err));
    /* Sixteen of these are the time that the others have for an answer. */
    OK(chinwag_config_set(config, "gossip_interval", "1s", &err));
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    return node;
}

/* Has all do it; whether both said that they did. On a busy machine an answer may come too late. */
static int all_did(chinwag_node *node, const char *op, const char *key) {
    chinwag_answer *told = NULL;
    OK(chinwag_cluster_keys(node, op, key, &told, &err));
    CHECK(chinwag_answer_type(told) == CHINWAG_ANSWER_MAP);
    int done = 0;
    for (size_t i = 0; i < chinwag_answer_count(told); i++) {
        const char *name = chinwag_answer_name(told, i);
        const chinwag_answer *outcome = chinwag_answer_get(told, name);
        CHECK(outcome == chinwag_answer_at(told, i));
        CHECK(strcmp(name, "a") == 0 || strcmp(name, "b") == 0);
        CHECK(chinwag_answer_type(chinwag_answer_get(outcome, "message")) == CHINWAG_ANSWER_TEXT);
        done += chinwag_answer_flag(chinwag_answer_get(outcome, "done"));
        if (key == NULL) {
            SAME(chinwag_answer_text(chinwag_answer_get(outcome, "primary")), NEW);
            CHECK(chinwag_answer_count(chinwag_answer_get(outcome, "keys")) == 1);
        }
    }
    chinwag_answer_free(told);
    return done == 2;
}

/* A member that cannot do it says why: nobody has this key. */
static void refused_here(chinwag_node *a) {
    chinwag_answer *told = NULL;
    OK(chinwag_cluster_keys(a, "use", OLD, &told, &err));
    const chinwag_answer *outcome = chinwag_answer_get(told, "b");
    CHECK(!chinwag_answer_flag(chinwag_answer_get(outcome, "done")));
    CHECK(strlen(chinwag_answer_text(chinwag_answer_get(outcome, "message"))) > 0);
    chinwag_answer_free(told);
}

static void keys_of_all(void) {
    chinwag_node *a = encrypted("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = encrypted("b", addr);
    UNTIL(count_members(a) == 2);
    UNTIL(all_did(a, "install", NEW) || (keys(a, 128) == 2 && keys(b, 128) == 2));
    UNTIL(all_did(a, "use", NEW));
    UNTIL(all_did(a, "remove", OLD) || (keys(a, 256) == 1 && keys(b, 256) == 1));
    UNTIL(all_did(b, "list", NULL));
    CHECK(keys(a, 256) == 1 && keys(b, 256) == 1);
    chinwag_answer *told = NULL;
    CHECK(chinwag_cluster_keys(a, "rotate", NEW, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, "use", NULL, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, NULL, NEW, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, "list", NEW, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(NULL, "list", NULL, &told, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_cluster_keys(a, "use", NEW, NULL, NULL) == CHINWAG_EBADARGUMENT && told == NULL);
    refused_here(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

/* The next warning is of that code. */
static void expect_warning(chinwag_node *node, const char *code) {
    chinwag_event *event = await(node, CHINWAG_EVENT_WARNING, NULL);
    SAME(chinwag_event_text(event, "code"), code);
    chinwag_event_free(event);
}

/* Who joins with that option, or with none, is told of the mismatch, and the other side warns. */
static void kept_out(chinwag_node *node, const char *key, const char *code) {
    char addr[64];
    address(node, addr, sizeof addr);
    chinwag_node *other = start_with("other", NULL, key, NEW);
    chinwag_error *err = NULL;
    CHECK(chinwag_join(other, addr, NULL, &err) == CHINWAG_EKEYMISMATCH);
    SAME(chinwag_error_code(err), "key_mismatch");
    CHECK(strstr(chinwag_error_message(err), NEW) == NULL);
    chinwag_error_free(err);
    expect_warning(node, code);
    CHECK(count_members(node) == 2 && count_members(other) == 1);
    chinwag_node_free(other);
}

/* A member whose key is in a file meets one whose key is an option. */
static void key_files(void) {
    char path[64], addr[64];
    snprintf(path, sizeof path, "/tmp/chinwag-keys-%d", (int)getpid());
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fchmod(fileno(file), 0600) == 0);
    CHECK(fprintf(file, "# of gossip\n\n%s\n", OLD) > 0 && fclose(file) == 0);
    chinwag_node *a = start_with("a", NULL, "keys", OLD);
    address(a, addr, sizeof addr);
    chinwag_node *b = start_with("b", addr, "key_file", path);
    CHECK(unlink(path) == 0);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    OK(chinwag_subscribe(a, false, &err));
    kept_out(a, "keys", "key-mismatch");
    kept_out(a, NULL, "plaintext-refused");
    chinwag_config *config = options("c", NULL);
    chinwag_node *c = NULL;
    OK(chinwag_config_set(config, "key_file", path, &err));
    CHECK(chinwag_start(config, &c, NULL) == CHINWAG_EBADCONFIG && c == NULL); /* it is gone */
    chinwag_config_free(config);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

static void cookies(void) {
    char addr[64];
    chinwag_node *a = start_with("a", NULL, "cookie", "correct horse battery");
    address(a, addr, sizeof addr);
    chinwag_node *b = start_with("b", addr, "cookie", "correct horse battery");
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    CHECK(keys(a, 256) == 1 && keys(b, 256) == 1);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

static atomic_int decided;

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
    atomic_fetch_add(&decided, 1);
}

static void newcomers(void) {
    chinwag_node *door = start_with("door", NULL, "admission", "ask");
    CHECK(chinwag_on_event(door, CHINWAG_MASK_ADMISSION, on_admission, door, NULL) > 0);
    OK(chinwag_subscribe(door, false, &err));
    char addr[64];
    address(door, addr, sizeof addr);
    chinwag_node *good = start("good", NULL), *bad = start("bad", NULL);
    size_t contacted = 0;
    OK(chinwag_join(good, addr, &contacted, &err));
    CHECK(contacted == 1);
    chinwag_error *err = NULL;
    CHECK(chinwag_join(bad, addr, NULL, &err) == CHINWAG_ENOTADMITTED);
    CHECK(strstr(chinwag_error_message(err), "not today") != NULL);
    chinwag_error_free(err);
    UNTIL(count_members(door) == 2);
    /* The queue has the questions too, and they can be kept. */
    chinwag_event *asked = await(door, CHINWAG_EVENT_ADMISSION, "good");
    chinwag_event *copy = chinwag_event_copy(asked);
    CHECK(chinwag_event_number(copy, "id") == chinwag_event_number(asked, "id"));
    chinwag_event_free(asked);
    SAME(chinwag_member_name(chinwag_event_member(copy)), "good");
    chinwag_event_free(copy);
    await_only(door, CHINWAG_EVENT_MEMBER_JOIN, "good");
    await_only(door, CHINWAG_EVENT_ADMISSION, "bad");

    const chinwag_status bad_argument = CHINWAG_EBADARGUMENT;
    CHECK(chinwag_admit(door, 99, NULL) == bad_argument); /* never asked */
    CHECK(chinwag_refuse(door, 99, "x", NULL) == bad_argument);
    CHECK(chinwag_admit(NULL, 1, NULL) == bad_argument);
    CHECK(chinwag_refuse(NULL, 1, "x", NULL) == bad_argument);
    chinwag_node_free(bad);
    chinwag_node_free(good);
    UNTIL(atomic_load(&decided) == 2); /* the callback still asks an open node */
    CHECK(chinwag_close(door) == CHINWAG_OK);
    CHECK(chinwag_admit(door, 1, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_refuse(door, 1, "x", NULL) == CHINWAG_ECLOSED);
    chinwag_node_free(door);
}

int main(void) {
    alarm(300);
    own_keys();
    keys_of_all();
    key_files();
    cookies();
    newcomers();
    puts("ok");
    return 0;
}
