/* What members say in serf's way: user events, queries, coordinates. */
#include "check.h"

static const uint8_t ODD[] = {0xff, 0x00, 0xc3, 0x28};

static int carries(const chinwag_event *event, const void *bytes, size_t length) {
    size_t got = 0;
    const uint8_t *payload = chinwag_event_bytes(event, &got);
    return payload != NULL && got == length && memcmp(payload, bytes, length) == 0;
}

static void user_events(chinwag_node *a, chinwag_node *b) {
    OK(chinwag_user_event(a, "deploy", ODD, sizeof ODD, true, &err));
    chinwag_node *nodes[] = {a, b}; /* this node as well */
    for (size_t i = 0; i < 2; i++) {
        chinwag_event *event = await(nodes[i], CHINWAG_EVENT_USER_EVENT, NULL);
        SAME(chinwag_event_text(event, "name"), "deploy");
        CHECK(chinwag_event_number(event, "ltime") > 0 && chinwag_event_flag(event, "coalesce"));
        CHECK(chinwag_event_number(event, "name") == 0 && carries(event, ODD, sizeof ODD));
        chinwag_event_free(event);
    }
    uint8_t large[600] = {0};
    CHECK(chinwag_user_event(a, "x", large, sizeof large, false, NULL) == CHINWAG_ETOOLARGE);
    CHECK(chinwag_user_event(a, NULL, ODD, 1, false, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_user_event(a, "x", NULL, 1, false, NULL) == CHINWAG_EBADARGUMENT);
}

/* Answers every query of its node, from inside the callback. */
static void answering(const chinwag_event *event, void *user_data) {
    chinwag_node *node = user_data;
    SAME(chinwag_event_text(event, "sender"), "a");
    SAME(chinwag_event_text(event, "name"), "load");
    CHECK(carries(event, "now", 3) && chinwag_event_number(event, "timeout") == 30000000000u);
    uint64_t id = chinwag_event_number(event, "id");
    OK(chinwag_respond(node, id, ODD, sizeof ODD, &err));
    CHECK(chinwag_respond(node, id, ODD, sizeof ODD, NULL) == CHINWAG_ETIMEOUT); /* once */
    CHECK(chinwag_respond(node, id, NULL, 1, NULL) == CHINWAG_EBADARGUMENT);
}

static void queries(chinwag_node *a, chinwag_node *b) {
    int32_t number = chinwag_on_event(b, CHINWAG_MASK_QUERY, answering, b, NULL);
    CHECK(number > 0);
    const char *nodes[] = {"b"};
    chinwag_tag tags[] = {{"role", "^w"}};
    chinwag_question question = {0};
    question.name = "load";
    question.payload = (const uint8_t *)"now";
    question.length = 3;
    question.nodes = nodes;
    question.node_count = 1;
    question.tags = tags;
    question.tag_count = 1;
    question.ack = true;
    question.timeout_ms = 30000;
    chinwag_answer *told = NULL;
    OK(chinwag_query(a, &question, &told, &err));
    const chinwag_answer *acks = chinwag_answer_get(told, "acks");
    CHECK(chinwag_answer_count(acks) == 1);
    SAME(chinwag_answer_text(chinwag_answer_at(acks, 0)), "b");
    const chinwag_answer *responses = chinwag_answer_get(told, "responses");
    CHECK(chinwag_answer_count(responses) == 1);
    const chinwag_answer *response = chinwag_answer_at(responses, 0);
    SAME(chinwag_answer_text(chinwag_answer_get(response, "sender")), "b");
    size_t length = 0;
    const uint8_t *said = chinwag_answer_bytes(chinwag_answer_get(response, "payload"), &length);
    CHECK(length == sizeof ODD && memcmp(said, ODD, length) == 0);
    CHECK(chinwag_answer_flag(chinwag_answer_get(told, "complete")));
    chinwag_answer_free(told);
    CHECK(chinwag_off_event(b, number) == CHINWAG_OK);

    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    told = NULL;
    CHECK(chinwag_query(NULL, &question, &told, NULL) == bad);
    CHECK(chinwag_query(a, NULL, &told, NULL) == bad);
    CHECK(chinwag_query(a, &question, NULL, NULL) == bad);
    uint8_t large[1100] = {0};
    question.payload = large;
    question.length = sizeof large;
    CHECK(chinwag_query(a, &question, &told, NULL) == CHINWAG_ETOOLARGE);
    question.payload = NULL;
    CHECK(chinwag_query(a, &question, &told, NULL) == bad);
    question.length = 0;
    CHECK(chinwag_respond(b, 99, ODD, 1, NULL) == CHINWAG_ETIMEOUT); /* never asked */
    CHECK(chinwag_respond(NULL, 1, ODD, 1, NULL) == bad);
    tags[0].value = "(";
    CHECK(chinwag_query(a, &question, &told, NULL) == bad);
    tags[0].value = NULL;
    CHECK(chinwag_query(a, &question, &told, NULL) == bad);
    question.tag_count = 0;
    nodes[0] = NULL;
    CHECK(chinwag_query(a, &question, &told, NULL) == bad);
    question.node_count = 0;
    question.name = NULL;
    CHECK(chinwag_query(a, &question, &told, NULL) == bad && told == NULL);
}

/* Whoever is meant and says nothing is waited for until the time is over. */
static void unanswered(chinwag_node *a) {
    const char *nodes[] = {"b"};
    chinwag_question question = {0};
    question.name = "silence";
    question.nodes = nodes;
    question.node_count = 1;
    question.ack = true;
    question.relay_factor = 1;
    question.timeout_ms = 500;
    chinwag_answer *told = NULL;
    OK(chinwag_query(a, &question, &told, &err));
    CHECK(!chinwag_answer_flag(chinwag_answer_get(told, "complete")));
    CHECK(chinwag_answer_count(chinwag_answer_get(told, "responses")) == 0);
    chinwag_answer_free(told);
}

static void *ask_for_a_minute(void *node) {
    chinwag_question question = {0};
    question.name = "silence";
    question.timeout_ms = 60000;
    chinwag_answer *told = NULL;
    CHECK(chinwag_query(node, &question, &told, NULL) == CHINWAG_ECLOSED && told == NULL);
    return NULL;
}

/* A query that waits is let go by a close. */
static void cut_short(void) {
    chinwag_node *node = start_with("asker", NULL, "delegate_versions", "2,5,5");
    OK(chinwag_subscribe(node, false, &err));
    pthread_t asking;
    CHECK(pthread_create(&asking, NULL, ask_for_a_minute, node) == 0);
    await_only(node, CHINWAG_EVENT_QUERY, NULL); /* this node is asked as well */
    CHECK(chinwag_close(node) == CHINWAG_OK);
    CHECK(pthread_join(asking, NULL) == 0);
    chinwag_node_free(node);
}

static int knows_the_way(chinwag_node *a) {
    uint64_t time_ns = 0;
    return chinwag_rtt(a, "a", "b", &time_ns, NULL) == CHINWAG_OK && time_ns > 0;
}

static void coordinates(chinwag_node *a) {
    chinwag_answer *told = NULL;
    OK(chinwag_coordinate(a, &told, &err));
    const chinwag_answer *vec = chinwag_answer_get(told, "vec");
    CHECK(chinwag_answer_type(vec) == CHINWAG_ANSWER_LIST && chinwag_answer_count(vec) == 8);
    CHECK(chinwag_answer_type(chinwag_answer_at(vec, 7)) == CHINWAG_ANSWER_REAL);
    CHECK(chinwag_answer_real(chinwag_answer_get(told, "error")) > 0);
    chinwag_answer_free(told);
    UNTIL(knows_the_way(a));
    uint64_t time_ns = 0;
    CHECK(chinwag_rtt(a, "a", "nobody", &time_ns, NULL) == CHINWAG_EUNKNOWNMEMBER);
    CHECK(chinwag_rtt(a, NULL, "b", &time_ns, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_rtt(a, "a", "b", NULL, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_coordinate(a, NULL, NULL) == CHINWAG_EBADARGUMENT);
}

static void forced(chinwag_node *a, chinwag_node *b) {
    CHECK(chinwag_force_leave(a, "b", false, NULL) == CHINWAG_EBADARGUMENT); /* it is here */
    CHECK(chinwag_force_leave(a, NULL, false, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_node_free(b);
    await_only(a, CHINWAG_EVENT_MEMBER_FAILED, "b");
    chinwag_answer *told = NULL;
    OK(chinwag_explain(a, "b", &told, &err));
    SAME(chinwag_answer_text(chinwag_answer_get(told, "state")), "failed");
    CHECK(chinwag_answer_type(chinwag_answer_get(told, "fails_in")) == CHINWAG_ANSWER_NONE);
    const chinwag_answer *observed = chinwag_answer_get(told, "observed");
    CHECK(chinwag_answer_count(observed) >= 2);
    const chinwag_answer *first = chinwag_answer_at(observed, 0);
    SAME(chinwag_answer_text(chinwag_answer_get(first, "kind")), "probe-failed");
    CHECK(strstr(chinwag_answer_text(chinwag_answer_get(first, "text")), "b") != NULL);
    CHECK(chinwag_answer_number(chinwag_answer_get(first, "ago")) > 0);
    chinwag_answer_free(told);
    OK(chinwag_explain(a, "nobody", &told, &err));
    CHECK(chinwag_answer_type(chinwag_answer_get(told, "state")) == CHINWAG_ANSWER_NONE);
    chinwag_answer_free(told);
    CHECK(chinwag_explain(a, NULL, &told, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_force_leave(a, "b", false, &err));
    await_only(a, CHINWAG_EVENT_MEMBER_LEAVE, "b");
    OK(chinwag_force_leave(a, "b", true, &err));
    await_only(a, CHINWAG_EVENT_MEMBER_REAP, "b");
}

static void without(void) {
    chinwag_node *plain = start("plain", NULL);
    const chinwag_status no = CHINWAG_EUNSUPPORTED;
    chinwag_question question = {0};
    question.name = "load";
    chinwag_answer *told = NULL;
    uint64_t time_ns = 0;
    CHECK(chinwag_user_event(plain, "x", NULL, 0, false, NULL) == no);
    CHECK(chinwag_query(plain, &question, &told, NULL) == no && told == NULL);
    CHECK(chinwag_respond(plain, 1, NULL, 0, NULL) == no);
    CHECK(chinwag_cluster_keys(plain, "list", NULL, &told, NULL) == no);
    CHECK(chinwag_coordinate(plain, &told, NULL) == no);
    CHECK(chinwag_rtt(plain, "plain", "plain", &time_ns, NULL) == no);
    CHECK(chinwag_force_leave(plain, "x", true, NULL) == no);
    CHECK(chinwag_close(plain) == CHINWAG_OK);
    CHECK(chinwag_user_event(plain, "x", NULL, 0, false, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_query(plain, &question, &told, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_respond(plain, 1, NULL, 0, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_force_leave(plain, "x", true, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_coordinate(plain, &told, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_rtt(plain, "plain", "x", &time_ns, NULL) == CHINWAG_ECLOSED && told == NULL);
    chinwag_node_free(plain);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start_with("a", NULL, "delegate_versions", "2,5,5");
    char addr[64];
    address(a, addr, sizeof addr);
    OK(chinwag_subscribe(a, false, &err));
    chinwag_node *b = start_with("b", addr, "delegate_versions", "2,5,5");
    OK(chinwag_update_tag(b, "role", "web", &err));
    await_only(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
    OK(chinwag_subscribe(b, false, &err));
    user_events(a, b);
    queries(a, b);
    unanswered(a);
    cut_short();
    coordinates(a);
    forced(a, b);
    without();
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
