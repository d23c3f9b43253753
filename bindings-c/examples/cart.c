/*
 * A shopping cart that may be written in several places at once. No node is needed: the record is
 * data, and goes from program to program as a line of hexadecimal digits.
 *
 *     cc cart.c -o cart $(pkg-config --cflags --libs chinwag)
 *     ./cart ann tea </dev/null >tea
 *     ./cart bob milk <tea >milk
 *     ./cart eve rum <tea >rum
 *     cat milk rum | ./cart ann
 *
 * bob and eve do not know of each other's carts: the last line shows both, and makes one of them.
 */
#include <chinwag.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_MAX = 1 << 16, ITEMS_MAX = 100 };

/* The items in order, each once. A value of the record is text, with one item a line. */
struct cart {
    char *items[ITEMS_MAX];
    size_t count, length; /* of the text */
};

static void fail(chinwag_error *err) {
    fprintf(stderr, "%s: %s\n", chinwag_error_code(err), chinwag_error_message(err));
    exit(1);
}

static void add(struct cart *cart, const char *item, size_t length) {
    char *copy = calloc(1, length + 1);
    size_t at = 0;
    memcpy(copy, item, length);
    while (at < cart->count && strcmp(cart->items[at], copy) < 0) {
        at++;
    }
    if (at < cart->count && strcmp(cart->items[at], copy) == 0) {
        free(copy);
        return;
    }
    if (cart->count == ITEMS_MAX) {
        fputs("the cart is full\n", stderr);
        exit(1);
    }
    memmove(&cart->items[at + 1], &cart->items[at], (cart->count - at) * sizeof *cart->items);
    cart->items[at] = copy;
    cart->count++;
    cart->length += length + 1;
}

static void add_siblings(struct cart *cart, const chinwag_siblings *record) {
    for (size_t i = 0; i < chinwag_siblings_count(record); i++) {
        size_t length;
        const char *text = (const char *)chinwag_siblings_value(record, i, &length);
        const char *end = text + length;
        for (const char *item = text, *next; item <= end; item = next + 1) {
            next = memchr(item, '\n', (size_t)(end - item));
            next = next != NULL ? next : end;
            add(cart, item, (size_t)(next - item));
        }
    }
}

/* The text of all items of the record's values, and of those added. */
static char *together(const chinwag_siblings *record, char **added) {
    struct cart cart = {.count = 0};
    add_siblings(&cart, record);
    for (; *added != NULL; added++) {
        add(&cart, *added, strlen(*added));
    }
    char *text = calloc(1, cart.length + 1);
    for (size_t i = 0; i < cart.count; i++) {
        strcat(strcat(text, i > 0 ? "\n" : ""), cart.items[i]);
        free(cart.items[i]);
    }
    return text;
}

static void show(const char *what, const chinwag_siblings *record) {
    for (size_t i = 0; i < chinwag_siblings_count(record); i++) {
        size_t length;
        const uint8_t *text = chinwag_siblings_value(record, i, &length);
        fprintf(stderr, "%s ", what);
        for (; length > 0; length--, text++) {
            *text == '\n' ? fputs(", ", stderr) : fputc(*text, stderr);
        }
        fputc('\n', stderr);
    }
}

static void merge(chinwag_siblings *record, const char *line) {
    static uint8_t bytes[RECORD_MAX / 2];
    size_t count = 0;
    for (; isxdigit((unsigned char)line[0]) && isxdigit((unsigned char)line[1]); line += 2) {
        sscanf(line, "%2hhx", &bytes[count++]);
    }
    chinwag_error *err = NULL;
    chinwag_siblings *other = NULL;
    if (chinwag_siblings_from_bytes(bytes, count, &other, &err) != CHINWAG_OK
        || chinwag_siblings_merge(record, other, &err) != CHINWAG_OK) {
        fail(err);
    }
    chinwag_siblings_free(other);
}

static void print(const chinwag_siblings *record) {
    size_t length = chinwag_siblings_to_bytes(record, NULL, 0);
    uint8_t *bytes = calloc(1, length);
    chinwag_siblings_to_bytes(record, bytes, length);
    for (size_t i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    putchar('\n');
    free(bytes);
}

int main(int argc, char **argv) {
    static char line[RECORD_MAX];
    if (argc < 2) {
        return fputs("usage: cart ACTOR [ITEM...] <RECORDS >RECORD\n", stderr), 2;
    }
    chinwag_siblings *record = chinwag_siblings_new();
    while (fgets(line, sizeof line, stdin) != NULL) {
        merge(record, line);
    }
    /* Who writes. No two may write at once under one name: the record would take them for one. */
    const char *actor = argv[1];
    chinwag_error *err = NULL;
    if (chinwag_siblings_count(record) > 1) {
        show("sibling", record);
        char *text = together(record, argv + argc);
        if (chinwag_siblings_resolve(record, actor, (uint8_t *)text, strlen(text), &err)) {
            fail(err);
        }
        free(text);
    }
    if (argc > 2) {
        /* The context says which values the new one replaces: those that were read. */
        chinwag_vclock *context = chinwag_siblings_context(record);
        char *text = together(record, argv + 2);
        if (chinwag_siblings_put(record, actor, context, (uint8_t *)text, strlen(text), &err)) {
            fail(err);
        }
        free(text);
        chinwag_vclock_free(context);
    }
    show("cart", record);
    print(record);
    chinwag_siblings_free(record);
}
