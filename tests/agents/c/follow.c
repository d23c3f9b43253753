/* See follow.h. */
#include "follow.h"

#include "servers.h"

#include <stdlib.h>
#include <string.h>

/* The subscribers, by topic and queue; those of a node before have nothing more to give. */
struct reading {
    chinwag_subscriber *subscriber;
    struct reading *next;
    char *queue;
    char topic[];
};

static struct reading *all;

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
    } else {
        out_start(out, "unsupported");
    }
    return status;
}
