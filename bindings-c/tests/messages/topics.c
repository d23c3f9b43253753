/* Topics: publications by hand and by callback, slow subscribers, queues, and how it all ends. */
#include "messages.h"

#include <poll.h>

static chinwag_publication said(const char *topic, const char *text) {
    return (chinwag_publication){.topic = topic, .payload = BYTES(text), .length = strlen(text)};
}

static size_t publish(chinwag_node *node, const char *topic, const char *text) {
    chinwag_publication publication = said(topic, text);
    size_t count = 99;
    OK(chinwag_publish(node, &publication, &count, &err));
    return count;
}

static chinwag_subscriber *subscribe(chinwag_node *node, const char *topic, const char *queue,
                                     size_t buffer) {
    chinwag_subscription how = {.queue = queue, .buffer = buffer};
    chinwag_subscriber *subscriber = NULL;
    OK(chinwag_subscribe_topic(node, topic, &how, &subscriber, &err));
    return subscriber;
}

static size_t count_subscribers(const chinwag_node *node, const char *topic) {
    chinwag_answer *members = NULL;
    OK(chinwag_subscribers(node, topic, &members, &err));
    size_t count = chinwag_answer_count(members);
    chinwag_answer_free(members);
    return count;
}

static bool published_is(const chinwag_published *published, const char *text) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_published_payload(published, &length);
    return bytes != NULL && length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* The next one is that; how many were missed just before it. */
static uint64_t gets(chinwag_subscriber *subscriber, const char *text) {
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(subscriber, DEADLINE_MS, &published) == CHINWAG_OK);
    CHECK(published_is(published, text));
    uint64_t missed = chinwag_published_missed(published);
    chinwag_published_free(published);
    return missed;
}

static bool gets_nothing(chinwag_subscriber *subscriber) {
    chinwag_published *published = NULL;
    return chinwag_next_published(subscriber, 0, &published) == CHINWAG_ETIMEOUT
        && published == NULL;
}

static void by_hand(chinwag_node *a, chinwag_node *b) {
    CHECK(publish(a, "orders", "early") == 0);
    chinwag_subscriber *here = NULL, *there = subscribe(b, "orders", NULL, 0);
    OK(chinwag_subscribe_topic(a, "orders", NULL, &here, &err));
    UNTIL(count_subscribers(a, "orders") == 2);
    CHECK(gets_nothing(here));
    chinwag_tag headers[] = {{"traceparent", "00-1"}, {"who", "me"}};
    chinwag_publication publication = said("orders", "seven");
    publication.headers = headers;
    publication.header_count = 2;
    publication.codec = CHINWAG_CODEC_USER;
    size_t count = 0;
    OK(chinwag_publish(a, &publication, &count, &err));
    CHECK(count == 2);
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(there, DEADLINE_MS, &published) == CHINWAG_OK);
    CHECK(published_is(published, "seven"));
    SAME(chinwag_published_topic(published), "orders");
    SAME(chinwag_published_from(published), "a");
    CHECK(chinwag_published_codec(published) == CHINWAG_CODEC_USER);
    CHECK(chinwag_published_missed(published) == 0);
    CHECK(chinwag_published_header_count(published) == 2);
    SAME(chinwag_published_header(published, "who"), "me");
    CHECK(chinwag_published_header(published, "other") == NULL);
    SAME(chinwag_published_header_name(published, 0), "traceparent");
    CHECK(chinwag_published_header_name(published, 2) == NULL);
    CHECK(chinwag_published_header(published, NULL) == NULL);
    chinwag_published_free(published);
    CHECK(gets(here, "seven") == 0);
    chinwag_answer *topics = NULL;
    OK(chinwag_topics(b, &topics, &err));
    CHECK(chinwag_answer_number(chinwag_answer_get(topics, "orders")) == 2);
    chinwag_answer_free(topics);
    chinwag_subscriber_free(there);
    UNTIL(count_subscribers(a, "orders") == 1);
    CHECK(chinwag_subscriber_close(here) == CHINWAG_OK);
    CHECK(chinwag_subscriber_close(here) == CHINWAG_OK && publish(a, "orders", "late") == 0);
    published = NULL;
    CHECK(chinwag_next_published(here, -1, &published) == CHINWAG_ECLOSED && published == NULL);
    chinwag_subscriber_free(here);
}

/* Who is slow misses the oldest, and is told how many; each queue gets everything once. */
static void slow_and_shared(chinwag_node *a) {
    chinwag_subscriber *slow = subscribe(a, "load", NULL, 2);
    chinwag_subscriber *one = subscribe(a, "load", "crew", 1000);
    chinwag_subscriber *two = subscribe(a, "load", "crew", 1000);
    char text[16];
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "%d", i);
        CHECK(publish(a, "load", text) == 1);
    }
    CHECK(gets(slow, "8") == 8 && gets(slow, "9") == 0 && gets_nothing(slow));
    CHECK(chinwag_subscriber_missed(slow) == 8 && chinwag_subscriber_missed(one) == 0);
    int seen = 0;
    chinwag_subscriber *crew[] = {one, two};
    for (int i = 0; i < 2; i++) {
        chinwag_published *published = NULL;
        while (chinwag_next_published(crew[i], 0, &published) == CHINWAG_OK) {
            chinwag_published_free(published);
            seen++;
        }
    }
    CHECK(seen == 10);
    chinwag_subscriber_free(slow);
    chinwag_subscriber_free(one);
    chinwag_subscriber_free(two);
}

static void descriptor(chinwag_node *node) {
    chinwag_subscriber *subscriber = subscribe(node, "polled", NULL, 0);
    struct pollfd p = {.fd = chinwag_event_fd(node), .events = POLLIN};
    chinwag_published *published = NULL;
    publish(node, "polled", "x");
    while (published == NULL) {
        CHECK(poll(&p, 1, DEADLINE_MS) == 1);
        chinwag_event *event = NULL;
        while (chinwag_next_event(node, 0, &event) == CHINWAG_OK) {
            chinwag_event_free(event);
        }
        chinwag_next_published(subscriber, 0, &published);
    }
    CHECK(published_is(published, "x"));
    chinwag_published_free(published);
    chinwag_subscriber_free(subscriber);
}

struct state {
    chinwag_node *node;
    chinwag_subscriber *subscriber;
    atomic_int seen, freed;
    bool ends, frees_node;
};

static void count_freed(void *user_data) {
    ++((struct state *)user_data)->freed;
}

static void on_published(const chinwag_published *published, void *user_data) {
    struct state *state = user_data;
    char text[16];
    snprintf(text, sizeof text, "%d", state->seen);
    CHECK(published_is(published, text)); /* in order, and each once */
    if (state->seen == 199 && state->ends) {
        CHECK(chinwag_subscriber_close(state->subscriber) == CHINWAG_OK);
        CHECK(state->freed == 0); /* not while it runs */
    } else if (state->seen == 199 && state->frees_node) {
        chinwag_node_free(state->node);
        CHECK(state->freed == 0);
    }
    ++state->seen;
}

static void call_back(struct state *state) {
    chinwag_subscription how = {
        .callback = on_published, .user_data = state, .free_user_data = count_freed};
    OK(chinwag_subscribe_topic(state->node, "ticks", &how, &state->subscriber, &err));
    chinwag_published *none = NULL;
    CHECK(chinwag_next_published(state->subscriber, 0, &none) == CHINWAG_EBADARGUMENT);
    for (int i = 0; i < 200; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        CHECK(publish(state->node, "ticks", text) == 1);
    }
    UNTIL(state->seen == 200 && state->freed == (state->ends || state->frees_node));
    chinwag_subscriber_free(state->subscriber);
    CHECK(state->freed == 1);
}

static void *wait_and_be_let_go(void *subscriber) {
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(subscriber, -1, &published) == CHINWAG_ECLOSED);
    CHECK(published == NULL);
    return NULL;
}

/* Whoever waits is let go when the subscriber is closed, and when the node is. */
static void closed_while_waiting(bool closes_node) {
    struct state state = {.node = start("closing", NULL)};
    chinwag_subscriber *subscriber = subscribe(state.node, "quiet", NULL, 0);
    chinwag_subscription how = {
        .callback = on_published, .user_data = &state, .free_user_data = count_freed};
    OK(chinwag_subscribe_topic(state.node, "quiet", &how, NULL, &err));
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_and_be_let_go, subscriber) == 0);
    if (closes_node) {
        CHECK(chinwag_close(state.node) == CHINWAG_OK && state.freed == 1);
    } else {
        CHECK(chinwag_subscriber_close(subscriber) == CHINWAG_OK);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    chinwag_node_free(state.node);
    CHECK(state.freed == 1 && chinwag_subscriber_missed(subscriber) == 0);
    chinwag_subscriber_free(subscriber);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_subscriber *subscriber = NULL;
    chinwag_subscription none = {0};
    chinwag_publication publication = said("a b", "x");
    CHECK(chinwag_publish(NULL, &publication, NULL, NULL) == bad);
    CHECK(chinwag_publish(a, NULL, NULL, NULL) == bad);
    CHECK(chinwag_publish(a, &publication, NULL, NULL) == bad);
    publication.topic = NULL;
    CHECK(chinwag_publish(a, &publication, NULL, NULL) == bad);
    publication.topic = "x";
    publication.length = SIZE_MAX;
    CHECK(chinwag_publish(a, &publication, NULL, NULL) == bad);
    publication = (chinwag_publication){.topic = "x"};
    OK(chinwag_publish(a, &publication, NULL, &err));
    CHECK(chinwag_subscribe_topic(NULL, "x", NULL, &subscriber, NULL) == bad);
    CHECK(chinwag_subscribe_topic(a, NULL, NULL, &subscriber, NULL) == bad);
    CHECK(chinwag_subscribe_topic(a, "a b", NULL, &subscriber, NULL) == bad);
    CHECK(chinwag_subscribe_topic(a, "\xff", NULL, &subscriber, NULL) == bad);
    CHECK(chinwag_subscribe_topic(a, "x", NULL, NULL, NULL) == bad); /* nobody could take any */
    CHECK(chinwag_subscribe_topic(a, "x", &none, NULL, NULL) == bad);
    none.queue = "a b";
    CHECK(chinwag_subscribe_topic(a, "x", &none, &subscriber, NULL) == bad && subscriber == NULL);
    CHECK(count_subscribers(a, "x") == 0);
    /* What is refused takes nothing. */
    struct state refused = {0};
    chinwag_subscription how = {
        .callback = on_published, .user_data = &refused, .free_user_data = count_freed};
    CHECK(chinwag_subscribe_topic(a, "a b", &how, &subscriber, NULL) == bad);
    CHECK(refused.freed == 0 && subscriber == NULL);
    size_t length = 7;
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(NULL, 0, &published) == bad && published == NULL);
    CHECK(chinwag_published_payload(NULL, &length) == NULL && length == 0);
    CHECK(chinwag_published_topic(NULL) == NULL && chinwag_published_from(NULL) == NULL);
    CHECK(chinwag_published_codec(NULL) == -1 && chinwag_published_missed(NULL) == 0);
    CHECK(chinwag_published_header(NULL, "x") == NULL);
    CHECK(chinwag_published_header_count(NULL) == 0);
    CHECK(chinwag_published_header_name(NULL, 0) == NULL);
    chinwag_published_free(NULL);
    CHECK(chinwag_subscriber_close(NULL) == bad && chinwag_subscriber_missed(NULL) == 0);
    chinwag_subscriber_free(NULL);
    chinwag_answer *answer = NULL;
    CHECK(chinwag_subscribers(a, NULL, &answer, NULL) == bad);
    CHECK(chinwag_topics(NULL, &answer, NULL) == bad && answer == NULL);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    by_hand(a, b);
    slow_and_shared(a);
    descriptor(a);
    struct state plain = {.node = a}, ends = {.node = a, .ends = true};
    call_back(&plain);
    call_back(&ends);
    struct state frees = {.node = start("freed", NULL), .frees_node = true};
    call_back(&frees);
    closed_while_waiting(false);
    closed_while_waiting(true);
    misuse(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
