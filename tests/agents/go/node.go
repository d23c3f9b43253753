package main

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"github.com/hashicorp/memberlist"
)

// node is one memberlist member. It is its own delegate; memberlist calls those methods under a
// lock of its own, so none of them may call memberlist.
type node struct {
	list *memberlist.Memberlist
	keys *memberlist.Keyring
	name string
	done chan struct{}
	left bool

	mu         sync.Mutex
	tags       map[string]string
	known      map[string]*member
	state      []byte
	added      []byte
	pongs      map[string]pong
	subscribed bool
	seq        uint64
}

// member is what the events have told about another member.
type member struct {
	name, addr, state string
	tags              map[string]string
}

func (m *member) pairs() []string {
	return append([]string{"name", m.name, "addr", m.addr, "state", m.state},
		tagPairs("tag.", m.tags)...)
}

func start(command line) (*node, error) {
	config, err := profile(command.get("profile"))
	if err != nil {
		return nil, err
	}
	n := &node{
		name:  command.get("name"),
		tags:  command.under("tag."),
		known: map[string]*member{},
		pongs: map[string]pong{},
		done:  make(chan struct{}),
	}
	host, port, err := net.SplitHostPort(command.get("bind"))
	if err != nil {
		return nil, err
	}
	if config.BindPort, err = strconv.Atoi(port); err != nil {
		return nil, err
	}
	config.Name, config.BindAddr, config.AdvertisePort = n.name, host, config.BindPort
	config.Delegate, config.Events, config.Ping = n, n, n
	for option, text := range command.under("opt.") {
		if err := setOption(config, option, text); err != nil {
			return nil, err
		}
	}
	n.keys = config.Keyring
	if n.list, err = memberlist.Create(config); err == nil {
		go n.joinUntilAnswered(command.list("seeds"))
	}
	return n, err
}

// joinUntilAnswered does what a user of memberlist writes around Join: ask until a seed answers.
func (n *node) joinUntilAnswered(seeds []string) {
	for len(seeds) > 0 {
		if _, err := n.list.Join(seeds); err == nil {
			return
		}
		select {
		case <-n.done:
			return
		case <-time.After(time.Second):
		}
	}
}

func (n *node) subscribe(replay bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscribed = true
	say("ok")
	if !replay {
		return
	}
	for _, m := range n.known {
		if m.state == "alive" {
			n.event("member-join", m.pairs()...)
		}
	}
	n.event("replay-done")
}

// event prints one event. The caller holds the lock.
func (n *node) event(kind string, pairs ...string) {
	if n.subscribed {
		n.seq++
		say("event", append([]string{"type", kind, "seq", fmt.Sprint(n.seq)}, pairs...)...)
	}
}

// note takes what memberlist says of a member, and prints the event. The node itself is no news.
func (n *node) note(kind, state string, told *memberlist.Node) {
	if told.Name == n.name {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	now := &member{told.Name, told.Address(), state, decodeTags(told.Meta)}
	pairs := now.pairs()
	if before := n.known[told.Name]; before != nil && kind == "member-update" {
		pairs = append(pairs, tagPairs("prev_tag.", before.tags)...)
	}
	n.known[told.Name] = now
	n.event(kind, pairs...)
}

// NotifyJoin is memberlist's.
func (n *node) NotifyJoin(told *memberlist.Node) { n.note("member-join", "alive", told) }

// NotifyUpdate is memberlist's.
func (n *node) NotifyUpdate(told *memberlist.Node) { n.note("member-update", "alive", told) }

// NotifyLeave is memberlist's, for both ways to go.
func (n *node) NotifyLeave(told *memberlist.Node) {
	if recordState(told) == memberlist.StateLeft {
		n.note("member-leave", "left", told)
	} else {
		n.note("member-failed", "failed", told)
	}
}

// recordState reads the state of the record around a Node. memberlist knows whether a member left
// or died, and never tells: it has a State in Node, which it leaves at zero, and one in its private
// record, of which the Node handed to delegates is a part. Its layout is asked, not assumed.
func recordState(told *memberlist.Node) memberlist.NodeStateType {
	nodes, _ := reflect.TypeFor[memberlist.Memberlist]().FieldByName("nodes")
	record := nodes.Type.Elem().Elem()
	inner, _ := record.FieldByName("Node")
	state, _ := record.FieldByName("State")
	start := unsafe.Add(unsafe.Pointer(told), -int(inner.Offset))
	return *(*memberlist.NodeStateType)(unsafe.Add(start, state.Offset))
}

// NodeMeta is memberlist's: the bytes that carry the tags. Their size was checked by setTags.
func (n *node) NodeMeta(int) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	meta, _ := encodeTags(n.tags)
	return meta
}

// GetBroadcasts is memberlist's; this agent has none.
func (n *node) GetBroadcasts(int, int) [][]byte { return nil }
