/* Calls that stream: items in both directions, how they end, and who is slow. */
#include "messages.h"

static chinwag_stream *open_stream(chinwag_node *node, const char *target, const char *op) {
    chinwag_message asked = message(target, op, "x");
    chinwag_stream *stream = NULL;
    OK(chinwag_stream_open(node, &asked, &stream, &err));
    return stream;
}

/* The request of that stream, and the server's end of it. */
static chinwag_request *take_stream(chinwag_server *server, chinwag_stream **stream) {
    chinwag_request *request = next_request(server);
    CHECK(chinwag_request_is_stream(request) && chinwag_request_is_call(request));
    OK(chinwag_request_stream(request, stream, &err));
    return request;
}

static void send_text(chinwag_stream *stream, const char *text) {
    OK(chinwag_stream_send(stream, BYTES(text), strlen(text), CHINWAG_CODEC_USER, -1, &err));
}

/* The next item is that; the end for NULL. */
static void item_is(chinwag_stream *stream, const char *text) {
    chinwag_answer *item = NULL;
    OK(chinwag_stream_next(stream, DEADLINE_MS, &item, &err));
    if (text == NULL) {
        CHECK(item == NULL && chinwag_stream_ended(stream));
    } else {
        CHECK(is_bytes(item, text) && !chinwag_stream_ended(stream));
        CHECK(chinwag_answer_codec(item) == CHINWAG_CODEC_USER);
    }
    chinwag_answer_free(item);
}

static void answer_is(chinwag_stream *stream, const char *text) {
    chinwag_answer *answer = NULL;
    OK(chinwag_stream_answer(stream, DEADLINE_MS, &answer, &err));
    CHECK(is_bytes(answer, text));
    chinwag_answer_free(answer);
}

static void fails(chinwag_stream *stream, chinwag_status wanted) {
    chinwag_answer *none = NULL;
    CHECK(chinwag_stream_next(stream, DEADLINE_MS, &none, NULL) == wanted);
    CHECK(none == NULL && chinwag_stream_ended(stream));
}

static void both_ways(chinwag_node *a, chinwag_server *server) {
    chinwag_stream *ours = open_stream(a, "files", "mirror"), *theirs = NULL, *second = NULL;
    chinwag_answer *none = NULL;
    /* Nobody reads yet. */
    CHECK(chinwag_stream_send(ours, BYTES("0"), 1, 0, 0, NULL) == CHINWAG_ETIMEOUT);
    CHECK(chinwag_stream_next(ours, 0, &none, NULL) == CHINWAG_ETIMEOUT && none == NULL);
    CHECK(!chinwag_stream_ended(ours));
    chinwag_request *request = take_stream(server, &theirs);
    CHECK(chinwag_request_stream(request, &second, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_stream_next(theirs, 0, &none, NULL) == CHINWAG_ETIMEOUT && second == NULL);
    send_text(ours, "1");
    send_text(ours, "2");
    item_is(theirs, "1");
    item_is(theirs, "2");
    send_text(theirs, "3");
    item_is(ours, "3");
    CHECK(chinwag_stream_finish(ours) == CHINWAG_OK && chinwag_stream_finish(ours) == CHINWAG_OK);
    CHECK(chinwag_stream_send(ours, NULL, 0, 0, -1, NULL) == CHINWAG_EBADARGUMENT);
    item_is(theirs, NULL);
    CHECK(chinwag_stream_answer(theirs, 0, &none, NULL) == CHINWAG_EBADARGUMENT);
    send_text(theirs, "skipped");
    reply(request, "that was all");
    answer_is(ours, "that was all");
    answer_is(ours, "that was all");
    item_is(ours, NULL);
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);
}

/* What goes wrong is behind the items; whoever leaves is told of at the other end. */
static void ends_badly(chinwag_node *a, chinwag_server *server) {
    chinwag_stream *ours = open_stream(a, "files", "break"), *theirs = NULL;
    chinwag_request *request = take_stream(server, &theirs);
    send_text(theirs, "1");
    OK(chinwag_request_fail(request, "Broken", "broken", &err));
    chinwag_request_free(request);
    item_is(ours, "1");
    fails(ours, CHINWAG_EREMOTEERROR);
    chinwag_error *err = NULL;
    chinwag_answer *none = NULL;
    CHECK(chinwag_stream_answer(ours, -1, &none, &err) == CHINWAG_EREMOTEERROR && none == NULL);
    SAME(chinwag_error_remote_class(err), "Broken");
    chinwag_error_free(err);
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);

    ours = open_stream(a, "files", "leave");
    request = take_stream(server, &theirs);
    CHECK(chinwag_stream_cancel(ours) == CHINWAG_OK);
    fails(theirs, CHINWAG_ECANCELLED);
    fails(ours, CHINWAG_ECANCELLED);
    UNTIL(chinwag_request_given_up(request));
    chinwag_request_free(request);
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);

    ours = open_stream(a, "files", "freed");
    request = take_stream(server, &theirs);
    chinwag_stream_free(ours);
    fails(theirs, CHINWAG_ECANCELLED);
    chinwag_request_free(request);
    chinwag_stream_free(theirs);

    ours = open_stream(a, "files", "unread");
    request = take_stream(server, &theirs);
    CHECK(chinwag_stream_stop(theirs) == CHINWAG_OK);
    CHECK(chinwag_stream_send(ours, BYTES("x"), 1, 0, -1, NULL) == CHINWAG_ECANCELLED);
    reply(request, "as any call");
    answer_is(ours, "as any call");
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);
}

/* A handler that knows nothing of streams, and a caller that does not stream. */
static void of_one_side(chinwag_node *a, chinwag_server *server) {
    chinwag_stream *ours = open_stream(a, "files", "plain"), *none = NULL;
    chinwag_request *request = next_request(server);
    reply(request, "at once");
    answer_is(ours, "at once");
    chinwag_stream_free(ours);
    uint64_t call = call_async(a, message("files", "plain", "x"));
    request = next_request(server);
    CHECK(!chinwag_request_is_stream(request));
    CHECK(chinwag_request_stream(request, &none, NULL) == CHINWAG_EBADARGUMENT && none == NULL);
    reply(request, "y");
    comes_to(a, call, "y");
}

enum { MANY = 200, LONG = 10000 };

struct writer {
    chinwag_stream *stream;
    atomic_int sent;
};

static void *write_all(void *user_data) {
    struct writer *writer = user_data;
    static uint8_t bytes[LONG];
    for (int i = 0; i < MANY; i++) {
        memcpy(bytes, &i, sizeof i);
        OK(chinwag_stream_send(writer->stream, bytes, sizeof bytes, 0, -1, &err));
        ++writer->sent;
    }
    return NULL;
}

/* A slow reader slows the writer; nothing is lost, and all comes in order. */
static void slow_reader(chinwag_node *a, chinwag_server *server) {
    chinwag_stream *ours = open_stream(a, "files", "read"), *theirs = NULL;
    chinwag_request *request = take_stream(server, &theirs);
    struct writer writer = {.stream = theirs};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, write_all, &writer) == 0);
    UNTIL(writer.sent >= 20);
    CHECK(writer.sent < MANY); /* of what is on its way, there is a window */
    for (int i = 0; i < MANY; i++) {
        chinwag_answer *item = NULL;
        size_t length = 0;
        OK(chinwag_stream_next(ours, DEADLINE_MS, &item, &err));
        const uint8_t *bytes = chinwag_answer_bytes(item, &length);
        CHECK(length == LONG && memcmp(bytes, &i, sizeof i) == 0);
        chinwag_answer_free(item);
    }
    CHECK(pthread_join(thread, NULL) == 0);
    reply(request, "done");
    answer_is(ours, "done");
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);
}

static void *wait_and_be_let_go(void *stream) {
    chinwag_answer *item = NULL;
    CHECK(chinwag_stream_next(stream, -1, &item, NULL) == CHINWAG_ECLOSED && item == NULL);
    return NULL;
}

/* Whoever waits is let go when the node is closed, which both ends may outlive. */
static void closed_while_waiting(void) {
    chinwag_node *node = start("closing", NULL);
    chinwag_server *server = serve_by_hand(node, "files");
    chinwag_stream *ours = open_stream(node, "files", "read"), *theirs = NULL;
    chinwag_request *request = take_stream(server, &theirs);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_and_be_let_go, ours) == 0);
    CHECK(chinwag_close(node) == CHINWAG_OK && pthread_join(thread, NULL) == 0);
    chinwag_node_free(node);
    CHECK(chinwag_stream_send(theirs, NULL, 0, 0, -1, NULL) != CHINWAG_OK);
    chinwag_request_free(request);
    chinwag_stream_free(theirs);
    chinwag_stream_free(ours);
    chinwag_server_free(server);
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_message asked = message("files", "x", NULL), nobody = message("nobody", "x", NULL);
    chinwag_stream *stream = NULL;
    chinwag_answer *none = NULL;
    CHECK(chinwag_stream_open(NULL, &asked, &stream, NULL) == bad);
    CHECK(chinwag_stream_open(a, NULL, &stream, NULL) == bad);
    CHECK(chinwag_stream_open(a, &asked, NULL, NULL) == bad);
    CHECK(chinwag_stream_open(a, &nobody, &stream, NULL) == CHINWAG_ENOSERVER && stream == NULL);
    CHECK(chinwag_request_stream(NULL, &stream, NULL) == bad && !chinwag_request_is_stream(NULL));
    CHECK(chinwag_stream_send(NULL, NULL, 0, 0, 0, NULL) == bad);
    CHECK(chinwag_stream_next(NULL, 0, &none, NULL) == bad);
    CHECK(chinwag_stream_answer(NULL, 0, &none, NULL) == bad && none == NULL);
    CHECK(chinwag_stream_finish(NULL) == bad && chinwag_stream_stop(NULL) == bad);
    CHECK(chinwag_stream_cancel(NULL) == bad && !chinwag_stream_ended(NULL));
    chinwag_stream_free(NULL);
    stream = open_stream(a, "files", "x");
    CHECK(chinwag_stream_send(stream, NULL, 1, 0, 0, NULL) == bad);
    CHECK(chinwag_stream_next(stream, 0, NULL, NULL) == bad);
    CHECK(chinwag_stream_answer(stream, 0, NULL, NULL) == bad);
    chinwag_stream_free(stream); /* given up; the server may not even have heard of it */
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    chinwag_server *server = serve_by_hand(b, "files");
    UNTIL(count_hosts(a, "files") == 1);
    both_ways(a, server);
    ends_badly(a, server);
    of_one_side(a, server);
    slow_reader(a, server);
    misuse(a);
    closed_while_waiting();
    chinwag_server_free(server);
    chinwag_node_free(b);
    chinwag_node_free(a);
    puts("ok");
    return 0;
}
