/* Ends without closing: from main, from a callback, and while a callback runs. */
#include "check.h"

static void end_here(const chinwag_event *event, void *user_data) {
    (void)event, (void)user_data;
    puts("ok");
    exit(0);
}

static atomic_int inside;

static void stay(const chinwag_event *event, void *user_data) {
    (void)event, (void)user_data;
    inside = 1;
    for (;;) {
        pause();
    }
}

static void *wait_for_ever(void *node) {
    chinwag_event *event = NULL;
    while (chinwag_next_event(node, -1, &event) == CHINWAG_OK) {
        chinwag_event_free(event);
    }
    return NULL;
}

/* Still reachable, as it is in a program that keeps its node in a variable. */
static chinwag_node *node;

int main(int argc, char **argv) {
    alarm(300);
    CHECK(argc == 2);
    node = start("unclosed", NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_for_ever, node) == 0);
    if (strcmp(argv[1], "callback") == 0) {
        CHECK(chinwag_on_event(node, ~0u, end_here, NULL, NULL) > 0);
        for (;;) {
            pause();
        }
    }
    CHECK(chinwag_on_event(node, ~0u, stay, NULL, NULL) > 0);
    UNTIL(inside);
    puts("ok");
    return 0;
}
