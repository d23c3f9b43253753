/* Any function may be called from any callback. */
#include "check.h"

enum what { ASK, CHANGE, JOIN, REMOVE, LEAVE, CLOSE, FREE };

struct task {
    chinwag_node *node;
    enum what what;
    char seed[64];
    int32_t number;
    atomic_int done, freed, after;
};

static void ignore(const chinwag_event *event, void *user_data) {
    (void)event, (void)user_data;
}

static void ask(chinwag_node *node) {
    CHECK(count_members(node) >= 1);
    chinwag_member *self = NULL;
    OK(chinwag_local_member(node, &self, &err));
    chinwag_member_free(self);
    chinwag_event *event = NULL;
    CHECK(chinwag_event_fd(node) >= 0);
    CHECK(chinwag_next_event(node, DEADLINE_MS, &event) == CHINWAG_OK); /* its replay */
    chinwag_event_free(event);
    int32_t number = chinwag_on_event(node, ~0u, ignore, NULL, NULL);
    CHECK(number > 0 && chinwag_off_event(node, number) == CHINWAG_OK);
}

static void on_event(const chinwag_event *event, void *user_data) {
    struct task *task = user_data;
    (void)event;
    if (task->done) {
        ++task->after;
        return;
    }
    switch (task->what) {
        case ASK: ask(task->node); break;
        case CHANGE: OK(chinwag_update_tag(task->node, "from", "callback", &err)); break;
        case JOIN: OK(chinwag_join(task->node, task->seed, NULL, &err)); break;
        case REMOVE:
            UNTIL(task->number != 0);
            CHECK(chinwag_off_event(task->node, task->number) == CHINWAG_OK);
            CHECK(task->freed == 0); /* not while it runs */
            break;
        case LEAVE: OK(chinwag_leave(task->node, 5000, &err)); break;
        case CLOSE:
            CHECK(chinwag_close(task->node) == CHINWAG_OK);
            CHECK(chinwag_close(task->node) == CHINWAG_OK);
            CHECK(chinwag_leave(task->node, 5000, NULL) == CHINWAG_ECLOSED);
            CHECK(task->freed == 0);
            break;
        case FREE: chinwag_node_free(task->node); break;
    }
    task->done = 1;
}

static void on_freed(void *user_data) {
    ++((struct task *)user_data)->freed;
}

static void from_a_callback(enum what what, const char *seed) {
    char name[2] = {(char)('a' + what), '\0'};
    /* A member and replay-done: when the first event ends it all, one is left to be dropped. */
    struct task task = {.node = start(name, seed), .what = what};
    snprintf(task.seed, sizeof task.seed, "%s", seed);
    int32_t number = chinwag_on_event(task.node, ~0u, on_event, &task, on_freed);
    CHECK(number > 0);
    task.number = number;
    UNTIL(task.done);
    if (what == REMOVE || what == CLOSE || what == FREE) {
        UNTIL(task.freed == 1);
    }
    if (what != FREE) {
        chinwag_node_free(task.node);
    }
    CHECK(task.freed == 1);
    CHECK(task.after == 0 || (what != REMOVE && what != CLOSE && what != FREE));
}

/* Two nodes whose callbacks close each other's node: neither waits for the other. */
struct pair {
    chinwag_node *nodes[2];
    atomic_int inside, done;
};

static void close_other(const chinwag_event *event, struct pair *pair, int other) {
    if (chinwag_event_type(event) == CHINWAG_EVENT_REPLAY_DONE) {
        ++pair->inside;
        UNTIL(pair->inside == 2);
        CHECK(chinwag_close(pair->nodes[other]) == CHINWAG_OK);
        ++pair->done;
    }
}

static void close_second(const chinwag_event *event, void *user_data) {
    close_other(event, user_data, 1);
}

static void close_first(const chinwag_event *event, void *user_data) {
    close_other(event, user_data, 0);
}

static void crosswise(void) {
    struct pair pair = {.nodes = {start("x", NULL), start("y", NULL)}};
    CHECK(chinwag_on_event(pair.nodes[0], ~0u, close_second, &pair, NULL) > 0);
    CHECK(chinwag_on_event(pair.nodes[1], ~0u, close_first, &pair, NULL) > 0);
    UNTIL(pair.done == 2);
    chinwag_node_free(pair.nodes[0]);
    chinwag_node_free(pair.nodes[1]);
}

int main(void) {
    alarm(300);
    chinwag_node *seed = start("seed", NULL);
    char addr[64];
    address(seed, addr, sizeof addr);
    for (enum what what = ASK; what <= FREE; what++) {
        from_a_callback(what, addr);
    }
    crosswise();
    chinwag_node_free(seed);
    puts("ok");
    return 0;
}
