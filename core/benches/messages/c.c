/*
 * Ours in C; `src/messages/mod.rs` has the commands.
 *
 *     messages server
 *     messages client ADDRESS
 *
 * One caller waits for each answer; several are told of theirs by callbacks.
 */
#include <chinwag.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALL = 64, ROOM = 1 << 24, PATIENCE_MS = 60000, MAILBOX = 200000 };

static uint64_t casts;    /* of the server, whose callback runs one at a time */
static uint32_t *spans;   /* nanoseconds, of the last calls */
static size_t taken;
static uint64_t ends;
static atomic_int callers;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void stop(const char *what, const chinwag_error *err) {
    fprintf(stderr, "%s: %s\n", what, err ? chinwag_error_message(err) : "");
    exit(1);
}

static void serve(chinwag_request *request, void *user_data) {
    (void)user_data;
    size_t length;
    const uint8_t *bytes = chinwag_request_payload(request, &length);
    const char *op = chinwag_request_op(request);
    if (strcmp(op, "add") == 0) {
        casts++;
    } else if (strcmp(op, "echo") == 0) {
        chinwag_request_reply(request, bytes, length, CHINWAG_CODEC_RAW, NULL);
    } else {
        const uint8_t *count = (const uint8_t *)&casts;
        chinwag_request_reply(request, count, sizeof casts, CHINWAG_CODEC_RAW, NULL);
    }
    chinwag_request_free(request);
}

static chinwag_node *start(const char *name) {
    chinwag_error *err = NULL;
    chinwag_node *node = NULL;
    chinwag_config *config = chinwag_config_new();
    /* Who sends faster than the other side reads waits, as on a socket. */
    if (chinwag_config_set(config, "name", name, &err) != CHINWAG_OK
        || chinwag_config_set(config, "bind", "127.0.0.1:0", &err) != CHINWAG_OK
        || chinwag_config_set(config, "outbox_overflow", "block", &err) != CHINWAG_OK
        || chinwag_start(config, &node, &err) != CHINWAG_OK) {
        stop("start", err);
    }
    chinwag_config_free(config);
    return node;
}

static chinwag_message message(const char *op, const uint8_t *payload, size_t length) {
    chinwag_message message = {.target = "echo", .op = op, .payload = payload, .length = length};
    message.codec = CHINWAG_CODEC_RAW;
    return message;
}

/* Asks, and waits for the answer. */
static uint64_t ask(chinwag_node *node, const char *op, const uint8_t *payload, size_t length) {
    chinwag_error *err = NULL;
    chinwag_answer *answer = NULL;
    chinwag_message asked = message(op, payload, length);
    asked.timeout_ms = PATIENCE_MS;
    if (chinwag_call(node, &asked, &answer, &err) != CHINWAG_OK) {
        stop(op, err);
    }
    uint64_t first = 0;
    memcpy(&first, chinwag_answer_bytes(answer, &length), sizeof first);
    chinwag_answer_free(answer);
    return first;
}

/* A caller that does not wait: told of an answer, it asks again. */
typedef struct {
    chinwag_node *node;
    uint64_t began;
    uint8_t payload[CALL];
} caller;

static void told(const chinwag_outcome *outcome, void *user_data) {
    caller *own = user_data;
    uint64_t now = now_ns();
    if (outcome != NULL) {
        if (chinwag_outcome_error(outcome) != NULL) {
            stop("echo", chinwag_outcome_error(outcome));
        }
        if (taken < ROOM) {
            spans[taken++] = (uint32_t)(now - own->began);
        }
    }
    if (now >= ends) {
        atomic_fetch_sub(&callers, 1);
        return;
    }
    own->began = now;
    chinwag_error *err = NULL;
    chinwag_message asked = message("echo", own->payload, CALL);
    if (chinwag_call_async(own->node, &asked, told, own, NULL, &err) != CHINWAG_OK) {
        stop("echo", err);
    }
}

static void count(size_t done, uint64_t began, uint64_t lost) {
    double seconds = (double)(now_ns() - began) / 1e9;
    printf("{\"count\":%zu,\"seconds\":%f,\"lost\":%llu}\n", done, seconds,
           (unsigned long long)lost);
}

static void call(chinwag_node *node, int wanted, double seconds) {
    static caller all[64];
    uint64_t began = now_ns();
    taken = 0;
    ends = began + (uint64_t)(seconds * 1e9);
    if (wanted == 1) {
        for (uint64_t before = began; before < ends && taken < ROOM;) {
            ask(node, "echo", all[0].payload, CALL);
            uint64_t now = now_ns();
            spans[taken++] = (uint32_t)(now - before);
            before = now;
        }
    } else {
        wanted = wanted > 64 ? 64 : wanted;
        atomic_store(&callers, wanted);
        for (int i = 0; i < wanted; i++) {
            all[i].node = node;
            told(NULL, &all[i]);
        }
        while (atomic_load(&callers) > 0) {
            poll(NULL, 0, 1);
        }
    }
    count(taken, began, 0);
}

static void cast(chinwag_node *node, size_t bytes, size_t batch, double seconds) {
    static uint64_t processed;
    uint8_t *payload = calloc(1, bytes);
    uint64_t began = now_ns(), before = processed, sent = 0;
    while ((double)(now_ns() - began) / 1e9 < seconds) {
        for (size_t i = 0; i < batch; i++) {
            chinwag_error *err = NULL;
            chinwag_message told = message("add", payload, bytes);
            if (chinwag_cast(node, &told, &err) != CHINWAG_OK) {
                stop("add", err);
            }
        }
        sent += batch;
        /* No payload at all would be nil, and the answer then a value in MessagePack. */
        processed = ask(node, "count", payload, 0);
    }
    count(processed - before, began, sent - (processed - before));
    free(payload);
}

static int by_length(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static double rank(double share) {
    size_t at = (size_t)(share * (double)taken);
    return taken == 0 ? 0 : spans[at < taken ? at : taken - 1] / 1e3;
}

static void obey(chinwag_node *node, const char *line) {
    int wanted;
    size_t bytes, batch;
    double seconds;
    if (sscanf(line, "call %d %lf", &wanted, &seconds) == 2) {
        call(node, wanted, seconds);
    } else if (sscanf(line, "cast %zu %zu %lf", &bytes, &batch, &seconds) == 3) {
        cast(node, bytes, batch, seconds);
    } else {
        qsort(spans, taken, sizeof *spans, by_length);
        printf("{\"p50_us\":%f,\"p99_us\":%f}\n", rank(0.50), rank(0.99));
    }
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    chinwag_error *err = NULL;
    if (argc > 1 && strcmp(argv[1], "server") == 0) {
        chinwag_node *node = start("server");
        chinwag_service service = {.callback = serve, .mailbox = MAILBOX};
        chinwag_member *self = NULL;
        if (chinwag_serve(node, "echo", &service, NULL, &err) != CHINWAG_OK
            || chinwag_local_member(node, &self, &err) != CHINWAG_OK) {
            stop("serve", err);
        }
        printf("{\"address\":\"%s\"}\n", chinwag_member_addr(self));
        pause();
    }
    if (argc != 3) {
        stop("messages server, or messages client ADDRESS", NULL);
    }
    chinwag_node *node = start("client");
    if (chinwag_join(node, argv[2], NULL, &err) != CHINWAG_OK) {
        stop("join", err);
    }
    /* The first calls find nobody until the servers are known. */
    chinwag_answer *answer = NULL;
    uint8_t nothing[8] = {0};
    chinwag_message first = message("echo", nothing, sizeof nothing);
    while (chinwag_call(node, &first, &answer, NULL) != CHINWAG_OK) {
        poll(NULL, 0, 1);
    }
    chinwag_answer_free(answer);
    spans = calloc(ROOM, sizeof *spans);
    puts("{\"runtime\":\"C, callbacks\"}");
    char line[128];
    while (fgets(line, sizeof line, stdin) != NULL) {
        obey(node, line);
    }
    return 0;
}
