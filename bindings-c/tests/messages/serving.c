/* Servers: messages by hand and by callback, answers that come late, and how it all ends. */
#include "messages.h"

#include <poll.h>

static void by_hand(chinwag_node *node) {
    chinwag_server *server = serve_by_hand(node, "hand"), *other = NULL;
    chinwag_error *err = NULL;
    CHECK(chinwag_serve(node, "hand", NULL, &other, &err) == CHINWAG_ESERVEREXISTS);
    CHECK(other == NULL && strstr(chinwag_error_message(err), "hand") != NULL);
    chinwag_error_free(err);
    chinwag_request *request = NULL;
    CHECK(chinwag_next_request(server, 0, &request) == CHINWAG_ETIMEOUT && request == NULL);
    CHECK(chinwag_next_request(server, 20, &request) == CHINWAG_ETIMEOUT && request == NULL);
    uint64_t first = call_async(node, message("hand", "one", "1"));
    uint64_t second = call_async(node, message("hand", "two", "2"));
    CHECK(second > first);
    request = next_request(server);
    chinwag_request *later = next_request(server);
    CHECK(request_is(request, "one", "1") && request_is(later, "two", "2"));
    CHECK(chinwag_request_is_call(request));
    SAME(chinwag_request_from(request), "a");
    CHECK(chinwag_request_key(request, NULL) == NULL);
    /* The answers may come in any order. */
    reply(later, "second");
    comes_to(node, second, "second");
    OK(chinwag_request_reply(request, BYTES("first"), 5, CHINWAG_CODEC_RAW, &err));
    comes_to(node, first, "first");
    /* A second one reaches nobody; what was asked is still there. */
    CHECK(chinwag_request_reply(request, NULL, 0, 0, &err) == CHINWAG_EBADARGUMENT);
    chinwag_error_free(err);
    CHECK(chinwag_request_fail(request, "X", "x", NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_request_unknown_op(request, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(request_is(request, "one", "1") && !chinwag_request_given_up(request));
    chinwag_request_free(request);
    chinwag_outcome *outcome = NULL;
    CHECK(chinwag_next_outcome(node, 0, &outcome) == CHINWAG_ETIMEOUT && outcome == NULL);
    chinwag_server_free(server);
    CHECK(count_hosts(node, "hand") == 0);
}

static void held_back(chinwag_node *node) {
    chinwag_service narrow = {.mailbox = 1};
    chinwag_server *server = NULL;
    OK(chinwag_serve(node, "narrow", &narrow, &server, &err));
    CHECK(chinwag_server_pause(server) == CHINWAG_OK);
    uint64_t first = call_async(node, message("narrow", "one", "1"));
    uint64_t second = call_async(node, message("narrow", "two", "2"));
    CHECK(!fails_with(node, second, "overloaded"));
    chinwag_request *request = NULL;
    CHECK(chinwag_next_request(server, 0, &request) == CHINWAG_ETIMEOUT && request == NULL);
    CHECK(chinwag_server_resume(server) == CHINWAG_OK);
    reply(next_request(server), "there");
    comes_to(node, first, "there");
    /* What was not handed out when the server stops has not run; what was may have. */
    first = call_async(node, message("narrow", "one", "1"));
    request = next_request(server);
    second = call_async(node, message("narrow", "two", "2"));
    CHECK(chinwag_server_stop(server) == CHINWAG_OK && chinwag_server_stop(server) == CHINWAG_OK);
    int maybe = 0;
    for (int i = 0; i < 2; i++) {
        chinwag_outcome *outcome = NULL;
        CHECK(chinwag_next_outcome(node, DEADLINE_MS, &outcome) == CHINWAG_OK);
        const chinwag_error *error = chinwag_outcome_error(outcome);
        SAME(chinwag_error_code(error), "no_server");
        CHECK(chinwag_error_maybe_executed(error) == (chinwag_outcome_call(outcome) == first));
        maybe += chinwag_error_maybe_executed(error);
        chinwag_outcome_free(outcome);
    }
    CHECK(maybe == 1);
    CHECK(chinwag_request_reply(request, NULL, 0, 0, NULL) == CHINWAG_ECANCELLED);
    chinwag_request_free(request);
    request = NULL;
    CHECK(chinwag_next_request(server, -1, &request) == CHINWAG_ECLOSED && request == NULL);
    chinwag_server_free(server);
}

/* Whoever asked does not wait any more: after its time, or because it has given up. */
static void given_up(chinwag_node *here, chinwag_node *from) {
    chinwag_server *server = serve_by_hand(here, "slow");
    UNTIL(count_hosts(from, "slow") == 1);
    chinwag_message asked = message("slow", "late", "x");
    chinwag_request *request = NULL;
    uint64_t call = 0;
    /* It has to be taken before its time is over, which is longer on a busy machine. */
    for (asked.timeout_ms = 250; request == NULL; asked.timeout_ms *= 2) {
        call = call_async(from, asked);
        if (chinwag_next_request(server, (int32_t)asked.timeout_ms, &request) != CHINWAG_OK) {
            fails_with(from, call, "timeout");
        }
    }
    int64_t left = chinwag_request_remaining_ms(request);
    CHECK(left >= 0 && left <= (int64_t)asked.timeout_ms);
    fails_with(from, call, "timeout");
    UNTIL(chinwag_request_given_up(request));
    UNTIL(chinwag_request_remaining_ms(request) == 0); /* by the clock of this node */
    CHECK(chinwag_request_reply(request, BYTES("x"), 1, 0, NULL) == CHINWAG_ECANCELLED);
    chinwag_request_free(request);

    call = call_async(from, message("slow", "late", "x"));
    request = next_request(server);
    CHECK(!chinwag_request_given_up(request));
    CHECK(chinwag_call_cancel(from, call) == CHINWAG_OK);
    fails_with(from, call, "cancelled");
    UNTIL(chinwag_request_given_up(request));
    CHECK(chinwag_call_cancel(from, call) == CHINWAG_OK); /* nothing happens */
    CHECK(chinwag_call_cancel(from, 1 << 30) == CHINWAG_OK);
    chinwag_request_free(request);
    chinwag_server_free(server);
}

/* Several threads take messages, and answer at the same time. */
static void *work(void *server) {
    chinwag_request *request = NULL;
    chinwag_status status;
    while ((status = chinwag_next_request(server, -1, &request)) == CHINWAG_OK) {
        size_t length;
        const uint8_t *bytes = chinwag_request_payload(request, &length);
        OK(chinwag_request_reply(request, bytes, length, 0, &err));
        chinwag_request_free(request);
    }
    CHECK(status == CHINWAG_ECLOSED);
    return NULL;
}

static void *ask_often(void *node) {
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        call_for(node, message("crew", "echo", text), text);
    }
    return NULL;
}

static void crew(chinwag_node *here, chinwag_node *from) {
    pthread_t workers[3], callers[3];
    chinwag_server *server = serve_by_hand(here, "crew");
    UNTIL(count_hosts(from, "crew") == 1);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&workers[i], NULL, work, server) == 0);
        CHECK(pthread_create(&callers[i], NULL, ask_often, i < 2 ? here : from) == 0);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(callers[i], NULL) == 0);
    }
    CHECK(chinwag_server_stop(server) == CHINWAG_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(workers[i], NULL) == 0);
    }
    chinwag_server_free(server);
}

static void await_readable(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(poll(&p, 1, DEADLINE_MS) == 1);
}

/* The descriptor of events tells of messages and outcomes too: events first, then these. */
static void descriptor(chinwag_node *node) {
    chinwag_server *server = serve_by_hand(node, "polled");
    int fd = chinwag_event_fd(node);
    uint64_t call = call_async(node, message("polled", "echo", "x"));
    for (int requests = 0, outcomes = 0; requests + outcomes < 2;) {
        await_readable(fd);
        chinwag_event *event = NULL;
        while (chinwag_next_event(node, 0, &event) == CHINWAG_OK) {
            chinwag_event_free(event);
        }
        chinwag_request *request = NULL;
        while (chinwag_next_request(server, 0, &request) == CHINWAG_OK) {
            reply(request, "y");
            requests++;
        }
        chinwag_outcome *outcome = NULL;
        while (chinwag_next_outcome(node, 0, &outcome) == CHINWAG_OK) {
            CHECK(chinwag_outcome_call(outcome) == call);
            CHECK(is_bytes(chinwag_outcome_answer(outcome), "y"));
            chinwag_outcome_free(outcome);
            outcomes++;
        }
    }
    chinwag_server_free(server);
}

/* Callbacks of servers and of calls. */
struct state {
    chinwag_node *node;
    chinwag_server *server;
    chinwag_request *kept;
    char code[32];
    atomic_int requests, outcomes, freed, sent;
    bool frees_node;
};

static void count_freed(void *user_data) {
    ++((struct state *)user_data)->freed;
}

static void on_outcome(const chinwag_outcome *outcome, void *user_data) {
    struct state *state = user_data;
    const chinwag_error *error = chinwag_outcome_error(outcome);
    CHECK((error == NULL) == (chinwag_outcome_answer(outcome) != NULL));
    snprintf(state->code, sizeof state->code, "%s", error ? chinwag_error_code(error) : "ok");
    ++state->outcomes;
}

static void call_back(struct state *state, const char *target) {
    chinwag_message asked = message(target, "go", "x");
    OK(chinwag_call_async(state->node, &asked, on_outcome, state, NULL, &err));
}

/* Keeps the first message for later, and ends the server at the second. */
static void keep_or_end(chinwag_request *request, void *user_data) {
    struct state *state = user_data;
    if (state->requests == 0) {
        state->kept = request;
        ++state->requests;
        return;
    }
    CHECK(chinwag_request_reply(request, NULL, 0, 0, NULL) == CHINWAG_OK);
    chinwag_request_free(request);
    UNTIL(state->sent); /* no call is under way when its node is freed */
    if (state->frees_node) {
        chinwag_node_free(state->node);
    } else {
        CHECK(chinwag_server_stop(state->server) == CHINWAG_OK);
    }
    CHECK(state->freed == 0); /* not while it runs */
    ++state->requests;
}

static chinwag_service of(chinwag_request_fn callback, struct state *state) {
    return (chinwag_service){
        .callback = callback, .user_data = state, .free_user_data = count_freed};
}

static void *answer_kept(void *user_data) {
    struct state *state = user_data;
    reply(state->kept, "later");
    return NULL;
}

static void from_a_callback(chinwag_node *node, bool frees_node) {
    struct state state = {.node = node, .frees_node = frees_node};
    chinwag_service service = of(keep_or_end, &state);
    OK(chinwag_serve(node, "kept", &service, &state.server, &err));
    chinwag_request *none = NULL;
    CHECK(chinwag_next_request(state.server, 0, &none) == CHINWAG_EBADARGUMENT);
    /* One of that name stays, and takes nothing of another one. */
    struct state refused = {0};
    service = of(keep_or_end, &refused);
    CHECK(chinwag_serve(node, "kept", &service, NULL, NULL) == CHINWAG_ESERVEREXISTS);
    CHECK(refused.freed == 0);
    call_back(&state, "kept");
    UNTIL(state.requests == 1);
    pthread_t thread; /* any thread may answer */
    CHECK(pthread_create(&thread, NULL, answer_kept, &state) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    UNTIL(state.outcomes == 1);
    SAME(state.code, "ok");
    call_back(&state, "nobody"); /* what is known at once is told likewise */
    UNTIL(state.outcomes == 2);
    SAME(state.code, "no_server");
    call_back(&state, "kept");
    state.sent = 1;
    UNTIL(state.requests == 2 && state.freed == 1 && state.outcomes == 3);
    SAME(state.code, "ok");
    chinwag_server_free(state.server);
    CHECK(state.freed == 1);
}

static atomic_int blocked;

static void *call_and_be_let_go(void *node) {
    ++blocked;
    chinwag_error_free(call_fails(node, message("never", "wait", "x"), CHINWAG_ECLOSED));
    return NULL;
}

static void *serve_and_be_let_go(void *server) {
    chinwag_request *requests[3]; /* of a thread, of a callback, and of one who polls */
    for (int i = 0; i < 3; i++) {
        requests[i] = next_request(server);
    }
    blocked += 3;
    chinwag_request *none = NULL;
    CHECK(chinwag_next_request(server, -1, &none) == CHINWAG_ECLOSED && none == NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(chinwag_request_given_up(requests[i]));
        CHECK(chinwag_request_reply(requests[i], NULL, 0, 0, NULL) == CHINWAG_ECANCELLED);
        chinwag_request_free(requests[i]);
    }
    return NULL;
}

/* All that waits is told when the node is closed, and handles may outlive it. */
static void closed_while_waiting(void) {
    struct state state = {.node = start("closing", NULL)};
    chinwag_server *server = serve_by_hand(state.node, "never");
    pthread_t caller, worker;
    CHECK(pthread_create(&caller, NULL, call_and_be_let_go, state.node) == 0);
    CHECK(pthread_create(&worker, NULL, serve_and_be_let_go, server) == 0);
    call_back(&state, "never");
    uint64_t call = call_async(state.node, message("never", "wait", "x"));
    UNTIL(blocked == 4);
    chinwag_server *idle = NULL;
    chinwag_service service = of(keep_or_end, &state);
    OK(chinwag_serve(state.node, "idle", &service, &idle, &err));
    CHECK(state.outcomes == 0 && chinwag_close(state.node) == CHINWAG_OK);
    CHECK(state.outcomes == 1 && state.freed == 1);
    SAME(state.code, "closed");
    CHECK(pthread_join(caller, NULL) == 0 && pthread_join(worker, NULL) == 0);
    fails_with(state.node, call, "closed");
    chinwag_outcome *outcome = NULL;
    CHECK(chinwag_next_outcome(state.node, -1, &outcome) == CHINWAG_ECLOSED);
    chinwag_node_free(state.node);
    CHECK(chinwag_server_pause(server) == CHINWAG_OK && outcome == NULL);
    chinwag_server_free(server);
    chinwag_server_free(idle);
    CHECK(state.freed == 1);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_server *server = NULL;
    chinwag_service none = {0};
    CHECK(chinwag_serve(NULL, "x", NULL, &server, NULL) == bad);
    CHECK(chinwag_serve(a, NULL, NULL, &server, NULL) == bad);
    CHECK(chinwag_serve(a, "\xff", NULL, &server, NULL) == bad);
    CHECK(chinwag_serve(a, "a b", NULL, &server, NULL) == bad);
    CHECK(chinwag_serve(a, "", NULL, &server, NULL) == bad && server == NULL);
    CHECK(chinwag_serve(a, "x", NULL, NULL, NULL) == bad); /* nobody could take anything */
    CHECK(chinwag_serve(a, "x", &none, NULL, NULL) == bad && count_hosts(a, "x") == 0);
    CHECK(chinwag_server_pause(NULL) == bad && chinwag_server_resume(NULL) == bad);
    CHECK(chinwag_server_stop(NULL) == bad);
    chinwag_server_free(NULL);
    chinwag_request *request = NULL;
    CHECK(chinwag_next_request(NULL, 0, &request) == bad && request == NULL);
    size_t length = 7;
    CHECK(!chinwag_request_is_call(NULL) && !chinwag_request_given_up(NULL));
    CHECK(chinwag_request_op(NULL) == NULL && chinwag_request_from(NULL) == NULL);
    CHECK(chinwag_request_key(NULL, &length) == NULL && length == 0);
    CHECK(chinwag_request_payload(NULL, NULL) == NULL && chinwag_request_codec(NULL) == -1);
    CHECK(chinwag_request_header(NULL, "x") == NULL && chinwag_request_header_count(NULL) == 0);
    CHECK(chinwag_request_header_name(NULL, 0) == NULL);
    CHECK(chinwag_request_remaining_ms(NULL) == -1);
    CHECK(chinwag_request_reply(NULL, NULL, 0, 0, NULL) == bad);
    CHECK(chinwag_request_fail(NULL, "X", "x", NULL) == bad);
    CHECK(chinwag_request_unknown_op(NULL, NULL) == bad);
    chinwag_request_free(NULL);
    chinwag_outcome *outcome = NULL;
    chinwag_message good = message("x", "y", NULL);
    CHECK(chinwag_call_async(NULL, &good, NULL, NULL, NULL, NULL) == bad);
    CHECK(chinwag_call_async(a, NULL, on_outcome, NULL, NULL, NULL) == bad);
    CHECK(chinwag_call_cancel(NULL, 1) == bad);
    CHECK(chinwag_next_outcome(NULL, 0, &outcome) == bad && outcome == NULL);
    CHECK(chinwag_next_outcome(a, 0, NULL) == bad);
    CHECK(chinwag_outcome_call(NULL) == 0 && chinwag_outcome_answer(NULL) == NULL);
    CHECK(chinwag_outcome_error(NULL) == NULL);
    chinwag_outcome_free(NULL);
    CHECK(!chinwag_error_maybe_executed(NULL) && chinwag_error_remote_class(NULL) == NULL);
    CHECK(chinwag_answer_codec(NULL) == -1 && chinwag_answer_error(NULL) == NULL);
}

/* A request that is answered badly is still to be answered. */
static void misuse_of_a_request(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_server *server = serve_by_hand(a, "misused");
    uint64_t call = call_async(a, message("misused", "op", NULL));
    CHECK(chinwag_next_request(server, 0, NULL) == bad);
    chinwag_request *request = next_request(server);
    CHECK(chinwag_request_header(request, NULL) == NULL);
    CHECK(chinwag_request_header(request, "\xff") == NULL);
    CHECK(chinwag_request_header_name(request, 0) == NULL);
    CHECK(chinwag_request_reply(request, NULL, 1, 0, NULL) == bad);
    CHECK(chinwag_request_reply(request, BYTES("x"), SIZE_MAX, 0, NULL) == bad);
    CHECK(chinwag_request_fail(request, NULL, "x", NULL) == bad);
    CHECK(chinwag_request_fail(request, "X", "\xff", NULL) == bad);
    reply(request, "well");
    comes_to(a, call, "well");
    chinwag_server_free(server);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    by_hand(a);
    held_back(a);
    given_up(b, a);
    given_up(a, a);
    crew(b, a);
    descriptor(a);
    from_a_callback(a, false);
    from_a_callback(start("freed", NULL), true);
    closed_while_waiting();
    misuse(a);
    misuse_of_a_request(a);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
