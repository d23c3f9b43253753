// Command agent drives HashiCorp's memberlist by the protocol in ../README.md.
package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

func main() {
	commands := bufio.NewScanner(os.Stdin)
	commands.Buffer(make([]byte, 0, 4096), 64*1024)
	var n *node
	for commands.Scan() {
		command, err := parse(commands.Text())
		switch {
		case err != nil:
			fail("bad_request", err)
		case command.word == "exit":
			n.close()
			return
		default:
			n = answer(n, command)
		}
	}
	n.close()
}

// answer carries out one command, and returns the node that is open afterwards.
func answer(n *node, command line) *node {
	switch command.word {
	case "version":
		say("ok", "version", libraryVersion(), "runtime", "go")
	case "start":
		return answerStart(n, command)
	case "close":
		n.close()
		say("ok")
		return nil
	case "subscribe", "members", "local", "join", "update_tags", "leave",
		"send", "set_state", "ping", "round_trip", "set_ping_payload",
		"keys", "add_key", "use_key", "remove_key":
		if n == nil {
			fail("closed", fmt.Errorf("no node is open"))
			break
		}
		answerOpen(n, command)
	default:
		// Also reenter: memberlist calls its delegates under its own lock, and would wait for itself.
		say("unsupported")
	}
	return n
}

func answerStart(n *node, command line) *node {
	if n != nil {
		fail("bad_request", fmt.Errorf("a node is open already"))
		return n
	}
	for _, option := range []string{"handle_signals", "delegate_versions", "admission"} {
		if _, asked := command.under("opt.")[option]; asked {
			say("unsupported")
			return nil
		}
	}
	started, err := start(command)
	if err != nil {
		fail("bad_config", err)
		return nil
	}
	say("ok", "addr", started.list.LocalNode().Address())
	return started
}

func answerOpen(n *node, command line) {
	switch command.word {
	case "subscribe":
		n.subscribe(command.get("replay") == "true")
	case "members":
		members := n.list.Members()
		for _, m := range members {
			say("member", nodePairs(m)...)
		}
		say("ok", "count", fmt.Sprint(len(members)))
	case "local":
		say("ok", nodePairs(n.list.LocalNode())...)
	case "join":
		n.answerJoin(command.list("seeds"))
	case "update_tags":
		n.answerUpdateTags(command)
	case "leave":
		n.answerLeave(command)
	case "send":
		n.answerSend(command)
	case "ping", "round_trip":
		n.answerPing(command)
	case "set_state", "set_ping_payload":
		n.answerSet(command)
	default:
		n.answerKeys(command)
	}
}

func nodePairs(m *memberlist.Node) []string {
	alive := member{m.Name, m.Address(), "alive", decodeTags(m.Meta)}
	return alive.pairs()
}

func (n *node) answerJoin(seeds []string) {
	if n.left {
		// memberlist forgets to unset its own leaving, so that a node which has left cannot return.
		say("unsupported")
		return
	}
	contacted, err := n.list.Join(seeds)
	if err != nil {
		fail("join_failed", err)
		return
	}
	say("ok", "contacted", fmt.Sprint(contacted))
}

func (n *node) answerUpdateTags(command line) {
	n.mu.Lock()
	tags := maps.Clone(n.tags)
	maps.Copy(tags, command.under("tag."))
	for key := range command.under("untag.") {
		delete(tags, key)
	}
	meta, err := encodeTags(tags)
	if err == nil && len(meta) <= memberlist.MetaMaxSize {
		n.tags = tags
	}
	n.mu.Unlock()
	if err != nil || len(meta) > memberlist.MetaMaxSize {
		fail("too_large", fmt.Errorf("tags need %d bytes", len(meta)))
		return
	}
	reply("timeout", n.list.UpdateNode(5*time.Second))
}

func (n *node) answerLeave(command line) {
	n.left = true
	timeout, err := strconv.Atoi(command.get("timeout_ms"))
	if err != nil {
		fail("bad_request", err)
		return
	}
	reply("timeout", n.list.Leave(time.Duration(timeout)*time.Millisecond))
}

// close is also right for no node at all.
func (n *node) close() {
	if n != nil {
		close(n.done)
		n.list.Shutdown()
	}
}

func reply(code string, err error) {
	if err != nil {
		fail(code, err)
		return
	}
	say("ok")
}

func fail(code string, err error) {
	message := strings.Join(strings.Fields(err.Error()), " ")
	say("error", "code", code, "message", message)
}

func libraryVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/hashicorp/memberlist" {
			return module.Version
		}
	}
	return "unknown"
}
