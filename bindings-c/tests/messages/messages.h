/* What the tests of messages share. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include "check.h"

#define BYTES(text) ((const uint8_t *)(text))

static inline size_t count_hosts(const chinwag_node *node, const char *server) {
    chinwag_answer *hosts = NULL;
    OK(chinwag_hosts(node, server, &hosts, &err));
    size_t count = chinwag_answer_count(hosts);
    chinwag_answer_free(hosts);
    return count;
}

/* A message of text, as bytes. */
static inline chinwag_message message(const char *target, const char *op, const char *text) {
    chinwag_message made = {.target = target, .op = op};
    if (text != NULL) {
        made.payload = BYTES(text);
        made.length = strlen(text);
    }
    return made;
}

static inline bool is_bytes(const chinwag_answer *answer, const char *text) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
    return bytes != NULL && length == strlen(text) && memcmp(bytes, text, length) == 0;
}

/* Calls, and has an answer of that text. */
static inline void call_for(chinwag_node *node, chinwag_message message, const char *text) {
    chinwag_answer *answer = NULL;
    OK(chinwag_call(node, &message, &answer, &err));
    CHECK(chinwag_answer_type(answer) == CHINWAG_ANSWER_PAYLOAD);
    CHECK(is_bytes(answer, text));
    chinwag_answer_free(answer);
}

/* Calls, and fails so; the error is the caller's. */
static inline chinwag_error *call_fails(chinwag_node *node, chinwag_message message,
                                        chinwag_status wanted) {
    chinwag_answer *answer = NULL;
    chinwag_error *err = NULL;
    chinwag_status status = chinwag_call(node, &message, &answer, &err);
    if (status != wanted || answer != NULL || err == NULL) {
        fprintf(stderr, "%s %s: %s, not %s\n", message.target, message.op,
                chinwag_strstatus(status), chinwag_strstatus(wanted));
        _exit(1);
    }
    return err;
}

static inline bool request_is(const chinwag_request *request, const char *op, const char *text) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_request_payload(request, &length);
    return strcmp(chinwag_request_op(request), op) == 0 && bytes != NULL
        && length == strlen(text) && memcmp(bytes, text, length) == 0;
}

static inline chinwag_server *serve_by_hand(chinwag_node *node, const char *name) {
    chinwag_server *server = NULL;
    OK(chinwag_serve(node, name, NULL, &server, &err));
    return server;
}

static inline chinwag_request *next_request(chinwag_server *server) {
    chinwag_request *request = NULL;
    chinwag_status status = chinwag_next_request(server, DEADLINE_MS, &request);
    if (status != CHINWAG_OK) {
        fprintf(stderr, "waiting for a message: %s\n", chinwag_strstatus(status));
        _exit(1);
    }
    return request;
}

static inline void reply(chinwag_request *request, const char *text) {
    OK(chinwag_request_reply(request, BYTES(text), strlen(text), CHINWAG_CODEC_RAW, &err));
    chinwag_request_free(request);
}

static inline uint64_t call_async(chinwag_node *node, chinwag_message message) {
    uint64_t call = 0;
    OK(chinwag_call_async(node, &message, NULL, NULL, &call, &err));
    CHECK(call > 0);
    return call;
}

static inline chinwag_outcome *next_outcome(chinwag_node *node, uint64_t call) {
    chinwag_outcome *outcome = NULL;
    CHECK(chinwag_next_outcome(node, DEADLINE_MS, &outcome) == CHINWAG_OK);
    CHECK(chinwag_outcome_call(outcome) == call);
    return outcome;
}

/* The next outcome is that text. */
static inline void comes_to(chinwag_node *node, uint64_t call, const char *text) {
    chinwag_outcome *outcome = next_outcome(node, call);
    CHECK(chinwag_outcome_error(outcome) == NULL);
    CHECK(is_bytes(chinwag_outcome_answer(outcome), text));
    chinwag_outcome_free(outcome);
}

/* The next outcome is that error; whether it may have happened. */
static inline bool fails_with(chinwag_node *node, uint64_t call, const char *code) {
    chinwag_outcome *outcome = next_outcome(node, call);
    CHECK(chinwag_outcome_answer(outcome) == NULL);
    SAME(chinwag_error_code(chinwag_outcome_error(outcome)), code);
    bool maybe = chinwag_error_maybe_executed(chinwag_outcome_error(outcome));
    chinwag_outcome_free(outcome);
    return maybe;
}

#endif
