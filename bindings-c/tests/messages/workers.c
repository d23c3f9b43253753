/* Processes that attach to a member here: what they can do, and what is heard when they end. */
#include "messages.h"

#include <signal.h>
#include <sys/stat.h>

static chinwag_node *attach(const char *path, bool handles_signals) {
    chinwag_config *config = chinwag_config_new();
    chinwag_node *node = NULL;
    OK(chinwag_config_set(config, "attach", path, &err));
    OK(chinwag_config_set(config, "call_timeout", "60s", &err));
    if (handles_signals) {
        OK(chinwag_config_set(config, "handle_signals", "true", &err));
    }
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    return node;
}

static chinwag_node *host(const char *name, const char *seeds, const char *path) {
    return start_with(name, seeds, "workers", path);
}

static void calls_both_ways(chinwag_node *w, chinwag_node *b) {
    chinwag_server *on_b = serve_by_hand(b, "on-b"), *on_w = serve_by_hand(w, "on-w");
    UNTIL(count_hosts(w, "on-b") == 1 && count_hosts(b, "on-w") == 1);
    struct {
        chinwag_node *asks;
        chinwag_server *server;
        const char *target, *from;
    } ways[] = {{w, on_b, "on-b", "a"}, {b, on_w, "on-w", "b"}};
    for (size_t i = 0; i < 2; i++) {
        uint64_t call = call_async(ways[i].asks, message(ways[i].target, "echo", "hello"));
        chinwag_request *request = next_request(ways[i].server);
        CHECK(request_is(request, "echo", "hello"));
        SAME(chinwag_request_from(request), ways[i].from);
        reply(request, "there");
        comes_to(ways[i].asks, call, "there");

        chinwag_message asked = message(ways[i].target, "stream", NULL);
        chinwag_stream *ours = NULL, *theirs = NULL;
        OK(chinwag_stream_open(ways[i].asks, &asked, &ours, &err));
        request = next_request(ways[i].server);
        CHECK(chinwag_request_is_stream(request));
        OK(chinwag_request_stream(request, &theirs, &err));
        for (int item = 0; item < 200; item++) {
            chinwag_answer *got = NULL;
            char text[16];
            snprintf(text, sizeof text, "%d", item);
            /* The server has to ask for the first item before one may be sent. */
            CHECK(item > 0 || chinwag_stream_next(theirs, 0, &got, NULL) == CHINWAG_ETIMEOUT);
            OK(chinwag_stream_send(ours, BYTES(text), strlen(text), CHINWAG_CODEC_RAW, -1, &err));
            OK(chinwag_stream_next(theirs, DEADLINE_MS, &got, &err));
            CHECK(is_bytes(got, text));
            chinwag_answer_free(got);
        }
        CHECK(chinwag_stream_finish(ours) == CHINWAG_OK);
        reply(request, "all");
        chinwag_answer *answer = NULL;
        OK(chinwag_stream_answer(ours, DEADLINE_MS, &answer, &err));
        CHECK(is_bytes(answer, "all"));
        chinwag_answer_free(answer);
        chinwag_stream_free(theirs);
        chinwag_stream_free(ours);
    }
    chinwag_server_free(on_w);
    chinwag_server_free(on_b);
}

static void subscribes(chinwag_node *w, chinwag_node *b) {
    chinwag_subscriber *news = NULL;
    OK(chinwag_subscribe_topic(w, "news", NULL, &news, &err));
    size_t members = 0;
    UNTIL((chinwag_publish(b, &(chinwag_publication){.topic = "news", .payload = BYTES("hello"),
                                                     .length = 5},
                           &members, NULL)
               == CHINWAG_OK
           && members == 1));
    chinwag_published *published = NULL;
    CHECK(chinwag_next_published(news, DEADLINE_MS, &published) == CHINWAG_OK);
    SAME(chinwag_published_topic(published), "news");
    SAME(chinwag_published_from(published), "b");
    chinwag_published_free(published);
    chinwag_subscriber_free(news);
}

/* What is under way fails, a warning tells why, and another host is found. */
static void host_goes_away(chinwag_node *w, chinwag_node *a, chinwag_node *b, const char *path) {
    chinwag_server *server = serve_by_hand(b, "slow");
    UNTIL(count_hosts(w, "slow") == 1);
    OK(chinwag_subscribe(w, false, &err));
    uint64_t call = call_async(w, message("slow", "ask", NULL));
    chinwag_request *request = next_request(server);
    chinwag_node_free(a);
    CHECK(fails_with(w, call, "node_down"));
    chinwag_request_free(request);
    await_only(w, CHINWAG_EVENT_WARNING, NULL);
    char addr[64];
    address(b, addr, sizeof addr);
    chinwag_node *next = host("a2", addr, path);
    chinwag_member *self = NULL;
    UNTIL((chinwag_member_free(self), self = NULL,
           chinwag_local_member(w, &self, NULL) == CHINWAG_OK
               && strcmp(chinwag_member_name(self), "a2") == 0));
    chinwag_member_free(self);
    chinwag_server_free(server);
    chinwag_node_free(w);
    chinwag_node_free(next);
}

static uint64_t counted(const chinwag_node *node, const char *name) {
    chinwag_counters *counters = NULL;
    uint64_t value = UINT64_MAX;
    OK(chinwag_stats(node, &counters, &err));
    for (size_t at = 0; at < chinwag_counters_count(counters); at++) {
        if (strcmp(chinwag_counters_name(counters, at), name) == 0) {
            value = chinwag_counters_value(counters, at);
        }
    }
    CHECK(value != UINT64_MAX);
    chinwag_counters_free(counters);
    return value;
}

/* A process that serves "web" until it ends, one message at a time. */
static void work(const char *path) {
    chinwag_node *node = attach(path, true);
    chinwag_server *server = serve_by_hand(node, "web");
    chinwag_request *request = NULL;
    while (chinwag_next_request(server, -1, &request) == CHINWAG_OK) {
        struct timespec moment = {0, 300000000}, left;
        while (nanosleep(&moment, &left) != 0) {
            moment = left; /* a signal is no reason to answer early */
        }
        reply(request, "finished");
    }
    for (;;) {
        pause(); /* the signal ends it once the farewell is said */
    }
}

static void worker_ends(chinwag_node *a, const char *path, int number) {
    UNTIL(others_sleep());
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        work(path);
        _exit(0);
    }
    UNTIL(count_hosts(a, "web") == 1);
    uint64_t served = counted(a, "calls_served");
    uint64_t call = call_async(a, message("web", "ask", NULL));
    UNTIL(counted(a, "calls_served") > served); /* it was handed on */
    CHECK(kill(pid, number) == 0);
    if (number == SIGKILL) {
        CHECK(fails_with(a, call, "node_down"));
    } else {
        comes_to(a, call, "finished");
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == number);
    UNTIL(count_hosts(a, "web") == 0);
}

int main(void) {
    alarm(300);
    char folder[48], path[64], addr[64];
    snprintf(folder, sizeof folder, "/tmp/chinwag-workers-%d", (int)getpid());
    CHECK(mkdir(folder, 0700) == 0);
    snprintf(path, sizeof path, "%s/w.sock", folder);
    chinwag_node *a = host("a", NULL, path);
    worker_ends(a, path, SIGKILL);
    worker_ends(a, path, SIGTERM);
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2);
    chinwag_node *w = attach(path, false);
    CHECK(count_members(w) == 2);
    CHECK(chinwag_add_key(w, "MDEyMzQ1Njc4OWFiY2RlZg==", NULL) == CHINWAG_EUNSUPPORTED);
    calls_both_ways(w, b);
    subscribes(w, b);
    host_goes_away(w, a, b, path);
    chinwag_node_free(b);
    CHECK(rmdir(folder) == 0);
    puts("ok");
    return 0;
}
