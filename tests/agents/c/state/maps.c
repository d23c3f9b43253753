/* See maps.h. */
#include "maps.h"

#include "../talk.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 64 };

/* What was read last of a key, for a write in place of that. */
struct entry_read {
    struct entry_read *next;
    char *map, *key;
    uint8_t *context;
    size_t length;
};

static struct entry_read *all_read;

static const char *or_empty(const char *text) {
    return text != NULL ? text : "";
}

static void *copy_of(const void *bytes, size_t length) {
    void *copy = malloc(length + 1);
    if (copy == NULL) {
        abort();
    }
    return memcpy(copy, bytes, length);
}

static struct entry_read *find_read(const char *map, const char *key) {
    struct entry_read *one = all_read;
    while (one != NULL && (strcmp(one->map, map) != 0 || strcmp(one->key, key) != 0)) {
        one = one->next;
    }
    return one;
}

static void remember(const char *map, const char *key, const chinwag_answer *entry) {
    struct entry_read *one = find_read(map, key);
    const uint8_t *context = chinwag_answer_bytes(chinwag_answer_get(entry, "context"), NULL);
    if (one == NULL) {
        one = calloc(1, sizeof *one);
        if (one == NULL) {
            abort();
        }
        one->map = copy_of(map, strlen(map) + 1);
        one->key = copy_of(key, strlen(key) + 1);
        one->next = all_read;
        all_read = one;
    }
    free(one->context);
    chinwag_answer_bytes(chinwag_answer_get(entry, "context"), &one->length);
    one->context = copy_of(context, one->length);
}

/* The values of a key and who put them, the newest first. */
static void put_values(struct out *out, const chinwag_answer *entry) {
    const chinwag_answer *values = chinwag_answer_get(entry, "values");
    size_t count = chinwag_answer_count(values), length = 0;
    for (size_t i = 0; i < count; i++) {
        const chinwag_answer *value = chinwag_answer_get(chinwag_answer_at(values, i), "value");
        const uint8_t *bytes = chinwag_answer_bytes(value, &length);
        i == 0 ? out_bytes(out, "values", bytes, length) : out_item(out, bytes, length);
    }
    for (size_t i = 0; i < count; i++) {
        const chinwag_answer *writer = chinwag_answer_get(chinwag_answer_at(values, i), "writer");
        const char *name = or_empty(chinwag_answer_text(writer));
        i == 0 ? out_pair(out, "", "writers", name)
               : out_item(out, (const unsigned char *)name, strlen(name));
    }
}

static chinwag_status write_map(chinwag_node *node, const char *word, const struct line *line,
                                chinwag_error **err) {
    chinwag_map_write write = {.map = or_empty(line_get(line, "map")),
                               .key = or_empty(line_get(line, "key"))};
    const struct entry_read *after =
        line_is(line, "after", "read") ? find_read(write.map, write.key) : NULL;
    if (after != NULL) {
        write.context = after->context;
        write.context_length = after->length;
    }
    if (strcmp(word, "map_delete") == 0) {
        return chinwag_map_delete(node, &write, err);
    }
    unsigned char *bytes = payload_of(line, &write.length);
    write.value = bytes;
    chinwag_status status = chinwag_map_put(node, &write, err);
    free(bytes);
    return status;
}

static const chinwag_answer *value_at(const chinwag_answer *values, size_t index) {
    return chinwag_answer_get(chinwag_answer_at(values, index), "value");
}

/* Whether one value comes before another, by its bytes. */
static bool is_before(const chinwag_answer *one, const chinwag_answer *other) {
    size_t length, other_length;
    const uint8_t *bytes = chinwag_answer_bytes(one, &length);
    const uint8_t *others = chinwag_answer_bytes(other, &other_length);
    int order = memcmp(bytes, others, length < other_length ? length : other_length);
    return order != 0 ? order < 0 : length < other_length;
}

/* Joins values in their order, with `+` between them; how many bytes. */
static size_t join(const chinwag_answer *values, uint8_t *text, size_t room) {
    size_t count = chinwag_answer_count(values), at = 0;
    bool taken[VALUES_MAX] = {false};
    for (size_t done = 0; done < count && done < VALUES_MAX; done++) {
        const chinwag_answer *first = NULL;
        size_t place = 0, length = 0;
        for (size_t i = 0; i < count && i < VALUES_MAX; i++) {
            if (!taken[i] && (first == NULL || is_before(value_at(values, i), first))) {
                first = value_at(values, i);
                place = i;
            }
        }
        taken[place] = true;
        const uint8_t *bytes = chinwag_answer_bytes(first, &length);
        if (at + length + 1 > room) {
            break;
        }
        if (at > 0) {
            text[at++] = '+';
        }
        memcpy(text + at, bytes, length);
        at += length;
    }
    return at;
}

/* Puts what all values make together in their place, if there are several. */
static chinwag_status resolve(chinwag_node *node, const struct line *line, chinwag_error **err) {
    static uint8_t text[LINE_MAX_BYTES];
    chinwag_map_write write = {.map = or_empty(line_get(line, "map")),
                               .key = or_empty(line_get(line, "key")),
                               .value = text};
    chinwag_answer *entry = NULL;
    chinwag_status status = chinwag_map_read(node, write.map, write.key, &entry, err);
    const chinwag_answer *values = chinwag_answer_get(entry, "values");
    if (status == CHINWAG_OK && chinwag_answer_count(values) > 1) {
        const chinwag_answer *context = chinwag_answer_get(entry, "context");
        write.context = chinwag_answer_bytes(context, &write.context_length);
        write.length = join(values, text, sizeof text);
        status = chinwag_map_put(node, &write, err);
    }
    chinwag_answer_free(entry);
    return status;
}

static chinwag_status look_up(chinwag_node *node, const char *word, const struct line *line,
                              struct out *out, chinwag_error **err) {
    const char *map = or_empty(line_get(line, "map")), *key = or_empty(line_get(line, "key"));
    bool all = strcmp(word, "map_read") == 0;
    chinwag_answer *answer = NULL;
    chinwag_status status = all ? chinwag_map_read(node, map, key, &answer, err)
                                : chinwag_map_get(node, map, key, &answer, err);
    size_t length = 0;
    const uint8_t *bytes = all ? NULL : chinwag_answer_bytes(answer, &length);
    if (bytes != NULL) {
        out_bytes(out, "payload", bytes, length);
    }
    if (all && chinwag_answer_get(answer, "values") != NULL) {
        put_values(out, answer);
        remember(map, key, answer);
    }
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status entries(chinwag_node *node, const struct line *line, struct out *out,
                              chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_map_entries(node, or_empty(line_get(line, "map")),
                                                or_empty(line_get(line, "prefix")), &answer, err);
    size_t count = chinwag_answer_count(answer);
    for (size_t i = 0; i < count; i++) {
        const chinwag_answer *found = chinwag_answer_at(answer, i);
        struct out entry;
        out_start(&entry, "entry");
        out_pair(&entry, "", "key", chinwag_answer_text(chinwag_answer_get(found, "key")));
        put_values(&entry, found);
        out_say(&entry);
    }
    chinwag_answer_free(answer);
    out_number(out, "count", count);
    return status;
}

static void on_change(const chinwag_change *change, void *user_data) {
    const char *types[] = {"put", "deleted", "replay-done", "lost"};
    chinwag_change_kind type = chinwag_change_type(change);
    struct out out;
    out_start(&out, "watched");
    out_pair(&out, "", "map", user_data);
    out_pair(&out, "", "type", types[type]);
    if (type == CHINWAG_CHANGE_PUT || type == CHINWAG_CHANGE_DELETED) {
        out_pair(&out, "", "key", chinwag_change_key(change));
    }
    if (type == CHINWAG_CHANGE_PUT) {
        put_values(&out, chinwag_change_entry(change));
    } else if (type == CHINWAG_CHANGE_LOST) {
        out_number(&out, "count", chinwag_change_count(change));
    }
    out_say(&out);
}

static chinwag_status watch(chinwag_node *node, const struct line *line, chinwag_error **err) {
    const char *map = or_empty(line_get(line, "map"));
    chinwag_watching how = {.callback = on_change,
                            .replay = line_is(line, "replay", "true"),
                            .user_data = copy_of(map, strlen(map) + 1),
                            .free_user_data = free};
    return chinwag_map_watch(node, map, or_empty(line_get(line, "prefix")), &how, NULL, err);
}

chinwag_status maps(chinwag_node *node, const char *word, const struct line *line,
                    struct out *out, chinwag_error **err) {
    chinwag_status status = CHINWAG_OK;
    if (strcmp(word, "map_put") == 0 || strcmp(word, "map_delete") == 0) {
        status = write_map(node, word, line, err);
    } else if (strcmp(word, "map_resolve") == 0) {
        status = resolve(node, line, err);
    } else if (strcmp(word, "map_get") == 0 || strcmp(word, "map_read") == 0) {
        status = look_up(node, word, line, out, err);
    } else if (strcmp(word, "map_entries") == 0) {
        status = entries(node, line, out, err);
    } else if (strcmp(word, "map_watch") == 0) {
        status = watch(node, line, err);
    } else {
        out_start(out, "unsupported");
    }
    return status;
}
