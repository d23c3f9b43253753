package main

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

// joinsInFlight keeps the storm below memberlist's own limit of concurrent push/pulls (128), at
// which node 0 would refuse the rest: a kindness to it, since only the refused would retry.
const joinsInFlight = 32

// cluster is n memberlists in this process, with their callbacks tied to one board.
type cluster struct {
	board   *board
	nodes   []*member
	retries atomic.Int64
}

// member is one node: its memberlist, and the delegates through which it speaks.
type member struct {
	index int
	board *board
	list  *memberlist.Memberlist
	meta  atomic.Pointer[[]byte]
}

func address(index int) string {
	return fmt.Sprintf("127.10.%d.%d", index/250, 1+index%250)
}

func name(index int) string { return fmt.Sprintf("n%05d", index) }

func indexOf(name string) int {
	if len(name) != 6 {
		return never
	}
	index, err := strconv.Atoi(name[1:])
	if err != nil {
		return never
	}
	return index
}

func (c *cluster) start(n int) error {
	for i := range n {
		m := &member{index: i, board: c.board}
		first := meta(0)
		m.meta.Store(&first)
		config := memberlist.DefaultLANConfig()
		config.Name = name(i)
		config.BindAddr = address(i)
		config.AdvertiseAddr = address(i)
		config.LogOutput = m
		config.Events = m
		config.Delegate = m
		list, err := memberlist.Create(config)
		if err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
		m.list = list
		c.nodes = append(c.nodes, m)
	}
	return nil
}

// join sends every node to node 0 at once and waits until all see all. A refused join is tried
// again, as an application would.
func (c *cluster) join(limit time.Duration) {
	seed := []string{address(0) + ":7946"}
	deadline := time.Now().Add(limit)
	slots := make(chan struct{}, joinsInFlight)
	var joins sync.WaitGroup
	for _, m := range c.nodes[1:] {
		joins.Go(func() {
			for time.Now().Before(deadline) {
				slots <- struct{}{}
				_, err := m.list.Join(seed)
				<-slots
				if err == nil {
					return
				}
				c.retries.Add(1)
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	c.board.wait(limit)
	joins.Wait()
}

func (c *cluster) update(index int, version int64, limit time.Duration) {
	m := c.nodes[index]
	next := meta(version)
	m.meta.Store(&next)
	c.board.watch(index, version)
	// UpdateNode returns when the rumour is spent, which is no part of the latency.
	go func() { _ = m.list.UpdateNode(limit) }()
	c.board.wait(limit)
}

// kill closes the sockets of a node that says nothing.
func (c *cluster) kill(index int, limit time.Duration) {
	c.board.watch(index, 0)
	go func() { _ = c.nodes[index].list.Shutdown() }()
	c.board.wait(limit)
}

// mute times the death of a node whose packets somebody else has begun to drop.
func (c *cluster) mute(index int, limit time.Duration) {
	c.board.watch(index, 0)
	c.board.wait(limit)
}

// NotifyJoin is memberlist's EventDelegate; it also fires for the node itself.
func (m *member) NotifyJoin(*memberlist.Node) { m.board.joined(m.index) }

// NotifyLeave fires for the failed and the departed alike; nobody departs here.
func (m *member) NotifyLeave(n *memberlist.Node) {
	if subject := indexOf(n.Name); subject != never {
		m.board.failed(m.index, subject)
	}
}

// NotifyUpdate fires when the meta of a member changed.
func (m *member) NotifyUpdate(n *memberlist.Node) {
	if subject := indexOf(n.Name); subject != never {
		m.board.updated(m.index, subject, versionOf(n.Meta))
	}
}

var failedProbe = []byte("memberlist: Suspect ")

// Write takes the node's log. Nothing is kept: the log is the only place where memberlist says
// that a probe failed, so that one line is recognised and the rest is dropped.
func (m *member) Write(line []byte) (int, error) {
	if at := bytes.Index(line, failedProbe); at >= 0 {
		rest := line[at+len(failedProbe):]
		if end := bytes.IndexByte(rest, ' '); end > 0 {
			if subject := indexOf(string(rest[:end])); subject != never {
				m.board.suspected(m.index, subject)
			}
		}
	}
	return len(line), nil
}

// NodeMeta and the rest are memberlist's Delegate; only the meta is used.
func (m *member) NodeMeta(int) []byte { return *m.meta.Load() }

// NotifyMsg would receive user messages.
func (m *member) NotifyMsg([]byte) {}

// GetBroadcasts would send user messages.
func (m *member) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState would add to a push/pull.
func (m *member) LocalState(bool) []byte { return nil }

// MergeRemoteState would read what LocalState added.
func (m *member) MergeRemoteState([]byte, bool) {}
