/*
 * Look-ups whose instructions are counted: `instructions.rs` runs it under callgrind.
 *
 *     look_up owner|slow-owner NODES ROUNDS
 */
#include <chinwag.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 1000, KEY = 21 };

static char keys[KEYS * KEY + 1];
static const char *volatile seen;
static volatile int64_t slot;

static void check(chinwag_status status) {
    if (status != CHINWAG_OK) {
        fprintf(stderr, "status %d\n", status);
        exit(1);
    }
}

/* Fewer slots make no difference to a look-up, and all of it to the time that building takes. */
static chinwag_ring *build(int nodes) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    check(chinwag_ring_builder_slots(builder, 1024, 50, NULL));
    for (int n = 0; n < nodes; n++) {
        char name[64];
        snprintf(name, sizeof name, "node-%05d.cluster.example.net", n);
        check(chinwag_ring_builder_add(builder, name, 1, NULL, NULL));
    }
    chinwag_ring *ring = NULL;
    check(chinwag_ring_build(builder, &ring, NULL));
    chinwag_ring_builder_free(builder);
    return ring;
}

static const uint8_t *key(size_t i) {
    return (const uint8_t *)keys + i * KEY;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "give what, nodes and rounds\n");
        return 2;
    }
    chinwag_ring *ring = build(atoi(argv[2]));
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys + i * KEY, KEY + 1, "user:%016d", i);
    }
    int rounds = atoi(argv[3]);
    if (strcmp(argv[1], "owner") == 0) {
        for (int n = 0; n < rounds; n++) {
            for (size_t i = 0; i < KEYS; i++) {
                seen = chinwag_ring_owner(ring, key(i), KEY);
            }
        }
    } else {
        for (int n = 0; n < rounds; n++) {
            for (size_t i = 0; i < KEYS; i++) {
                slot = chinwag_ring_slot(ring, key(i), KEY);
                seen = chinwag_ring_owner(ring, key(i), KEY);
            }
        }
    }
    chinwag_ring_free(ring);
    return 0;
}
