package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
)

// line is one line of the agent protocol: a word, and pairs in the order they were written.
type line struct {
	word  string
	pairs []pair
}

type pair struct{ key, value string }

// parse splits a line into its word and pairs. Values stay escaped until they are asked for,
// because a list is split at its commas first.
func parse(text string) (line, error) {
	words := strings.Split(text, " ")
	l := line{word: words[0]}
	for _, word := range words[1:] {
		key, value, found := strings.Cut(word, "=")
		if !found {
			return l, fmt.Errorf("no = in %q", word)
		}
		key, err := url.PathUnescape(key)
		if err != nil {
			return l, err
		}
		if _, err := url.PathUnescape(value); err != nil {
			return l, err
		}
		l.pairs = append(l.pairs, pair{key, value})
	}
	return l, nil
}

// get is the value of a key, or "" where it is absent.
func (l line) get(key string) string {
	return l.under(key)[""]
}

// list is a comma-separated value.
func (l line) list(key string) []string {
	var items []string
	for _, p := range l.pairs {
		if p.key == key && p.value != "" {
			for _, item := range strings.Split(p.value, ",") {
				item, _ = url.PathUnescape(item)
				items = append(items, item)
			}
		}
	}
	return items
}

// under are the pairs whose keys start with a prefix, without it.
func (l line) under(prefix string) map[string]string {
	found := map[string]string{}
	for _, p := range l.pairs {
		if key, ok := strings.CutPrefix(p.key, prefix); ok {
			found[key], _ = url.PathUnescape(p.value)
		}
	}
	return found
}

const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-"

func escape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(plain, text[i]) >= 0 {
			b.WriteByte(text[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", text[i])
		}
	}
	return b.String()
}

var stdout sync.Mutex

// say writes one line: a word, then keys and values in turn.
func say(word string, pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		word += " " + escape(pairs[i]) + "=" + escape(pairs[i+1])
	}
	stdout.Lock()
	defer stdout.Unlock()
	os.Stdout.WriteString(word + "\n")
}
