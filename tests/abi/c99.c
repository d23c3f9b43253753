/* The header in C99, used as a program would. */
#include "chinwag.h"

static void on_event(const chinwag_event *event, void *user_data) {
    size_t *joined = user_data;
    if (chinwag_event_type(event) == CHINWAG_EVENT_MEMBER_JOIN) {
        ++*joined;
    }
}

int main(void) {
    size_t joined = 0;
    chinwag_tag tags[] = {{"role", "web"}, {"canary", NULL}};
    chinwag_config *config = chinwag_config_new();
    chinwag_node *node = NULL;
    chinwag_error *err = NULL;
    if (chinwag_abi_version() != CHINWAG_ABI_VERSION) {
        return 1;
    }
    if (chinwag_config_set(config, "name", "c99", &err) != CHINWAG_OK
        || chinwag_start(config, &node, &err) != CHINWAG_OK) {
        chinwag_error_free(err);
    }
    chinwag_config_free(config);
    chinwag_on_event(node, ~0u, on_event, &joined, NULL);
    chinwag_update_tags(node, tags, sizeof tags / sizeof *tags, NULL);
    chinwag_leave(node, 5000, NULL);
    chinwag_node_free(node);
    return joined == 0;
}
