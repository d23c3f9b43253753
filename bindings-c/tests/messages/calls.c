/* Calls and casts, to this node and another one. */
#include "messages.h"

/* A server that does what its operation says. */
struct counter {
    const char *node;
    chinwag_node *self;
    atomic_long sum;
    atomic_int casts, freed;
};

/* Asks the other node, within the time that is left, from inside of the callback. */
static void relay(chinwag_request *request, struct counter *counter) {
    chinwag_message asked = message("counter@b", "who", NULL);
    asked.timeout_ms = (uint32_t)chinwag_request_remaining_ms(request);
    chinwag_answer *told = NULL;
    OK(chinwag_call(counter->self, &asked, &told, &err));
    CHECK(is_bytes(told, "a"));
    chinwag_answer_free(told);
    OK(chinwag_request_reply(request, BYTES("relayed"), 7, 0, &err));
}

static void answer(chinwag_request *request, struct counter *counter) {
    const char *op = chinwag_request_op(request);
    size_t length;
    const uint8_t *bytes = chinwag_request_payload(request, &length);
    int32_t codec = chinwag_request_codec(request);
    CHECK(codec >= 0 && chinwag_request_remaining_ms(request) > 0);
    CHECK(!chinwag_request_given_up(request));
    if (strcmp(op, "echo") == 0) {
        OK(chinwag_request_reply(request, bytes, length, (uint8_t)codec, &err));
    } else if (strcmp(op, "who") == 0) {
        const char *from = chinwag_request_from(request);
        OK(chinwag_request_reply(request, BYTES(from), strlen(from), 0, &err));
    } else if (strcmp(op, "host") == 0) {
        OK(chinwag_request_reply(request, BYTES(counter->node), 1, 0, &err));
    } else if (strcmp(op, "key") == 0) {
        const uint8_t *key = chinwag_request_key(request, &length);
        OK(chinwag_request_reply(request, key, length, 0, &err));
    } else if (strcmp(op, "header") == 0) {
        CHECK(chinwag_request_header_count(request) == 2);
        SAME(chinwag_request_header_name(request, 1), "lang");
        CHECK(chinwag_request_header(request, "none") == NULL);
        const char *trace = chinwag_request_header(request, "traceparent");
        OK(chinwag_request_reply(request, BYTES(trace), strlen(trace), 0, &err));
    } else if (strcmp(op, "relay") == 0) {
        relay(request, counter);
    } else if (strcmp(op, "nothing") == 0) {
        OK(chinwag_request_reply(request, NULL, 0, 0, &err));
    } else if (strcmp(op, "fail") == 0) {
        OK(chinwag_request_fail(request, "OutOfStock", "no tea", &err));
    } else if (strcmp(op, "forget") != 0) {
        OK(chinwag_request_unknown_op(request, &err));
    }
}

static void on_request(chinwag_request *request, void *user_data) {
    struct counter *counter = user_data;
    if (chinwag_request_is_call(request)) {
        answer(request, counter);
    } else {
        size_t length;
        const uint8_t *bytes = chinwag_request_payload(request, &length);
        CHECK(length == 1 && chinwag_request_remaining_ms(request) == -1);
        CHECK(chinwag_request_reply(request, bytes, 1, 0, NULL) == CHINWAG_EBADARGUMENT);
        counter->sum += bytes[0] - '0';
        ++counter->casts;
    }
    chinwag_request_free(request);
}

static void on_freed(void *user_data) {
    ++((struct counter *)user_data)->freed;
}

static void serve(chinwag_node *node, struct counter *counter) {
    chinwag_service service = {
        .callback = on_request, .user_data = counter, .free_user_data = on_freed};
    OK(chinwag_serve(node, "counter", &service, NULL, &err));
}

static void echoes(chinwag_node *node, const char *target) {
    const uint8_t codecs[] = {CHINWAG_CODEC_RAW, CHINWAG_CODEC_MSGPACK, CHINWAG_CODEC_JSON,
                              CHINWAG_CODEC_USER, 255};
    for (size_t i = 0; i < sizeof codecs; i++) {
        chinwag_message asked = message(target, "echo", "\x83 any bytes");
        asked.codec = codecs[i];
        chinwag_answer *told = NULL;
        OK(chinwag_call(node, &asked, &told, &err));
        CHECK(is_bytes(told, "\x83 any bytes") && chinwag_answer_codec(told) == codecs[i]);
        chinwag_answer_free(told);
    }
    /* Nothing is nil, and not an empty text; that can be sent as well. */
    chinwag_answer *told = NULL;
    chinwag_message nothing = message(target, "echo", NULL);
    OK(chinwag_call(node, &nothing, &told, &err));
    CHECK(is_bytes(told, "\xc0") && chinwag_answer_codec(told) == CHINWAG_CODEC_MSGPACK);
    chinwag_answer_free(told);
    call_for(node, message(target, "nothing", NULL), "\xc0");
    call_for(node, message(target, "echo", ""), "");
}

static void calls(chinwag_node *node, const char *own, const char *target, const char *host) {
    echoes(node, target);
    call_for(node, message(target, "who", NULL), own);
    call_for(node, message(target, "host", NULL), host);
    chinwag_tag headers[] = {{"traceparent", "00-ab"}, {"lang", "c"}};
    chinwag_message asked = message(target, "header", NULL);
    asked.headers = headers;
    asked.header_count = 2;
    call_for(node, asked, "00-ab");

    chinwag_error *err = call_fails(node, message(target, "fail", NULL), CHINWAG_EREMOTEERROR);
    SAME(chinwag_error_remote_node(err), host);
    SAME(chinwag_error_remote_language(err), "c");
    SAME(chinwag_error_remote_class(err), "OutOfStock");
    SAME(chinwag_error_remote_message(err), "no tea");
    CHECK(chinwag_error_remote_stack(err) == NULL && chinwag_error_maybe_executed(err));
    chinwag_error_free(err);
    err = call_fails(node, message(target, "forget", NULL), CHINWAG_EREMOTEERROR);
    SAME(chinwag_error_remote_class(err), "Unanswered");
    chinwag_error_free(err);
    err = call_fails(node, message(target, "dance", NULL), CHINWAG_EUNKNOWNOP);
    CHECK(strstr(chinwag_error_message(err), "\"dance\"") != NULL);
    CHECK(!chinwag_error_maybe_executed(err));
    chinwag_error_free(err);
}

static void keys(chinwag_node *a) {
    chinwag_member *owner = NULL;
    for (char key[] = "user@1#0"; key[7] <= '9'; key[7]++) {
        char target[32];
        snprintf(target, sizeof target, "counter#%s", key);
        call_for(a, message(target, "key", NULL), key);
        OK(chinwag_owner(a, BYTES(key), strlen(key), &owner, &err));
        call_for(a, message(target, "host", NULL), chinwag_member_name(owner));
        chinwag_member_free(owner);
    }
}

static void casts(chinwag_node *node, const char *target, struct counter *counter) {
    long before = counter->sum, count = counter->casts;
    chinwag_message said = message(target, "add", "3");
    OK(chinwag_cast(node, &said, &err));
    said.timeout_ms = 0;
    said.latest = true;
    said.payload = BYTES("4");
    OK(chinwag_cast(node, &said, &err));
    UNTIL(counter->sum == before + 7 && counter->casts == count + 2);
    said = message("nobody", "add", "3");
    chinwag_error *err = NULL;
    CHECK(chinwag_cast(node, &said, &err) == CHINWAG_ENOSERVER);
    CHECK(!chinwag_error_maybe_executed(err));
    chinwag_error_free(err);
}

static void refused(chinwag_node *a) {
    chinwag_error *err = call_fails(a, message("nobody", "echo", "x"), CHINWAG_ENOSERVER);
    CHECK(!chinwag_error_maybe_executed(err) && chinwag_error_retryable(err));
    CHECK(chinwag_error_remote_class(err) == NULL);
    chinwag_error_free(err);
    chinwag_error_free(
        call_fails(a, message("counter@nobody", "echo", "x"), CHINWAG_EUNKNOWNMEMBER));
    chinwag_error_free(call_fails(a, message("cou nter", "echo", "x"), CHINWAG_EBADARGUMENT));
    chinwag_error_free(call_fails(a, message("counter", "", "x"), CHINWAG_EBADARGUMENT));
    size_t much = 64 << 20;
    uint8_t *large = calloc(1, much);
    CHECK(large != NULL);
    chinwag_message asked = {
        .target = "counter@b", .op = "echo", .payload = large, .length = much};
    chinwag_error_free(call_fails(a, asked, CHINWAG_ETOOLARGE));
    free(large);
}

static void several(chinwag_node *a, struct counter *own, struct counter *other) {
    chinwag_message asked = message("counter", "host", NULL);
    chinwag_answer *told = NULL;
    for (size_t min_ok = 0; min_ok <= 2; min_ok += 2) {
        OK(chinwag_multi_call(a, &asked, min_ok, &told, &err));
        const chinwag_answer *replies = chinwag_answer_get(told, "replies");
        CHECK(chinwag_answer_count(replies) == 2);
        CHECK(is_bytes(chinwag_answer_get(replies, "a"), "a"));
        CHECK(is_bytes(chinwag_answer_get(replies, "b"), "b"));
        CHECK(chinwag_answer_count(chinwag_answer_get(told, "failed")) == 0);
        chinwag_answer_free(told);
    }
    asked.op = "fail";
    OK(chinwag_multi_call(a, &asked, 0, &told, &err));
    CHECK(chinwag_answer_count(chinwag_answer_get(told, "replies")) == 0);
    const chinwag_answer *failed = chinwag_answer_get(chinwag_answer_get(told, "failed"), "b");
    CHECK(chinwag_answer_type(failed) == CHINWAG_ANSWER_ERROR);
    SAME(chinwag_error_remote_class(chinwag_answer_error(failed)), "OutOfStock");
    chinwag_answer_free(told);
    told = NULL;
    CHECK(chinwag_multi_call(a, &asked, 1, &told, NULL) == CHINWAG_ENOQUORUM && told == NULL);
    asked.target = "nobody";
    CHECK(chinwag_multi_call(a, &asked, 1, &told, NULL) == CHINWAG_ENOSERVER && told == NULL);
    size_t count = 7;
    CHECK(chinwag_abcast(a, &asked, &count, NULL) == CHINWAG_ENOSERVER && count == 7);
    long before[] = {own->sum, other->sum};
    chinwag_message said = message("counter", "add", "2");
    OK(chinwag_abcast(a, &said, &count, &err));
    CHECK(count == 2);
    OK(chinwag_abcast(a, &said, NULL, &err));
    UNTIL(own->sum == before[0] + 4 && other->sum == before[1] + 4);
}

static void known(chinwag_node *node) {
    chinwag_answer *told = NULL;
    OK(chinwag_hosts(node, "counter", &told, &err));
    CHECK(chinwag_answer_count(told) == 2);
    SAME(chinwag_answer_text(chinwag_answer_at(told, 0)), "a");
    SAME(chinwag_answer_text(chinwag_answer_at(told, 1)), "b");
    chinwag_answer_free(told);
    OK(chinwag_servers(node, &told, &err));
    CHECK(chinwag_answer_count(told) == 1);
    CHECK(chinwag_answer_number(chinwag_answer_get(told, "counter")) == 2);
    chinwag_answer_free(told);
    CHECK(count_hosts(node, "nobody") == 0);
}

/* A thread that calls again and again, beside others. */
static void *call_often(void *node) {
    for (int i = 0; i < 25; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        call_for(node, message(i % 2 ? "counter@a" : "counter@b", "echo", text), text);
    }
    return NULL;
}

static void side_by_side(chinwag_node *node) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        CHECK(pthread_create(&threads[i], NULL, call_often, node) == 0);
    }
    for (int i = 0; i < 8; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void misuse(chinwag_node *a) {
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_message good = message("counter", "echo", "x"), none = {0};
    chinwag_message holes[] = {good, good, good, good, good};
    holes[0].target = NULL;
    holes[1].op = "\xff";
    holes[2].payload = NULL;
    holes[3].length = SIZE_MAX;
    holes[4].header_count = 1;
    chinwag_answer *told = NULL;
    chinwag_node *node = a;
    for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
        CHECK(chinwag_call(a, &holes[i], &told, NULL) == bad && told == NULL);
        CHECK(chinwag_cast(a, &holes[i], NULL) == bad);
        CHECK(chinwag_multi_call(a, &holes[i], 0, &told, NULL) == bad && told == NULL);
        CHECK(chinwag_abcast(a, &holes[i], NULL, NULL) == bad);
    }
    CHECK(chinwag_call(NULL, &good, &told, NULL) == bad);
    CHECK(chinwag_call(a, NULL, &told, NULL) == bad && chinwag_call(a, &none, &told, NULL) == bad);
    CHECK(chinwag_call(a, &good, NULL, NULL) == bad);
    CHECK(chinwag_cast(NULL, &good, NULL) == bad && chinwag_cast(a, NULL, NULL) == bad);
    CHECK(chinwag_multi_call(NULL, &good, 0, &told, NULL) == bad);
    CHECK(chinwag_multi_call(a, &good, 0, NULL, NULL) == bad);
    CHECK(chinwag_abcast(NULL, &good, NULL, NULL) == bad);
    good.latest = true; /* not to several */
    CHECK(chinwag_multi_call(a, &good, 0, &told, NULL) == bad);
    CHECK(chinwag_abcast(a, &good, NULL, NULL) == bad);
    CHECK(chinwag_hosts(NULL, "counter", &told, NULL) == bad);
    CHECK(chinwag_hosts(node, NULL, &told, NULL) == bad);
    CHECK(chinwag_hosts(node, "counter", NULL, NULL) == bad);
    CHECK(chinwag_servers(NULL, &told, NULL) == bad && chinwag_servers(node, NULL, NULL) == bad);
    CHECK(told == NULL);
}

static void when_closed(chinwag_node *node) {
    const chinwag_status closed = CHINWAG_ECLOSED;
    chinwag_answer *told = NULL;
    chinwag_message good = message("counter", "echo", "x");
    CHECK(chinwag_call(node, &good, &told, NULL) == closed && told == NULL);
    CHECK(chinwag_cast(node, &good, NULL) == closed);
    CHECK(chinwag_multi_call(node, &good, 0, &told, NULL) == closed && told == NULL);
    CHECK(chinwag_abcast(node, &good, NULL, NULL) == closed);
    CHECK(chinwag_call_async(node, &good, NULL, NULL, NULL, NULL) == closed);
    CHECK(chinwag_serve(node, "late", NULL, (chinwag_server *[1]){NULL}, NULL) == closed);
    OK(chinwag_servers(node, &told, &err)); /* it tells what was known */
    chinwag_answer_free(told);
}

int main(void) {
    alarm(300);
    chinwag_node *a = start("a", NULL);
    char addr[64];
    address(a, addr, sizeof addr);
    chinwag_node *b = start("b", addr);
    UNTIL(count_members(a) == 2 && count_members(b) == 2);
    struct counter of_a = {.node = "a", .self = a}, of_b = {.node = "b", .self = b};
    serve(b, &of_b);
    UNTIL(count_hosts(a, "counter") == 1);
    calls(a, "a", "counter", "b");
    serve(a, &of_a);
    UNTIL(count_hosts(a, "counter") == 2 && count_hosts(b, "counter") == 2);
    calls(a, "a", "counter", "a"); /* this node's first */
    calls(b, "b", "counter@a", "a");
    call_for(b, message("counter@a", "relay", NULL), "relayed");
    keys(a);
    casts(a, "counter", &of_a);
    casts(a, "counter@b", &of_b);
    refused(a);
    several(a, &of_a, &of_b);
    known(a);
    side_by_side(a);
    misuse(a);
    CHECK(of_b.freed == 0 && chinwag_close(b) == CHINWAG_OK && of_b.freed == 1);
    when_closed(b);
    chinwag_node_free(b);
    chinwag_node_free(a);
    CHECK(of_a.freed == 1 && of_b.freed == 1);
    puts("ok");
    return 0;
}
