/*
 * A cache that is spread over its members: each has the keys of its slots, and hands them on.
 *
 *     cc shard.c -o shard $(pkg-config --cflags --libs chinwag)
 *     ./shard ann -
 *     ./shard bob 127.0.0.1:40123
 *
 * Then type `put KEY VALUE`, `get KEY`, `keys`, `drain` (the others take over), or `leave`.
 */
#include <chinwag.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 65536, ENTRIES = 1000, WAITING = 50, LINE = 512 };
#define BYTES(text) (const uint8_t *)(text), strlen(text)

static chinwag_node *node;
static const char *own;    /* the name of this node */
static chinwag_ring *ring; /* the newest one */
static enum { ELSEWHERE, HELD, GOING } slots[SLOTS]; /* what is held may be written here */
static struct entry { char key[LINE], value[LINE]; } entries[ENTRIES];
static char waiting[WAITING][LINE]; /* requests for slots that are about to come */
static size_t entry_count, waiting_count;

static int complain(chinwag_error *err) {
    printf("%s: %s\n", chinwag_error_code(err), chinwag_error_message(err));
    chinwag_error_free(err);
    return 1;
}

static void send_to(const char *member, const char *text) {
    chinwag_error *err = NULL;
    if (chinwag_send(node, member, BYTES(text), true, &err) != CHINWAG_OK) {
        complain(err);
    }
}

static void answer(const char *asker, const char *what, const char *key, const char *value) {
    char text[3 * LINE];
    snprintf(text, sizeof text, "say %s %s%s%s at %s", what, key, *value ? " " : "", value, own);
    strcmp(asker, own) == 0 ? (void)puts(text + 4) : send_to(asker, text);
}

static int state(const char *key) {
    int64_t slot = chinwag_ring_slot(ring, BYTES(key));
    return slot < 0 || slot >= SLOTS ? ELSEWHERE : slots[slot];
}

/* The entry of a key, or the first that is free. */
static struct entry *find(const char *key) {
    struct entry *entry = entries;
    while (entry < entries + entry_count && strcmp(entry->key, key) != 0) {
        entry++;
    }
    return entry;
}

static bool store(const char *key, const char *value) {
    struct entry *entry = find(key);
    if (entry == entries + ENTRIES) {
        return false;
    }
    entry_count += entry == entries + entry_count;
    snprintf(entry->key, sizeof entry->key, "%s", key);
    snprintf(entry->value, sizeof entry->value, "%s", value);
    return true;
}

/* Ends the text at its first word or line; what follows is left. */
static char *cut(char **text, const char *end) {
    char *word = *text;
    *text += strcspn(word, end);
    if (**text != '\0') {
        *(*text)++ = '\0';
    }
    return word;
}

/* `put FROM KEY VALUE` or `get FROM KEY`, from here or from another member. */
static void ask(const char *request) {
    char copy[LINE], *value = copy;
    snprintf(copy, sizeof copy, "%s", request);
    bool put = strcmp(cut(&value, " "), "put") == 0;
    const char *asker = cut(&value, " "), *key = cut(&value, " ");
    const char *owner = chinwag_ring_owner(ring, BYTES(key));
    if (state(key) == HELD && put) {
        answer(asker, store(key, value) ? "stored" : "full", key, "");
    } else if (state(key) == HELD) {
        bool known = find(key) < entries + entry_count;
        answer(asker, known ? "value" : "none", key, known ? find(key)->value : "");
    } else if (owner == NULL || strcmp(owner, own) == 0) {
        if (waiting_count < WAITING) {
            snprintf(waiting[waiting_count++], LINE, "%s", request);
        }
    } else if (strcmp(asker, own) == 0) {
        send_to(owner, request);
    } else {
        answer(asker, "moved", key, ""); /* who asks does not see the same members yet */
    }
}

/* From now on nothing of these slots is written here; their next owner gets what is. */
static void hand_on(uint64_t id, const char *peer, size_t count) {
    static char text[(ENTRIES + 1) * 2 * LINE];
    char *end = text + sprintf(text, "take");
    for (size_t i = 0; i < entry_count;) {
        if (state(entries[i].key) == GOING) {
            end += sprintf(end, "\n%s %s", entries[i].key, entries[i].value);
            entries[i] = entries[--entry_count];
        } else {
            i++;
        }
    }
    if (end > text + strlen("take")) {
        /* It has arrived when this returns, and comes before what the release brings about. */
        send_to(peer, text);
    }
    chinwag_error *err = NULL;
    if (chinwag_released(node, id, &err) != CHINWAG_OK) {
        complain(err); /* its time is over */
    } else {
        printf("released %zu slots to %s\n", count, peer);
    }
}

static void read_message(char *message) {
    char *head = cut(&message, "\n");
    if (strncmp(head, "put ", 4) == 0 || strncmp(head, "get ", 4) == 0) {
        ask(head);
    } else if (strncmp(head, "say ", 4) == 0) {
        puts(head + 4);
    }
    while (strcmp(head, "take") == 0 && *message != '\0') {
        char *value = cut(&message, "\n"), *key = cut(&value, " ");
        if (state(key) != HELD) { /* else it comes too late, and there may be something newer */
            store(key, value);
        }
    }
}

static void hear(const chinwag_event *event) {
    size_t count = 0, length = 0;
    chinwag_event_kind kind = chinwag_event_type(event);
    const char *peer = chinwag_event_text(event, "peer");
    const uint32_t *numbers = chinwag_event_slots(event, &count);
    for (size_t i = 0; i < count; i++) {
        slots[numbers[i]] = kind == CHINWAG_EVENT_HANDOFF_ACQUIRED ? HELD : GOING;
    }
    if (kind == CHINWAG_EVENT_HANDOFF_PREPARE) {
        hand_on(chinwag_event_number(event, "id"), peer, count);
        for (size_t i = 0; i < count; i++) {
            slots[numbers[i]] = ELSEWHERE;
        }
    } else if (kind == CHINWAG_EVENT_HANDOFF_ACQUIRED) {
        const char *how = chinwag_event_flag(event, "clean") ? "clean" : "unclean";
        printf("acquired %zu slots from %s (%s)\n", count, *peer ? peer : "nobody", how);
    } else if (kind == CHINWAG_EVENT_MESSAGE) {
        const uint8_t *bytes = chinwag_event_bytes(event, &length);
        char *message = calloc(1, length + 1);
        read_message(memcpy(message, bytes, length));
        free(message);
    }
    /* Slots may have come, or be somebody else's now. */
    static char requests[WAITING][LINE];
    size_t again = waiting_count;
    memcpy(requests, waiting, sizeof waiting);
    waiting_count = 0;
    for (size_t i = 0; i < again; i++) {
        ask(requests[i]);
    }
}

static int by_key(const void *one, const void *other) {
    return strcmp(((const struct entry *)one)->key, ((const struct entry *)other)->key);
}

static void type(char *line) {
    char request[2 * LINE];
    chinwag_error *err = NULL;
    if (strncmp(line, "put ", 4) == 0 || strncmp(line, "get ", 4) == 0) {
        snprintf(request, sizeof request, "%.4s%s %s", line, own, line + 4);
        ask(request);
    } else if (strcmp(line, "keys") == 0) {
        qsort(entries, entry_count, sizeof *entries, by_key);
        printf("keys");
        for (size_t i = 0; i < entry_count; i++) {
            printf(" %s", entries[i].key);
        }
        puts("");
    } else if (strcmp(line, "drain") == 0 && chinwag_update_tag(node, "weight", "0", &err)) {
        complain(err);
    }
}

static void start(const char *seed, chinwag_error **err) {
    const char *profile = getenv("CHINWAG_PROFILE");
    chinwag_config *config = chinwag_config_new();
    if (chinwag_config_set(config, "name", own, err) == CHINWAG_OK
        && chinwag_config_set(config, "bind", "127.0.0.1:0", err) == CHINWAG_OK
        && chinwag_config_set(config, "seeds", strcmp(seed, "-") ? seed : "", err) == CHINWAG_OK
        && chinwag_config_set(config, "profile", profile ? profile : "local", err) == CHINWAG_OK
        && chinwag_config_set(config, "handoff_timeout", "5s", err) == CHINWAG_OK
        && chinwag_config_set(config, "handle_signals", "true", err) == CHINWAG_OK) {
        chinwag_start(config, &node, err);
    }
    chinwag_config_free(config);
}

/* Hears and obeys until the last line, on one thread. */
static void serve(void) {
    char line[LINE];
    struct pollfd ready[] = {{.fd = chinwag_event_fd(node), .events = POLLIN},
                             {.fd = 0, .events = POLLIN}};
    ring = chinwag_node_ring(node); /* from now on it is kept, and told of */
    while (poll(ready, 2, -1) >= 0 || errno == EINTR) {
        chinwag_ring_free(ring);
        ring = chinwag_node_ring(node);
        chinwag_event *event;
        while (chinwag_next_event(node, 0, &event) == CHINWAG_OK) {
            hear(event);
            chinwag_event_free(event);
        }
        if (ready[1].revents != 0) {
            if (fgets(line, sizeof line, stdin) == NULL || strcmp(line, "leave\n") == 0) {
                break;
            }
            line[strcspn(line, "\n")] = '\0';
            type(line);
        }
    }
    chinwag_ring_free(ring);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll does not see what a buffer has */
    if (argc != 3) {
        return fputs("usage: shard NAME SEED|-\n", stderr), 2;
    }
    chinwag_error *err = NULL;
    own = argv[1];
    start(argv[2], &err);
    if (node == NULL) {
        return complain(err);
    }
    chinwag_member *self = NULL;
    chinwag_local_member(node, &self, NULL);
    printf("ready %s %s\n", own, chinwag_member_addr(self));
    chinwag_member_free(self);
    serve();
    chinwag_status status = chinwag_leave(node, 5000, &err);
    chinwag_node_free(node);
    return status == CHINWAG_OK ? 0 : complain(err);
}
