package main

import (
	"maps"
	"slices"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// tagMagic is the byte with which serf, and Chinwag, mark meta that holds tags.
const tagMagic = 0xff

func encodeTags(tags map[string]string) ([]byte, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	handle := codec.MsgpackHandle{}
	handle.Canonical = true
	var body []byte
	err := codec.NewEncoderBytes(&body, &handle).Encode(tags)
	return append([]byte{tagMagic}, body...), err
}

// decodeTags gives no tags for meta that holds something else.
func decodeTags(meta []byte) map[string]string {
	tags := map[string]string{}
	if len(meta) == 0 || meta[0] != tagMagic {
		return tags
	}
	if codec.NewDecoderBytes(meta[1:], &codec.MsgpackHandle{}).Decode(&tags) != nil {
		return map[string]string{}
	}
	return tags
}

// tagPairs are the tags as pairs for say, sorted.
func tagPairs(prefix string, tags map[string]string) []string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		pairs = append(pairs, prefix+key, tags[key])
	}
	return pairs
}
