package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// whole is how many bytes of a payload are printed; of a longer one, its length and checksum.
const whole = 1024

// answerSend sends a message to a member that memberlist lists.
func (n *node) answerSend(command line) {
	times := 1
	if text := command.get("repeat"); text != "" {
		var err error
		if times, err = strconv.Atoi(text); err != nil {
			fail("bad_request", err)
			return
		}
	}
	payload := []byte(strings.Repeat(command.get("payload"), times))
	for _, m := range n.list.Members() {
		if m.Name != command.get("to") {
			continue
		}
		send := n.list.SendReliable
		if command.get("reliable") == "false" {
			send = n.list.SendBestEffort
		}
		reply("node_down", send(m, payload))
		return
	}
	fail("unknown_member", fmt.Errorf("nobody has the name %s", command.get("to")))
}

// NotifyMsg is memberlist's. It tells neither who sent a message nor how.
func (n *node) NotifyMsg(payload []byte) {
	pairs := []string{"payload", string(payload)}
	if len(payload) > whole {
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(payload))
		pairs = []string{"length", fmt.Sprint(len(payload)), "crc32", sum}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.event("message", pairs...)
}

// answerKeys changes the keyring of a node that has one, or counts its keys.
func (n *node) answerKeys(command line) {
	if n.keys == nil {
		fail("bad_config", errors.New("started without keys"))
		return
	}
	key, err := base64.StdEncoding.DecodeString(command.get("key"))
	if err != nil {
		fail("bad_config", err)
		return
	}
	switch command.word {
	case "keys":
		say("ok", "count", fmt.Sprint(len(n.keys.GetKeys())))
		return
	case "add_key":
		err = n.keys.AddKey(key)
	case "use_key":
		err = n.keys.UseKey(key)
	case "remove_key":
		err = n.keys.RemoveKey(key)
	}
	reply("bad_config", err)
}
