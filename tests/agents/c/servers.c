/* See servers.h. */
#define _POSIX_C_SOURCE 200809L

#include "servers.h"

#include "follow.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static chinwag_payload *payload_of_value(const char *text, size_t length) {
    chinwag_payload *payload = chinwag_payload_new();
    switch (text[0]) {
        case 'i': chinwag_payload_int(payload, strtoll(text + 1, NULL, 10)); break;
        case 'f': chinwag_payload_float(payload, strtod(text + 1, NULL)); break;
        case 't': chinwag_payload_text(payload, text + 1, length - 1); break;
        case 'b': chinwag_payload_octets(payload, (const uint8_t *)text + 1, length - 1); break;
        default: chinwag_payload_nil(payload);
    }
    return payload;
}

chinwag_payload *value_of(const struct line *line) {
    for (size_t i = 0; i < line->count; i++) {
        if (strcmp(line->pairs[i].key, "value") == 0) {
            return payload_of_value(line->pairs[i].value, line->pairs[i].length);
        }
    }
    return payload_of_value("n", 1);
}

static void put_piece(struct out *out, char letter, const void *bytes, size_t length) {
    unsigned char *piece = malloc(length + 1);
    if (piece == NULL) {
        abort();
    }
    piece[0] = (unsigned char)letter;
    memcpy(piece + 1, bytes, length);
    out_bytes(out, "value", piece, length + 1);
    free(piece);
}

/* The shortest text that is this number. */
static void put_float(struct out *out, double number) {
    char text[40];
    int digits = 1;
    do {
        snprintf(text, sizeof text, "%.*g", digits, number);
    } while (strtod(text, NULL) != number && ++digits <= 17);
    put_piece(out, 'f', text, strlen(text));
}

void put_value(struct out *out, const uint8_t *bytes, size_t length) {
    chinwag_payload_reader *reader = chinwag_payload_reader_new(bytes, length);
    chinwag_payload_part part;
    char text[32] = "";
    if (chinwag_payload_read(reader, &part, NULL) != CHINWAG_OK) {
        out_pair(out, "", "value", "?");
    } else if (part.kind == CHINWAG_PAYLOAD_INT || part.kind == CHINWAG_PAYLOAD_UINT) {
        bool natural = part.kind == CHINWAG_PAYLOAD_UINT;
        snprintf(text, sizeof text, natural ? "%" PRIu64 : "%" PRId64,
                 natural ? part.natural : (uint64_t)part.integer);
        put_piece(out, 'i', text, strlen(text));
    } else if (part.kind == CHINWAG_PAYLOAD_FLOAT) {
        put_float(out, part.number);
    } else if (part.kind == CHINWAG_PAYLOAD_TEXT) {
        put_piece(out, 't', part.text, part.count);
    } else if (part.kind == CHINWAG_PAYLOAD_BYTES) {
        put_piece(out, 'b', part.bytes, part.count);
    } else {
        out_pair(out, "", "value", part.kind == CHINWAG_PAYLOAD_NIL ? "n" : "?");
    }
    chinwag_payload_reader_free(reader);
}

static void put_answer(struct out *out, const chinwag_answer *answer) {
    size_t length = 0;
    const uint8_t *bytes = chinwag_answer_bytes(answer, &length);
    if (chinwag_answer_codec(answer) == CHINWAG_CODEC_MSGPACK) {
        put_value(out, bytes, length);
    } else {
        put_piece(out, 'b', bytes, length);
    }
}

static chinwag_status call(chinwag_node *node, const chinwag_message *message, struct out *out,
                           chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_call(node, message, &answer, err);
    if (status == CHINWAG_OK) {
        put_answer(out, answer);
    }
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status multi_call(chinwag_node *node, const chinwag_message *message, size_t min_ok,
                                 struct out *out, chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_multi_call(node, message, min_ok, &answer, err);
    const chinwag_answer *replies = chinwag_answer_get(answer, "replies");
    const chinwag_answer *failed = chinwag_answer_get(answer, "failed");
    struct out told;
    for (size_t i = 0; i < chinwag_answer_count(replies); i++) {
        out_start(&told, "reply");
        out_pair(&told, "", "node", chinwag_answer_name(replies, i));
        put_answer(&told, chinwag_answer_at(replies, i));
        out_say(&told);
    }
    for (size_t i = 0; i < chinwag_answer_count(failed); i++) {
        const chinwag_error *error = chinwag_answer_error(chinwag_answer_at(failed, i));
        out_start(&told, "failed");
        out_pair(&told, "", "node", chinwag_answer_name(failed, i));
        out_pair(&told, "", "code", chinwag_error_code(error));
        out_say(&told);
    }
    out_number(out, "count", chinwag_answer_count(replies));
    chinwag_answer_free(answer);
    return status;
}

static chinwag_status known_servers(chinwag_node *node, struct out *out, chinwag_error **err) {
    chinwag_answer *answer = NULL;
    chinwag_status status = chinwag_servers(node, &answer, err);
    size_t count = chinwag_answer_count(answer);
    for (size_t i = 0; i < count; i++) {
        struct out server;
        out_start(&server, "server");
        out_pair(&server, "", "name", chinwag_answer_name(answer, i));
        out_number(&server, "hosts", chinwag_answer_number(chinwag_answer_at(answer, i)));
        out_say(&server);
    }
    out_number(out, "count", count);
    chinwag_answer_free(answer);
    return status;
}

/* Says the items of the answer; what it comes to. */
static chinwag_status take_all(chinwag_stream *stream, struct out *out, chinwag_error **err) {
    chinwag_answer *item = NULL;
    chinwag_status status;
    while ((status = chinwag_stream_next(stream, -1, &item, err)) == CHINWAG_OK && item != NULL) {
        struct out told;
        out_start(&told, "item");
        put_answer(&told, item);
        out_say(&told);
        chinwag_answer_free(item);
    }
    if (status == CHINWAG_OK && (status = chinwag_stream_answer(stream, -1, &item, err)) == 0) {
        put_answer(out, item);
        chinwag_answer_free(item);
    }
    return status;
}

/* Items of a request, which are sent while those of the answer are read. */
struct sending {
    chinwag_stream *stream;
    char *items;
};

static void *send_items(void *user_data) {
    struct sending *sending = user_data;
    chinwag_status status = CHINWAG_OK;
    for (char *item = sending->items; item != NULL && status == CHINWAG_OK;) {
        char *next = strchr(item, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        chinwag_payload *payload = payload_of_value(item, line_unescape(item));
        const uint8_t *bytes = NULL;
        size_t length = 0;
        status = chinwag_payload_bytes(payload, &bytes, &length, NULL);
        if (status == CHINWAG_OK) {
            /* An error: the call is over, which its reader is told. */
            status = chinwag_stream_send(sending->stream, bytes, length, CHINWAG_CODEC_MSGPACK,
                                         -1, NULL);
        }
        chinwag_payload_free(payload);
        item = next;
    }
    chinwag_stream_finish(sending->stream);
    return NULL;
}

static chinwag_status stream(chinwag_node *node, const chinwag_message *message,
                             const char *items, struct out *out, chinwag_error **err) {
    struct sending sending = {0};
    chinwag_status status = chinwag_stream_open(node, message, &sending.stream, err);
    if (status != CHINWAG_OK) {
        return status;
    }
    pthread_t thread;
    sending.items = items != NULL && *items != '\0' ? strdup(items) : NULL;
    if (pthread_create(&thread, NULL, send_items, &sending) != 0) {
        abort();
    }
    status = take_all(sending.stream, out, err);
    pthread_join(thread, NULL);
    free(sending.items);
    chinwag_stream_free(sending.stream);
    return status;
}

/* Sends a message; `err` has the error of a value that cannot be sent as well. */
static chinwag_status send_message(chinwag_node *node, const char *word, const struct line *line,
                                   struct out *out, chinwag_error **err) {
    const char *target = line_get(line, "target");
    chinwag_message message = {
        .target = target != NULL ? target : line_get(line, "server"),
        .op = line_get(line, "op"),
        .timeout_ms = (uint32_t)line_number(line, "timeout_ms", 0),
        .codec = CHINWAG_CODEC_MSGPACK,
    };
    chinwag_tag header = {.key = TRACE, .value = line_get(line, TRACE)};
    message.headers = &header;
    message.header_count = header.value != NULL ? 1 : 0;
    chinwag_payload *payload = value_of(line);
    chinwag_status status =
        chinwag_payload_bytes(payload, &message.payload, &message.length, err);
    if (status != CHINWAG_OK) {
        /* It is told. */
    } else if (strcmp(word, "call") == 0) {
        status = call(node, &message, out, err);
    } else if (strcmp(word, "stream") == 0) {
        status = stream(node, &message, line_get(line, "items"), out, err);
    } else if (strcmp(word, "cast") == 0) {
        status = chinwag_cast(node, &message, err);
    } else if (strcmp(word, "multi_call") == 0) {
        size_t min_ok = (size_t)line_number(line, "min_ok", 0);
        status = multi_call(node, &message, min_ok, out, err);
    } else {
        size_t count = 0;
        status = chinwag_abcast(node, &message, &count, err);
        out_number(out, "count", count);
    }
    chinwag_payload_free(payload);
    return status;
}

bool tells_executed(const char *word) {
    const char *words[] = {"call", "cast", "multi_call", "abcast", "stream"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

chinwag_status servers(chinwag_node *node, const char *word, const struct line *line,
                       struct out *out, chinwag_error **err) {
    chinwag_status status = CHINWAG_OK;
    if (tells_executed(word)) {
        status = send_message(node, word, line, out, err);
    } else if (strcmp(word, "servers") == 0) {
        status = known_servers(node, out, err);
    } else if (strcmp(word, "serve") == 0) {
        status = serve_name(node, line_get(line, "name"), err);
    } else if (strcmp(word, "stop") == 0) {
        status = stop_name(line_get(line, "name"), line_get(line, "reason"));
    } else {
        status = follow(node, word, line, out, err);
    }
    return status;
}
