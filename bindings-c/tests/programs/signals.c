/* How a process ends, and what its peer sees. The children are forked before any thread exists. */
#include "check.h"

#include <pthread.h>
#include <signal.h>

enum way { LEAVES, OWN_HANDLER, KILLED, NO_HANDLER, RETURNS };

static volatile sig_atomic_t handled;

static void on_signal(int signal) {
    (void)signal;
    handled = 1;
}

static int has_left(const chinwag_node *node) {
    chinwag_member *self = NULL;
    OK(chinwag_local_member(node, &self, &err));
    chinwag_state state = chinwag_member_state(self);
    chinwag_member_free(self);
    return state == CHINWAG_STATE_LEFT;
}

static void child(enum way way, const char *name, int addr_fd) {
    char addr[64] = {0};
    CHECK(read(addr_fd, addr, sizeof addr - 1) > 0);
    if (way == OWN_HANDLER) {
        struct sigaction action = {.sa_handler = on_signal};
        CHECK(sigaction(SIGTERM, &action, NULL) == 0);
    }
    chinwag_config *config = options(name, addr);
    if (way == LEAVES || way == OWN_HANDLER || way == RETURNS) {
        OK(chinwag_config_set(config, "handle_signals", "true", &err));
    }
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    if (way == RETURNS) {
        OK(chinwag_leave(node, 5000, &err));
        chinwag_node_free(node);
        _exit(3);
    }
    UNTIL(has_left(node));
    while (way != OWN_HANDLER) {
        pause(); /* until the signal ends the process, which is not for us to do */
    }
    CHECK(handled);
    CHECK(read(addr_fd, addr, 1) == 0); /* until the parent has seen the farewell */
    chinwag_node_free(node);
    _exit(7);
}

struct running {
    pid_t pid;
    int addr_fd;
    const char *name;
};

static struct running prepare(enum way way, const char *name) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(300);
        close(ends[1]);
        child(way, name, ends[0]);
    }
    close(ends[0]);
    return (struct running){pid, ends[1], name};
}

static int ended(struct running running) {
    int status = 0;
    CHECK(waitpid(running.pid, &status, 0) == running.pid);
    return status;
}

static void see(chinwag_node *node, struct running running, int signal, chinwag_event_kind end) {
    char addr[64];
    address(node, addr, sizeof addr);
    CHECK(write(running.addr_fd, addr, strlen(addr)) == (ssize_t)strlen(addr));
    await_only(node, CHINWAG_EVENT_MEMBER_JOIN, running.name);
    if (signal != 0) {
        CHECK(kill(running.pid, signal) == 0);
    }
    for (;;) { /* which of the two comes first tells a farewell from a failure */
        chinwag_event *event = NULL;
        CHECK(chinwag_next_event(node, DEADLINE_MS, &event) == CHINWAG_OK);
        chinwag_event_kind kind = chinwag_event_type(event);
        const char *who = chinwag_member_name(chinwag_event_member(event));
        int other = who == NULL || strcmp(who, running.name) != 0;
        chinwag_event_free(event);
        if (other) {
            continue;
        }
        if (kind == CHINWAG_EVENT_MEMBER_LEAVE || kind == CHINWAG_EVENT_MEMBER_FAILED) {
            CHECK(kind == end);
            close(running.addr_fd);
            return;
        }
    }
}

static int early;

/* Registered before the library's own, so it runs before the library knows of the fork. */
static void raise_early(void) {
    if (early) {
        raise(SIGTERM);
    }
}

/* A child forked from a node that handles signals dies of one as usual, and alone. */
static void forked_child_gets_the_default(void) {
    CHECK(pthread_atfork(NULL, NULL, raise_early) == 0);
    chinwag_config *config = options("forker", NULL);
    OK(chinwag_config_set(config, "handle_signals", "true", &err));
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    char addr[64];
    address(node, addr, sizeof addr);
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(300);
        CHECK(write(ends[1], "x", 1) == 1);
        for (;;) {
            pause();
        }
    }
    char up;
    CHECK(read(ends[0], &up, 1) == 1);
    CHECK(kill(pid, SIGTERM) == 0);
    int status = ended((struct running){pid, -1, ""});
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    early = 1; /* also of one that comes at once */
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        _exit(1);
    }
    early = 0;
    status = ended((struct running){pid, -1, ""});
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    pid = fork(); /* and its own node says goodbye for itself */
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm(300);
        chinwag_node_free(node);
        OK(chinwag_config_set(config, "name", "own", &err));
        OK(chinwag_config_set(config, "seeds", addr, &err));
        OK(chinwag_start(config, &node, &err));
        for (;;) {
            pause();
        }
    }
    await_only(node, CHINWAG_EVENT_MEMBER_JOIN, "own");
    CHECK(kill(pid, SIGTERM) == 0);
    await_only(node, CHINWAG_EVENT_MEMBER_LEAVE, "own");
    status = ended((struct running){pid, -1, ""});
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);

    chinwag_config_free(config);
    chinwag_member *self = NULL;
    OK(chinwag_local_member(node, &self, &err));
    CHECK(chinwag_member_state(self) == CHINWAG_STATE_ALIVE);
    chinwag_member_free(self);
    chinwag_node_free(node);
}

int main(void) {
    alarm(300);
    /* The last first: those that come later hold its end of the pipe as well. */
    struct running normal = prepare(RETURNS, "normal"), bare = prepare(NO_HANDLER, "bare");
    struct running killed = prepare(KILLED, "killed"), own = prepare(OWN_HANDLER, "own handler");
    struct running interrupt = prepare(LEAVES, "interrupt"), term = prepare(LEAVES, "term");
    chinwag_node *node = start("parent", NULL);

    see(node, term, SIGTERM, CHINWAG_EVENT_MEMBER_LEAVE);
    int status = ended(term);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    see(node, interrupt, SIGINT, CHINWAG_EVENT_MEMBER_LEAVE);
    status = ended(interrupt);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    see(node, own, SIGTERM, CHINWAG_EVENT_MEMBER_LEAVE);
    status = ended(own);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    see(node, killed, SIGKILL, CHINWAG_EVENT_MEMBER_FAILED);
    CHECK(WTERMSIG(ended(killed)) == SIGKILL);
    see(node, bare, SIGTERM, CHINWAG_EVENT_MEMBER_FAILED);
    CHECK(WTERMSIG(ended(bare)) == SIGTERM);
    see(node, normal, 0, CHINWAG_EVENT_MEMBER_LEAVE);
    CHECK(WEXITSTATUS(ended(normal)) == 3);
    chinwag_node_free(node);
    forked_child_gets_the_default();
    puts("ok");
    return 0;
}
