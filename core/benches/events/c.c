/*
 * The C readers of the event benchmark; `src/events/mod.rs` has the commands.
 *
 * poll: one loop that polls stdin, the node's descriptor and the bare socket.
 * callback: the library's dispatcher thread calls; only commands are polled for.
 */
#include <arpa/inet.h>
#include <chinwag.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, OWN = 200000, BARE_PORT = 7947 };

/* What was seen since the last `reset`. */
static struct {
    pthread_mutex_t lock; /* held by whoever notes or reports, and while the loop is held */
    size_t count;
    uint64_t taken[ROOM];
    uint64_t lost, first, last;
    double cpu_us;
    chinwag_event *sample;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t clock_ns(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double cpu_us(void) {
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1e3;
}

static void stop(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void say(const char *answer) {
    puts(answer);
    fflush(stdout);
}

static void note_stamp(uint64_t now, const char *stamp) {
    if (stamp == NULL || seen.count == ROOM) {
        return;
    }
    if (seen.count == 0) {
        seen.first = now;
    }
    seen.last = now;
    seen.taken[seen.count++] = now - strtoull(stamp, NULL, 10);
}

static void note(const chinwag_event *event) {
    if (chinwag_event_type(event) == CHINWAG_EVENT_MEMBER_UPDATE) {
        uint64_t now = clock_ns(CLOCK_MONOTONIC);
        note_stamp(now, chinwag_member_tag(chinwag_event_member(event), "t"));
        if (seen.sample == NULL) {
            seen.sample = chinwag_event_copy(event);
        }
    }
    seen.lost += chinwag_event_count(event);
}

static void on_event(const chinwag_event *event, void *user_data) {
    (void)user_data;
    pthread_mutex_lock(&seen.lock);
    note(event);
    pthread_mutex_unlock(&seen.lock);
}

static void take_events(chinwag_node *node) {
    chinwag_event *event;
    while (chinwag_next_event(node, 0, &event) == CHINWAG_OK) {
        note(event);
        chinwag_event_free(event);
    }
}

static int ascending(const void *a, const void *b) {
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
    return (one > two) - (one < two);
}

static void write_us(const char *name, int there, uint64_t ns) {
    there ? printf("\"%s\":%.3f,", name, (double)ns / 1e3) : printf("\"%s\":null,", name);
}

static void report(void) {
    double spent = cpu_us() - seen.cpu_us;
    size_t count = seen.count;
    qsort(seen.taken, count, sizeof seen.taken[0], ascending);
    printf("{\"events\":%zu,\"lost\":%llu,", count, (unsigned long long)seen.lost);
    write_us("p50_us", count > 0, seen.taken[count > 0 ? (count + 1) / 2 - 1 : 0]);
    write_us("p99_us", count > 0, seen.taken[count > 0 ? (count * 99 + 99) / 100 - 1 : 0]);
    write_us("span_us", count > 1, seen.last - seen.first);
    printf("\"cpu_us\":%.3f}\n", spent);
    fflush(stdout);
}

/* A copy each time: the member within an event decodes its tags once. */
static void own(void) {
    size_t events = seen.sample == NULL ? 0 : OWN;
    double copying = 0, began = cpu_us();
    for (size_t i = 0; i < events; i++) {
        chinwag_event_free(chinwag_event_copy(seen.sample));
    }
    copying = cpu_us() - began;
    seen.count = 0;
    began = cpu_us();
    for (size_t i = 0; i < events; i++) {
        chinwag_event *event = chinwag_event_copy(seen.sample);
        note(event);
        chinwag_event_free(event);
    }
    printf("{\"events\":%zu,\"cpu_us\":%.3f}\n", events, cpu_us() - began - copying);
    fflush(stdout);
}

static int open_bare(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(BARE_PORT)};
    inet_pton(AF_INET, "127.20.0.1", &address.sin_addr);
    int bare = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bare < 0 || bind(bare, (struct sockaddr *)&address, sizeof address) != 0) {
        stop("no bare socket");
    }
    return bare;
}

static void note_bare(int bare) {
    char stamp[64];
    ssize_t length = recv(bare, stamp, sizeof stamp - 1, 0);
    if (length > 0) {
        stamp[length] = '\0';
        note_stamp(clock_ns(CLOCK_MONOTONIC), stamp);
    }
}

/* The next command; ends the program with stdin. One is answered before the next is sent. */
static const char *command(void) {
    static char line[64];
    if (fgets(line, sizeof line, stdin) == NULL) {
        exit(0);
    }
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void hold(void) {
    say("{}");
    if (strcmp(command(), "go") != 0) {
        stop("held, and not told to go");
    }
    seen.cpu_us = cpu_us();
    say("{}");
}

static void reset(void) {
    chinwag_event_free(seen.sample);
    seen.sample = NULL;
    seen.count = 0;
    seen.lost = 0;
    seen.cpu_us = cpu_us();
    say("{}");
}

static void obey(const char *word, int *bare) {
    if (strcmp(word, "reset") == 0) {
        reset();
    } else if (strcmp(word, "count") == 0) {
        printf("{\"events\":%zu,\"lost\":%llu}\n", seen.count, (unsigned long long)seen.lost);
        fflush(stdout);
    } else if (strcmp(word, "report") == 0) {
        report();
    } else if (strcmp(word, "hold") == 0) {
        hold();
    } else if (strcmp(word, "own") == 0) {
        own();
    } else if (strcmp(word, "floor") == 0) {
        *bare = open_bare();
        say("{}");
    } else {
        stop(word);
    }
}

static chinwag_node *start(void) {
    chinwag_node *node = NULL;
    chinwag_config *config = chinwag_config_new();
    int failed = chinwag_config_set(config, "name", "under-test", NULL) != CHINWAG_OK
        || chinwag_config_set(config, "bind", "127.20.0.1:7946", NULL) != CHINWAG_OK
        || chinwag_config_set(config, "event_buffer", "1048576", NULL) != CHINWAG_OK
        || chinwag_start(config, &node, NULL) != CHINWAG_OK;
    chinwag_config_free(config);
    if (failed) {
        stop("no node");
    }
    return node;
}

int main(int argc, char **argv) {
    int polls = argc > 1 && strcmp(argv[1], "poll") == 0;
    chinwag_node *node = start();
    if (!polls) {
        unsigned mask = CHINWAG_MASK_MEMBER_UPDATE | CHINWAG_MASK_EVENTS_LOST;
        chinwag_on_event(node, mask, on_event, NULL, NULL);
    } else if (chinwag_subscribe(node, false, NULL) != CHINWAG_OK) {
        stop("no events");
    }
    say(polls ? "{\"runtime\":\"C, poll\",\"also\":[\"floor\",\"own\"]}"
              : "{\"runtime\":\"C, callback\",\"also\":[\"own\"]}");
    int bare = -1;
    for (;;) {
        struct pollfd fds[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = polls ? chinwag_event_fd(node) : -1, .events = POLLIN},
            {.fd = bare, .events = POLLIN},
        };
        if (poll(fds, 3, -1) < 0) {
            stop("poll");
        }
        if (fds[1].revents != 0) {
            take_events(node);
        }
        pthread_mutex_lock(&seen.lock);
        if (fds[2].revents != 0) {
            note_bare(bare);
        }
        if (fds[0].revents != 0) {
            obey(command(), &bare);
        }
        pthread_mutex_unlock(&seen.lock);
    }
}
