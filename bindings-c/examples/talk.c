/*
 * A member that talks: to all, and to one.
 *
 *     cc talk.c -o talk $(pkg-config --cflags --libs chinwag)
 *     ./talk ann -
 *     ./talk bob 127.0.0.1:40123
 *
 * Then type `all hello`, `ann hello`, or `leave`.
 */
#include <chinwag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(chinwag_error *err) {
    printf("%s: %s\n", chinwag_error_code(err), chinwag_error_message(err));
    chinwag_error_free(err);
    return 1;
}

/* Called on a thread of the library, one event at a time. */
static void hear(const chinwag_event *event, void *user_data) {
    (void)user_data;
    const char *name = chinwag_member_name(chinwag_event_member(event));
    const char *sender = chinwag_event_text(event, "sender");
    const char *code = chinwag_event_text(event, "code"), *why = chinwag_event_text(event, "text");
    size_t length;
    const char *text = (const char *)chinwag_event_bytes(event, &length);
    switch (chinwag_event_type(event)) {
    case CHINWAG_EVENT_MEMBER_JOIN: printf("joined %s\n", name); break;
    case CHINWAG_EVENT_MEMBER_LEAVE: printf("left %s\n", name); break;
    case CHINWAG_EVENT_MEMBER_FAILED: printf("failed %s\n", name); break;
    case CHINWAG_EVENT_MESSAGE: printf("%.*s\n", (int)length, text); break;
    case CHINWAG_EVENT_BROADCAST: printf("%s to all: %.*s\n", sender, (int)length, text); break;
    case CHINWAG_EVENT_WARNING: printf("warning %s: %s\n", code, why); break;
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

static chinwag_status say(chinwag_node *node, const char *own, char *to, chinwag_error **err) {
    size_t end = strcspn(to, " ");
    char message[1200], *text = to + end + (to[end] == ' ');
    to[end] = '\0';
    if (strcmp(to, "all") == 0) {
        return chinwag_broadcast(node, (uint8_t *)text, strlen(text), NULL, false, err);
    }
    snprintf(message, sizeof message, "%s: %s", own, text); /* it does not say so itself */
    return chinwag_send(node, to, (uint8_t *)message, strlen(message), true, err);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    chinwag_error *err = NULL;
    if (argc != 3) {
        return fputs("usage: talk NAME SEED|-\n", stderr), 2;
    }
    chinwag_node *node = start(argv[1], argv[2], &err);
    if (node == NULL) {
        return fail(err);
    }
    chinwag_member *self = NULL;
    chinwag_local_member(node, &self, NULL);
    printf("ready %s %s\n", argv[1], chinwag_member_addr(self));
    chinwag_member_free(self);
    chinwag_on_event(node, ~0u, hear, NULL, NULL);
    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "leave\n") != 0) {
        line[strcspn(line, "\n")] = '\0';
        if (say(node, argv[1], line, &err) != CHINWAG_OK) {
            fail(err);
        }
    }
    chinwag_status status = chinwag_leave(node, 5000, &err);
    chinwag_node_free(node);
    return status == CHINWAG_OK ? 0 : fail(err);
}
