// Command bench is the Go memberlist child of the membership benchmark: n nodes with
// DefaultLANConfig in one process, driven by one command a line on stdin, one JSON answer a line
// on stdout. The Rust children speak the same protocol (core/benches/src/child/mod.rs).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	nodes, err := strconv.Atoi(os.Args[1])
	if err != nil || nodes < 1 {
		fmt.Fprintln(os.Stderr, "usage: bench NODES")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	c := &cluster{board: newBoard(nodes)}
	answer(out, map[string]any{"peer": "memberlist " + version()})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		reply, err := obey(c, nodes, strings.Fields(lines.Text()))
		if err != nil {
			reply = map[string]any{"error": err.Error()}
		}
		answer(out, reply)
	}
}

func answer(out *json.Encoder, value any) {
	if err := out.Encode(value); err != nil {
		os.Exit(1)
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == "github.com/hashicorp/memberlist" {
			return strings.TrimPrefix(dep.Version, "v")
		}
	}
	return "unknown"
}

func obey(c *cluster, nodes int, words []string) (map[string]any, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("empty command")
	}
	numbers := make([]int, 0, 3)
	for _, word := range words[1:] {
		number, err := strconv.Atoi(word)
		if err != nil || number < 0 {
			return nil, fmt.Errorf("not a number: %q", word)
		}
		numbers = append(numbers, number)
	}
	return run(c, nodes, words[0], numbers)
}

func run(c *cluster, nodes int, verb string, args []int) (map[string]any, error) {
	limit := time.Minute
	if len(args) > 0 {
		limit = time.Duration(args[len(args)-1]) * time.Millisecond
	}
	switch {
	case verb == "start" && len(args) == 0:
		return state(c), c.start(nodes)
	case verb == "join" && len(args) == 1:
		began := c.board.now()
		c.join(limit)
		return joinReply(c, began), nil
	case verb == "update" && len(args) == 3 && args[0] < nodes:
		c.update(args[0], int64(args[1]), limit)
	case verb == "kill" && len(args) == 2 && args[0] < nodes:
		c.kill(args[0], limit)
	case verb == "mute" && len(args) == 2 && args[0] < nodes:
		c.mute(args[0], limit)
	case verb == "state" && len(args) == 0:
		return state(c), nil
	default:
		return nil, fmt.Errorf("unknown command %s with %d numbers", verb, len(args))
	}
	taken, missing := c.board.stamps()
	return map[string]any{
		"taken_us":     taken,
		"missing":      missing,
		"suspicion_us": since(c.board.suspect.Load(), c.board.began.Load()),
	}, nil
}

func joinReply(c *cluster, began int64) map[string]any {
	return map[string]any{
		"full_view_us": since(c.board.fullAt.Load(), began),
		"complete":     c.board.complete.Load(),
		"retries":      c.retries.Load(),
	}
}

func since(stamp, began int64) any {
	if stamp == never {
		return nil
	}
	return (stamp - began) / 1000
}

func state(c *cluster) map[string]any {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{
		"cpu_us":           (usage.Utime.Nano() + usage.Stime.Nano()) / 1000,
		"complete":         c.board.complete.Load(),
		"false_failures":   c.board.falseFailures.Load(),
		"false_suspicions": c.board.falseSuspicions.Load(),
	}
}
