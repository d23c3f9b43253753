/* See talk.h. */
#include "talk.h"

#include "rings.h"

#include <stdlib.h>
#include <string.h>

unsigned char *payload_of(const struct line *line, size_t *length) {
    size_t times = (size_t)line_number(line, "repeat", 1), piece = 0;
    const char *bytes = "";
    for (size_t i = 0; i < line->count; i++) {
        if (strcmp(line->pairs[i].key, "payload") == 0) {
            bytes = line->pairs[i].value;
            piece = line->pairs[i].length;
        }
    }
    *length = piece * times;
    unsigned char *payload = malloc(*length + 1);
    if (payload == NULL) {
        abort();
    }
    for (size_t i = 0; i < times; i++) {
        memcpy(payload + i * piece, bytes, piece);
    }
    return payload;
}

static void put_time(struct out *out, uint64_t time_ns) {
    out_number(out, "us", time_ns / 1000);
}

static chinwag_status ping(chinwag_node *node, const struct line *line, struct out *out,
                           chinwag_error **err) {
    uint64_t time_ns = 0;
    chinwag_status status = chinwag_ping(node, line_get(line, "member"), &time_ns, err);
    put_time(out, time_ns);
    return status;
}

static void put_answer_bytes(struct out *out, const chinwag_answer *answer) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
    out_bytes(out, "payload", bytes, length);
}

static chinwag_status round_trip(chinwag_node *node, const struct line *line, struct out *out,
                                 chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_round_trip(node, line_get(line, "member"), &answer, err);
    const chinwag_answer *smoothed = chinwag_answer_get(answer, "smoothed");
    if (chinwag_answer_type(smoothed) == CHINWAG_ANSWER_DURATION) {
        put_time(out, chinwag_answer_number(smoothed));
    }
    put_answer_bytes(out, chinwag_answer_get(answer, "payload"));
    chinwag_answer_free(answer);
    return status;
}

/* Asks, and says the answers. */
static chinwag_status query(chinwag_node *node, const struct line *line, struct out *out,
                            chinwag_error **err) {
    chinwag_question question = {0};
    unsigned char *payload = payload_of(line, &question.length);
    question.name = line_get(line, "name");
    question.payload = payload;
    question.timeout_ms = (uint32_t)line_number(line, "timeout_ms", 0);
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_query(node, &question, &answer, err);
    const chinwag_answer *responses = chinwag_answer_get(answer, "responses");
    size_t count = chinwag_answer_count(responses);
    for (size_t i = 0; i < count; i++) {
        const chinwag_answer *response = chinwag_answer_at(responses, i);
        struct out told;
        out_start(&told, "response");
        out_pair(&told, "", "sender",
                 chinwag_answer_text(chinwag_answer_get(response, "sender")));
        put_answer_bytes(&told, chinwag_answer_get(response, "payload"));
        out_say(&told);
    }
    bool complete = chinwag_answer_flag(chinwag_answer_get(answer, "complete"));
    out_number(out, "count", count);
    out_pair(out, "", "complete", complete ? "true" : "false");
    chinwag_answer_free(answer);
    free(payload);
    return status;
}

/* Has every member change its keys, and says what came of it. */
static chinwag_status cluster_keys(chinwag_node *node, const struct line *line, struct out *out,
                                   chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_cluster_keys(node, line_get(line, "op"), line_get(line, "key"),
                                                 &answer, err);
    size_t count = chinwag_answer_count(answer);
    for (size_t i = 0; i < count; i++) {
        const chinwag_answer *outcome = chinwag_answer_at(answer, i);
        bool done = chinwag_answer_flag(chinwag_answer_get(outcome, "done"));
        struct out told;
        out_start(&told, "keyring");
        out_pair(&told, "", "name", chinwag_answer_name(answer, i));
        out_pair(&told, "", "done", done ? "true" : "false");
        out_number(&told, "keys", chinwag_answer_count(chinwag_answer_get(outcome, "keys")));
        out_say(&told);
    }
    out_number(out, "count", count);
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status keys(chinwag_node *node, struct out *out, chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_keys(node, &answer, err);
    out_number(out, "count", chinwag_answer_count(answer));
    chinwag_answer_free(answer);
    return status;
}

/* Words that come with a payload; whether it is one of them. */
static bool say_bytes(chinwag_node *node, const char *word, const struct line *line,
                      chinwag_status *status, chinwag_error **err) {
    size_t length = 0;
    unsigned char *bytes = payload_of(line, &length);
    const char *name = line_get(line, "name");
    bool known = true;
    if (strcmp(word, "send") == 0) {
        bool reliable = !line_is(line, "reliable", "false");
        *status = chinwag_send(node, line_get(line, "to"), bytes, length, reliable, err);
    } else if (strcmp(word, "broadcast") == 0) {
        bool supersede = line_is(line, "supersede", "true");
        *status = chinwag_broadcast(node, bytes, length, name, supersede, err);
    } else if (strcmp(word, "set_state") == 0) {
        *status = chinwag_set_state(node, bytes, length, err);
    } else if (strcmp(word, "set_ping_payload") == 0) {
        *status = chinwag_set_ping_payload(node, bytes, length, err);
    } else if (strcmp(word, "user_event") == 0) {
        bool coalesce = line_is(line, "coalesce", "true");
        *status = chinwag_user_event(node, name, bytes, length, coalesce, err);
    } else if (strcmp(word, "respond") == 0) {
        *status = chinwag_respond(node, line_number(line, "id", 0), bytes, length, err);
    } else {
        known = false;
    }
    free(bytes);
    return known;
}

chinwag_status talk(chinwag_node *node, const char *word, const struct line *line,
                    struct out *out, chinwag_error **err) {
    const char *key = line_get(line, "key");
    chinwag_status status = CHINWAG_OK;
    if (strcmp(word, "ping") == 0) {
        status = ping(node, line, out, err);
    } else if (strcmp(word, "round_trip") == 0) {
        status = round_trip(node, line, out, err);
    } else if (strcmp(word, "query") == 0) {
        status = query(node, line, out, err);
    } else if (strcmp(word, "admit") == 0) {
        status = chinwag_admit(node, line_number(line, "id", 0), err);
    } else if (strcmp(word, "refuse") == 0) {
        status = chinwag_refuse(node, line_number(line, "id", 0), line_get(line, "reason"), err);
    } else if (strcmp(word, "keys") == 0) {
        status = keys(node, out, err);
    } else if (strcmp(word, "add_key") == 0) {
        status = chinwag_add_key(node, key, err);
    } else if (strcmp(word, "use_key") == 0) {
        status = chinwag_use_key(node, key, err);
    } else if (strcmp(word, "remove_key") == 0) {
        status = chinwag_remove_key(node, key, err);
    } else if (strcmp(word, "cluster_keys") == 0) {
        status = cluster_keys(node, line, out, err);
    } else if (!say_bytes(node, word, line, &status, err)) {
        status = rings(node, word, line, out, err);
    }
    return status;
}

void put_told(struct out *out, const chinwag_event *event) {
    const char *words[] = {"sender", "name", "addr", "code", "subject"};
    bool about_member = chinwag_event_member(event) != NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *text = chinwag_event_text(event, words[i]);
        /* A member has an address of its own. */
        const char *key = about_member && strcmp(words[i], "addr") == 0 ? "other" : words[i];
        if (text != NULL) {
            out_pair(out, "", key, text);
        }
    }
    chinwag_event_kind type = chinwag_event_type(event);
    if (type == CHINWAG_EVENT_ADMISSION || type == CHINWAG_EVENT_QUERY) {
        out_number(out, "id", chinwag_event_number(event, "id"));
    }
    if (type == CHINWAG_EVENT_MESSAGE) {
        out_pair(out, "", "reliable", chinwag_event_flag(event, "reliable") ? "true" : "false");
    }
    put_ring_event(out, event);
    size_t length = 0;
    const uint8_t *bytes = chinwag_event_bytes(event, &length);
    if (bytes != NULL) {
        out_payload(out, bytes, length);
    }
}
