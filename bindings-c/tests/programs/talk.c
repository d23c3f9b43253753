/* What users say: messages, broadcasts, a state, what answers to pings carry; and metrics. */
#include "check.h"

enum { LARGE = 1 << 20 };

static const uint8_t ODD[] = {0xff, 0x00, 0xc3, 0x28, 0x00}; /* no text */

static int same_bytes(const chinwag_event *event, const void *bytes, size_t length) {
    size_t got = 0;
    const uint8_t *payload = chinwag_event_bytes(event, &got);
    return payload != NULL && got == length && memcmp(payload, bytes, length) == 0;
}

static void messages(chinwag_node *a, chinwag_node *b) {
    OK(chinwag_send(a, "b", ODD, sizeof ODD, false, &err));
    chinwag_event *event = await(b, CHINWAG_EVENT_MESSAGE, NULL);
    CHECK(same_bytes(event, ODD, sizeof ODD));
    SAME(chinwag_event_text(event, "sender"), "a");
    CHECK(strncmp(chinwag_event_text(event, "addr"), "127.0.0.1:", 10) == 0);
    CHECK(!chinwag_event_flag(event, "reliable"));
    CHECK(chinwag_event_member(event) == NULL && chinwag_event_text(event, "name") == NULL);
    chinwag_event_free(event);

    uint8_t *large = malloc(LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (uint8_t)(i * 31);
    }
    OK(chinwag_send(a, "b", large, LARGE, true, &err));
    event = await(b, CHINWAG_EVENT_MESSAGE, NULL);
    CHECK(chinwag_event_flag(event, "reliable") && same_bytes(event, large, LARGE));
    /* Borrowed from the event: the same bytes each time, and a copy has them too. */
    CHECK(chinwag_event_bytes(event, NULL) == chinwag_event_bytes(event, NULL));
    chinwag_event *copy = chinwag_event_copy(event);
    chinwag_event_free(event);
    CHECK(same_bytes(copy, large, LARGE));
    chinwag_event_free(copy);
    CHECK(chinwag_send(a, "b", large, LARGE, false, NULL) == CHINWAG_ETOOLARGE);
    free(large);

    OK(chinwag_send(a, "b", NULL, 0, true, &err));
    event = await(b, CHINWAG_EVENT_MESSAGE, NULL);
    CHECK(same_bytes(event, "", 0));
    chinwag_event_free(event);
    chinwag_error *err = NULL;
    CHECK(chinwag_send(a, "nobody", ODD, 1, true, &err) == CHINWAG_EUNKNOWNMEMBER);
    SAME(chinwag_error_code(err), "unknown_member");
    chinwag_error_free(err);
}

struct heard {
    atomic_int count;
    chinwag_event *last;
};

static void on_broadcast(const chinwag_event *event, void *user_data) {
    struct heard *heard = user_data;
    CHECK(chinwag_event_type(event) == CHINWAG_EVENT_BROADCAST);
    chinwag_event_free(heard->last);
    heard->last = chinwag_event_copy(event); /* the event itself is borrowed */
    ++heard->count;
}

static void free_last(void *user_data) {
    chinwag_event_free(((struct heard *)user_data)->last);
}

static void broadcasts(chinwag_node *a, chinwag_node *b) {
    struct heard heard = {0};
    int32_t number = chinwag_on_event(b, CHINWAG_MASK_BROADCAST, on_broadcast, &heard, free_last);
    CHECK(number > 0);
    OK(chinwag_broadcast(a, ODD, sizeof ODD, NULL, false, &err));
    UNTIL(heard.count == 1);
    CHECK(same_bytes(heard.last, ODD, sizeof ODD));
    SAME(chinwag_event_text(heard.last, "sender"), "a");
    SAME(chinwag_event_text(heard.last, "name"), "");
    OK(chinwag_broadcast(a, (const uint8_t *)"3", 1, "load", true, &err));
    UNTIL(heard.count == 2);
    SAME(chinwag_event_text(heard.last, "name"), "load");
    CHECK(same_bytes(heard.last, "3", 1));
    CHECK(chinwag_broadcast(a, ODD, 1, NULL, true, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_broadcast(a, ODD, 1, "", false, NULL) == CHINWAG_EBADARGUMENT);
    uint8_t large[2000] = {0};
    CHECK(chinwag_broadcast(a, large, sizeof large, NULL, false, NULL) == CHINWAG_ETOOLARGE);
    CHECK(chinwag_off_event(b, number) == CHINWAG_OK);
}

static void states(chinwag_node *a, chinwag_node *b) {
    OK(chinwag_set_state(b, ODD, sizeof ODD, &err));
    char addr[64];
    address(a, addr, sizeof addr);
    OK(chinwag_join(b, addr, NULL, &err));
    chinwag_event *event = await(a, CHINWAG_EVENT_REMOTE_STATE, NULL);
    SAME(chinwag_event_text(event, "sender"), ""); /* both are at this address */
    CHECK(chinwag_event_flag(event, "join") && same_bytes(event, ODD, sizeof ODD));
    CHECK(!chinwag_event_flag(event, "reliable") && !chinwag_event_flag(event, NULL));
    chinwag_event_free(event);
    OK(chinwag_set_state(b, NULL, 0, &err));
}

/* Whether the answer to a ping of b carries that by now. */
static int carries(chinwag_node *a, const char *payload) {
    chinwag_answer *told = NULL;
    OK(chinwag_round_trip(a, "b", &told, &err));
    CHECK(chinwag_answer_type(told) == CHINWAG_ANSWER_RECORD && chinwag_answer_count(told) == 2);
    const chinwag_answer *smoothed = chinwag_answer_get(told, "smoothed");
    size_t length = 7;
    const uint8_t *bytes = chinwag_answer_bytes(chinwag_answer_get(told, "payload"), &length);
    int same = length == strlen(payload) && memcmp(bytes, payload, length) == 0;
    CHECK(chinwag_answer_at(told, 0) == smoothed);
    SAME(chinwag_answer_name(told, 1), "payload");
    CHECK(!same || chinwag_answer_type(smoothed) == CHINWAG_ANSWER_DURATION);
    CHECK(!same || chinwag_answer_number(smoothed) > 0);
    chinwag_answer_free(told);
    return same;
}

static void pings(chinwag_node *a, chinwag_node *b) {
    OK(chinwag_set_ping_payload(b, (const uint8_t *)"load=3", 6, &err));
    uint64_t time_ns = 0;
    /* On a busy machine an answer may take longer than a probe waits for it. */
    UNTIL(chinwag_ping(a, "b", &time_ns, NULL) == CHINWAG_OK);
    CHECK(time_ns > 0 && time_ns < 30000000000u);
    UNTIL(chinwag_ping(a, "b", NULL, NULL) == CHINWAG_OK);
    UNTIL(carries(a, "load=3"));
    CHECK(chinwag_ping(a, "nobody", &time_ns, NULL) == CHINWAG_EUNKNOWNMEMBER);
    chinwag_answer *told = NULL;
    CHECK(chinwag_round_trip(a, "nobody", &told, NULL) == CHINWAG_EUNKNOWNMEMBER && told == NULL);
    uint8_t large[513] = {0};
    CHECK(chinwag_set_ping_payload(b, large, sizeof large, NULL) == CHINWAG_ETOOLARGE);
    CHECK(carries(a, "load=3")); /* the old one stays */
}

static void metrics(chinwag_node *a) {
    chinwag_answer *told = NULL;
    OK(chinwag_metrics(a, &told, &err));
    CHECK(chinwag_answer_type(told) == CHINWAG_ANSWER_TEXT);
    const char *text = chinwag_answer_text(told);
    CHECK(strstr(text, "chinwag_members{state=\"alive\"} 2\n") != NULL);
    CHECK(strstr(text, "# TYPE chinwag_packets_sent counter\n") != NULL);
    CHECK(strlen(text) > 6 && strcmp(text + strlen(text) - 6, "# EOF\n") == 0);
    chinwag_answer_free(told);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_answer *told = NULL;
    CHECK(chinwag_send(NULL, "b", ODD, 1, true, NULL) == bad);
    CHECK(chinwag_send(a, NULL, ODD, 1, true, NULL) == bad);
    CHECK(chinwag_send(a, "\xff", ODD, 1, true, NULL) == bad);
    CHECK(chinwag_send(a, "b", NULL, 1, true, NULL) == bad);
    CHECK(chinwag_send(a, "b", ODD, SIZE_MAX, true, NULL) == bad);
    CHECK(chinwag_broadcast(NULL, ODD, 1, NULL, false, NULL) == bad);
    CHECK(chinwag_broadcast(a, NULL, 1, NULL, false, NULL) == bad);
    CHECK(chinwag_broadcast(a, ODD, 1, "\xff", false, NULL) == bad);
    CHECK(chinwag_set_state(a, NULL, 1, NULL) == bad);
    CHECK(chinwag_set_ping_payload(a, NULL, 1, NULL) == bad);
    CHECK(chinwag_ping(a, NULL, NULL, NULL) == bad);
    CHECK(chinwag_round_trip(a, "b", NULL, NULL) == bad);
    CHECK(chinwag_round_trip(a, NULL, &told, NULL) == bad && told == NULL);
    CHECK(chinwag_explain(NULL, "b", &told, NULL) == bad);
    CHECK(chinwag_explain(a, NULL, &told, NULL) == bad && told == NULL);
    CHECK(chinwag_explain(a, "b", NULL, NULL) == bad);
    CHECK(chinwag_metrics(NULL, &told, NULL) == bad && chinwag_metrics(a, NULL, NULL) == bad);
    CHECK(chinwag_event_bytes(NULL, NULL) == NULL && !chinwag_event_flag(NULL, "join"));
    CHECK(chinwag_event_number(NULL, "count") == 0);
}

static void when_closed(chinwag_node *node) {
    const chinwag_status closed = CHINWAG_ECLOSED;
    chinwag_answer *told = NULL;
    CHECK(chinwag_send(node, "a", ODD, 1, true, NULL) == closed);
    CHECK(chinwag_broadcast(node, ODD, 1, NULL, false, NULL) == closed);
    CHECK(chinwag_set_state(node, ODD, 1, NULL) == closed);
    CHECK(chinwag_set_ping_payload(node, ODD, 1, NULL) == closed);
    CHECK(chinwag_ping(node, "a", NULL, NULL) == closed);
    CHECK(chinwag_round_trip(node, "a", &told, NULL) == closed && told == NULL);
    CHECK(chinwag_explain(node, "a", &told, NULL) == closed && told == NULL);
    OK(chinwag_metrics(node, &told, &err)); /* it tells what was known */
    chinwag_answer_free(told);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    OK(chinwag_subscribe(a, false, &err));
    chinwag_node *b = start("b", addr);
    await_only(a, CHINWAG_EVENT_MEMBER_JOIN, "b");
    OK(chinwag_subscribe(b, false, &err));
    UNTIL(count_members(b) == 2);
    messages(a, b);
    broadcasts(a, b);
    states(a, b);
    pings(a, b);
    metrics(a);
    misuse(a);
    CHECK(chinwag_close(b) == CHINWAG_OK);
    when_closed(b);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
