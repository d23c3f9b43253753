/*
 * Vector clocks in C; `src/languages.rs` has what is printed.
 *
 *     c ACTORS...
 *
 * Of each figure the median of some passes counts. Times are CPU time of the process.
 */
#include <chinwag.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PASSES = 7, ENTRIES = 200000, ACTORS_MAX = 10000, NAME = 32, COUNT = 1000, WORKS = 5 };

static const char *const rows[WORKS] = {"increment", "merge", "compare", "encode", "decode"};
static char names[ACTORS_MAX][NAME];
static chinwag_vclock *ours, *theirs;
static uint8_t *written;
static size_t room, size;
volatile chinwag_causality seen;

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

static void increment(size_t i, size_t actors) {
    check(chinwag_vclock_increment(ours, names[i % actors], CHINWAG_NO_TIME, NULL, NULL));
}

static void merge(size_t i, size_t actors) {
    (void)i, (void)actors;
    check(chinwag_vclock_merge(ours, theirs, NULL));
}

static void compare(size_t i, size_t actors) {
    (void)i, (void)actors;
    seen = chinwag_vclock_compare(ours, theirs);
}

static void encode(size_t i, size_t actors) {
    (void)i, (void)actors;
    size = chinwag_vclock_to_bytes(ours, written, room);
}

static void decode(size_t i, size_t actors) {
    (void)i, (void)actors;
    chinwag_vclock *read = NULL;
    check(chinwag_vclock_from_bytes(written, size, &read, NULL));
    chinwag_vclock_free(read);
}

static void (*const works[WORKS])(size_t, size_t) = {increment, merge, compare, encode, decode};

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static void measure(size_t actors) {
    double passes[WORKS][PASSES];
    ours = chinwag_vclock_new();
    for (size_t i = 0; i < actors; i++) {
        check(chinwag_vclock_update(ours, names[i], COUNT, CHINWAG_NO_TIME, NULL));
    }
    theirs = chinwag_vclock_copy(ours);
    room = chinwag_vclock_to_bytes(ours, NULL, 0) + actors * 10;
    written = malloc(room);
    size_t times = ENTRIES / actors > 100 ? ENTRIES / actors : 100;
    for (int pass = 0; pass < PASSES; pass++) {
        for (int work = 0; work < WORKS; work++) {
            double began = cpu_ns();
            for (size_t i = 0; i < times; i++) {
                works[work](i, actors);
            }
            passes[work][pass] = (cpu_ns() - began) / (double)times;
        }
    }
    printf("{\"peer\":\"chinwag\",\"size\":%zu,\"values\":{", actors);
    for (int work = 0; work < WORKS; work++) {
        qsort(passes[work], PASSES, sizeof(double), by_size);
        printf("\"%s\":%g,", rows[work], passes[work][PASSES / 2]);
    }
    printf("\"bytes\":%zu}}\n", chinwag_vclock_to_bytes(theirs, NULL, 0));
    free(written);
    chinwag_vclock_free(ours);
    chinwag_vclock_free(theirs);
}

int main(int argc, char **argv) {
    for (size_t i = 0; i < ACTORS_MAX; i++) {
        snprintf(names[i], NAME, "web-%zu~1795316449", i);
    }
    for (int i = 1; i < argc; i++) {
        size_t actors = strtoul(argv[i], NULL, 10);
        if (actors == 0 || actors > ACTORS_MAX) {
            return 2;
        }
        measure(actors);
    }
    return 0;
}
