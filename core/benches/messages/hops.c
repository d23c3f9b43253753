/*
 * What a call costs by its threads alone: 64 bytes there and back between two processes, over the
 * loopback.
 *
 *     cc -O2 -pthread core/benches/messages/hops.c -o target/hops && target/hops MODE SECONDS
 *
 * In mode 0 the thread that asks reads and writes the socket. In mode 1 it writes, and another one
 * reads and wakes it. In mode 2 it wakes another one that does both, and is woken by that. So does
 * the thread that answers.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 64, ROOM = 1 << 22 };

static int mode, line, come, go;
static char bytes[BYTES];
static uint32_t spans[ROOM];

static void wake(int event) {
    uint64_t one = 1;
    if (write(event, &one, sizeof one) != sizeof one) exit(1);
}

static void await(int event) {
    uint64_t count;
    if (read(event, &count, sizeof count) != sizeof count) exit(1);
}

/* The other side is gone at the end: a thread that only reads has nothing more to do then. */
static void take(void) {
    for (size_t at = 0; at < BYTES;) {
        ssize_t got = read(line, bytes + at, BYTES - at);
        if (got <= 0) pause();
        at += (size_t)got;
    }
}

static void give(void) {
    if (write(line, bytes, BYTES) != BYTES) exit(1);
}

static void *carry(void *nothing) {
    while (mode == 1) {
        take();
        wake(come);
    }
    for (;;) {
        struct pollfd either[] = {{line, POLLIN, 0}, {go, POLLIN, 0}};
        if (poll(either, 2, -1) < 0) exit(1);
        if (either[1].revents) {
            await(go);
            give();
        }
        if (either[0].revents) {
            take();
            wake(come);
        }
    }
    return nothing;
}

static void put(void) { mode == 2 ? wake(go) : give(); }
static void get(void) { mode == 0 ? take() : await(come); }

static void begin(void) {
    int on = 1;
    pthread_t thread;
    setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    come = eventfd(0, 0);
    go = eventfd(0, 0);
    if (mode > 0 && pthread_create(&thread, NULL, carry, NULL) != 0) exit(1);
}

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double spent_us(const struct rusage *of) {
    return (double)(of->ru_utime.tv_sec + of->ru_stime.tv_sec) * 1e6
           + (double)(of->ru_utime.tv_usec + of->ru_stime.tv_usec);
}

static int by_length(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    mode = atoi(argv[1]);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, size) != 0 || listen(listener, 1) != 0) return 1;
    getsockname(listener, (void *)&address, &size);
    pid_t server = fork();
    if (server == 0) {
        line = accept(listener, NULL, NULL);
        begin();
        for (;;) {
            get();
            put();
        }
    }
    line = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(line, (void *)&address, size) != 0) return 1;
    begin();
    struct rusage before, after, there;
    getrusage(RUSAGE_SELF, &before);
    size_t count = 0;
    double last = now_ns(), ends = last + atof(argv[2]) * 1e9;
    while (last < ends && count < ROOM) {
        put();
        get();
        double now = now_ns();
        spans[count++] = (uint32_t)(now - last);
        last = now;
    }
    getrusage(RUSAGE_SELF, &after);
    kill(server, SIGKILL);
    wait4(server, NULL, 0, &there);
    double cpu = spent_us(&after) - spent_us(&before) + spent_us(&there);
    qsort(spans, count, sizeof *spans, by_length);
    printf("mode %d: p50 %.1f us, %.1f us of CPU a call\n", mode, spans[count / 2] / 1e3,
           cpu / (double)count);
    return 0;
}
