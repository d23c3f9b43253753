/*
 * A member that counts, for whoever calls it, and calls others.
 *
 *     cc counter.c -o counter $(pkg-config --cflags --libs chinwag)
 *     ./counter ann -
 *     ./counter bob 127.0.0.1:40123
 *
 * Then type `counter@ann add 5`, `counter get`, or `leave`.
 */
#include <chinwag.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(chinwag_error *err) {
    printf("%s: %s\n", chinwag_error_code(err), chinwag_error_message(err));
    chinwag_error_free(err);
    return 1;
}

/* What bytes are, if they are one integer. */
static bool integer(const uint8_t *bytes, size_t length, int64_t *number) {
    chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, length);
    chinwag_payload_part part;
    bool is_one = chinwag_payload_read(reader, &part, NULL) == CHINWAG_OK
                  && part.kind == CHINWAG_PAYLOAD_INT;
    *number = is_one ? part.integer : 0;
    chinwag_payload_reader_free(reader);
    return is_one;
}

/* The server: called on a thread of the library, one message at a time. */
static void serve(chinwag_request *request, void *user_data) {
    int64_t *count = user_data, by = 0;
    size_t length;
    const uint8_t *bytes = chinwag_request_payload(request, &length);
    const char *op = chinwag_request_op(request);
    bool counts = strcmp(op, "add") == 0;
    if (!counts && strcmp(op, "get") != 0) {
        chinwag_request_unknown_op(request, NULL);
    } else if (counts && !integer(bytes, length, &by)) {
        chinwag_request_fail(request, "NotAnInteger", "only integers are counted", NULL);
    } else {
        chinwag_payload *payload = chinwag_payload_new();
        chinwag_payload_int(payload, *count += by);
        chinwag_payload_bytes(payload, &bytes, &length, NULL);
        chinwag_request_reply(request, bytes, length, CHINWAG_CODEC_MSGPACK, NULL);
        chinwag_payload_free(payload);
    }
    chinwag_request_free(request);
}

/* Calls as the line says: whom, what, and a number or a text to go along. */
static void ask(chinwag_node *node, char *line) {
    char shown[1024];
    snprintf(shown, sizeof shown, "%s", line);
    char *target = strtok(line, " "), *op = strtok(NULL, " "), *word = strtok(NULL, "");
    chinwag_payload *payload = chinwag_payload_new();
    char *end = word;
    long long number = word ? strtoll(word, &end, 10) : 0;
    if (word == NULL) {
        chinwag_payload_nil(payload);
    } else if (*end == '\0') {
        chinwag_payload_int(payload, number);
    } else {
        chinwag_payload_text(payload, word, strlen(word));
    }
    chinwag_message message = {
        .target = target ? target : "", .op = op ? op : "", .codec = CHINWAG_CODEC_MSGPACK};
    chinwag_payload_bytes(payload, &message.payload, &message.length, NULL);
    chinwag_answer *answer = NULL;
    chinwag_error *err = NULL;
    if (chinwag_call(node, &message, &answer, &err) != CHINWAG_OK) {
        fail(err);
    } else {
        size_t length;
        int64_t count;
        const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
        integer(bytes, length, &count);
        printf("%s: %" PRId64 "\n", shown, count);
    }
    chinwag_answer_free(answer);
    chinwag_payload_free(payload);
}

static chinwag_node *start(const char *name, const char *seed, chinwag_error **err) {
    const char *profile = getenv("CHINWAG_PROFILE");
    chinwag_node *node = NULL;
    chinwag_config *config = chinwag_config_new();
    if (chinwag_config_set(config, "name", name, err) == CHINWAG_OK
        && chinwag_config_set(config, "bind", "127.0.0.1:0", err) == CHINWAG_OK
        && chinwag_config_set(config, "seeds", strcmp(seed, "-") ? seed : "", err) == CHINWAG_OK
        && chinwag_config_set(config, "profile", profile ? profile : "local", err) == CHINWAG_OK
        && chinwag_config_set(config, "handle_signals", "true", err) == CHINWAG_OK) {
        chinwag_start(config, &node, err);
    }
    chinwag_config_free(config);
    return node;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    chinwag_error *err = NULL;
    if (argc != 3) {
        return fputs("usage: counter NAME SEED|-\n", stderr), 2;
    }
    int64_t count = 0;
    chinwag_node *node = start(argv[1], argv[2], &err);
    chinwag_service service = {.callback = serve, .user_data = &count};
    if (node == NULL || chinwag_serve(node, "counter", &service, NULL, &err) != CHINWAG_OK) {
        return fail(err);
    }
    chinwag_member *self = NULL;
    chinwag_local_member(node, &self, NULL);
    printf("ready %s %s\n", argv[1], chinwag_member_addr(self));
    chinwag_member_free(self);
    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "leave\n") != 0) {
        line[strcspn(line, "\n")] = '\0';
        ask(node, line);
    }
    chinwag_status status = chinwag_leave(node, 5000, &err);
    chinwag_node_free(node);
    return status == CHINWAG_OK ? 0 : fail(err);
}
