/* A node finds its cluster again by its snapshot, without a seed. */
#include "check.h"

static int holds(const char *path, const char *line) {
    char text[4096];
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    if (file != NULL) {
        fclose(file);
    }
    return strstr(text, line) != NULL;
}

/* One file is for one node. */
static void refused(const char *path) {
    chinwag_config *config = options("c", NULL);
    chinwag_node *twice = NULL;
    chinwag_error *err = NULL;
    OK(chinwag_config_set(config, "snapshot", path, &err));
    CHECK(chinwag_start(config, &twice, &err) == CHINWAG_EBADCONFIG && twice == NULL);
    CHECK(strstr(chinwag_error_message(err), path) != NULL);
    chinwag_error_free(err);
    chinwag_config_free(config);
}

int main(void) {
    alarm(300);
    char path[64], addr[64];
    snprintf(path, sizeof path, "/tmp/chinwag-snapshot-%d", (int)getpid());
    chinwag_node *a = start("a", NULL);
    address(a, addr, sizeof addr);
    chinwag_node *b = start_with("b", NULL, "snapshot", path);
    OK(chinwag_join(b, addr, NULL, &err));
    UNTIL(holds(path, " a\n"));
    refused(path);
    chinwag_node_free(b);
    b = start_with("b", NULL, "snapshot", path);
    UNTIL(count_members(b) == 2 && count_members(a) == 2);
    chinwag_node_free(b);
    chinwag_node_free(a);
    CHECK(unlink(path) == 0);
    strcat(path, ".lock");
    CHECK(unlink(path) == 0);
    puts("ok");
    return 0;
}
