/* Rings that somebody sent or asked for, and that cannot be: an error with its code, or a ring that
 * answers. */
#include "spoilt.h"

static const uint8_t *bytes(const char *text) {
    return (const uint8_t *)text;
}

/* Whoever is found is of the ring. */
static void answers(const chinwag_ring *ring) {
    const char *owners[4] = {NULL};
    size_t count = chinwag_ring_owners(ring, bytes("user:42"), 7, owners, 4);
    const char *owner = chinwag_ring_owner(ring, bytes("user:42"), 7);
    CHECK(count <= chinwag_ring_count(ring) && (count == 0 ? owner == NULL : owner == owners[0]));
    for (size_t n = 0; n < count; n++) {
        CHECK(strlen(owners[n]) > 0);
    }
    int64_t slot = chinwag_ring_slot(ring, bytes("user:42"), 7);
    CHECK(slot < 0 || chinwag_ring_slot_owner(ring, (uint32_t)slot, 0) != NULL);
}

static chinwag_status read_bytes(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_ring *ring = NULL;
    chinwag_status status = chinwag_ring_from_bytes(from, count, &ring, err);
    CHECK((ring != NULL) == (status == CHINWAG_OK));
    if (ring != NULL) {
        uint8_t *again = calloc(count, 1);
        answers(ring);
        /* There is one form of each ring. */
        CHECK(chinwag_ring_to_bytes(ring, again, count) == count);
        CHECK(memcmp(again, from, count) == 0);
        free(again);
    }
    chinwag_ring_free(ring);
    return status;
}

static chinwag_status read_json(const uint8_t *from, size_t count, chinwag_error **err) {
    chinwag_ring *ring = NULL;
    char *text = as_text(from, count);
    chinwag_status status = chinwag_ring_from_json(text, &ring, err);
    CHECK((ring != NULL) == (status == CHINWAG_OK));
    if (ring != NULL) {
        answers(ring);
    }
    chinwag_ring_free(ring);
    free(text);
    return status;
}

/* A ring with something of everything, and few slots: each bit of it is tried under valgrind. */
static chinwag_ring *stored(void) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_slots(builder, 32, 50, &err));
    OK(chinwag_ring_builder_replicas(builder, 2, &err));
    OK(chinwag_ring_builder_add(builder, "a", 1, "z", &err));
    OK(chinwag_ring_builder_add(builder, "\xc3\xa4", 300, NULL, &err));
    OK(chinwag_ring_builder_exclude(builder, "c", true, &err));
    OK(chinwag_ring_builder_pin(builder, bytes("\xff"), 1, "a", &err));
    OK(chinwag_ring_builder_pin_prefix(builder, bytes("u:"), 2, "b", &err));
    chinwag_ring *ring = NULL;
    OK(chinwag_ring_build(builder, &ring, &err));
    chinwag_ring_builder_free(builder);
    return ring;
}

static void spoilt_rings_are_refused_or_others(void) {
    uint8_t form[256];
    chinwag_ring *ring = stored();
    size_t count = chinwag_ring_to_bytes(ring, form, sizeof form);
    CHECK(count < sizeof form);
    parts_are_refused(read_bytes, form, count);
    bits_are_harmless(read_bytes, form, count);
    chinwag_answer *answer = NULL;
    OK(chinwag_ring_to_json(ring, &answer, &err));
    const char *json = chinwag_answer_text(answer);
    for (size_t length = 0; length < strlen(json); length++) {
        CHECK(read_copy(read_json, bytes(json), length) == CHINWAG_EBADARGUMENT);
    }
    bits_are_harmless(read_json, bytes(json), strlen(json));
    chinwag_answer_free(answer);
    chinwag_ring_free(ring);
}

static void numbers_of_json_are_whole_and_in_their_bounds(void) {
    const char *numbers[] = {"NaN", "Infinity", "-Infinity", "1e400", "-1", "0.5", "1e2", "\"1\"",
                             "18446744073709551616", "null", "[]"};
    const char *places[] = {"{\"nodes\":[{\"name\":\"a\",\"weight\":%s}]}", "{\"slots\":%s}",
                            "{\"replicas\":%s}", "{\"version\":%s}", "{\"hash_tags\":%s}"};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            char json[128];
            snprintf(json, sizeof json, places[p], numbers[n]);
            CHECK(read_copy(read_json, bytes(json), strlen(json)) == CHINWAG_EBADARGUMENT);
        }
    }
    const char *wrong[] = {"", "{", "[]", "5", "null", "\"\"", "{\"nodes\":5}",
                           "{\"nodes\":[\"a\"]}", "{\"nodes\":[{}]}", "{\"slots\":0}",
                           "{\"nodes\":[{\"name\":\"\"}]}", "{\"colour\":1}", "{\"version\":2}",
                           "{\"nodes\":[{\"name\":\"a\"},{\"name\":\"a\"}]}",
                           "{\"nodes\":[{\"name\":\"a\",\"weight\":0}]}",
                           "{\"nodes\":[{\"name\":\"a007065\"},{\"name\":\"9;Wm_0-u\"}]}",
                           "{\"keys\":[{\"base64\":\"!\",\"node\":\"a\"}]}", "{\"slots\":2097152}"};
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        CHECK(read_copy(read_json, bytes(wrong[n]), strlen(wrong[n])) == CHINWAG_EBADARGUMENT);
    }
}

/* More nodes than there are bytes, and work or memory beyond all measure. */
static void what_is_announced_is_not_believed(void) {
    const uint8_t announced[] = {1, 0, 64, 51, 0, 255, 255, 255, 255, 15};
    CHECK(read_copy(read_bytes, announced, sizeof announced) == CHINWAG_EBADARGUMENT);
    const uint8_t wide[] = {1, 0, 128, 128, 64, 0, 0, 1, 1, 'a', 1, 0, 0, 0, 0, 255};
    CHECK(read_copy(read_bytes, wide, sizeof wide) == CHINWAG_ETOOLARGE);
    char *much = gigantic((16 << 20) + 1);
    CHECK(read_copy(read_json, bytes(much), (16 << 20) + 1) == CHINWAG_ETOOLARGE);
    memset(much, '[', 1 << 20);
    CHECK(read_copy(read_json, bytes(much), 1 << 20) == CHINWAG_EBADARGUMENT);
    CHECK(read_copy(read_bytes, bytes(much), 16 << 20) == CHINWAG_EBADARGUMENT);
    free(much);
}

/* What building a ring comes to after one step. */
static chinwag_status built(chinwag_ring_builder *builder) {
    chinwag_ring *ring = NULL;
    chinwag_error *err = NULL;
    chinwag_status status = chinwag_ring_build(builder, &ring, &err);
    CHECK((ring != NULL) == (status == CHINWAG_OK) && (err == NULL) == (status == CHINWAG_OK));
    CHECK(err == NULL || strlen(chinwag_error_message(err)) < 300);
    chinwag_error_free(err);
    chinwag_ring_free(ring);
    chinwag_ring_builder_free(builder);
    return status;
}

#define BUILT(step)                                                                                \
    (builder = chinwag_ring_builder_new(), chinwag_ring_builder_slots(builder, 8, 50, NULL),       \
     chinwag_ring_builder_add(builder, "a", 1, NULL, NULL), (void)(step), built(builder))

static void steps_that_are_wrong_fail_the_ring(void) {
    chinwag_ring_builder *builder = NULL;
    char *much = gigantic(1 << 20);
    CHECK(BUILT(0) == CHINWAG_OK);
    CHECK(BUILT(chinwag_ring_builder_add(builder, "a", 1, NULL, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_add(builder, "", 1, NULL, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_add(builder, "b", 0, NULL, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_add(builder, "b", ~0u, NULL, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_add(builder, much, 1, NULL, NULL)) == CHINWAG_ETOOLARGE);
    CHECK(BUILT(chinwag_ring_builder_add(builder, "b", 1, much, NULL)) == CHINWAG_ETOOLARGE);
    CHECK(BUILT(chinwag_ring_builder_update(builder, "b", 1, "", NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_update(builder, "a", 0, "", NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_remove(builder, much, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_exclude(builder, much, true, NULL)) == CHINWAG_ETOOLARGE);
    CHECK(BUILT(chinwag_ring_builder_exclude(builder, "b", true, NULL)) == CHINWAG_OK);
    CHECK(BUILT(chinwag_ring_builder_pin(builder, bytes(much), 1025, "a", NULL))
          == CHINWAG_ETOOLARGE);
    CHECK(BUILT(chinwag_ring_builder_pin_prefix(builder, bytes("k"), 1, much, NULL))
          == CHINWAG_ETOOLARGE);
    CHECK(BUILT(chinwag_ring_builder_pin(builder, bytes("k"), 1, "nobody", NULL)) == CHINWAG_OK);
    CHECK(BUILT(chinwag_ring_builder_replicas(builder, 0, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_slots(builder, ~0u, 0, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT(chinwag_ring_builder_slots(builder, 8, 10001, NULL)) == CHINWAG_EBADARGUMENT);
    CHECK(BUILT((chinwag_ring_builder_slots(builder, 1 << 20, 50, NULL),
                 chinwag_ring_builder_replicas(builder, 17, NULL))) == CHINWAG_ETOOLARGE);
    /* What is no text, or nothing, is refused at once, and changes nothing. */
    CHECK(BUILT(chinwag_ring_builder_add(builder, "\xff", 1, NULL, NULL)) == CHINWAG_OK);
    CHECK(BUILT(chinwag_ring_builder_pin(builder, NULL, 1, "a", NULL)) == CHINWAG_OK);
    free(much);
}

static void text_and_pointers_are_looked_at(void) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    chinwag_status no = CHINWAG_EBADARGUMENT;
    const char *names[] = {NULL, "\xff", "a\xc3"};
    for (int n = 0; n < 3; n++) {
        const char *name = names[n];
        CHECK(chinwag_ring_builder_profile(builder, name, NULL) == no);
        CHECK(chinwag_ring_builder_add(builder, name, 1, NULL, NULL) == no);
        CHECK(chinwag_ring_builder_update(builder, name, 1, NULL, NULL) == no);
        CHECK(chinwag_ring_builder_remove(builder, name, NULL) == no);
        CHECK(chinwag_ring_builder_exclude(builder, name, true, NULL) == no);
        CHECK(name == NULL || chinwag_ring_builder_add(builder, "b", 1, name, NULL) == no);
        CHECK(name == NULL || chinwag_ring_builder_pin(builder, NULL, 0, name, NULL) == no);
        chinwag_ring *ring = NULL;
        CHECK(chinwag_ring_new(&name, 1, &ring, NULL) == no && ring == NULL);
        CHECK(chinwag_ring_from_json(name, &ring, NULL) == no && ring == NULL);
    }
    CHECK(chinwag_ring_builder_add(NULL, "a", 1, NULL, NULL) == no);
    CHECK(chinwag_ring_builder_slots(NULL, 8, 50, NULL) == no);
    CHECK(chinwag_ring_builder_replicas(NULL, 3, NULL) == no);
    CHECK(chinwag_ring_builder_hash_tags(NULL, true, NULL) == no);
    CHECK(chinwag_ring_build(NULL, NULL, NULL) == no);
    CHECK(chinwag_ring_build(builder, NULL, NULL) == no);
    CHECK(built(builder) == CHINWAG_OK);
}

static void no_ring_is_an_empty_one_or_an_error(void) {
    chinwag_ring *ring = stored(), *other = NULL;
    chinwag_status no = CHINWAG_EBADARGUMENT;
    const char *found[3];
    uint32_t owner = 7;
    size_t end = 1;
    CHECK(chinwag_ring_owners(NULL, bytes("k"), 1, found, 3) == 0);
    CHECK(chinwag_ring_owners(ring, NULL, 1, found, 3) == 0);
    CHECK(chinwag_ring_owners(ring, bytes("k"), SIZE_MAX, found, 3) == 0);
    CHECK(chinwag_ring_owners(ring, bytes("k"), 1, found, SIZE_MAX) == 0);
    CHECK(chinwag_ring_owner(ring, bytes("k"), SIZE_MAX) == NULL);
    CHECK(chinwag_ring_slot(ring, NULL, 1) == -1 && chinwag_ring_slot(NULL, NULL, 0) == -1);
    CHECK(chinwag_ring_slot_owner(ring, 32, 0) == NULL);
    CHECK(chinwag_ring_slot_owner(ring, 0, SIZE_MAX) == NULL);
    CHECK(chinwag_ring_slot_owner(NULL, 0, 0) == NULL && chinwag_ring_name(ring, 99) == NULL);
    CHECK(chinwag_ring_owners_many(NULL, bytes("k"), &end, 1, &owner, NULL) == no);
    CHECK(chinwag_ring_owners_many(ring, NULL, &end, 1, &owner, NULL) == no);
    CHECK(chinwag_ring_owners_many(ring, bytes("k"), NULL, 1, &owner, NULL) == no);
    CHECK(chinwag_ring_owners_many(ring, bytes("k"), &end, 1, NULL, NULL) == no);
    CHECK(chinwag_ring_owners_many(ring, bytes("k"), &end, SIZE_MAX, &owner, NULL) == no);
    CHECK(chinwag_ring_union(ring, NULL, &other, NULL) == no && owner == 7);
    CHECK(chinwag_ring_intersection(NULL, ring, &other, NULL) == no);
    CHECK(chinwag_ring_change_new(ring, NULL, NULL, NULL, NULL) == no && other == NULL);
    CHECK(chinwag_ring_to_bytes(NULL, NULL, 0) == 0 && chinwag_ring_fingerprint(NULL) == 0);
    CHECK(chinwag_ring_to_bytes(ring, NULL, 0) == chinwag_ring_to_bytes(ring, NULL, SIZE_MAX));
    CHECK(chinwag_ring_from_bytes(bytes(""), SIZE_MAX, &other, NULL) == no && other == NULL);
    CHECK(chinwag_ring_from_bytes(bytes(""), 1, NULL, NULL) == no);
    CHECK(chinwag_ring_next(ring, NULL, found, 3) == 0);
    CHECK(chinwag_ring_previous(ring, "\xff", found, 3) == 0);
    CHECK(chinwag_ring_owners_before(NULL, bytes("k"), 1, found, 3) == 0);
    CHECK(chinwag_ring_balance(NULL, NULL, NULL, 3) == 0);
    CHECK(!chinwag_ring_moved(NULL, ring, bytes("k"), 1));
    chinwag_ring_free(ring);
}

static void lists_have_an_end(void) {
    enum { MANY = 12289, LONG = 1 << 20 };
    static char text[MANY][16];
    static const char *names[MANY];
    for (int n = 0; n < MANY; n++) {
        snprintf(text[n], sizeof text[n], "n%d", n);
        names[n] = text[n];
    }
    chinwag_ring *ring = NULL;
    CHECK(chinwag_ring_new(names, MANY, &ring, NULL) == CHINWAG_ETOOLARGE && ring == NULL);
    CHECK(chinwag_ring_new(names, SIZE_MAX, &ring, NULL) == CHINWAG_EBADARGUMENT);
    char *key = gigantic(LONG); /* a key may be of any length */
    ring = stored();
    CHECK(chinwag_ring_owner(ring, bytes(key), LONG) != NULL);
    chinwag_ring_free(ring);
    free(key);
}

int main(void) {
    alarm(300);
    spoilt_rings_are_refused_or_others();
    numbers_of_json_are_whole_and_in_their_bounds();
    what_is_announced_is_not_believed();
    steps_that_are_wrong_fail_the_ring();
    text_and_pointers_are_looked_at();
    no_ring_is_an_empty_one_or_an_error();
    lists_have_an_end();
    puts("ok");
    return 0;
}
