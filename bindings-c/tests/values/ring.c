/* Rings: the owners of the shared vectors, what is native to C, and arguments that are wrong. */
#include "check.h"

#include <dirent.h>
#include <inttypes.h>

static const uint8_t *bytes(const char *text) {
    return (const uint8_t *)text;
}

static const char *owner(const chinwag_ring *ring, const char *key) {
    return chinwag_ring_owner(ring, bytes(key), strlen(key));
}

/* Bytes from hex; "-" has none. */
static size_t unhex(const char *text, uint8_t *out) {
    size_t count = 0;
    for (; text[0] != '-' && text[0] != 0; text += 2) {
        unsigned byte;
        CHECK(sscanf(text, "%2x", &byte) == 1);
        out[count++] = (uint8_t)byte;
    }
    out[count] = 0;
    return count;
}

/* A file of tests/vectors/ring; how many keys it had. */
static int same_as(FILE *file) {
    static char line[1 << 16];
    static uint8_t buffer[1 << 15];
    CHECK(fgets(line, sizeof line, file) != NULL);
    line[strcspn(line, "\n")] = 0;
    size_t length = unhex(strchr(line, ' ') + 1, buffer);
    buffer[length++] = 3;
    chinwag_ring *ring = NULL;
    OK(chinwag_ring_from_bytes(buffer, length, &ring, &err));
    static uint8_t again[1 << 15];
    CHECK(chinwag_ring_to_bytes(ring, again, sizeof again) == length);
    CHECK(memcmp(buffer, again, length) == 0);
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK(strtoull(strchr(line, ' ') + 1, NULL, 16) == chinwag_ring_fingerprint(ring));
    int keys = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        static uint8_t key[1 << 12], name[1 << 12];
        length = unhex(strtok_r(line, " \n", &rest), key);
        const char *owners[4] = {NULL};
        size_t count = chinwag_ring_owners(ring, key, length, owners, 4), at = 0;
        const char *first = chinwag_ring_owner(ring, key, length);
        CHECK(count == 0 ? first == NULL : first == owners[0]);
        for (char *part; (part = strtok_r(NULL, " \n", &rest)) != NULL && *part != '-'; at++) {
            unhex(part, name);
            CHECK(at < count);
            SAME(owners[at], (const char *)name);
        }
        CHECK(at == count);
        keys++;
    }
    chinwag_ring_free(ring);
    return keys;
}

static void shared_vectors(void) {
    DIR *folder = opendir(VECTORS "/ring");
    CHECK(folder != NULL);
    int files = 0, keys = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/ring/%s", VECTORS, entry->d_name);
        if (strstr(path, ".txt") != NULL) {
            FILE *file = fopen(path, "r");
            CHECK(file != NULL);
            keys += same_as(file);
            fclose(file);
            files++;
        }
    }
    closedir(folder);
    CHECK(files > 15 && keys > 4000);
}

/* Few slots: under valgrind, many take a while. */
enum { SLOTS = 4096 };

/* web-0 to web-9, without one of them. */
static chinwag_ring *web(int without) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_slots(builder, SLOTS, 50, &err));
    for (int n = 0; n < 10; n++) {
        char name[16];
        snprintf(name, sizeof name, "web-%d", n);
        if (n != without) {
            OK(chinwag_ring_builder_add(builder, name, 1, NULL, &err));
        }
    }
    chinwag_ring *ring = NULL;
    OK(chinwag_ring_build(builder, &ring, &err));
    chinwag_ring_builder_free(builder);
    return ring;
}

static chinwag_ring *ten(void) {
    return web(-1);
}

static void owners_of_many_keys(void) {
    chinwag_ring *ring = ten();
    const char *keys = "abcdefghij";
    size_t ends[10];
    uint32_t owners[10];
    for (size_t n = 0; n < 10; n++) {
        ends[n] = n + 1;
    }
    OK(chinwag_ring_owners_many(ring, bytes(keys), ends, 10, owners, &err));
    for (int n = 0; n < 10; n++) {
        const char one[2] = {keys[n], 0};
        CHECK(chinwag_ring_name(ring, owners[n]) == owner(ring, one));
    }
    ends[3] = 2;
    chinwag_status status = chinwag_ring_owners_many(ring, bytes(keys), ends, 10, owners, NULL);
    CHECK(status == CHINWAG_EBADARGUMENT);
    ends[3] = 11; /* behind the last end */
    status = chinwag_ring_owners_many(ring, bytes(keys), ends, 10, owners, NULL);
    CHECK(status == CHINWAG_EBADARGUMENT);
    const char *all[12];
    CHECK(chinwag_ring_owners(ring, bytes("k"), 1, all, 12) == 10);
    CHECK(chinwag_ring_owners(ring, bytes("k"), 1, NULL, 12) == 0);
    chinwag_ring_free(ring);
}

static void a_ring_changes_into_another(void) {
    chinwag_ring *ring = ten(), *less = NULL, *both = NULL;
    chinwag_ring_builder *builder = chinwag_ring_builder_from(ring);
    OK(chinwag_ring_builder_remove(builder, "web-3", &err));
    OK(chinwag_ring_builder_pin(builder, bytes("vip"), 3, "web-5", &err));
    OK(chinwag_ring_builder_pin_prefix(builder, bytes("user:"), 5, "web-6", &err));
    OK(chinwag_ring_build(builder, &less, &err));
    chinwag_ring_builder_free(builder);
    CHECK(chinwag_ring_count(less) == 9);
    SAME(owner(less, "vip"), "web-5");
    SAME(owner(less, "user:1"), "web-6");
    static uint32_t slots[SLOTS];
    size_t moved = chinwag_ring_moved_slots(ring, less, slots, SLOTS), gone = 0;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        gone += strcmp(chinwag_ring_slot_owner(ring, slot, 0), "web-3") == 0;
    }
    CHECK(moved >= gone && moved < gone + 100);
    for (int n = 0; n < 200; n++) {
        char key[16];
        snprintf(key, sizeof key, "key-%d", n);
        bool is_moved = chinwag_ring_moved(ring, less, bytes(key), strlen(key));
        CHECK(is_moved == (strcmp(owner(ring, key), owner(less, key)) != 0));
    }
    OK(chinwag_ring_union(ring, less, &both, &err));
    CHECK(chinwag_ring_count(both) == 10);
    chinwag_ring_free(both);
    OK(chinwag_ring_intersection(ring, less, &both, &err));
    chinwag_ring *nine = web(3); /* what is pinned in one of them only is in neither */
    CHECK(chinwag_ring_fingerprint(both) == chinwag_ring_fingerprint(nine));
    CHECK(chinwag_ring_fingerprint(both) != chinwag_ring_fingerprint(less));
    chinwag_ring_free(nine);
    double shares[10], ideals[10], total = 0;
    CHECK(chinwag_ring_balance(ring, shares, ideals, 10) == 10);
    for (int n = 0; n < 10; n++) {
        CHECK(ideals[n] == 0.1 && shares[n] > 0.08 && shares[n] < 0.1055);
        total += shares[n];
    }
    CHECK(total > 0.999999 && total < 1.000001);
    chinwag_answer *answer = NULL;
    chinwag_ring *read = NULL;
    OK(chinwag_ring_to_json(less, &answer, &err));
    OK(chinwag_ring_from_json(chinwag_answer_text(answer), &read, &err));
    CHECK(chinwag_ring_fingerprint(read) == chinwag_ring_fingerprint(less));
    chinwag_answer_free(answer);
    chinwag_ring_free(read);
    chinwag_ring_free(both);
    chinwag_ring_free(less);
    chinwag_ring_free(ring);
}

/* Clusterluck's own example. */
static void clusterlucks_ring(void) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_profile(builder, "clusterluck", &err));
    const char *names[] = {"a", "b", "c", "d"};
    for (int n = 0; n < 4; n++) {
        OK(chinwag_ring_builder_add(builder, names[n], 3, NULL, &err));
    }
    chinwag_ring *ring = NULL;
    OK(chinwag_ring_build(builder, &ring, &err));
    chinwag_ring_builder_free(builder);
    const char *found[3];
    CHECK(chinwag_ring_owners(ring, bytes("k"), 1, found, 3) == 3);
    CHECK(*found[0] == 'd' && *found[1] == 'c' && *found[2] == 'b');
    CHECK(chinwag_ring_owners_before(ring, bytes("k"), 1, found, 3) == 3);
    CHECK(*found[0] == 'b' && *found[1] == 'd' && *found[2] == 'c');
    CHECK(chinwag_ring_next(ring, "d", found, 2) == 2 && *found[0] == 'c' && *found[1] == 'b');
    CHECK(chinwag_ring_previous(ring, "d", found, 2) == 2 && *found[0] == 'b');
    CHECK(chinwag_ring_next(ring, "nobody", found, 2) == 0);
    chinwag_ring_free(ring);
}

/* A zero byte, which only a hostile member has in its name, stands as U+FFFD. */
static void names_with_zeros_are_there(void) {
    const char *json = "{\"version\":1,\"profile\":\"slots\",\"slots\":64,\"slack\":50,"
                       "\"nodes\":[{\"name\":\"a\\u0000\"},{\"name\":\"ab\"},{\"name\":\"b\"}]}";
    chinwag_ring *ring = NULL;
    OK(chinwag_ring_from_json(json, &ring, &err));
    SAME(chinwag_ring_name(ring, 0), "a\xef\xbf\xbd");
    const char *found[4];
    CHECK(chinwag_ring_next(ring, "b", found, 4) == 2);
    CHECK(found[0] != NULL && found[1] != NULL && found[0] != found[1]);
    CHECK(found[0] == chinwag_ring_name(ring, 0) || found[1] == chinwag_ring_name(ring, 0));
    CHECK(chinwag_ring_next(ring, "ab", found, 4) == 2 && found[0] != NULL && found[1] != NULL);
    chinwag_ring_free(ring);
}

static chinwag_status weighing(const char *name, uint32_t weight) {
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    OK(chinwag_ring_builder_add(builder, name, weight, "zone", &err));
    chinwag_ring *ring = NULL;
    chinwag_status status = chinwag_ring_build(builder, &ring, NULL);
    chinwag_ring_builder_free(builder);
    chinwag_ring_free(ring);
    return status;
}

static void wrong_arguments_are_errors(void) {
    chinwag_ring *ring = NULL;
    chinwag_error *err = NULL;
    const char *names[] = {"b", "a"};
    OK(chinwag_ring_new(names, 2, &ring, &err));
    SAME(chinwag_ring_name(ring, 0), "a");
    chinwag_ring_free(ring);
    ring = NULL;
    const char *twice[] = {"a", "a"};
    CHECK(chinwag_ring_new(twice, 2, &ring, &err) == CHINWAG_EBADARGUMENT && ring == NULL);
    SAME(chinwag_error_message(err), "\"a\" is in the ring already; names are unique");
    chinwag_error_free(err);
    const char *null[] = {NULL};
    CHECK(chinwag_ring_new(null, 1, &ring, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_ring_new(NULL, 1, &ring, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(weighing("a", 0) == CHINWAG_EBADARGUMENT);
    CHECK(weighing("a", 65536) == CHINWAG_EBADARGUMENT);
    CHECK(weighing("", 1) == CHINWAG_EBADARGUMENT);
    CHECK(weighing("a", 65535) == CHINWAG_OK);
    char *gigantic = calloc(1 << 20, 1);
    memset(gigantic, 'x', (1 << 20) - 1);
    CHECK(weighing(gigantic, 1) == CHINWAG_ETOOLARGE);
    CHECK(chinwag_ring_from_json(gigantic, &ring, NULL) == CHINWAG_EBADARGUMENT);
    CHECK(chinwag_ring_from_bytes(bytes(gigantic), 1 << 20, &ring, NULL) == CHINWAG_EBADARGUMENT);
    free(gigantic);
    CHECK(chinwag_ring_from_bytes(NULL, 5, &ring, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_ring_new(NULL, 0, &ring, &err));
    CHECK(owner(ring, "k") == NULL && chinwag_ring_count(ring) == 0);
    CHECK(chinwag_ring_slot(ring, bytes("k"), 1) == -1);
    chinwag_ring_free(ring);
    ring = NULL;
    CHECK(owner(NULL, "k") == NULL && chinwag_ring_name(NULL, 0) == NULL);
    CHECK(chinwag_ring_builder_from(NULL) == NULL);
    chinwag_ring_builder *builder = chinwag_ring_builder_new();
    CHECK(chinwag_ring_builder_profile(builder, "nope", NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_ring_builder_slots(builder, 0, CHINWAG_RING_UNBOUNDED, &err));
    CHECK(chinwag_ring_build(builder, &ring, NULL) == CHINWAG_EBADARGUMENT);
    OK(chinwag_ring_builder_slots(builder, 271, 0, &err));
    OK(chinwag_ring_builder_remove(builder, "nobody", &err));
    CHECK(chinwag_ring_build(builder, &ring, NULL) == CHINWAG_EBADARGUMENT);
    chinwag_ring_builder_free(builder);
    ring = ten();
    CHECK(chinwag_ring_owner(ring, NULL, 1) == NULL);
    CHECK(chinwag_ring_owner(ring, NULL, 0) == owner(ring, ""));
    chinwag_ring_free(ring);
    chinwag_ring_free(NULL);
    chinwag_ring_builder_free(NULL);
    CHECK(chinwag_jump(bytes("k"), 1, 0) == -1 && chinwag_jump(bytes("k"), 1, 1) == 0);
}

int main(void) {
    alarm(300);
    shared_vectors();
    owners_of_many_keys();
    a_ring_changes_into_another();
    clusterlucks_ring();
    names_with_zeros_are_there();
    wrong_arguments_are_errors();
    puts("ok");
    return 0;
}
