/* See follow.h. */
#define _POSIX_C_SOURCE 200809L

#include "follow.h"

#include "servers.h"
#include "state/maps.h"
#include "talk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The subscribers, by topic and queue; those of a node before have nothing more to give. */
struct reading {
    chinwag_subscriber *subscriber;
    struct reading *next;
    char *queue;
    char topic[];
};

static struct reading *all;

/* The monitors. As many as a scenario has: they are kept, as one that has ended may yet be told. */
struct monitor {
    uint64_t number;
    struct monitor *next;
    atomic_bool ended;
    char id[];
};

static struct monitor *monitors;

static const char *or_empty(const char *text) {
    return text != NULL ? text : "";
}

static void on_published(const chinwag_published *published, void *user_data) {
    const struct reading *reading = user_data;
    size_t length = 0;
    const uint8_t *bytes = chinwag_published_payload(published, &length);
    struct out out;
    out_start(&out, "published");
    out_pair(&out, "", "topic", chinwag_published_topic(published));
    out_pair(&out, "", "from", chinwag_published_from(published));
    out_pair(&out, "", "queue", reading->queue);
    put_value(&out, bytes, length);
    out_number(&out, "missed", chinwag_published_missed(published));
    out_say(&out);
}

static chinwag_status subscribe(chinwag_node *node, const struct line *line, chinwag_error **err) {
    const char *topic = or_empty(line_get(line, "topic")), *queue = line_get(line, "queue");
    size_t length = strlen(topic) + 1;
    struct reading *reading = malloc(sizeof *reading + length + strlen(or_empty(queue)) + 1);
    if (reading == NULL) {
        abort();
    }
    reading->queue = strcpy(reading->topic + length, or_empty(queue));
    strcpy(reading->topic, topic);
    chinwag_subscription how = {.queue = *reading->queue != '\0' ? reading->queue : NULL,
                                .callback = on_published,
                                .user_data = reading,
                                .free_user_data = NULL};
    chinwag_status status =
        chinwag_subscribe_topic(node, topic, &how, &reading->subscriber, err);
    if (status != CHINWAG_OK) {
        free(reading);
        return status;
    }
    reading->next = all;
    all = reading;
    return status;
}

static void unsubscribe(const struct line *line) {
    for (struct reading **place = &all, *one; (one = *place) != NULL;) {
        if (strcmp(one->topic, or_empty(line_get(line, "topic"))) == 0
            && strcmp(one->queue, or_empty(line_get(line, "queue"))) == 0) {
            *place = one->next;
            chinwag_subscriber_free(one->subscriber);
            free(one);
        } else {
            place = &one->next;
        }
    }
}

static chinwag_status publish(chinwag_node *node, const struct line *line, struct out *out,
                              chinwag_error **err) {
    chinwag_publication said = {
        .topic = or_empty(line_get(line, "topic")), .codec = CHINWAG_CODEC_MSGPACK};
    chinwag_payload *payload = value_of(line);
    size_t count = 0;
    chinwag_status status = chinwag_payload_bytes(payload, &said.payload, &said.length, err);
    if (status == CHINWAG_OK) {
        status = chinwag_publish(node, &said, &count, err);
    }
    chinwag_payload_free(payload);
    out_number(out, "count", count);
    return status;
}

static chinwag_status topics(chinwag_node *node, struct out *out, chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_topics(node, &answer, err);
    size_t count = chinwag_answer_count(answer);
    for (size_t i = 0; i < count; i++) {
        struct out topic;
        out_start(&topic, "topic");
        out_pair(&topic, "", "name", chinwag_answer_name(answer, i));
        out_number(&topic, "members", chinwag_answer_number(chinwag_answer_at(answer, i)));
        out_say(&topic);
    }
    out_number(out, "count", count);
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status put(chinwag_node *node, const struct line *line, chinwag_error **err) {
    size_t length = 0;
    unsigned char *bytes = payload_of(line, &length);
    uint64_t ttl_ms = line_number(line, "ttl_ms", 0);
    chinwag_status status =
        chinwag_put(node, or_empty(line_get(line, "key")), bytes, length, ttl_ms, err);
    free(bytes);
    return status;
}

static void put_bytes(struct out *out, const chinwag_answer *answer) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
    if (bytes != NULL) {
        out_bytes(out, "payload", bytes, length);
    }
}

static void put_entry(struct out *out, const chinwag_answer *entry) {
    out_pair(out, "", "member", chinwag_answer_text(chinwag_answer_get(entry, "member")));
    out_pair(out, "", "key", chinwag_answer_text(chinwag_answer_get(entry, "key")));
    put_bytes(out, chinwag_answer_get(entry, "value"));
}

static chinwag_status get(chinwag_node *node, const struct line *line, struct out *out,
                          chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_get(node, or_empty(line_get(line, "member")),
                                        or_empty(line_get(line, "key")), &answer, err);
    put_bytes(out, answer);
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status entries(chinwag_node *node, const struct line *line, struct out *out,
                              chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_entries(node, or_empty(line_get(line, "prefix")), &answer, err);
    size_t count = chinwag_answer_count(answer);
    for (size_t i = 0; i < count; i++) {
        struct out entry;
        out_start(&entry, "entry");
        put_entry(&entry, chinwag_answer_at(answer, i));
        out_say(&entry);
    }
    out_number(out, "count", count);
    chinwag_answer_free(answer);
    return status;
}

static void on_change(const chinwag_change *change, void *user_data) {
    (void)user_data;
    const char *types[] = {"put", "deleted", "replay-done", "lost"};
    chinwag_change_kind type = chinwag_change_type(change);
    struct out out;
    out_start(&out, "watched");
    out_pair(&out, "", "type", types[type]);
    if (type == CHINWAG_CHANGE_PUT) {
        put_entry(&out, chinwag_change_entry(change));
    } else if (type == CHINWAG_CHANGE_DELETED) {
        out_pair(&out, "", "member", chinwag_change_member(change));
        out_pair(&out, "", "key", chinwag_change_key(change));
    } else if (type == CHINWAG_CHANGE_LOST) {
        out_number(&out, "count", chinwag_change_count(change));
    }
    out_say(&out);
}

static chinwag_status watch(chinwag_node *node, const struct line *line, chinwag_error **err) {
    chinwag_watching how = {.callback = on_change, .replay = line_is(line, "replay", "true")};
    return chinwag_watch(node, or_empty(line_get(line, "prefix")), &how, NULL, err);
}

static void on_down(const chinwag_outcome *outcome, void *user_data) {
    const struct monitor *monitor = user_data;
    const chinwag_answer *down = chinwag_outcome_answer(outcome);
    const char *words[] = {"server", "member", "reason", "text"};
    struct out out;
    if (down == NULL || monitor->ended) {
        return;
    }
    out_start(&out, "down");
    out_pair(&out, "", "id", monitor->id);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *text = chinwag_answer_text(chinwag_answer_get(down, words[i]));
        if (text != NULL) {
            out_pair(&out, "", words[i], text);
        }
    }
    out_say(&out);
}

static chinwag_status monitor(chinwag_node *node, const struct line *line, chinwag_error **err) {
    const char *id = or_empty(line_get(line, "id"));
    struct monitor *made = calloc(1, sizeof *made + strlen(id) + 1);
    if (made == NULL) {
        abort();
    }
    strcpy(made->id, id);
    made->next = monitors;
    monitors = made;
    return chinwag_monitor(node, or_empty(line_get(line, "target")), on_down, made, &made->number,
                           err);
}

static chinwag_status demonitor(chinwag_node *node, const struct line *line) {
    for (struct monitor *one = monitors; one != NULL; one = one->next) {
        if (strcmp(one->id, or_empty(line_get(line, "id"))) == 0) {
            one->ended = true;
            return chinwag_call_cancel(node, one->number);
        }
    }
    return CHINWAG_OK;
}

/* Holds up the thread of the callbacks, for as long as was asked. */
static void on_block(const chinwag_outcome *outcome, void *user_data) {
    (void)outcome;
    struct timespec *time = user_data;
    nanosleep(time, NULL);
    free(time);
}

static chinwag_status block(chinwag_node *node, const struct line *line, chinwag_error **err) {
    struct timespec *time = calloc(1, sizeof *time);
    if (time == NULL) {
        abort();
    }
    unsigned long long ms = line_number(line, "ms", 0);
    time->tv_sec = (time_t)(ms / 1000);
    time->tv_nsec = (long)(ms % 1000 * 1000000);
    /* There is no such server, which the callback is told at once. */
    return chinwag_monitor(node, "nobody-at-all", on_block, time, NULL, err);
}

static chinwag_status loop_state(chinwag_node *node, const struct line *line, struct out *out,
                                 chinwag_error **err) {
    const char *state = NULL;
    chinwag_status status =
        chinwag_loop_state(node, or_empty(line_get(line, "member")), &state, err);
    if (state != NULL) {
        out_pair(out, "", "state", state);
    }
    return status;
}

static chinwag_status counter(chinwag_node *node, const struct line *line, struct out *out,
                              chinwag_error **err) {
    chinwag_counters *counters = NULL;
    chinwag_status status = chinwag_stats(node, &counters, err);
    for (size_t i = 0; i < chinwag_counters_count(counters); i++) {
        if (line_is(line, "name", chinwag_counters_name(counters, i))) {
            out_number(out, "value", chinwag_counters_value(counters, i));
        }
    }
    chinwag_counters_free(counters);
    return status;
}

chinwag_status follow(chinwag_node *node, const char *word, const struct line *line,
                      struct out *out, chinwag_error **err) {
    chinwag_status status = CHINWAG_OK;
    if (strcmp(word, "subscribe_topic") == 0) {
        status = subscribe(node, line, err);
    } else if (strcmp(word, "unsubscribe_topic") == 0) {
        unsubscribe(line);
    } else if (strcmp(word, "publish") == 0) {
        status = publish(node, line, out, err);
    } else if (strcmp(word, "topics") == 0) {
        status = topics(node, out, err);
    } else if (strcmp(word, "put") == 0) {
        status = put(node, line, err);
    } else if (strcmp(word, "delete") == 0) {
        status = chinwag_delete(node, or_empty(line_get(line, "key")), err);
    } else if (strcmp(word, "get") == 0) {
        status = get(node, line, out, err);
    } else if (strcmp(word, "entries") == 0) {
        status = entries(node, line, out, err);
    } else if (strcmp(word, "watch") == 0) {
        status = watch(node, line, err);
    } else if (strcmp(word, "monitor") == 0) {
        status = monitor(node, line, err);
    } else if (strcmp(word, "demonitor") == 0) {
        status = demonitor(node, line);
    } else if (strcmp(word, "loop_state") == 0) {
        status = loop_state(node, line, out, err);
    } else if (strcmp(word, "block") == 0) {
        status = block(node, line, err);
    } else if (strcmp(word, "counter") == 0) {
        status = counter(node, line, out, err);
    } else if (strncmp(word, "map_", 4) == 0) {
        status = maps(node, word, line, out, err);
    } else {
        out_start(out, "unsupported");
    }
    return status;
}
