/* What the test programs share. Every wait has a deadline: an alarm ends a program that hangs. */
#ifndef CHECK_H
#define CHECK_H

#include <chinwag.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(claim)                                                                               \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #claim);                            \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* The call succeeds; otherwise its error is shown. `err` is to be its last argument. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        chinwag_error *err = NULL;                                                                 \
        if ((call) != CHINWAG_OK) {                                                                \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,                          \
                    err ? chinwag_error_message(err) : "no error");                                \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

#define SAME(a, b) CHECK((a) != NULL && strcmp((a), (b)) == 0)

/* Waits for a condition that another thread makes true. */
#define UNTIL(claim)                                                                               \
    do {                                                                                           \
        struct timespec moment = {0, 2000000};                                                     \
        int turns = 0;                                                                             \
        while (!(claim)) {                                                                         \
            nanosleep(&moment, NULL);                                                              \
            CHECK(++turns < 15000 && #claim);                                                      \
        }                                                                                          \
    } while (0)

enum { DEADLINE_MS = 30000 };

static inline chinwag_config *options(const char *name, const char *seeds) {
    chinwag_config *config = chinwag_config_new();
    OK(chinwag_config_set(config, "name", name, &err));
    OK(chinwag_config_set(config, "bind", "127.0.0.1:0", &err));
    OK(chinwag_config_set(config, "profile", "local", &err));
    /* A second, and five for a call, are too short for valgrind on a busy machine. */
    OK(chinwag_config_set(config, "tcp_timeout", "30s", &err));
    OK(chinwag_config_set(config, "call_timeout", "60s", &err));
    if (seeds != NULL) {
        OK(chinwag_config_set(config, "seeds", seeds, &err));
    }
    /* Under a tool that runs one thread at a time, a healthy node may be silent for seconds. */
    if (getenv("CHINWAG_TEST_PATIENT") != NULL) {
        OK(chinwag_config_set(config, "suspicion_mult", "8", &err));
    }
    return config;
}

static inline chinwag_node *start_with(const char *name, const char *seeds, const char *key,
                                       const char *value) {
    chinwag_config *config = options(name, seeds);
    chinwag_node *node = NULL;
    if (key != NULL) {
        OK(chinwag_config_set(config, key, value, &err));
    }
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    return node;
}

static inline chinwag_node *start(const char *name, const char *seeds) {
    return start_with(name, seeds, NULL, NULL);
}

/* The node's address, to be used as a seed. */
static inline void address(const chinwag_node *node, char *out, size_t size) {
    chinwag_member *self = NULL;
    OK(chinwag_local_member(node, &self, &err));
    snprintf(out, size, "%s", chinwag_member_addr(self));
    chinwag_member_free(self);
}

static inline size_t count_members(const chinwag_node *node) {
    chinwag_member_list *list = NULL;
    OK(chinwag_members(node, &list, &err));
    size_t count = chinwag_member_list_count(list);
    chinwag_member_list_free(list);
    return count;
}

/* The next event of that kind about that member, or about any when `name` is NULL. */
static inline chinwag_event *await(chinwag_node *node, chinwag_event_kind kind, const char *name) {
    for (;;) {
        chinwag_event *event = NULL;
        chinwag_status status = chinwag_next_event(node, DEADLINE_MS, &event);
        if (status != CHINWAG_OK) {
            fprintf(stderr, "waiting for %s: %s\n", chinwag_strevent(kind),
                    chinwag_strstatus(status));
            _exit(1);
        }
        const char *who = chinwag_member_name(chinwag_event_member(event));
        if (chinwag_event_type(event) == kind
            && (name == NULL || (who != NULL && strcmp(who, name) == 0))) {
            return event;
        }
        chinwag_event_free(event);
    }
}

static inline void await_only(chinwag_node *node, chinwag_event_kind kind, const char *name) {
    chinwag_event_free(await(node, kind, name));
}

/* Whether all other threads wait for something. The heap of the address sanitizer knows nothing
 * of forks: a child inherits its locks, held for ever by a thread that was just using it. */
static inline int others_sleep(void) {
    int asleep = 1;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300], state = 'S';
        snprintf(path, sizeof path, "/proc/self/task/%s/stat", task->d_name);
        int other = atoi(task->d_name); /* 0 for "." and ".." */
        FILE *stat = other == 0 || other == getpid() ? NULL : fopen(path, "r");
        if (stat != NULL) {
            CHECK(fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 || feof(stat));
            fclose(stat);
        }
        asleep &= state == 'S';
    }
    closedir(tasks);
    return asleep;
}

#endif
