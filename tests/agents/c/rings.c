/* See rings.h. */
#include "rings.h"

#include "servers.h"

#include <stdio.h>
#include <string.h>

/* Which ring it is, and what is the same for all who have it. */
static void put_ring(struct out *out, const chinwag_ring *ring) {
    char fingerprint[24];
    snprintf(fingerprint, sizeof fingerprint, "%016llx",
             (unsigned long long)chinwag_ring_fingerprint(ring));
    out_number(out, "version", chinwag_ring_version(ring));
    out_number(out, "size", chinwag_ring_count(ring));
    out_pair(out, "", "fingerprint", fingerprint);
}

void keep_ring(const chinwag_node *node) {
    chinwag_ring_free(chinwag_node_ring(node));
}

/* The key of a command, which need not be text. */
static const uint8_t *key_of(const struct line *line, size_t *length) {
    for (size_t i = 0; i < line->count; i++) {
        if (strcmp(line->pairs[i].key, "key") == 0) {
            *length = line->pairs[i].length;
            return (const uint8_t *)line->pairs[i].value;
        }
    }
    *length = 0;
    return (const uint8_t *)"";
}

static chinwag_status owners(chinwag_node *node, const struct line *line, struct out *out,
                             chinwag_error **err) {
    size_t length, wanted = (size_t)line_number(line, "count", 1);
    const uint8_t *key = key_of(line, &length);
    chinwag_member_list *list = NULL;
    chinwag_status status = chinwag_owners(node, key, length, wanted, &list, err);
    size_t count = chinwag_member_list_count(list);
    for (size_t i = 0; i < count; i++) {
        struct out owner;
        out_start(&owner, "owner");
        out_pair(&owner, "", "name", chinwag_member_name(chinwag_member_list_get(list, i)));
        out_say(&owner);
    }
    chinwag_member_list_free(list);
    out_number(out, "count", count);
    return status;
}

/* Names of a list, which are cut out of `text`; how many. */
static size_t names_of(char *text, const char *names[PAIRS_MAX]) {
    size_t count = 0;
    while (*text != '\0' && count < PAIRS_MAX) {
        size_t length = strcspn(text, ",");
        bool more = text[length] == ',';
        text[length] = '\0';
        names[count++] = text;
        text += length + more;
    }
    return count;
}

static chinwag_status decide(chinwag_node *node, const struct line *line, chinwag_error **err) {
    chinwag_ring_pin pins[PAIRS_MAX], prefixes[PAIRS_MAX];
    const char *excluded[PAIRS_MAX], *list = line_get(line, "excluded");
    char text[LINE_MAX_BYTES];
    snprintf(text, sizeof text, "%s", list != NULL ? list : "");
    chinwag_ring_overrides overrides = {.excluded = excluded, .pins = pins,
                                        .pin_prefixes = prefixes};
    overrides.excluded_count = names_of(text, excluded);
    for (size_t i = 0; i < line->count; i++) {
        const char *key = line_under(line, i, "pin."), *name = line->pairs[i].value;
        const char *prefix = line_under(line, i, "pin_prefix.");
        if (key != NULL) {
            pins[overrides.pin_count++] =
                (chinwag_ring_pin){(const uint8_t *)key, strlen(key), name};
        } else if (prefix != NULL) {
            prefixes[overrides.pin_prefix_count++] =
                (chinwag_ring_pin){(const uint8_t *)prefix, strlen(prefix), name};
        }
    }
    return chinwag_set_ring_overrides(node, &overrides, err);
}

chinwag_status rings(chinwag_node *node, const char *word, const struct line *line,
                     struct out *out, chinwag_error **err) {
    chinwag_status status = CHINWAG_OK;
    if (strcmp(word, "ring") == 0) {
        chinwag_ring *ring = chinwag_node_ring(node);
        put_ring(out, ring);
        chinwag_ring_free(ring);
    } else if (strcmp(word, "owners") == 0) {
        status = owners(node, line, out, err);
    } else if (strcmp(word, "owns") == 0) {
        size_t length;
        const uint8_t *key = key_of(line, &length);
        out_pair(out, "", "owns", chinwag_owns(node, key, length) ? "true" : "false");
    } else if (strcmp(word, "set_ring_overrides") == 0) {
        status = decide(node, line, err);
    } else if (strcmp(word, "released") == 0) {
        status = chinwag_released(node, line_number(line, "id", 0), err);
    } else {
        status = servers(node, word, line, out, err);
    }
    return status;
}

void put_ring_event(struct out *out, const chinwag_event *event) {
    const chinwag_ring_change *change = chinwag_event_ring_change(event);
    chinwag_event_kind type = chinwag_event_type(event);
    if (change != NULL) {
        put_ring(out, chinwag_ring_change_after(change));
    }
    if (type == CHINWAG_EVENT_HANDOFF_PREPARE || type == CHINWAG_EVENT_HANDOFF_ACQUIRED) {
        size_t slots = 0;
        chinwag_event_slots(event, &slots);
        out_pair(out, "", "peer", chinwag_event_text(event, "peer"));
        out_number(out, "slots", slots);
    }
    if (type == CHINWAG_EVENT_HANDOFF_PREPARE) {
        out_number(out, "id", chinwag_event_number(event, "id"));
    }
    if (type == CHINWAG_EVENT_HANDOFF_ACQUIRED) {
        out_pair(out, "", "clean", chinwag_event_flag(event, "clean") ? "true" : "false");
    }
}
