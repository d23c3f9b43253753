/* A forked child gets `forked` from its parent's node, may free it, and may start its own. */
#include "check.h"

#include <signal.h>

static void ignore(const chinwag_event *event, void *user_data) {
    (void)event, (void)user_data;
}

static void must_not_run(void *user_data) {
    (void)user_data;
    CHECK(!"the parent's data is not the child's to free");
}

static atomic_int freed;

static void count_freed(void *user_data) {
    (void)user_data;
    ++freed;
}

static pid_t parent;

static void free_in_parent_only(void *user_data) {
    if (getpid() == parent) {
        count_freed(user_data);
    } else {
        must_not_run(user_data);
    }
}

static void rings_in_child(chinwag_node *node, const chinwag_ring *ring) {
    const chinwag_status forked = CHINWAG_EFORKED;
    const uint8_t key[] = {'k'};
    chinwag_member_list *list = NULL;
    chinwag_member *member = NULL;
    chinwag_answer *answer = NULL;
    chinwag_ring_list *rings = NULL;
    SAME(chinwag_ring_owner(ring, key, 1), "parent"); /* a value is the child's as well */
    CHECK(chinwag_node_ring(node) == NULL && !chinwag_owns(node, key, 1));
    CHECK(chinwag_past_rings(node, &rings, NULL) == forked && rings == NULL);
    CHECK(chinwag_owner(node, key, 1, &member, NULL) == forked && member == NULL);
    CHECK(chinwag_owners(node, key, 1, 2, &list, NULL) == forked && list == NULL);
    CHECK(chinwag_previous_owner(node, key, 1, &answer, NULL) == forked && answer == NULL);
    CHECK(chinwag_set_ring_overrides(node, NULL, NULL) == forked);
    CHECK(chinwag_released(node, 1, NULL) == forked);
    CHECK(chinwag_on_event(node, CHINWAG_MASK_RING_CHANGE, ignore, NULL, must_not_run) == forked);
}

static void must_not_be_told(const chinwag_outcome *outcome, void *user_data) {
    (void)outcome;
    must_not_run(user_data);
}

/* A server of the parent, and a message that it has not answered yet. */
struct served {
    chinwag_server *server;
    chinwag_request *request;
};

static void messages_in_child(chinwag_node *node, struct served parents) {
    const chinwag_status forked = CHINWAG_EFORKED;
    chinwag_message message = {.target = "clerk", .op = "x"};
    chinwag_answer *answer = NULL;
    chinwag_server *server = NULL;
    chinwag_request *request = NULL;
    chinwag_outcome *outcome = NULL;
    CHECK(chinwag_call(node, &message, &answer, NULL) == forked);
    CHECK(chinwag_cast(node, &message, NULL) == forked);
    CHECK(chinwag_multi_call(node, &message, 0, &answer, NULL) == forked);
    CHECK(chinwag_abcast(node, &message, NULL, NULL) == forked);
    CHECK(chinwag_hosts(node, "clerk", &answer, NULL) == forked);
    CHECK(chinwag_servers(node, &answer, NULL) == forked && answer == NULL);
    CHECK(chinwag_call_async(node, &message, NULL, NULL, NULL, NULL) == forked);
    CHECK(chinwag_call_async(node, &message, must_not_be_told, NULL, NULL, NULL) == forked);
    CHECK(chinwag_call_cancel(node, 1) == forked);
    CHECK(chinwag_next_outcome(node, -1, &outcome) == forked && outcome == NULL);
    CHECK(chinwag_serve(node, "own", NULL, &server, NULL) == forked && server == NULL);
    CHECK(chinwag_server_pause(parents.server) == forked);
    CHECK(chinwag_server_resume(parents.server) == forked);
    CHECK(chinwag_next_request(parents.server, -1, &request) == forked && request == NULL);
    CHECK(chinwag_server_stop(parents.server) == forked);
    chinwag_server_free(parents.server);
    SAME(chinwag_request_op(parents.request), "x"); /* a value is the child's as well */
    CHECK(!chinwag_request_given_up(parents.request));
    CHECK(chinwag_request_reply(parents.request, NULL, 0, 0, NULL) == forked);
    CHECK(chinwag_request_fail(parents.request, "X", "x", NULL) == forked);
    CHECK(chinwag_request_unknown_op(parents.request, NULL) == forked);
    chinwag_request_free(parents.request);
}

static void in_child(chinwag_node *node, const chinwag_ring *ring, struct served parents,
                     const char *addr) {
    const chinwag_status forked = CHINWAG_EFORKED;
    chinwag_member_list *list = NULL;
    chinwag_member *member = NULL;
    chinwag_counters *counters = NULL;
    chinwag_event *event = NULL;
    chinwag_error *err = NULL;
    CHECK(chinwag_members(node, &list, &err) == forked);
    SAME(chinwag_error_code(err), "forked");
    chinwag_error_free(err);
    CHECK(chinwag_known_members(node, &list, NULL) == forked);
    CHECK(chinwag_find_member(node, "x", &member, NULL) == forked);
    CHECK(chinwag_local_member(node, &member, NULL) == forked);
    CHECK(chinwag_stats(node, &counters, NULL) == forked);
    CHECK(chinwag_join(node, addr, NULL, NULL) == forked);
    CHECK(chinwag_update_tag(node, "k", "v", NULL) == forked);
    CHECK(chinwag_set_tags(node, NULL, 0, NULL) == forked);
    CHECK(chinwag_set_meta(node, NULL, 0, NULL) == forked);
    CHECK(chinwag_send(node, "peer", (const uint8_t *)"x", 1, true, NULL) == forked);
    CHECK(chinwag_broadcast(node, (const uint8_t *)"x", 1, NULL, false, NULL) == forked);
    CHECK(chinwag_set_state(node, NULL, 0, NULL) == forked);
    CHECK(chinwag_set_ping_payload(node, NULL, 0, NULL) == forked);
    CHECK(chinwag_ping(node, "peer", NULL, NULL) == forked);
    chinwag_answer *answer = NULL;
    CHECK(chinwag_round_trip(node, "peer", &answer, NULL) == forked);
    CHECK(chinwag_explain(node, "peer", &answer, NULL) == forked);
    CHECK(chinwag_metrics(node, &answer, NULL) == forked);
    CHECK(chinwag_admit(node, 1, NULL) == forked);
    CHECK(chinwag_refuse(node, 1, "no", NULL) == forked);
    CHECK(chinwag_keys(node, &answer, NULL) == forked);
    CHECK(chinwag_add_key(node, "MDEyMzQ1Njc4OWFiY2RlZg==", NULL) == forked);
    CHECK(chinwag_use_key(node, "00000000", NULL) == forked);
    CHECK(chinwag_remove_key(node, "00000000", NULL) == forked);
    CHECK(chinwag_cluster_keys(node, "list", NULL, &answer, NULL) == forked);
    CHECK(chinwag_user_event(node, "x", NULL, 0, false, NULL) == forked);
    chinwag_question question = {0};
    question.name = "x";
    CHECK(chinwag_query(node, &question, &answer, NULL) == forked);
    CHECK(chinwag_respond(node, 1, NULL, 0, NULL) == forked);
    CHECK(chinwag_force_leave(node, "x", false, NULL) == forked);
    CHECK(chinwag_coordinate(node, &answer, NULL) == forked);
    uint64_t time_ns = 0;
    CHECK(chinwag_rtt(node, "x", "y", &time_ns, NULL) == forked && answer == NULL);
    rings_in_child(node, ring);
    messages_in_child(node, parents);
    CHECK(chinwag_on_event(node, ~0u, ignore, NULL, must_not_run) == forked);
    CHECK(chinwag_off_event(node, 1) == forked);
    CHECK(chinwag_subscribe(node, true, NULL) == forked);
    CHECK(chinwag_event_fd(node) == forked);
    CHECK(chinwag_next_event(node, -1, &event) == forked);
    CHECK(chinwag_leave(node, 5000, NULL) == forked);
    CHECK(chinwag_close(node) == forked && chinwag_is_closed(node));
    chinwag_node_free(node);

    chinwag_node *own = start("child", addr);
    CHECK(chinwag_on_event(own, ~0u, ignore, NULL, NULL) > 0);
    await_only(own, CHINWAG_EVENT_MEMBER_JOIN, "parent");
    OK(chinwag_leave(own, 5000, &err));
    chinwag_node_free(own);
    /* So ends what went well: no leak check is to look at what was forgotten on purpose. */
    kill(getpid(), SIGKILL);
}

int main(void) {
    alarm(300);
    parent = getpid();
    chinwag_node *node = start("parent", NULL);
    char addr[64];
    address(node, addr, sizeof addr);
    CHECK(chinwag_event_fd(node) >= 0);
    chinwag_node *peer = start("peer", addr);
    UNTIL(count_members(node) == 2);
    OK(chinwag_subscribe(node, true, &err));
    await_only(node, CHINWAG_EVENT_MEMBER_JOIN, "peer"); /* replay-done waits: not the child's */
    OK(chinwag_leave(peer, 5000, &err));
    chinwag_node_free(peer);
    UNTIL(count_members(node) == 1);
    CHECK(chinwag_on_event(node, ~0u, ignore, NULL, free_in_parent_only) > 0);
    chinwag_ring *ring = chinwag_node_ring(node);
    chinwag_message message = {.target = "clerk", .op = "x"};
    message.timeout_ms = 100000; /* the child takes its time under a tool */
    struct served parents = {NULL, NULL};
    OK(chinwag_serve(node, "clerk", NULL, &parents.server, &err));
    OK(chinwag_call_async(node, &message, NULL, NULL, NULL, &err));
    CHECK(chinwag_next_request(parents.server, DEADLINE_MS, &parents.request) == CHINWAG_OK);
    UNTIL(others_sleep());
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        in_child(node, ring, parents, addr);
    }
    await_only(node, CHINWAG_EVENT_MEMBER_JOIN, "child");
    await_only(node, CHINWAG_EVENT_MEMBER_LEAVE, "child");
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    OK(chinwag_update_tag(node, "still", "here", &err));
    chinwag_ring_free(ring);
    /* Nothing that the child did was heard of. */
    OK(chinwag_request_reply(parents.request, NULL, 0, 0, &err));
    chinwag_outcome *outcome = NULL;
    CHECK(chinwag_next_outcome(node, DEADLINE_MS, &outcome) == CHINWAG_OK);
    CHECK(chinwag_outcome_error(outcome) == NULL);
    chinwag_outcome_free(outcome);
    chinwag_request_free(parents.request);
    chinwag_server_free(parents.server);
    chinwag_node_free(node);
    CHECK(freed == 1);
    puts("ok");
    return 0;
}
