/*
 * A member that publishes what is typed, and shows what comes on the topics that it subscribes to.
 *
 *     cc orders.c -o orders $(pkg-config --cflags --libs chinwag)
 *     ./orders ann -
 *     ./orders bob 127.0.0.1:40123
 *
 * Then type `subscribe orders`, `subscribe jobs workers`, `publish orders tea`, `topics`, or
 * `leave`. Of those in a queue, such as `workers`, one gets each publication.
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

/* Called on a thread of the library, one publication at a time. */
static void show(const chinwag_published *order, void *user_data) {
    (void)user_data;
    size_t length;
    const uint8_t *bytes = chinwag_published_payload(order, &length);
    chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, length);
    chinwag_payload_part part;
    bool is_text = chinwag_payload_read(reader, &part, NULL) == CHINWAG_OK
                   && part.kind == CHINWAG_PAYLOAD_TEXT;
    char late[40] = "";
    if (chinwag_published_missed(order) > 0) {
        snprintf(late, sizeof late, " (%" PRIu64 " missed)", chinwag_published_missed(order));
    }
    printf("%s by %s: %.*s%s\n", chinwag_published_topic(order), chinwag_published_from(order),
           is_text ? (int)part.count : 1, is_text ? part.text : "?", late);
    chinwag_payload_reader_free(reader);
}

static void subscribe(chinwag_node *node, const char *topic, const char *queue) {
    chinwag_subscription how = {.queue = queue, .callback = show};
    chinwag_error *err = NULL;
    /* Nobody asks for the subscriber, so it ends with the node. */
    if (chinwag_subscribe_topic(node, topic, &how, NULL, &err) != CHINWAG_OK) {
        fail(err);
    } else {
        printf("subscribed to %s\n", topic);
    }
}

static void publish(chinwag_node *node, const char *topic, const char *text) {
    chinwag_payload *payload = chinwag_payload_new();
    chinwag_publication said = {.topic = topic, .codec = CHINWAG_CODEC_MSGPACK};
    chinwag_error *err = NULL;
    size_t count = 0;
    chinwag_payload_text(payload, text, strlen(text));
    if (chinwag_payload_bytes(payload, &said.payload, &said.length, &err) != CHINWAG_OK
        || chinwag_publish(node, &said, &count, &err) != CHINWAG_OK) {
        fail(err);
    } else {
        printf("sent to %zu\n", count);
    }
    chinwag_payload_free(payload);
}

static void topics(chinwag_node *node) {
    chinwag_answer *answer = NULL;
    chinwag_error *err = NULL;
    if (chinwag_topics(node, &answer, &err) != CHINWAG_OK) {
        fail(err);
        return;
    }
    printf("topics");
    for (size_t i = 0; i < chinwag_answer_count(answer); i++) {
        int64_t members = chinwag_answer_number(chinwag_answer_at(answer, i));
        printf(" %s=%" PRId64, chinwag_answer_name(answer, i), members);
    }
    putchar('\n');
    chinwag_answer_free(answer);
}

static void obey(chinwag_node *node, char *line) {
    char *word = strtok(line, " "), *topic = strtok(NULL, " "), *more = strtok(NULL, "");
    if (word != NULL && strcmp(word, "subscribe") == 0) {
        subscribe(node, topic ? topic : "", more);
    } else if (word != NULL && strcmp(word, "publish") == 0) {
        publish(node, topic ? topic : "", more ? more : "");
    } else {
        topics(node);
    }
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
        return fputs("usage: orders NAME SEED|-\n", stderr), 2;
    }
    chinwag_node *node = start(argv[1], argv[2], &err);
    chinwag_member *self = NULL;
    if (node == NULL || chinwag_local_member(node, &self, &err) != CHINWAG_OK) {
        return fail(err);
    }
    printf("ready %s %s\n", argv[1], chinwag_member_addr(self));
    chinwag_member_free(self);
    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "leave\n") != 0) {
        line[strcspn(line, "\n")] = '\0';
        obey(node, line);
    }
    chinwag_status status = chinwag_leave(node, 5000, &err);
    chinwag_node_free(node);
    return status == CHINWAG_OK ? 0 : fail(err);
}
