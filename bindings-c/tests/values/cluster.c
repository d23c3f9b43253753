/* The ring of a cluster: of the members, of their tags, and of what is decided by hand. */
#include "check.h"

enum { KEYS = 200 };

static const uint8_t *bytes(const char *text) {
    return (const uint8_t *)text;
}

static const char *numbered(int number) {
    static _Thread_local char key[16];
    snprintf(key, sizeof key, "user:%d", number);
    return key;
}

/* Whether the ring of a node is of these names, in their order; NULL behind the last. */
static bool has(const chinwag_node *node, const char *const *names) {
    chinwag_ring *ring = chinwag_node_ring(node);
    size_t count = 0;
    bool same = true;
    for (; names[count] != NULL; count++) {
        const char *name = chinwag_ring_name(ring, count);
        same &= name != NULL && strcmp(name, names[count]) == 0;
    }
    same &= chinwag_ring_count(ring) == count;
    chinwag_ring_free(ring);
    return same;
}

#define HAS(node, ...) UNTIL(has(node, (const char *const[]){__VA_ARGS__, NULL}))

/* Small rings, so that a tool that is slow makes them in time. */
static chinwag_node *begin(const char *name, const chinwag_node *seed, const char *key,
                           const char *value) {
    char addr[64];
    if (seed != NULL) {
        address(seed, addr, sizeof addr);
    }
    chinwag_config *config = options(name, seed == NULL ? NULL : addr);
    OK(chinwag_config_set(config, "ring_slots", "1009", &err));
    if (key != NULL) {
        OK(chinwag_config_set(config, key, value, &err));
    }
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_config_free(config);
    return node;
}

static void all_members_have_the_ring_of_the_members(void) {
    chinwag_node *a = begin("a", NULL, "tags", "weight=2,zone=x");
    chinwag_node *b = begin("b", a, "tags", "zone=y");
    HAS(a, "a", "b");
    HAS(b, "a", "b");
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_slots(builder, 1009, 50, &err));
    OK(chinwag_ring_builder_add(builder, "a", 2, "x", &err));
    OK(chinwag_ring_builder_add(builder, "b", 1, "y", &err));
    chinwag_ring *hand = NULL, *of_a = chinwag_node_ring(a), *of_b = chinwag_node_ring(b);
    OK(chinwag_ring_build(builder, &hand, &err));
    chinwag_ring_builder_free(builder);
    CHECK(chinwag_ring_fingerprint(of_a) == chinwag_ring_fingerprint(hand));
    CHECK(chinwag_ring_fingerprint(of_b) == chinwag_ring_fingerprint(hand));
    CHECK(chinwag_ring_version(of_a) >= 1 && chinwag_ring_version(hand) == 0);
    chinwag_ring *again = chinwag_node_ring(a); /* the names are not made again */
    CHECK(chinwag_ring_name(again, 0) == chinwag_ring_name(of_a, 0));
    CHECK(chinwag_ring_version(again) == chinwag_ring_version(of_a));
    chinwag_ring_free(of_a);
    SAME(chinwag_ring_name(again, 0), "a");
    for (int n = 0; n < KEYS; n++) {
        const char *key = numbered(n), *owner = chinwag_ring_owner(hand, bytes(key), strlen(key));
        chinwag_member *member = NULL;
        OK(chinwag_owner(a, bytes(key), strlen(key), &member, &err));
        SAME(chinwag_member_name(member), owner);
        chinwag_member_free(member);
        CHECK(chinwag_owns(a, bytes(key), strlen(key)) == (*owner == 'a'));
        CHECK(chinwag_owns(b, bytes(key), strlen(key)) == (*owner == 'b'));
        chinwag_member_list *members = NULL;
        OK(chinwag_owners(b, bytes(key), strlen(key), 3, &members, &err));
        CHECK(chinwag_member_list_count(members) == 2);
        SAME(chinwag_member_name(chinwag_member_list_get(members, 0)), owner);
        SAME(chinwag_member_name(chinwag_member_list_get(members, 1)), *owner == 'a' ? "b" : "a");
        chinwag_member_list_free(members);
    }
    CHECK(chinwag_close(a) == CHINWAG_OK);
    chinwag_ring *kept = chinwag_node_ring(a); /* a closed node has what it knew */
    CHECK(chinwag_ring_fingerprint(kept) == chinwag_ring_fingerprint(hand));
    CHECK(chinwag_released(a, 1, NULL) == CHINWAG_ECLOSED);
    CHECK(chinwag_set_ring_overrides(a, NULL, NULL) == CHINWAG_ECLOSED);
    chinwag_node_free(a);
    chinwag_node_free(b);
    chinwag_ring_free(kept);
    chinwag_ring_free(again);
    chinwag_ring_free(of_b);
    chinwag_ring_free(hand);
}

struct seen {
    atomic_int changes;
    chinwag_node *node;
    chinwag_event *last;
};

static void on_change(const chinwag_event *event, void *user_data) {
    struct seen *seen = user_data;
    CHECK(chinwag_event_type(event) == CHINWAG_EVENT_RING_CHANGE);
    /* Whatever is known when the change is told is at least as new. */
    chinwag_ring *ring = chinwag_node_ring(seen->node);
    CHECK(chinwag_ring_version(ring) >= chinwag_event_number(event, "version"));
    chinwag_ring_free(ring);
    chinwag_event_free(seen->last);
    seen->last = chinwag_event_copy(event);
    ++seen->changes;
}

/* A change of the ring of `a`, as it is told: which keys went, or which came. */
static void is_about(const chinwag_ring_change *change, uint64_t version, bool lost[KEYS],
                     bool coming_back) {
    const chinwag_ring *before = chinwag_ring_change_before(change);
    const chinwag_ring *after = chinwag_ring_change_after(change);
    CHECK(chinwag_ring_version(after) == version && chinwag_ring_version(before) == version - 1);
    int count = 0;
    for (int n = 0; n < KEYS; n++) {
        const uint8_t *key = bytes(numbered(n));
        size_t length = strlen(numbered(n));
        bool moved = chinwag_ring_change_moved(change, key, length);
        bool goes = chinwag_ring_change_lost(change, NULL, key, length);
        bool comes = chinwag_ring_change_gained(change, NULL, key, length);
        CHECK(moved == (goes || comes) && moved == chinwag_ring_moved(before, after, key, length));
        CHECK(!(coming_back ? goes : comes)); /* of two members, keys go one way */
        CHECK(goes == chinwag_ring_change_lost(change, "a", key, length));
        CHECK(goes == chinwag_ring_change_gained(change, "b", key, length));
        CHECK(!chinwag_ring_change_lost(change, "nobody", key, length));
        SAME(chinwag_ring_owner(after, key, length), coming_back || !moved ? "a" : "b");
        CHECK(!coming_back || comes == lost[n]);
        lost[n] = moved;
        count += moved;
    }
    CHECK(count > KEYS / 4 && count < KEYS * 3 / 4);
}

static void a_change_answers_for_your_keys_and_the_past_is_kept(void) {
    chinwag_node *a = begin("a", NULL, "ring_history", "2");
    struct seen seen = {.node = a};
    CHECK(chinwag_on_event(a, CHINWAG_MASK_RING_CHANGE, on_change, &seen, NULL) > 0);
    OK(chinwag_subscribe(a, false, &err));
    chinwag_node *b = begin("b", a, NULL, NULL);
    chinwag_event *event = await(a, CHINWAG_EVENT_RING_CHANGE, NULL);
    CHECK(chinwag_event_number(event, "version") == 2); /* the callback had the first one made */
    bool lost[KEYS];
    is_about(chinwag_event_ring_change(event), 2, lost, false);
    CHECK(chinwag_event_slots(event, NULL) == NULL && chinwag_event_member(event) == NULL);
    for (int n = 0; n < KEYS; n++) {
        chinwag_answer *before = NULL;
        OK(chinwag_previous_owner(a, bytes(numbered(n)), strlen(numbered(n)), &before, &err));
        const char *name = chinwag_answer_text(before);
        CHECK(lost[n] ? name != NULL && strcmp(name, "a") == 0 : name == NULL);
        chinwag_answer_free(before);
    }
    chinwag_event_free(event);
    OK(chinwag_leave(b, 5000, &err));
    event = await(a, CHINWAG_EVENT_RING_CHANGE, NULL);
    UNTIL(seen.changes == 2);
    is_about(chinwag_event_ring_change(event), 3, lost, true);
    chinwag_node_free(b);
    OK(chinwag_update_tag(a, "weight", "3", &err));
    UNTIL(seen.changes == 3);
    chinwag_ring_list *past = NULL;
    OK(chinwag_past_rings(a, &past, &err));
    CHECK(chinwag_ring_list_count(past) == 2); /* no more than ring_history */
    CHECK(chinwag_ring_version(chinwag_ring_list_get(past, 0)) == 3);
    CHECK(chinwag_ring_version(chinwag_ring_list_get(past, 1)) == 2);
    SAME(chinwag_ring_name(chinwag_ring_list_get(past, 1), 1), "b");
    CHECK(chinwag_ring_list_get(past, 2) == NULL);
    chinwag_node_free(a);
    /* What was copied outlives the node. */
    CHECK(chinwag_event_number(seen.last, "version") == 4);
    const chinwag_ring *after = chinwag_ring_change_after(chinwag_event_ring_change(seen.last));
    CHECK(chinwag_ring_version(after) == 4 && chinwag_ring_count(after) == 1);
    chinwag_event_free(seen.last);

    /* From one that is kept to another, by hand: from 2 to 3, b's keys came back. */
    chinwag_ring_change *change = NULL;
    const chinwag_ring *older = chinwag_ring_list_get(past, 1);
    OK(chinwag_ring_change_new(older, chinwag_ring_list_get(past, 0), "b", &change, &err));
    chinwag_ring_list_free(past);
    for (int n = 0; n < KEYS; n++) {
        const uint8_t *key = bytes(numbered(n));
        CHECK(chinwag_ring_change_lost(change, NULL, key, strlen(numbered(n))) == lost[n]);
        CHECK(chinwag_ring_change_gained(change, "a", key, strlen(numbered(n))) == lost[n]);
    }
    chinwag_ring_change_free(change);
    chinwag_event_free(event);
}

static void must_not_come(const chinwag_event *event, void *user_data) {
    (void)user_data;
    CHECK(chinwag_event_type(event) != CHINWAG_EVENT_RING_CHANGE);
}

static void no_ring_is_kept_until_it_is_asked_for(void) {
    chinwag_node *a = begin("a", NULL, NULL, NULL);
    int32_t number = chinwag_on_event(a, ~0u, must_not_come, NULL, NULL);
    CHECK(number > 0);
    chinwag_node *b = begin("b", a, NULL, NULL);
    UNTIL(count_members(a) == 2);
    CHECK(chinwag_off_event(a, number) == CHINWAG_OK);
    chinwag_ring *ring = chinwag_node_ring(a);
    CHECK(chinwag_ring_version(ring) == 1 && chinwag_ring_count(ring) == 2); /* the first one */
    chinwag_ring_free(ring);
    chinwag_ring_list *past = NULL;
    OK(chinwag_past_rings(a, &past, &err));
    CHECK(chinwag_ring_list_count(past) == 0);
    chinwag_ring_list_free(past);
    CHECK(chinwag_close(b) == CHINWAG_OK);
    ring = chinwag_node_ring(b); /* closed before it was asked */
    CHECK(chinwag_ring_count(ring) == 2);
    chinwag_ring_free(ring);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

static chinwag_status overriding(chinwag_node *node, const char *key, size_t length,
                                 const char *name) {
    chinwag_ring_pin pin = {bytes(key), length, name};
    chinwag_ring_overrides overrides = {.pins = &pin, .pin_count = 1};
    return chinwag_set_ring_overrides(node, &overrides, NULL);
}

static uint64_t version(const chinwag_node *node) {
    chinwag_ring *ring = chinwag_node_ring(node);
    uint64_t found = chinwag_ring_version(ring);
    chinwag_ring_free(ring);
    return found;
}

static bool is_owner(const chinwag_node *node, const char *key, const char *name) {
    chinwag_ring *ring = chinwag_node_ring(node);
    const char *owner = chinwag_ring_owner(ring, bytes(key), strlen(key));
    bool is_it = owner != NULL && strcmp(owner, name) == 0;
    chinwag_ring_free(ring);
    return is_it;
}

static void tags_drain_and_overrides_decide(void) {
    chinwag_node *a = begin("a", NULL, NULL, NULL), *b = begin("b", a, NULL, NULL);
    HAS(a, "a", "b");
    OK(chinwag_update_tag(b, "weight", "0", &err));
    HAS(a, "a");
    HAS(b, "a"); /* b itself as well */
    OK(chinwag_update_tag(b, "weight", NULL, &err));
    HAS(a, "a", "b");

    const char *excluded[] = {"b"};
    chinwag_ring_pin pins[] = {{bytes("vip"), 3, "a"}, {bytes("vip"), 3, "b"}};
    chinwag_ring_pin prefixes[] = {{bytes("a:"), 2, "a"}, {bytes("b:"), 2, "b"}};
    chinwag_ring_overrides overrides = {.pins = pins, .pin_count = 2, .pin_prefixes = prefixes,
                                        .pin_prefix_count = 2};
    uint64_t last = version(a);
    OK(chinwag_set_ring_overrides(a, &overrides, &err));
    UNTIL(version(a) > last);
    CHECK(is_owner(a, "vip", "b")); /* pinned twice: the last counts */
    for (int n = 0; n < 20; n++) {
        char key[16];
        snprintf(key, sizeof key, "%c:%d", 'a' + n % 2, n);
        CHECK(is_owner(a, key, n % 2 == 0 ? "a" : "b"));
        CHECK(chinwag_owns(a, bytes(key), strlen(key)) == (n % 2 == 0));
    }
    overrides.excluded = excluded;
    overrides.excluded_count = 1;
    OK(chinwag_set_ring_overrides(a, &overrides, &err));
    HAS(a, "a");
    CHECK(is_owner(a, "vip", "a")); /* b owns nothing */
    HAS(b, "a");                    /* they are everybody's */

    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    char *long_one = calloc(1100, 1);
    memset(long_one, 'x', 1099);
    CHECK(overriding(a, long_one, 1025, "b") == CHINWAG_ETOOLARGE);
    CHECK(overriding(a, "k", 1, long_one) == CHINWAG_ETOOLARGE);
    free(long_one);
    CHECK(overriding(a, "k", 1, NULL) == bad && overriding(a, NULL, 1, "b") == bad);
    chinwag_ring_overrides none = {.excluded_count = 1};
    CHECK(chinwag_set_ring_overrides(a, &none, NULL) == bad);
    const char *nobody[] = {NULL};
    none.excluded = nobody;
    CHECK(chinwag_set_ring_overrides(a, &none, NULL) == bad);
    CHECK(has(a, (const char *const[]){"a", NULL})); /* nothing was changed */
    OK(chinwag_set_ring_overrides(a, NULL, &err));
    HAS(a, "a", "b");
    chinwag_node_free(a);
    chinwag_node_free(b);
}

static void options_make_the_ring(void) {
    chinwag_config *config = options("a", NULL);
    OK(chinwag_config_set(config, "ring_profile", "exact", &err));
    OK(chinwag_config_set(config, "ring_slots", "271", &err));
    OK(chinwag_config_set(config, "ring_replicas", "1", &err));
    OK(chinwag_config_set(config, "ring_hash_tags", "true", &err));
    OK(chinwag_config_set(config, "ring_tags", "role=cache", &err));
    OK(chinwag_config_set(config, "ring_weight_tag", "load", &err));
    OK(chinwag_config_set(config, "ring_zone_tag", "rack", &err));
    OK(chinwag_config_set(config, "handoff_timeout", "5s", &err));
    OK(chinwag_config_set(config, "tags", "role=cache,load=7,rack=r1", &err));
    const chinwag_status bad = CHINWAG_EBADCONFIG;
    CHECK(chinwag_config_set(config, "ring_profile", "quick", NULL) == bad);
    CHECK(chinwag_config_set(config, "ring_slots", "0", NULL) == bad);
    CHECK(chinwag_config_set(config, "handoff_timeout", "soon", NULL) == bad);
    chinwag_node *node = NULL;
    OK(chinwag_start(config, &node, &err));
    chinwag_ring *ring = chinwag_node_ring(node), *hand = NULL;
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_slots(builder, 271, 0, &err));
    OK(chinwag_ring_builder_hash_tags(builder, true, &err));
    OK(chinwag_ring_builder_add(builder, "a", 7, "r1", &err));
    OK(chinwag_ring_build(builder, &hand, &err));
    chinwag_ring_builder_free(builder);
    CHECK(chinwag_ring_fingerprint(ring) == chinwag_ring_fingerprint(hand));
    chinwag_ring_free(hand);
    chinwag_ring_free(ring);
    OK(chinwag_update_tag(node, "role", NULL, &err));
    UNTIL(!chinwag_owns(node, bytes("k"), 1)); /* nobody is on it now */
    chinwag_member *member = NULL;
    chinwag_member_list *members = NULL;
    OK(chinwag_owner(node, bytes("k"), 1, &member, &err));
    OK(chinwag_owners(node, bytes("k"), 1, 3, &members, &err));
    CHECK(member == NULL && chinwag_member_list_count(members) == 0);
    chinwag_member_list_free(members);
    chinwag_node_free(node);
    OK(chinwag_config_set(config, "ring_profile", "ketama", &err));
    CHECK(chinwag_start(config, &node, NULL) == bad); /* which has no slots */
    chinwag_config_free(config);
}

/* Slots of a hand-off, which live as long as its event. */
struct slots {
    const uint32_t *numbers;
    size_t count;
};

static struct slots slots_of(const chinwag_event *event) {
    struct slots slots;
    slots.numbers = chinwag_event_slots(event, &slots.count);
    CHECK(slots.numbers != NULL && slots.count > 0);
    return slots;
}

static void slots_change_hands_once_they_are_released(void) {
    chinwag_node *a = begin("a", NULL, "handoff_timeout", "60s");
    OK(chinwag_subscribe(a, false, &err));
    chinwag_event *first = await(a, CHINWAG_EVENT_HANDOFF_ACQUIRED, NULL);
    SAME(chinwag_event_text(first, "peer"), "");
    CHECK(slots_of(first).count == 1009 && chinwag_event_flag(first, "clean"));
    CHECK(slots_of(first).numbers[1008] == 1008);

    chinwag_node *b = begin("b", a, "handoff_timeout", "60s");
    OK(chinwag_subscribe(b, false, &err));
    chinwag_event *prepare = await(a, CHINWAG_EVENT_HANDOFF_PREPARE, NULL);
    struct slots gone = slots_of(prepare);
    SAME(chinwag_event_text(prepare, "peer"), "b");
    CHECK(chinwag_event_number(prepare, "timeout") == 60000000000);
    CHECK(chinwag_event_number(prepare, "epoch") >= chinwag_event_number(first, "epoch"));
    chinwag_ring *ring = chinwag_node_ring(b);
    for (uint32_t slot = 0, at = 0; slot < 1009; slot++) {
        bool is_bs = strcmp(chinwag_ring_slot_owner(ring, slot, 0), "b") == 0;
        CHECK(is_bs == (at < gone.count && gone.numbers[at] == slot));
        at += is_bs;
    }
    chinwag_ring_free(ring);
    uint64_t id = chinwag_event_number(prepare, "id");
    OK(chinwag_released(a, id, &err));
    chinwag_event *acquired = await(b, CHINWAG_EVENT_HANDOFF_ACQUIRED, NULL);
    struct slots had = slots_of(acquired);
    SAME(chinwag_event_text(acquired, "peer"), "a");
    CHECK(had.count == gone.count && chinwag_event_flag(acquired, "clean"));
    CHECK(memcmp(had.numbers, gone.numbers, had.count * sizeof *had.numbers) == 0);
    CHECK(chinwag_event_number(acquired, "epoch") > chinwag_event_number(prepare, "epoch"));
    CHECK(chinwag_released(a, id, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_event_free(acquired);
    chinwag_event_free(prepare);
    chinwag_event_free(first);
    chinwag_node_free(b);
    chinwag_node_free(a);
}

static void wrong_arguments_are_errors(void) {
    chinwag_node *node = begin("a", NULL, NULL, NULL);
    const chinwag_status bad = CHINWAG_EBADARGUMENT;
    chinwag_error *err = NULL;
    CHECK(chinwag_released(node, 77, &err) == bad); /* there is no such hand-off */
    SAME(chinwag_error_code(err), "bad_argument");
    chinwag_error_free(err);
    CHECK(chinwag_released(NULL, 1, NULL) == bad && chinwag_node_ring(NULL) == NULL);
    chinwag_member *member = NULL;
    chinwag_member_list *members = NULL;
    chinwag_answer *answer = NULL;
    chinwag_ring_list *past = NULL;
    CHECK(chinwag_owner(node, NULL, 1, &member, NULL) == bad && member == NULL);
    CHECK(chinwag_owner(node, NULL, 0, NULL, NULL) == bad);
    CHECK(chinwag_owner(NULL, bytes("k"), 1, &member, NULL) == bad);
    CHECK(chinwag_owners(node, NULL, 1, 3, &members, NULL) == bad && members == NULL);
    CHECK(chinwag_previous_owner(node, NULL, 1, &answer, NULL) == bad && answer == NULL);
    CHECK(chinwag_past_rings(NULL, &past, NULL) == bad && past == NULL);
    CHECK(!chinwag_owns(node, NULL, 1) && !chinwag_owns(NULL, bytes("k"), 1));
    CHECK(chinwag_owns(node, NULL, 0)); /* a key may be empty */
    OK(chinwag_owners(node, bytes("k"), 1, SIZE_MAX, &members, &err));
    CHECK(chinwag_member_list_count(members) == 1);
    chinwag_member_list_free(members);

    chinwag_ring *ring = chinwag_node_ring(node);
    chinwag_ring_change *change = NULL;
    CHECK(chinwag_ring_change_new(ring, ring, NULL, &change, NULL) == bad && change == NULL);
    CHECK(chinwag_ring_change_new(NULL, ring, "a", &change, NULL) == bad && change == NULL);
    OK(chinwag_ring_change_new(ring, ring, "a", &change, &err));
    CHECK(!chinwag_ring_change_moved(change, bytes("k"), 1));
    CHECK(!chinwag_ring_change_lost(change, "\xff", bytes("k"), 1));
    CHECK(!chinwag_ring_change_gained(change, NULL, NULL, 1));
    CHECK(!chinwag_ring_change_lost(NULL, NULL, bytes("k"), 1));
    CHECK(chinwag_ring_change_before(NULL) == NULL && chinwag_ring_change_after(NULL) == NULL);
    chinwag_ring_change_free(change);
    chinwag_ring_change_free(NULL);
    chinwag_ring_list_free(NULL);
    CHECK(chinwag_ring_list_count(NULL) == 0 && chinwag_ring_list_get(NULL, 0) == NULL);
    CHECK(chinwag_ring_version(NULL) == 0 && chinwag_event_ring_change(NULL) == NULL);
    chinwag_ring_free(ring);
    chinwag_node_free(node);
}

int main(void) {
    alarm(300);
    all_members_have_the_ring_of_the_members();
    a_change_answers_for_your_keys_and_the_past_is_kept();
    no_ring_is_kept_until_it_is_asked_for();
    tags_drain_and_overrides_decide();
    options_make_the_ring();
    slots_change_hands_once_they_are_released();
    wrong_arguments_are_errors();
    puts("ok");
    return 0;
}
