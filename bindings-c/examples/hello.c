#include <chinwag.h>
#include <stdio.h>

static void print(const chinwag_event *event, void *user_data) {
    (void)user_data;
    const chinwag_member *member = chinwag_event_member(event);
    if (member != NULL)
        printf("%s %s\n", chinwag_strevent(chinwag_event_type(event)), chinwag_member_name(member));
}

int main(void) {
    chinwag_config *config = chinwag_config_new();
    chinwag_config_set(config, "name", "c", NULL);
    chinwag_config_set(config, "seeds", "127.0.0.1:7946", NULL);
    chinwag_node *node;
    if (chinwag_start(config, &node, NULL) != CHINWAG_OK)
        return 1;
    chinwag_on_event(node, ~0u, print, NULL, NULL);
    getchar(); /* until Enter */
    chinwag_leave(node, 5000, NULL);
    chinwag_node_free(node);
    chinwag_config_free(config);
    return 0;
}
