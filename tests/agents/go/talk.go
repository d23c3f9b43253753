package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

// whole is how many bytes of a payload are printed; of a longer one, its length and checksum.
const whole = 1024

// envelope is what Chinwag's broadcasts begin with. An application on memberlist passes over what
// is not its own.
const envelope = "\xc1cw\x01"

// payload is that of a command, as often as it says.
func payload(command line) []byte {
	times, err := strconv.Atoi(command.get("repeat"))
	if err != nil {
		times = 1
	}
	return []byte(strings.Repeat(command.get("payload"), times))
}

// member finds whom memberlist lists under a name, or says that there is nobody.
func (n *node) member(name string) *memberlist.Node {
	for _, m := range n.list.Members() {
		if m.Name == name {
			return m
		}
	}
	fail("unknown_member", fmt.Errorf("nobody has the name %s", name))
	return nil
}

// answerSend sends a message to a member that memberlist lists.
func (n *node) answerSend(command line) {
	m := n.member(command.get("to"))
	if m == nil {
		return
	}
	send := n.list.SendReliable
	if command.get("reliable") == "false" {
		send = n.list.SendBestEffort
	}
	reply("node_down", send(m, payload(command)))
}

// answerPing pings a member, or tells what its last answer told.
func (n *node) answerPing(command line) {
	m := n.member(command.get("member"))
	if m == nil {
		return
	}
	if command.word == "ping" {
		addr, _ := net.ResolveUDPAddr("udp", m.Address())
		// memberlist counts from when it has sent, and by then the answer may be here.
		begun := time.Now()
		_, err := n.list.Ping(m.Name, addr)
		if err != nil {
			fail("timeout", err)
			return
		}
		say("ok", "us", fmt.Sprint(time.Since(begun).Microseconds()))
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if pong, known := n.pongs[m.Name]; known {
		say("ok", "us", fmt.Sprint(pong.rtt.Microseconds()), "payload", string(pong.payload))
	} else {
		say("ok", "payload", "")
	}
}

// pong is what the answer to a ping told.
type pong struct {
	rtt     time.Duration
	payload []byte
}

// AckPayload is memberlist's: what is added to answers to pings.
func (n *node) AckPayload() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.added
}

// NotifyPingComplete is memberlist's.
func (n *node) NotifyPingComplete(m *memberlist.Node, rtt time.Duration, payload []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pongs[m.Name] = pong{rtt, slices.Clone(payload)}
}

// answerSet replaces what is handed on with states, or added to answers.
func (n *node) answerSet(command line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if command.word == "set_state" {
		n.state = payload(command)
	} else {
		n.added = payload(command)
	}
	say("ok")
}

// LocalState is memberlist's.
func (n *node) LocalState(bool) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

// MergeRemoteState is memberlist's. It does not tell whose state it is.
func (n *node) MergeRemoteState(state []byte, _ bool) {
	if len(state) > 0 {
		n.tell("remote-state", state)
	}
}

// NotifyMsg is memberlist's. It tells neither who sent a message nor how.
func (n *node) NotifyMsg(payload []byte) {
	if !strings.HasPrefix(string(payload), envelope) {
		n.tell("message", payload)
	}
}

func (n *node) tell(kind string, payload []byte) {
	pairs := []string{"payload", string(payload)}
	if len(payload) > whole {
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(payload))
		pairs = []string{"length", fmt.Sprint(len(payload)), "crc32", sum}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.event(kind, pairs...)
}

// answerKeys changes the keyring of a node that has one, or counts its keys.
func (n *node) answerKeys(command line) {
	if n.keys == nil {
		fail("bad_argument", errors.New("started without keys"))
		return
	}
	key, err := base64.StdEncoding.DecodeString(command.get("key"))
	if err != nil {
		fail("bad_argument", err)
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
	reply("bad_argument", err)
}
