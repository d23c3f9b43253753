/* Two nodes: what each hears of the other, by callback and by the queue. */
#include "check.h"

struct seen {
    atomic_int joins, leaves, updates, replays, others, freed, inside;
    uint64_t last;
};

static void on_event(const chinwag_event *event, void *user_data) {
    struct seen *seen = user_data;
    CHECK(atomic_fetch_add(&seen->inside, 1) == 0); /* never concurrent */
    uint64_t seq = chinwag_event_seq(event);
    CHECK(seq >= seen->last);
    seen->last = seq;
    switch (chinwag_event_type(event)) {
        case CHINWAG_EVENT_MEMBER_JOIN: ++seen->joins; break;
        case CHINWAG_EVENT_MEMBER_LEAVE: ++seen->leaves; break;
        case CHINWAG_EVENT_MEMBER_UPDATE: ++seen->updates; break;
        case CHINWAG_EVENT_REPLAY_DONE: ++seen->replays; break;
        default: ++seen->others;
    }
    atomic_fetch_sub(&seen->inside, 1);
}

static void on_freed(void *user_data) {
    ++((struct seen *)user_data)->freed;
}

static void tags_travel(chinwag_node *a, chinwag_node *b) {
    chinwag_tag changes[] = {{"role", "draining"}, {"canary", "yes"}};
    OK(chinwag_update_tags(b, changes, 2, &err));
    chinwag_event *event = await(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
    SAME(chinwag_member_tag(chinwag_event_member(event), "role"), "draining");
    CHECK(chinwag_member_tag(chinwag_event_previous(event), "role") == NULL);
    chinwag_event *copy = chinwag_event_copy(event);
    chinwag_member *kept = chinwag_member_copy(chinwag_event_member(event));
    uint64_t seq = chinwag_event_seq(event);
    chinwag_event_free(event);
    SAME(chinwag_member_tag(chinwag_event_member(copy), "canary"), "yes");
    SAME(chinwag_member_name(kept), "b");
    chinwag_event_free(copy);
    chinwag_member_free(kept);

    OK(chinwag_update_tag(b, "canary", NULL, &err));
    event = await(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
    CHECK(chinwag_event_seq(event) > seq);
    CHECK(chinwag_member_tag_count(chinwag_event_member(event)) == 1);
    CHECK(chinwag_member_tag_count(chinwag_event_previous(event)) == 2);
    chinwag_event_free(event);

    OK(chinwag_set_tags(b, changes + 1, 1, &err));
    event = await(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
    CHECK(chinwag_member_tag(chinwag_event_member(event), "role") == NULL);
    chinwag_event_free(event);

    OK(chinwag_set_meta(b, (const uint8_t *)"\0raw", 4, &err));
    event = await(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
    size_t length = 0;
    CHECK(memcmp(chinwag_member_meta(chinwag_event_member(event), &length), "\0raw", 4) == 0);
    CHECK(length == 4);
    chinwag_event_free(event);

    char big[600];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    chinwag_error *err = NULL;
    CHECK(chinwag_update_tag(b, "huge", big, &err) == CHINWAG_ETOOLARGE);
    chinwag_error_free(err);
}

static void failed_join(chinwag_node *node) {
    chinwag_error *err = NULL;
    size_t contacted = 77;
    CHECK(chinwag_join(node, "127.0.0.1:1, 127.0.0.1:2", &contacted, &err) == CHINWAG_EJOINFAILED);
    CHECK(contacted == 77);
    CHECK(chinwag_error_retryable(err) && chinwag_error_attempts(err) == 2);
    CHECK(strncmp(chinwag_error_attempt_seed(err, 0), "127.0.0.1:", 10) == 0);
    CHECK(strlen(chinwag_error_attempt_cause(err, 1)) > 0);
    CHECK(chinwag_error_attempt_seed(err, 2) == NULL);
    chinwag_error_free(err);
}

static void counters(const chinwag_node *node) {
    chinwag_counters *counters = NULL;
    OK(chinwag_stats(node, &counters, &err));
    uint64_t sent = 0;
    for (size_t i = 0; i < chinwag_counters_count(counters); i++) {
        if (strcmp(chinwag_counters_name(counters, i), "packets_sent") == 0) {
            sent = chinwag_counters_value(counters, i);
        }
    }
    CHECK(sent > 0);
    chinwag_counters_free(counters);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    struct seen all = {0}, masked = {0}, removed = {0}, late = {0};
    CHECK(chinwag_on_event(a, ~0u, on_event, &all, on_freed) > 0);
    CHECK(chinwag_on_event(a, CHINWAG_MASK_MEMBER_LEAVE, on_event, &masked, on_freed) > 0);
    int32_t number = chinwag_on_event(a, ~0u, on_event, &removed, on_freed);
    CHECK(number > 0);
    UNTIL(removed.replays == 1);
    CHECK(chinwag_off_event(a, number) == CHINWAG_OK && removed.freed == 1);
    CHECK(chinwag_off_event(a, number) == CHINWAG_EBADARGUMENT);
    OK(chinwag_subscribe(a, false, &err));

    chinwag_node *b = start("b", addr);
    chinwag_event *event = await(a, CHINWAG_EVENT_MEMBER_JOIN, NULL);
    SAME(chinwag_member_name(chinwag_event_member(event)), "b");
    CHECK(chinwag_event_previous(event) == NULL && chinwag_event_members(event) == NULL);
    CHECK(chinwag_event_count(event) == 0);
    chinwag_event_free(event);
    CHECK(count_members(a) == 2 && count_members(b) == 2);
    await_only(b, CHINWAG_EVENT_MEMBER_JOIN, "a"); /* replayed: b joined before it asked */
    await_only(b, CHINWAG_EVENT_REPLAY_DONE, NULL);
    UNTIL(all.joins == 1);
    CHECK(chinwag_on_event(a, ~0u, on_event, &late, on_freed) > 0);
    UNTIL(late.replays == 1);
    CHECK(late.joins == 1);

    tags_travel(a, b);
    failed_join(b);
    counters(a);
    OK(chinwag_leave(b, 5000, &err));
    await_only(a, CHINWAG_EVENT_MEMBER_LEAVE, "b");
    UNTIL(all.leaves == 1 && masked.leaves == 1 && late.leaves == 1);
    CHECK(count_members(a) == 1);
    size_t contacted = 0;
    OK(chinwag_join(b, addr, &contacted, &err)); /* back again after a leave */
    CHECK(contacted == 1);
    await_only(a, CHINWAG_EVENT_MEMBER_JOIN, "b");

    CHECK(!chinwag_is_closed(b));
    CHECK(chinwag_close(b) == CHINWAG_OK && chinwag_close(b) == CHINWAG_OK);
    CHECK(chinwag_is_closed(b));
    CHECK(chinwag_leave(b, 5000, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_update_tag(b, "k", "v", NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_join(b, addr, NULL, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_on_event(b, ~0u, on_event, &removed, on_freed) == CHINWAG_ECLOSED);
    chinwag_node_free(b);
    event = await(a, CHINWAG_EVENT_MEMBER_FAILED, "b"); /* closed without a leave */
    CHECK(chinwag_member_state(chinwag_event_member(event)) == CHINWAG_STATE_FAILED);
    chinwag_event_free(event);
    chinwag_member_list *known = NULL;
    OK(chinwag_known_members(a, &known, &err));
    CHECK(chinwag_member_list_count(known) == 2 && count_members(a) == 1);
    SAME(chinwag_member_name(chinwag_member_list_get(known, 1)), "b");
    CHECK(chinwag_member_list_get(known, 2) == NULL);
    chinwag_member_list_free(known);

    chinwag_node_free(a);
    CHECK(all.freed == 1 && masked.freed == 1 && late.freed == 1 && removed.freed == 1);
    CHECK(all.replays == 1 && all.updates == 4 && masked.replays == 0 && masked.updates == 0);
    puts("ok");
    return 0;
}
