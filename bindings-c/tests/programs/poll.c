/* The queue: a descriptor to poll, limits of waiting, a slow reader, waiters that are let go. */
#include "check.h"

#include <poll.h>

static int readable(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(poll(&p, 1, timeout_ms) >= 0);
    CHECK((p.revents & ~POLLIN) == 0);
    return p.revents & POLLIN;
}

static void drain(chinwag_node *node) {
    chinwag_event *event = NULL;
    while (chinwag_next_event(node, 0, &event) == CHINWAG_OK) {
        chinwag_event_free(event);
    }
}

/* Readable while there is something, not when there is nothing, again when there is. */
static void descriptor(chinwag_node *a, chinwag_node *b) {
    int fd = chinwag_event_fd(a);
    CHECK(fd >= 0 && chinwag_event_fd(a) == fd);
    CHECK(readable(fd, DEADLINE_MS)); /* the replay */
    chinwag_event *event = NULL;
    CHECK(chinwag_next_event(a, 0, &event) == CHINWAG_OK);
    CHECK(chinwag_event_type(event) == CHINWAG_EVENT_MEMBER_JOIN);
    chinwag_event_free(event);
    CHECK(readable(fd, 0)); /* replay-done waits: one event a turn of the loop loses none */
    drain(a);
    CHECK(!readable(fd, 0) && chinwag_event_fd(a) == fd && !readable(fd, 0));
    for (int round = 0; round < 20; round++) {
        char text[16];
        snprintf(text, sizeof text, "%d", round);
        OK(chinwag_update_tag(b, "round", text, &err));
        CHECK(readable(fd, DEADLINE_MS));
        event = await(a, CHINWAG_EVENT_MEMBER_UPDATE, "b");
        SAME(chinwag_member_tag(chinwag_event_member(event), "round"), text);
        chinwag_event_free(event);
        drain(a);
        CHECK(!readable(fd, 0));
    }
}

static void limits(chinwag_node *node) {
    chinwag_event *event = NULL;
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(chinwag_next_event(node, 50, &event) == CHINWAG_ETIMEOUT && event == NULL);
    clock_gettime(CLOCK_MONOTONIC, &after);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    CHECK(ms >= 50);
}

static int has_round(const chinwag_node *node, const char *text) {
    chinwag_member *noisy = NULL;
    OK(chinwag_find_member(node, "noisy", &noisy, &err));
    const char *now = chinwag_member_tag(noisy, "round");
    int same = now != NULL && strcmp(now, text) == 0;
    chinwag_member_free(noisy);
    return same;
}

/* A reader that falls behind gets one events-lost, with the members as they are. */
static void slow_reader(const char *addr) {
    chinwag_config *config = options("slow", addr);
    OK(chinwag_config_set(config, "event_buffer", "2", &err));
    chinwag_node *slow = NULL;
    OK(chinwag_start(config, &slow, &err));
    chinwag_config_free(config);
    OK(chinwag_subscribe(slow, false, &err));
    chinwag_node *noisy = start("noisy", addr);
    for (int round = 0; round < 8; round++) {
        char text[16];
        snprintf(text, sizeof text, "%d", round);
        OK(chinwag_update_tag(noisy, "round", text, &err));
        UNTIL(has_round(slow, text));
    }
    chinwag_event *event = NULL;
    CHECK(chinwag_next_event(slow, DEADLINE_MS, &event) == CHINWAG_OK);
    CHECK(chinwag_event_type(event) == CHINWAG_EVENT_EVENTS_LOST);
    CHECK(chinwag_event_count(event) >= 7 && chinwag_event_member(event) == NULL);
    CHECK(chinwag_event_seq(event) >= chinwag_event_count(event));
    const chinwag_member_list *now = chinwag_event_members(event);
    int found = 0;
    for (size_t i = 0; i < chinwag_member_list_count(now); i++) {
        const chinwag_member *member = chinwag_member_list_get(now, i);
        if (strcmp(chinwag_member_name(member), "noisy") == 0) {
            SAME(chinwag_member_tag(member, "round"), "7");
            found = 1;
        }
    }
    CHECK(found);
    chinwag_event_free(event);
    chinwag_node_free(noisy);
    chinwag_node_free(slow);
}

static void *wait_for_ever(void *node) {
    chinwag_event *event = NULL;
    chinwag_status status;
    while ((status = chinwag_next_event(node, -1, &event)) == CHINWAG_OK) {
        chinwag_event_free(event);
    }
    CHECK(status == CHINWAG_ECLOSED);
    return NULL;
}

static void closed_while_waiting(void) {
    chinwag_node *node = start("waited for", NULL);
    int fd = chinwag_event_fd(node);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&threads[i], NULL, wait_for_ever, node) == 0);
    }
    CHECK(chinwag_close(node) == CHINWAG_OK);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(readable(fd, 0)); /* a poller hears of the end */
    chinwag_event *event = NULL;
    CHECK(chinwag_next_event(node, 0, &event) == CHINWAG_ECLOSED);
    CHECK(readable(fd, 0));
    chinwag_node_free(node);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    descriptor(a, b);
    limits(a);
    slow_reader(addr);
    closed_while_waiting();
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
