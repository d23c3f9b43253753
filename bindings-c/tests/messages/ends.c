/* What happens to what is followed when the process forks, or ends without closing anything. */
#include "messages.h"

#include <signal.h>

static pid_t parent;
static atomic_int freed, inside;

static void free_in_parent_only(void *user_data) {
    (void)user_data;
    CHECK(getpid() == parent);
    ++freed;
}

/* What a process has open. */
struct open {
    chinwag_node *node;
    chinwag_subscriber *by_hand, *by_callback;
    chinwag_watcher *watcher;
    chinwag_server *server;
    chinwag_request *request;
    chinwag_stream *caller, *served;
};

static void publish(chinwag_node *node, const char *topic) {
    chinwag_publication said = {.topic = topic, .payload = BYTES("x"), .length = 1};
    OK(chinwag_publish(node, &said, NULL, &err));
}

static void stay(const chinwag_published *published, void *user_data) {
    (void)published, (void)user_data;
    inside = 1;
    for (;;) {
        pause();
    }
}

static void end_here(const chinwag_published *published, void *user_data) {
    (void)published, (void)user_data;
    puts("ok");
    exit(0);
}

static void not_in_a_child(const chinwag_outcome *outcome, void *user_data) {
    (void)outcome, (void)user_data;
    CHECK(getpid() == parent);
}

static struct open open_all(chinwag_node *node, chinwag_published_fn callback) {
    struct open open = {.node = node};
    OK(chinwag_subscribe_topic(node, "hand", NULL, &open.by_hand, &err));
    chinwag_subscription how = {.callback = callback, .free_user_data = free_in_parent_only};
    OK(chinwag_subscribe_topic(node, "callback", &how, &open.by_callback, &err));
    OK(chinwag_watch(node, "", NULL, &open.watcher, &err));
    OK(chinwag_serve(node, "clerk", NULL, &open.server, &err));
    OK(chinwag_monitor(node, "clerk", NULL, NULL, NULL, &err));
    chinwag_message asked = message("clerk", "read", NULL);
    OK(chinwag_stream_open(node, &asked, &open.caller, &err));
    open.request = next_request(open.server);
    OK(chinwag_request_stream(open.request, &open.served, &err));
    OK(chinwag_monitor(node, "clerk", not_in_a_child, NULL, NULL, &err));
    return open;
}

static void keys_in_child(struct open parents) {
    const chinwag_status forked = CHINWAG_EFORKED;
    chinwag_watcher *watcher = NULL;
    chinwag_change *change = NULL;
    chinwag_answer *answer = NULL;
    CHECK(chinwag_put(parents.node, "k", NULL, 0, 0, NULL) == forked);
    CHECK(chinwag_delete(parents.node, "k", NULL) == forked);
    CHECK(chinwag_get(parents.node, "parent", "k", &answer, NULL) == forked);
    CHECK(chinwag_entries(parents.node, "", &answer, NULL) == forked && answer == NULL);
    CHECK(chinwag_watch(parents.node, "", NULL, &watcher, NULL) == forked && watcher == NULL);
    CHECK(chinwag_next_change(parents.watcher, -1, &change) == forked && change == NULL);
    CHECK(chinwag_watcher_close(parents.watcher) == forked);
    chinwag_watcher_free(parents.watcher);
    chinwag_map_write write = {.map = "carts", .key = "k"};
    CHECK(chinwag_map_put(parents.node, &write, NULL) == forked);
    CHECK(chinwag_map_delete(parents.node, &write, NULL) == forked);
    CHECK(chinwag_map_get(parents.node, "carts", "k", &answer, NULL) == forked);
    CHECK(chinwag_map_read(parents.node, "carts", "k", &answer, NULL) == forked);
    CHECK(chinwag_map_entries(parents.node, "carts", "", &answer, NULL) == forked);
    CHECK(chinwag_map_watch(parents.node, "carts", "", NULL, &watcher, NULL) == forked);
    CHECK(answer == NULL && watcher == NULL);
}

static void monitors_in_child(struct open parents) {
    const chinwag_status forked = CHINWAG_EFORKED;
    const char *state = NULL;
    CHECK(chinwag_monitor(parents.node, "clerk", NULL, NULL, NULL, NULL) == forked);
    CHECK(chinwag_monitor(parents.node, "clerk", not_in_a_child, NULL, NULL, NULL) == forked);
    CHECK(chinwag_loop_state(parents.node, "parent", &state, NULL) == forked && state == NULL);
    CHECK(chinwag_server_stop_with(parents.server, "why") == forked);
    chinwag_server_free(parents.server);
}

static void streams_in_child(struct open parents) {
    const chinwag_status forked = CHINWAG_EFORKED;
    chinwag_message asked = message("clerk", "read", NULL);
    chinwag_stream *stream = NULL;
    chinwag_answer *item = NULL;
    CHECK(chinwag_stream_open(parents.node, &asked, &stream, NULL) == forked);
    CHECK(chinwag_request_stream(parents.request, &stream, NULL) == forked && stream == NULL);
    CHECK(chinwag_stream_send(parents.served, NULL, 0, 0, -1, NULL) == forked);
    CHECK(chinwag_stream_next(parents.caller, -1, &item, NULL) == forked);
    CHECK(chinwag_stream_answer(parents.caller, -1, &item, NULL) == forked && item == NULL);
    CHECK(chinwag_stream_finish(parents.caller) == forked);
    CHECK(chinwag_stream_stop(parents.caller) == forked);
    CHECK(chinwag_stream_cancel(parents.caller) == forked);
    CHECK(!chinwag_stream_ended(parents.caller));
    chinwag_stream_free(parents.caller);
    chinwag_stream_free(parents.served);
    chinwag_request_free(parents.request);
}

static void in_child(struct open parents) {
    const chinwag_status forked = CHINWAG_EFORKED;
    chinwag_publication said = {.topic = "hand"};
    chinwag_subscriber *subscriber = NULL;
    chinwag_published *published = NULL;
    chinwag_answer *answer = NULL;
    CHECK(chinwag_publish(parents.node, &said, NULL, NULL) == forked);
    CHECK(chinwag_subscribe_topic(parents.node, "x", NULL, &subscriber, NULL) == forked);
    CHECK(chinwag_subscribers(parents.node, "x", &answer, NULL) == forked);
    CHECK(chinwag_topics(parents.node, &answer, NULL) == forked && answer == NULL);
    CHECK(chinwag_next_published(parents.by_hand, -1, &published) == forked);
    CHECK(chinwag_subscriber_missed(parents.by_hand) == 0);
    CHECK(chinwag_subscriber_close(parents.by_hand) == forked);
    CHECK(chinwag_subscriber_close(parents.by_callback) == forked);
    chinwag_subscriber_free(parents.by_hand);
    chinwag_subscriber_free(parents.by_callback);
    keys_in_child(parents);
    streams_in_child(parents);
    monitors_in_child(parents);
    chinwag_node_free(parents.node);
    /* So ends what went well: no leak check is to look at what was forgotten on purpose. */
    kill(getpid(), SIGKILL);
}

/* A child cannot use what is its parent's, frees nothing of it, and is not heard of. */
static void forks(chinwag_node *node) {
    struct open open = open_all(node, stay);
    publish(node, "hand");
    UNTIL(others_sleep());
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        in_child(open);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(open.by_hand, DEADLINE_MS, &published) == CHINWAG_OK);
    chinwag_published_free(published);
    chinwag_subscriber_free(open.by_hand);
    CHECK(freed == 0);
    chinwag_subscriber_free(open.by_callback);
    CHECK(freed == 1);
    chinwag_watcher_free(open.watcher);
    chinwag_answer *answer = NULL;
    OK(chinwag_stream_send(open.served, BYTES("x"), 1, 0, -1, &err));
    OK(chinwag_request_reply(open.request, NULL, 0, 0, &err));
    OK(chinwag_stream_answer(open.caller, DEADLINE_MS, &answer, &err));
    chinwag_answer_free(answer);
    chinwag_request_free(open.request);
    chinwag_stream_free(open.served);
    chinwag_stream_free(open.caller);
    chinwag_server_free(open.server);
    chinwag_node_free(node);
}

static void *take_for_ever(void *subscriber) {
    chinwag_published *published = NULL;
    while (chinwag_next_published(subscriber, -1, &published) == CHINWAG_OK) {
        chinwag_published_free(published);
    }
    return NULL;
}

/* A thread waits, and a callback runs that never returns. */
static struct open keep_busy(chinwag_node *node) {
    struct open open = open_all(node, stay);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, take_for_ever, open.by_hand) == 0);
    publish(node, "callback");
    UNTIL(inside);
    return open;
}

/* The node says goodbye, and the process ends by the signal. */
static void is_terminated(void) {
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        parent = getpid();
        keep_busy(start_with("terminated", NULL, "handle_signals", "true"));
        CHECK(write(ready[1], "x", 1) == 1);
        for (;;) {
            pause();
        }
    }
    char byte;
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(kill(child, SIGTERM) == 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

/* Still reachable, as it is in a program that keeps it in a variable. */
static struct open kept;

int main(int argc, char **argv) {
    alarm(300);
    CHECK(argc == 2);
    parent = getpid();
    if (strcmp(argv[1], "signal") == 0) {
        is_terminated();
    } else if (strcmp(argv[1], "fork") == 0) {
        forks(start("parent", NULL));
    } else if (strcmp(argv[1], "main") == 0) {
        kept = keep_busy(start("unclosed", NULL));
    } else {
        kept = open_all(start("unclosed", NULL), end_here);
        publish(kept.node, "callback");
        for (;;) {
            pause();
        }
    }
    puts("ok");
    return 0;
}
