/* Drives the C library by the protocol in ../README.md. */
#include "rings.h"
#include "servers.h"
#include "talk.h"

#include <chinwag.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The node of now or before; freed when the next one starts. */
static chinwag_node *node;

/* A call to be made from inside the callback, and the text that it was parsed from. */
static struct {
    pthread_mutex_t lock;
    struct line line;
    char text[LINE_MAX_BYTES + 2];
} reentry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void put_facts(struct out *out, const chinwag_member *member) {
    out_pair(out, "", "name", chinwag_member_name(member));
    out_pair(out, "", "addr", chinwag_member_addr(member));
    out_pair(out, "", "state", chinwag_strstate(chinwag_member_state(member)));
    for (size_t i = 0; i < chinwag_member_tag_count(member); i++) {
        out_pair(out, "tag.", chinwag_member_tag_key(member, i),
                 chinwag_member_tag_value(member, i));
    }
}

static chinwag_status start(const struct line *line, struct out *out, chinwag_error **err) {
    const char *keys[] = {"name", "bind", "profile", "seeds"};
    chinwag_config *config = chinwag_config_new();
    chinwag_status status = CHINWAG_OK;
    for (size_t i = 0; status == CHINWAG_OK && i < sizeof keys / sizeof *keys; i++) {
        const char *value = line_get(line, keys[i]);
        if (value != NULL) {
            status = chinwag_config_set(config, keys[i], value, err);
        }
    }
    for (size_t i = 0; status == CHINWAG_OK && i < line->count; i++) {
        const char *tag = line_under(line, i, "tag."), *option = line_under(line, i, "opt.");
        if (tag != NULL) {
            status = chinwag_config_set_tag(config, tag, line->pairs[i].value, err);
        } else if (option != NULL) {
            status = chinwag_config_set(config, option, line->pairs[i].value, err);
        }
    }
    if (status == CHINWAG_OK) {
        chinwag_node_free(node);
        node = NULL;
        status = chinwag_start(config, &node, err);
    }
    chinwag_config_free(config);
    chinwag_member *self = NULL;
    if (status == CHINWAG_OK && chinwag_local_member(node, &self, err) == CHINWAG_OK) {
        out_pair(out, "", "addr", chinwag_member_addr(self));
        chinwag_member_free(self);
    }
    return status;
}

static chinwag_status members(struct out *out, bool print, chinwag_error **err) {
    chinwag_member_list *list = NULL;
    chinwag_status status = chinwag_members(node, &list, err);
    size_t count = chinwag_member_list_count(list);
    for (size_t i = 0; print && i < count; i++) {
        struct out member;
        out_start(&member, "member");
        put_facts(&member, chinwag_member_list_get(list, i));
        out_say(&member);
    }
    chinwag_member_list_free(list);
    out_number(out, "count", count);
    return status;
}

static chinwag_status update_tags(const struct line *line, chinwag_error **err) {
    chinwag_tag tags[PAIRS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < line->count; i++) {
        const char *set = line_under(line, i, "tag."), *unset = line_under(line, i, "untag.");
        if (set != NULL || unset != NULL) {
            tags[count].key = set != NULL ? set : unset;
            tags[count++].value = set != NULL ? line->pairs[i].value : NULL;
        }
    }
    return chinwag_update_tags(node, tags, count, err);
}

/* Makes one call on an open node; `out` becomes the final line if it succeeds. */
static chinwag_status call(const char *word, const struct line *line, struct out *out,
                           chinwag_error **err) {
    chinwag_status status = CHINWAG_OK;
    if (strcmp(word, "members") == 0) {
        status = members(out, strcmp(line->word, word) == 0, err);
    } else if (strcmp(word, "local") == 0) {
        chinwag_member *self = NULL;
        status = chinwag_local_member(node, &self, err);
        if (status == CHINWAG_OK) {
            put_facts(out, self);
        }
        chinwag_member_free(self);
    } else if (strcmp(word, "join") == 0) {
        const char *seeds = line_get(line, "seeds");
        size_t contacted = 0;
        status = chinwag_join(node, seeds != NULL ? seeds : "", &contacted, err);
        out_number(out, "contacted", contacted);
    } else if (strcmp(word, "update_tags") == 0) {
        status = update_tags(line, err);
    } else if (strcmp(word, "leave") == 0) {
        const char *timeout = line_get(line, "timeout_ms");
        status = chinwag_leave(node, timeout ? (uint32_t)strtoul(timeout, NULL, 10) : 5000, err);
    } else if (strcmp(word, "close") == 0) {
        status = chinwag_close(node);
    } else {
        status = talk(node, word, line, out, err);
    }
    return status;
}

static void fail(struct out *out, const char *start, chinwag_error *err) {
    out_start(out, start);
    out_pair(out, "", "code", err != NULL ? chinwag_error_code(err) : "internal");
    out_pair(out, "", "message", err != NULL ? chinwag_error_message(err) : "no error was given");
    chinwag_error_free(err);
}

/* The final line of what failed; of messages, whether it may have happened. */
static void fail_word(struct out *out, const char *word, chinwag_error *err) {
    bool maybe = chinwag_error_maybe_executed(err);
    fail(out, "error", err);
    if (tells_executed(word)) {
        out_pair(out, "", "maybe_executed", maybe ? "true" : "false");
    }
}

/* Makes the call that waits for an event of that type, if there is one, with the event's number. */
static void reenter(const char *type, uint64_t id) {
    pthread_mutex_lock(&reentry.lock);
    const char *on = reentry.line.word != NULL ? line_get(&reentry.line, "on") : NULL;
    const char *word = line_get(&reentry.line, "do");
    if (on != NULL && word != NULL && strcmp(on, type) == 0) {
        struct out out;
        char start[64], number[24];
        chinwag_error *err = NULL;
        snprintf(number, sizeof number, "%llu", (unsigned long long)id);
        if (id != 0 && reentry.line.count < PAIRS_MAX) {
            reentry.line.pairs[reentry.line.count].key = "id";
            reentry.line.pairs[reentry.line.count++].value = number;
        }
        out_start(&out, "");
        chinwag_status status = call(word, &reentry.line, &out, &err);
        snprintf(start, sizeof start, "reentered do=%s ok=%s", word, status ? "false" : "true");
        if (status == CHINWAG_OK) {
            out_start(&out, start);
        } else {
            fail(&out, start, err);
        }
        out_say(&out);
        reentry.line = (struct line){0};
    }
    pthread_mutex_unlock(&reentry.lock);
}

static void on_event(const chinwag_event *event, void *user_data) {
    (void)user_data;
    const char *type = chinwag_strevent(chinwag_event_type(event));
    const chinwag_member *member = chinwag_event_member(event);
    const chinwag_member *previous = chinwag_event_previous(event);
    struct out out;
    out_start(&out, "event");
    out_pair(&out, "", "type", type);
    out_number(&out, "seq", chinwag_event_seq(event));
    if (member != NULL) {
        put_facts(&out, member);
    }
    for (size_t i = 0; i < chinwag_member_tag_count(previous); i++) {
        out_pair(&out, "prev_tag.", chinwag_member_tag_key(previous, i),
                 chinwag_member_tag_value(previous, i));
    }
    if (chinwag_event_type(event) == CHINWAG_EVENT_EVENTS_LOST) {
        out_number(&out, "count", chinwag_event_count(event));
    }
    put_told(&out, event);
    out_say(&out);
    reenter(type, chinwag_event_number(event, "id"));
}

/* Carries out one command and says its final line. */
static void answer(const struct line *line, const char *text) {
    struct out out;
    chinwag_error *err = NULL;
    chinwag_status status = CHINWAG_OK;
    bool open = !chinwag_is_closed(node);
    out_start(&out, "ok");
    if (strcmp(line->word, "version") == 0) {
        out_pair(&out, "", "version", chinwag_version());
        out_pair(&out, "", "runtime", "c");
    } else if (strcmp(line->word, "start") == 0 && !open) {
        status = start(line, &out, &err);
    } else if (strcmp(line->word, "start") == 0) {
        out_start(&out, "error code=bad_request message=a%20node%20is%20open");
    } else if (!open && strcmp(line->word, "close") != 0) {
        out_start(&out, "error code=closed message=no%20node%20is%20open");
    } else if (strcmp(line->word, "subscribe") == 0) {
        const char *replay = line_get(line, "replay");
        bool all = replay != NULL && strcmp(replay, "true") == 0;
        uint32_t mask = all ? ~0u : ~(uint32_t)CHINWAG_MASK_REPLAY_DONE;
        int32_t number = chinwag_on_event(node, mask, on_event, NULL, NULL);
        if (number < 0) {
            out_start(&out, "error code=internal");
            out_pair(&out, "", "message", chinwag_strstatus(number));
        } else if (line_is(line, "rings", "true")) {
            keep_ring(node);
        }
    } else if (strcmp(line->word, "reenter") == 0) {
        pthread_mutex_lock(&reentry.lock);
        strcpy(reentry.text, text);
        line_parse(&reentry.line, reentry.text);
        pthread_mutex_unlock(&reentry.lock);
    } else if (open) {
        status = call(line->word, line, &out, &err);
    }
    if (status != CHINWAG_OK) {
        fail_word(&out, line->word, err);
    }
    out_say(&out);
}

int main(void) {
    static char text[LINE_MAX_BYTES + 2], copy[LINE_MAX_BYTES + 2];
    static struct line line;
    while (fgets(text, sizeof text, stdin) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        strcpy(copy, text);
        if (strcmp(text, "exit") == 0) {
            break;
        }
        if (line_parse(&line, text)) {
            answer(&line, copy);
        } else {
            puts("error code=bad_request message=not%20a%20line");
            fflush(stdout);
        }
    }
    chinwag_node_free(node);
    return 0;
}
