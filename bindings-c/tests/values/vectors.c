/* The shared vectors of clocks, line by line. */
#include "check.h"
#include "statements/forms.h"
#include "statements/stamps.h"

enum { WORDS = 32 };

/* Statements that C cannot make: it has no text with a zero byte inside. */
static int left_out;

static void begin(void) {
    chinwag_retired_free(ended);
    ended = chinwag_retired_new();
    for (int n = 0; n < 128; n++) {
        chinwag_folded_free(folds[n]);
        folds[n] = NULL;
        chinwag_siblings_free(records[n]);
        chinwag_hybrid_free(hybrids[n]);
        records[n] = NULL;
        hybrids[n] = NULL;
        lamports[n] = 0;
        chinwag_vclock_free(clocks[n]);
        chinwag_actor_table_free(tables[n]);
        clocks[n] = NULL;
        tables[n] = NULL;
    }
}

/* What cannot be said in C has its outcome from the vectors, so that the rest can go on. */
static void leave_out(char **words, const char *outcome) {
    uint8_t bytes[LONGEST];
    left_out++;
    bool changes = is(words, "insert") || is(words, "increment") || is(words, "update");
    if (is(words, "table")) {
        chinwag_actor_table **place = &tables[(unsigned char)*words[1] & 127];
        chinwag_actor_table_free(*place);
        *place = NULL;
    } else if (is(words, "put") || is(words, "resolve")) {
        chinwag_siblings **place = &records[(unsigned char)*words[1] & 127];
        chinwag_siblings_free(*place);
        OK(chinwag_siblings_from_bytes(bytes, unhex(outcome, bytes), place, &err));
    } else if (changes || is(words, "remove")) {
        chinwag_vclock *clock = NULL;
        OK(chinwag_vclock_from_bytes(bytes, unhex(outcome, bytes), &clock, &err));
        set_clock(words[1], clock);
    }
}

/* A statement and its outcome; whether it was played. */
static bool play(char *statement, const char *outcome) {
    static char out[1 << 16];
    char *words[WORDS] = {NULL};
    int count = 0;
    bool has_zero = strstr(statement, "%00") != NULL;
    /* Words may be empty: strtok() would skip these. */
    for (char *word; (word = strsep(&statement, " ")) != NULL;) {
        CHECK(count < WORDS - 1);
        words[count++] = word;
    }
    const char *table = is(words, "dense") ? words[2] : is(words, "from-dense") ? words[1] : NULL;
    if (has_zero || (table != NULL && tables[(unsigned char)*table & 127] == NULL)) {
        leave_out(words, outcome);
        return false;
    }
    CHECK(change(words, out) || ask(words, out) || form(words, out) || change_record(words, out)
          || ask_record(words, out) || stamps(words, out) || fold(words, out)
          || ask_fold(words, out) || ask_log(words, out));
    if (strcmp(out, outcome) != 0) {
        fprintf(stderr, "%s %s...: %s, not %s\n", words[0], words[1], out, outcome);
        _exit(1);
    }
    return true;
}

static void play_file(const char *name, int lines_at_least, int at_most_left_out) {
    char path[4096];
    static char line[1 << 14];
    int played = 0;
    left_out = 0;
    snprintf(path, sizeof path, "%s/clocks/%s.txt", VECTORS, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "case ", 5) == 0) {
            begin();
        } else if (*line != 0 && *line != '#') {
            char *outcome = strstr(line, " => ");
            CHECK(outcome != NULL);
            *outcome = 0;
            played += play(line, outcome + 4);
        }
    }
    fclose(file);
    begin();
    if (played < lines_at_least || left_out > at_most_left_out) {
        fprintf(stderr, "%s: %d played, %d left out\n", name, played, left_out);
        _exit(1);
    }
}

int main(void) {
    alarm(300);
    play_file("clocks", 1689, 7);
    play_file("forms", 1168, 58);
    play_file("retired", 1521, 0);
    play_file("siblings", 1061, 24);
    play_file("hybrid", 564, 0);
    puts("ok");
    return 0;
}
