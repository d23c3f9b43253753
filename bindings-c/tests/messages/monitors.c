/* Servers that are followed until they are down, and a callback that does not return. */
#include "messages.h"

static uint64_t monitor(chinwag_node *node, const char *target) {
    uint64_t number = 0;
    OK(chinwag_monitor(node, target, NULL, NULL, &number, &err));
    CHECK(number > 0);
    return number;
}

static bool says(const chinwag_answer *down, const char *name, const char *text) {
    const char *told = chinwag_answer_text(chinwag_answer_get(down, name));
    return text == NULL ? told == NULL : told != NULL && strcmp(told, text) == 0;
}

/* The next outcome is of that monitor, and for that reason; no member for NULL. */
static void down(chinwag_node *node, uint64_t number, const char *member, const char *reason,
                 const char *text) {
    chinwag_outcome *outcome = next_outcome(node, number);
    CHECK(chinwag_outcome_error(outcome) == NULL);
    const chinwag_answer *told = chinwag_outcome_answer(outcome);
    CHECK(chinwag_answer_type(told) == CHINWAG_ANSWER_RECORD);
    CHECK(says(told, "member", member) && says(told, "reason", reason));
    CHECK(text == NULL || says(told, "text", text));
    chinwag_outcome_free(outcome);
}

static void reasons(chinwag_node *a, chinwag_node *b) {
    down(a, monitor(a, "nobody"), NULL, "no_server", NULL);
    chinwag_server *server = serve_by_hand(b, "clerk"), *second = NULL;
    UNTIL(count_hosts(a, "clerk") == 1);
    uint64_t number = monitor(a, "clerk"), ended = monitor(a, "clerk@b");
    CHECK(ended != number && chinwag_call_cancel(a, ended) == CHINWAG_OK);
    fails_with(a, ended, "cancelled");
    CHECK(chinwag_server_stop_with(server, "no disk") == CHINWAG_OK);
    CHECK(chinwag_server_stop_with(server, "again") == CHINWAG_OK);
    second = serve_by_hand(b, "clerk"); /* another one */
    down(a, number, "b", "stopped", "no disk");
    UNTIL(count_hosts(a, "clerk") == 1);
    number = monitor(a, "clerk");
    CHECK(chinwag_server_stop(second) == CHINWAG_OK);
    down(a, number, "b", "stopped", "");
    chinwag_server_free(server);
    chinwag_server_free(second);
    fails_with(a, monitor(a, "a b"), "bad_argument"); /* a bad target is an outcome */
}

struct told {
    char reason[32];
    atomic_int times;
};

static void on_down(const chinwag_outcome *outcome, void *user_data) {
    struct told *told = user_data;
    const chinwag_answer *down = chinwag_outcome_answer(outcome);
    CHECK(down != NULL);
    snprintf(told->reason, sizeof told->reason, "%s",
             chinwag_answer_text(chinwag_answer_get(down, "reason")));
    ++told->times;
}

/* A member that dies without a word; and this node is closed. */
static void by_callback(chinwag_node *a, const char *addr) {
    struct told failed = {0}, closed = {0};
    chinwag_node *dying = start("dying", addr);
    chinwag_server_free(serve_by_hand(dying, "other"));
    chinwag_server *server = serve_by_hand(dying, "mortal");
    UNTIL(count_hosts(a, "mortal") == 1);
    OK(chinwag_monitor(a, "mortal", on_down, &failed, NULL, &err));
    OK(chinwag_monitor(dying, "mortal", on_down, &closed, NULL, &err));
    uint64_t polled = monitor(dying, "mortal");
    CHECK(failed.times == 0 && closed.times == 0);
    CHECK(chinwag_close(dying) == CHINWAG_OK && closed.times == 1);
    SAME(closed.reason, "closed");
    down(dying, polled, "dying", "closed", NULL);
    CHECK(chinwag_monitor(dying, "mortal", NULL, NULL, NULL, NULL) == CHINWAG_ECLOSED);
    chinwag_node_free(dying);
    chinwag_server_free(server);
    UNTIL(failed.times == 1);
    SAME(failed.reason, "node_failed");
}

static bool loop_is(const chinwag_node *node, const char *member, const char *wanted) {
    const char *state = "?";
    OK(chinwag_loop_state(node, member, &state, &err));
    return wanted == NULL ? state == NULL : state != NULL && strcmp(state, wanted) == 0;
}

static atomic_int released, returned;

static void block(const chinwag_outcome *outcome, void *user_data) {
    (void)outcome, (void)user_data;
    UNTIL(released);
    ++returned;
}

/* The thread of the callbacks is watched, once there is one. */
static void stuck(chinwag_node *a, const char *addr) {
    chinwag_node *node = start_with("stuck", addr, "loop_stuck", "500ms");
    UNTIL(loop_is(a, "stuck", "ok"));
    CHECK(loop_is(a, "nobody", NULL));
    OK(chinwag_monitor(node, "nobody", block, NULL, NULL, &err));
    UNTIL(loop_is(a, "stuck", "stuck") && loop_is(node, "stuck", "stuck"));
    CHECK(returned == 0);
    released = 1;
    UNTIL(loop_is(a, "stuck", "ok"));
    UNTIL(returned == 1);
    chinwag_node_free(node);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    const char *state = NULL;
    CHECK(chinwag_monitor(NULL, "x", NULL, NULL, NULL, NULL) == bad);
    CHECK(chinwag_monitor(a, NULL, NULL, NULL, NULL, NULL) == bad);
    CHECK(chinwag_monitor(a, "\xff", NULL, NULL, NULL, NULL) == bad);
    CHECK(chinwag_loop_state(NULL, "a", &state, NULL) == bad);
    CHECK(chinwag_loop_state(a, NULL, &state, NULL) == bad);
    CHECK(chinwag_loop_state(a, "a", NULL, NULL) == bad && state == NULL);
    CHECK(chinwag_server_stop_with(NULL, "x") == bad);
    chinwag_server *server = serve_by_hand(a, "spared");
    CHECK(chinwag_server_stop_with(server, NULL) == bad && count_hosts(a, "spared") == 1);
    chinwag_server_free(server);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    reasons(a, b);
    by_callback(a, addr);
    stuck(a, addr);
    misuse(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
