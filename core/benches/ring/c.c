/*
 * Rings in C; `src/languages.rs` has what is printed.
 *
 *     c NODES...
 *
 * Of each figure the median of some passes counts. Times are CPU time of the process.
 */
#include <chinwag.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PASSES = 5, KEYS = 200000, KEY = 21, NODES_MAX = 10000, NAME = 64 };

static char keys[KEYS * KEY + 1];
static size_t ends[KEYS];
static uint32_t numbers[KEYS];
static const char *before[KEYS];
static char names[NODES_MAX][NAME];
static const char *volatile seen;

static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void check(chinwag_status status) {
    if (status != CHINWAG_OK) {
        fprintf(stderr, "status %d\n", status);
        exit(1);
    }
}

static const uint8_t *key(size_t i) {
    return (const uint8_t *)keys + i * KEY;
}

static chinwag_ring *build(size_t nodes) {
    const char *all[NODES_MAX];
    chinwag_ring *ring = NULL;
    for (size_t i = 0; i < nodes; i++) {
        all[i] = names[i];
    }
    check(chinwag_ring_new(all, nodes, &ring, NULL));
    return ring;
}

/* The ring with a node more, or with one less. */
static chinwag_ring *changed(const chinwag_ring *ring, const char *more, const char *less) {
    chinwag_ring *other = NULL;
    chinwag_ring_builder *builder = chinwag_ring_builder_from(ring);
    if (more != NULL) {
        check(chinwag_ring_builder_add(builder, more, 1, NULL, NULL));
    }
    if (less != NULL) {
        check(chinwag_ring_builder_remove(builder, less, NULL));
    }
    check(chinwag_ring_build(builder, &other, NULL));
    chinwag_ring_builder_free(builder);
    return other;
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values) {
    qsort(values, PASSES, sizeof *values, by_size);
    return values[PASSES / 2];
}

static double look_up(const chinwag_ring *ring) {
    double began = cpu_ns();
    for (size_t i = 0; i < KEYS; i++) {
        seen = chinwag_ring_owner(ring, key(i), KEY);
    }
    return (cpu_ns() - began) / KEYS;
}

static double three_owners(const chinwag_ring *ring) {
    const char *owners[3];
    double began = cpu_ns();
    for (size_t i = 0; i < KEYS; i++) {
        chinwag_ring_owners(ring, key(i), KEY, owners, 3);
    }
    return (cpu_ns() - began) / KEYS;
}

static double batch(const chinwag_ring *ring) {
    double began = cpu_ns();
    check(chinwag_ring_owners_many(ring, (const uint8_t *)keys, ends, KEYS, numbers, NULL));
    return (cpu_ns() - began) / KEYS;
}

static double change(const chinwag_ring *ring, const char *more, const char *less) {
    double began = cpu_ns();
    chinwag_ring *other = changed(ring, more, less);
    double spent = cpu_ns() - began;
    chinwag_ring_free(other);
    return spent / 1e6;
}

static void place(const chinwag_ring *ring, size_t nodes) {
    static size_t counts[NODES_MAX];
    memset(counts, 0, sizeof counts);
    size_t busiest = 0, moved = 0;
    chinwag_ring *larger = changed(ring, "one-more.cluster.example.net", NULL);
    batch(ring);
    for (size_t i = 0; i < KEYS; i++) {
        size_t count = ++counts[numbers[i]];
        busiest = count > busiest ? count : busiest;
        before[i] = chinwag_ring_owner(ring, key(i), KEY);
        moved += strcmp(before[i], chinwag_ring_owner(larger, key(i), KEY)) != 0;
    }
    chinwag_ring_free(larger);
    printf("\"busiest node of the keys, of the mean\":%g,", (double)(busiest * nodes) / KEYS);
    printf("\"moved by a join, of the least\":%g,", (double)(moved * (nodes + 1)) / KEYS);
}

static void measure(size_t nodes) {
    double passes[6][PASSES];
    size_t taken = mallinfo2().uordblks + mallinfo2().hblkhd;
    chinwag_ring *ring = build(nodes);
    taken = mallinfo2().uordblks + mallinfo2().hblkhd - taken;
    printf("{\"peer\":\"chinwag\",\"size\":%zu,\"values\":{", nodes);
    place(ring, nodes);
    for (int pass = 0; pass < PASSES; pass++) {
        passes[0][pass] = look_up(ring);
        passes[1][pass] = three_owners(ring);
        passes[2][pass] = batch(ring);
        passes[3][pass] = change(ring, "one-more.cluster.example.net", NULL);
        passes[4][pass] = change(ring, NULL, names[nodes / 2]);
        double began = cpu_ns();
        chinwag_ring_free(build(nodes));
        passes[5][pass] = (cpu_ns() - began) / 1e6;
    }
    printf("\"look-up\":%g,\"three owners\":%g,", median(passes[0]), median(passes[1]));
    printf("\"look-up in a packed batch\":%g,", median(passes[2]));
    printf("\"add a node\":%g,\"remove a node\":%g,", median(passes[3]), median(passes[4]));
    printf("\"build\":%g,\"memory\":%g}}\n", median(passes[5]), (double)taken / 1024);
    chinwag_ring_free(ring);
}

int main(int argc, char **argv) {
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(keys + i * KEY, KEY + 1, "user:%016zu", i);
        ends[i] = (i + 1) * KEY;
    }
    for (size_t i = 0; i < NODES_MAX; i++) {
        snprintf(names[i], NAME, "node-%05zu.cluster.example.net", i);
    }
    for (int i = 1; i < argc; i++) {
        size_t nodes = strtoul(argv[i], NULL, 10);
        if (nodes == 0 || nodes > NODES_MAX) {
            return 2;
        }
        measure(nodes);
    }
    return 0;
}
