/* Options, errors, texts, and NULL wherever a pointer is expected. */
#include "check.h"

static void refuse(const char *key, const char *text, const char *hint) {
    chinwag_config *config = chinwag_config_new();
    chinwag_error *err = NULL;
    CHECK(chinwag_config_set(config, key, text, &err) == CHINWAG_EBADCONFIG);
    SAME(chinwag_error_code(err), "bad_config");
    CHECK(chinwag_error_number(err) == 1);
    CHECK(!chinwag_error_retryable(err));
    CHECK(chinwag_error_attempts(err) == 0);
    CHECK(strstr(chinwag_error_message(err), hint) != NULL);
    chinwag_error_free(err);
    chinwag_config_free(config);
}

static void bad_options(void) {
    refuse("probe_intervall", "1s", "did you mean \"probe_interval\"?");
    refuse("probe_interval", "soon", "probe_interval");
    refuse("profile", "moon", "lan, wan, local");
    refuse("bind", "nowhere", "bind");
    refuse("", "x", "unknown option");

    chinwag_config *config = chinwag_config_new();
    chinwag_node *node = (chinwag_node *)config;
    chinwag_error *err = NULL;
    OK(chinwag_config_set(config, "bind", "0.0.0.0:0", &err));
    CHECK(chinwag_start(config, &node, &err) == CHINWAG_EBADCONFIG);
    CHECK(strstr(chinwag_error_message(err), "insecure") != NULL);
    CHECK(node == (chinwag_node *)config); /* results are written on success only */
    chinwag_error_free(err);
    CHECK(chinwag_config_set(config, "name", "\xff", NULL) == CHINWAG_EBADARGUMENT);
    chinwag_config_free(config);
}

/* The library knows TLS, and reads the files when a node starts. */
static void bad_certificates(void) {
    chinwag_config *config = options("secret", NULL);
    chinwag_node *node = NULL;
    chinwag_error *err = NULL;
    OK(chinwag_config_set(config, "tls_cert", "/nowhere/n.crt", &err));
    OK(chinwag_config_set(config, "tls_key", "/nowhere/n.key", &err));
    OK(chinwag_config_set(config, "tls_ca", "/nowhere/ca.crt", &err));
    CHECK(chinwag_start(config, &node, &err) == CHINWAG_EBADCONFIG && node == NULL);
    CHECK(strstr(chinwag_error_message(err), "/nowhere/") != NULL);
    chinwag_error_free(err);
    chinwag_config_free(config);
}

static void tags_and_bytes(void) {
    chinwag_config *config = options("tagged", NULL);
    OK(chinwag_config_set(config, "tags", "role=web,zone=a", &err));
    OK(chinwag_config_set_tag(config, "list", "x,y=z", &err));
    OK(chinwag_config_set_tag(config, "zone", "b", &err));
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_member *self = NULL;
    OK(chinwag_find_member(node, "tagged", &self, &err));
    CHECK(chinwag_member_tag_count(self) == 3);
    SAME(chinwag_member_tag_key(self, 0), "list");
    SAME(chinwag_member_tag_value(self, 0), "x,y=z");
    SAME(chinwag_member_tag(self, "zone"), "b");
    CHECK(chinwag_member_tag(self, "none") == NULL);
    CHECK(chinwag_member_tag_key(self, 3) == NULL && chinwag_member_tag_value(self, 3) == NULL);
    CHECK(chinwag_member_state(self) == CHINWAG_STATE_ALIVE);
    CHECK(chinwag_member_incarnation(self) > 0);
    SAME(chinwag_strstate(chinwag_member_state(self)), "alive");
    CHECK(strncmp(chinwag_member_addr(self), "127.0.0.1:", 10) == 0);
    chinwag_member_free(self);
    OK(chinwag_find_member(node, "nobody", &self, &err));
    CHECK(self == NULL);
    chinwag_node_free(node);

    static const uint8_t meta[] = {0, 1, 0, 255};
    chinwag_error *err = NULL;
    OK(chinwag_config_set_bytes(config, "meta", meta, sizeof meta, &err));
    CHECK(chinwag_start(config, &node, &err) == CHINWAG_EBADCONFIG); /* both tags and meta */
    chinwag_error_free(err);
    chinwag_config_free(config);
    config = options("raw", NULL);
    OK(chinwag_config_set_bytes(config, "meta", meta, sizeof meta, &err));
    OK(chinwag_start(config, &node, &err));
    OK(chinwag_local_member(node, &self, &err));
    size_t length = 0;
    const uint8_t *found = chinwag_member_meta(self, &length);
    CHECK(length == sizeof meta && memcmp(found, meta, length) == 0);
    CHECK(chinwag_member_tag_count(self) == 0);
    chinwag_member_free(self);
    chinwag_node_free(node);
    chinwag_config_free(config);
}

static void too_large_and_taken(void) {
    char big[600];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    chinwag_config *config = options("big", NULL);
    chinwag_node *node = NULL;
    chinwag_error *err = NULL;
    OK(chinwag_config_set_tag(config, "huge", big, &err));
    CHECK(chinwag_start(config, &node, &err) == CHINWAG_ETOOLARGE);
    CHECK(strstr(chinwag_error_message(err), "\"huge\"") != NULL);
    chinwag_error_free(err);
    chinwag_config_free(config);

    chinwag_node *first = start("first", NULL);
    char addr[64];
    address(first, addr, sizeof addr);
    config = options("second", NULL);
    OK(chinwag_config_set(config, "bind", addr, &err));
    CHECK(chinwag_start(config, &node, &err) == CHINWAG_EBINDFAILED);
    CHECK(strstr(chinwag_error_message(err), addr) != NULL);
    CHECK(chinwag_error_retryable(err));
    chinwag_error_free(err);
    chinwag_config_free(config);
    chinwag_node_free(first);
}

static void texts(void) {
    CHECK(chinwag_abi_version() == CHINWAG_ABI_VERSION);
    SAME(chinwag_version(), CHINWAG_VERSION);
    SAME(chinwag_strstatus(CHINWAG_OK), "ok");
    CHECK(strncmp(chinwag_strstatus(CHINWAG_EJOINFAILED), "join_failed: ", 13) == 0);
    SAME(chinwag_strstatus(4), "unknown status");
    SAME(chinwag_strstatus(INT32_MIN), "unknown status");
    SAME(chinwag_strevent(CHINWAG_EVENT_MEMBER_JOIN), "member-join");
    SAME(chinwag_strevent(0), "unknown event");
    SAME(chinwag_strstate(CHINWAG_STATE_LEFT), "left");
    SAME(chinwag_strstate(99), "unknown state");
}

static void nulls_without_a_node(void) {
    chinwag_config *config = chinwag_config_new();
    CHECK(chinwag_config_set(NULL, "name", "x", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set(config, NULL, "x", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set(config, "name", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_bytes(NULL, "meta", NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_bytes(config, NULL, NULL, 0, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_bytes(config, "meta", NULL, 1, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_tag(NULL, "k", "v", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_tag(config, NULL, "v", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_config_set_tag(config, "k", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_start(config, NULL, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_config_free(config);
    chinwag_config_free(NULL);
    CHECK(chinwag_error_code(NULL) == NULL && chinwag_error_message(NULL) == NULL);
    CHECK(chinwag_error_number(NULL) == 0 && !chinwag_error_retryable(NULL));
    CHECK(chinwag_error_attempts(NULL) == 0);
    CHECK(chinwag_error_attempt_seed(NULL, 0) == NULL);
    CHECK(chinwag_error_attempt_cause(NULL, 0) == NULL);
    chinwag_error_free(NULL);
    CHECK(chinwag_member_name(NULL) == NULL && chinwag_member_addr(NULL) == NULL);
    CHECK(chinwag_member_state(NULL) == CHINWAG_STATE_FAILED);
    CHECK(chinwag_member_tag(NULL, "k") == NULL && chinwag_member_tag_count(NULL) == 0);
    CHECK(chinwag_member_tag_key(NULL, 0) == NULL && chinwag_member_tag_value(NULL, 0) == NULL);
    size_t length = 5;
    CHECK(chinwag_member_meta(NULL, &length) == NULL && length == 0);
    CHECK(chinwag_member_meta(NULL, NULL) == NULL && chinwag_member_incarnation(NULL) == 0);
    CHECK(chinwag_member_copy(NULL) == NULL);
    chinwag_member_free(NULL);
    CHECK(chinwag_member_list_count(NULL) == 0 && chinwag_member_list_get(NULL, 0) == NULL);
    chinwag_member_list_free(NULL);
    CHECK(chinwag_counters_count(NULL) == 0 && chinwag_counters_name(NULL, 0) == NULL);
    CHECK(chinwag_counters_value(NULL, 0) == 0);
    chinwag_counters_free(NULL);
    CHECK(chinwag_event_type(NULL) == CHINWAG_EVENT_EVENTS_LOST && chinwag_event_seq(NULL) == 0);
    CHECK(chinwag_event_member(NULL) == NULL && chinwag_event_previous(NULL) == NULL);
    CHECK(chinwag_event_count(NULL) == 0 && chinwag_event_members(NULL) == NULL);
    CHECK(chinwag_event_copy(NULL) == NULL);
    chinwag_event_free(NULL);
    CHECK(chinwag_is_closed(NULL));
    chinwag_node_free(NULL);
}

static void never(const chinwag_event *event, void *user_data) {
    (void)event, (void)user_data;
    CHECK(!"a callback that was refused is not called");
}

/* Every function that takes a node: first without one, then with one and nothing else. */
static void nulls_around_a_node(chinwag_node *node) {
    chinwag_member_list *list = NULL;
    chinwag_member *member = NULL;
    chinwag_counters *counters = NULL;
    chinwag_event *event = NULL;
    chinwag_tag no_key = {NULL, "x"}, no_value = {"x", NULL};
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    CHECK(chinwag_members(NULL, &list, NULL) == bad && chinwag_members(node, NULL, NULL) == bad);
    CHECK(chinwag_known_members(NULL, &list, NULL) == bad);
    CHECK(chinwag_known_members(node, NULL, NULL) == bad);
    CHECK(chinwag_find_member(NULL, "x", &member, NULL) == bad);
    CHECK(chinwag_find_member(node, NULL, &member, NULL) == bad);
    CHECK(chinwag_find_member(node, "x", NULL, NULL) == bad);
    CHECK(chinwag_local_member(NULL, &member, NULL) == bad);
    CHECK(chinwag_local_member(node, NULL, NULL) == bad);
    CHECK(chinwag_stats(NULL, &counters, NULL) == bad && chinwag_stats(node, NULL, NULL) == bad);
    CHECK(chinwag_join(NULL, "x", NULL, NULL) == bad);
    CHECK(chinwag_join(node, NULL, NULL, NULL) == bad);
    CHECK(chinwag_update_tag(NULL, "k", "v", NULL) == bad);
    CHECK(chinwag_update_tag(node, NULL, "v", NULL) == bad);
    CHECK(chinwag_update_tags(NULL, NULL, 0, NULL) == bad);
    CHECK(chinwag_update_tags(node, NULL, 1, NULL) == bad);
    CHECK(chinwag_update_tags(node, &no_key, 1, NULL) == bad);
    CHECK(chinwag_update_tags(node, &no_key, SIZE_MAX, NULL) == bad);
    CHECK(chinwag_set_tags(NULL, NULL, 0, NULL) == bad);
    CHECK(chinwag_set_tags(node, NULL, 1, NULL) == bad);
    CHECK(chinwag_set_tags(node, &no_value, 1, NULL) == bad);
    CHECK(chinwag_set_meta(NULL, NULL, 0, NULL) == bad);
    CHECK(chinwag_set_meta(node, NULL, 1, NULL) == bad);
    CHECK(chinwag_on_event(NULL, ~0u, never, NULL, NULL) == bad);
    CHECK(chinwag_on_event(node, ~0u, NULL, NULL, NULL) == bad);
    CHECK(chinwag_off_event(NULL, 1) == bad && chinwag_off_event(node, 1) == bad);
    CHECK(chinwag_subscribe(NULL, true, NULL) == bad);
    CHECK(chinwag_event_fd(NULL) == bad);
    CHECK(chinwag_next_event(NULL, 0, &event) == bad && chinwag_next_event(node, 0, NULL) == bad);
    CHECK(chinwag_leave(NULL, 0, NULL) == bad && chinwag_close(NULL) == bad);
    chinwag_error *err = NULL;
    CHECK(chinwag_join(NULL, "x", NULL, &err) == bad);
    SAME(chinwag_error_message(err), "node is NULL");
    chinwag_error_free(err);
}

int main(void) {
    alarm(300);
    bad_options();
    bad_certificates();
    tags_and_bytes();
    too_large_and_taken();
    texts();
    nulls_without_a_node();
    chinwag_node *node = start("alone", NULL);
    nulls_around_a_node(node);
    chinwag_node_free(node);
    puts("ok");
    return 0;
}
