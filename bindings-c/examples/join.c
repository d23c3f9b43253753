/*
 * One member of a cluster: joins, prints what happens to the others, and leaves.
 *
 *     cc join.c -o join $(pkg-config --cflags --libs chinwag)
 *     ./join web-1 -
 *     ./join web-2 127.0.0.1:40123 role=web
 *
 * Then type `tag role=db`, or `leave`.
 */
#include <chinwag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(chinwag_error *err) {
    fprintf(stderr, "%s: %s\n", chinwag_error_code(err), chinwag_error_message(err));
    chinwag_error_free(err);
    return 1;
}

static void print(chinwag_event_kind kind, const chinwag_member *member) {
    printf("%s %s %s %s ", chinwag_strevent(kind), chinwag_member_name(member),
           chinwag_member_addr(member), chinwag_strstate(chinwag_member_state(member)));
    size_t count = chinwag_member_tag_count(member);
    for (size_t i = 0; i < count; i++) {
        printf("%s%s=%s", i > 0 ? "," : "", chinwag_member_tag_key(member, i),
               chinwag_member_tag_value(member, i));
    }
    puts(count > 0 ? "" : "-");
    fflush(stdout);
}

/* Called on a thread of the library, one event at a time. It may call any function. */
static void on_event(const chinwag_event *event, void *user_data) {
    (void)user_data;
    chinwag_event_kind kind = chinwag_event_type(event);
    if (chinwag_event_member(event) != NULL) {
        print(kind, chinwag_event_member(event));
    }
    const chinwag_member_list *members = chinwag_event_members(event); /* after events-lost */
    for (size_t i = 0; i < chinwag_member_list_count(members); i++) {
        print(kind, chinwag_member_list_get(members, i));
    }
}

static chinwag_tag split(char *pair) {
    char *equals = strchr(pair, '=');
    if (equals != NULL) {
        *equals++ = '\0';
    }
    return (chinwag_tag){pair, equals != NULL ? equals : ""};
}

static chinwag_node *start(char **words, chinwag_error **err) {
    const char *profile = getenv("CHINWAG_PROFILE");
    chinwag_node *node = NULL;
    chinwag_config *config = chinwag_config_new();
    int failed = chinwag_config_set(config, "name", words[0], err) != CHINWAG_OK
        || chinwag_config_set(config, "bind", "127.0.0.1:0", err) != CHINWAG_OK
        || chinwag_config_set(config, "profile", profile ? profile : "local", err) != CHINWAG_OK
        || chinwag_config_set(config, "handle_signals", "true", err) != CHINWAG_OK
        || (strcmp(words[1], "-") != 0
            && chinwag_config_set(config, "seeds", words[1], err) != CHINWAG_OK);
    for (words += 2; !failed && *words != NULL; words++) {
        chinwag_tag tag = split(*words);
        failed = chinwag_config_set_tag(config, tag.key, tag.value, err) != CHINWAG_OK;
    }
    if (!failed) {
        chinwag_start(config, &node, err);
    }
    chinwag_config_free(config);
    return node;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s NAME SEED|- [key=value ...]\n", argv[0]);
        return 2;
    }
    chinwag_error *err = NULL;
    chinwag_node *node = start(argv + 1, &err);
    if (node == NULL) {
        return fail(err);
    }
    chinwag_member *self = NULL;
    if (chinwag_local_member(node, &self, NULL) == CHINWAG_OK) {
        printf("ready %s %s\n", chinwag_member_name(self), chinwag_member_addr(self));
        fflush(stdout);
        chinwag_member_free(self);
    }
    chinwag_on_event(node, ~0u, on_event, NULL, NULL);

    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "leave\n") != 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "tag ", 4) == 0) {
            chinwag_tag tag = split(line + 4);
            if (chinwag_update_tag(node, tag.key, tag.value, &err) != CHINWAG_OK) {
                fail(err);
            }
        }
    }
    chinwag_status status = chinwag_leave(node, 5000, &err);
    chinwag_node_free(node);
    return status == CHINWAG_OK ? 0 : fail(err);
}
