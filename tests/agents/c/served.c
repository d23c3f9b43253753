/* The server of the protocol: one message at a time, each server on a thread of its own. */
#define _POSIX_C_SOURCE 200809L

#include "servers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A server. Its thread frees it, once it has no more messages. */
struct served {
    chinwag_node *node;
    chinwag_server *server;
    int64_t sum;
    struct served *next;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct served *all;

static void rest_ms(int64_t ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void reply_with(chinwag_request *request, chinwag_payload *payload) {
    const uint8_t *bytes = NULL;
    size_t length = 0;
    if (chinwag_payload_bytes(payload, &bytes, &length, NULL) == CHINWAG_OK) {
        chinwag_request_reply(request, bytes, length, CHINWAG_CODEC_MSGPACK, NULL);
    }
    chinwag_payload_free(payload);
}

static void reply_int(chinwag_request *request, int64_t number) {
    chinwag_payload *payload = chinwag_payload_new();
    chinwag_payload_int(payload, number);
    reply_with(request, payload);
}

static void reply_text(chinwag_request *request, const char *text) {
    chinwag_payload *payload = chinwag_payload_new();
    chinwag_payload_text(payload, text, strlen(text));
    reply_with(request, payload);
}

/* The payload of a message: its first part. */
static chinwag_payload_part read_part(const chinwag_request *request) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_request_payload(request, &length);
    chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, length);
    chinwag_payload_part part = {0};
    chinwag_payload_read(reader, &part, NULL);
    chinwag_payload_reader_free(reader);
    return part; /* a text is where the request is */
}

static void fail_with(chinwag_request *request, const chinwag_payload_part *part) {
    char text[1024] = "";
    size_t length = part->count < sizeof text ? part->count : sizeof text - 1;
    if (part->text != NULL) {
        memcpy(text, part->text, length);
    }
    chinwag_request_fail(request, "Error", text, NULL);
}

/* Sends an item; whether it can go on. */
static bool send_int(chinwag_stream *stream, int64_t number) {
    chinwag_payload *payload = chinwag_payload_new();
    const uint8_t *bytes = NULL;
    size_t length = 0;
    chinwag_payload_int(payload, number);
    chinwag_status status = chinwag_payload_bytes(payload, &bytes, &length, NULL);
    if (status == CHINWAG_OK) {
        status = chinwag_stream_send(stream, bytes, length, CHINWAG_CODEC_MSGPACK, -1, NULL);
    }
    chinwag_payload_free(payload);
    return status == CHINWAG_OK;
}

/* Reads the items of the request: their sum, or how many were given back. */
static int64_t read_items(chinwag_stream *stream, bool mirrors) {
    int64_t result = 0;
    chinwag_answer *item = NULL;
    while (chinwag_stream_next(stream, -1, &item, NULL) == CHINWAG_OK && item != NULL) {
        size_t length = 0;
        const uint8_t *bytes = chinwag_answer_bytes(item, &length);
        chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, length);
        chinwag_payload_part part = {0};
        chinwag_payload_read(reader, &part, NULL);
        chinwag_payload_reader_free(reader);
        uint8_t codec = (uint8_t)chinwag_answer_codec(item);
        if (mirrors) {
            chinwag_stream_send(stream, bytes, length, codec, -1, NULL);
        }
        result += mirrors ? 1 : part.integer;
        chinwag_answer_free(item);
    }
    return result;
}

static bool answer_stream(chinwag_request *request, const chinwag_payload_part *part) {
    const char *op = chinwag_request_op(request);
    bool breaks = strcmp(op, "break") == 0, counts = breaks || strcmp(op, "count") == 0;
    bool mirrors = strcmp(op, "mirror") == 0;
    chinwag_stream *stream = NULL;
    if (!(counts || mirrors || strcmp(op, "sum") == 0)
        || chinwag_request_stream(request, &stream, NULL) != CHINWAG_OK) {
        return false;
    }
    for (int64_t i = 1; counts && i <= part->integer && send_int(stream, i); i++) {
    }
    int64_t result = counts ? part->integer : read_items(stream, mirrors);
    if (breaks) {
        chinwag_request_fail(request, "Error", "broken", NULL);
    } else {
        reply_int(request, result);
    }
    chinwag_stream_free(stream);
    return true;
}

static void reply_long(chinwag_request *request, size_t count) {
    char *text = malloc(count + 1);
    if (text == NULL) {
        abort();
    }
    memset(text, 'x', count);
    text[count] = '\0';
    reply_text(request, text);
    free(text);
}

/* The header that goes from call to call. */
static const char *trace_of(const chinwag_request *request) {
    const char *trace = chinwag_request_header(request, TRACE);
    return trace != NULL ? trace : "";
}

/* Asks another server what came to it, and answers that. */
static void relay(chinwag_node *node, chinwag_request *request, const chinwag_payload_part *part) {
    char target[1024] = "";
    memcpy(target, part->text, part->count < sizeof target ? part->count : 0);
    chinwag_tag header = {.key = TRACE, .value = trace_of(request)};
    chinwag_message message = {
        .target = target, .op = "traced", .headers = &header, .header_count = 1};
    chinwag_answer *answer = NULL;
    chinwag_error *err = NULL;
    if (chinwag_call(node, &message, &answer, &err) == CHINWAG_OK) {
        size_t length = 0;
        const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
        uint8_t codec = (uint8_t)chinwag_answer_codec(answer);
        chinwag_request_reply(request, bytes, length, codec, NULL);
    } else {
        chinwag_request_fail(request, "Error", chinwag_error_message(err), NULL);
    }
    chinwag_error_free(err);
    chinwag_answer_free(answer);
}

static void answer(struct served *served, chinwag_request *request) {
    const char *op = chinwag_request_op(request);
    const chinwag_payload_part part = read_part(request);
    if (strcmp(op, "echo") == 0) {
        size_t length = 0;
        const uint8_t *bytes = chinwag_request_payload(request, &length);
        uint8_t codec = (uint8_t)chinwag_request_codec(request);
        chinwag_request_reply(request, bytes, length, codec, NULL);
    } else if (strcmp(op, "add") == 0) {
        reply_int(request, served->sum += part.integer);
    } else if (strcmp(op, "get") == 0) {
        reply_int(request, served->sum);
    } else if (strcmp(op, "fail") == 0) {
        fail_with(request, &part);
    } else if (strcmp(op, "wait") == 0) {
        rest_ms(part.integer);
        chinwag_request_reply(request, NULL, 0, 0, NULL);
    } else if (strcmp(op, "never") == 0) {
        while (!chinwag_request_given_up(request)) {
            rest_ms(2);
        }
    } else if (strcmp(op, "who") == 0) {
        reply_text(request, chinwag_request_from(request));
    } else if (strcmp(op, "long") == 0) {
        reply_long(request, (size_t)part.integer);
    } else if (strcmp(op, "traced") == 0) {
        reply_text(request, trace_of(request));
    } else if (strcmp(op, "relay") == 0) {
        relay(served->node, request, &part);
    } else if (!answer_stream(request, &part)) {
        chinwag_request_unknown_op(request, NULL);
    }
}

static void *work(void *data) {
    struct served *served = data, **place = &all;
    chinwag_request *request = NULL;
    while (chinwag_next_request(served->server, -1, &request) == CHINWAG_OK) {
        if (chinwag_request_is_call(request)) {
            answer(served, request);
        } else if (strcmp(chinwag_request_op(request), "add") == 0) {
            served->sum += read_part(request).integer;
        } else if (strcmp(chinwag_request_op(request), "wait") == 0) {
            rest_ms(read_part(request).integer);
        }
        chinwag_request_free(request);
    }
    pthread_mutex_lock(&lock);
    while (*place != served) {
        place = &(*place)->next;
    }
    *place = served->next;
    chinwag_server_free(served->server);
    pthread_mutex_unlock(&lock);
    free(served);
    return NULL;
}

chinwag_status serve_name(chinwag_node *node, const char *name, chinwag_error **err) {
    chinwag_server *server = NULL;
    chinwag_status status = chinwag_serve(node, name, NULL, &server, err);
    if (status != CHINWAG_OK) {
        return status;
    }
    struct served *served = calloc(1, sizeof *served + strlen(name) + 1);
    pthread_t thread;
    if (served == NULL) {
        abort();
    }
    served->node = node;
    served->server = server;
    strcpy(served->name, name);
    pthread_mutex_lock(&lock);
    served->next = all;
    all = served;
    pthread_mutex_unlock(&lock);
    if (pthread_create(&thread, NULL, work, served) != 0) {
        abort();
    }
    pthread_detach(thread);
    return CHINWAG_OK;
}

chinwag_status stop_name(const char *name, const char *reason) {
    chinwag_status status = CHINWAG_OK;
    pthread_mutex_lock(&lock);
    for (struct served *served = all; name != NULL && served != NULL; served = served->next) {
        if (strcmp(served->name, name) == 0) {
            /* Those of nodes before, and those that were stopped, stay so. */
            status = reason != NULL ? chinwag_server_stop_with(served->server, reason)
                                    : chinwag_server_stop(served->server);
        }
    }
    pthread_mutex_unlock(&lock);
    return status;
}
