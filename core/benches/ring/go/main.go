// Rings in Go; src/languages.rs has what is printed. There is no package of ours for Go: these
// stand beside Rust and C.
//
//	main NODES...
//
// Passes take turns, and of each figure the median counts. Times are CPU time of the process.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc64"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"syscall"

	buraksezer "github.com/buraksezer/consistent"
	"github.com/serialx/hashring"
	stathat "stathat.com/c/consistent"
)

const (
	passes = 5
	all    = 200_000
	few    = 20_000
	points = 160
	more   = "one-more.cluster.example.net"
)

// ring is what all libraries have in common.
type ring interface {
	owner(key string) string
	owners(key string)
	add(node string)
	remove(node string)
}

type ofSerialx struct{ ring *hashring.HashRing }

func newSerialx(nodes []string) ring {
	weights := map[string]int{}
	for _, node := range nodes {
		weights[node] = points
	}
	return &ofSerialx{hashring.NewWithWeights(weights)}
}
func (r *ofSerialx) owner(key string) string { node, _ := r.ring.GetNode(key); return node }
func (r *ofSerialx) owners(key string)       { r.ring.GetNodes(key, 3) }
func (r *ofSerialx) add(node string)         { r.ring = r.ring.AddWeightedNode(node, points) }
func (r *ofSerialx) remove(node string)      { r.ring = r.ring.RemoveNode(node) }

type ofStathat struct{ ring *stathat.Consistent }

func newStathat(nodes []string) ring {
	made := stathat.New()
	made.NumberOfReplicas = points
	made.Set(nodes)
	return &ofStathat{made}
}
func (r *ofStathat) owner(key string) string { node, _ := r.ring.Get(key); return node }
func (r *ofStathat) owners(key string)       { _, _ = r.ring.GetN(key, 3) }
func (r *ofStathat) add(node string)         { r.ring.Add(node) }
func (r *ofStathat) remove(node string)      { r.ring.Remove(node) }

type member string

func (m member) String() string { return string(m) }

type hasher struct{ table *crc64.Table }

func (h hasher) Sum64(data []byte) uint64 { return crc64.Checksum(data, h.table) }

// As its documentation sets it up, with as many partitions as its bound leaves room for.
type ofBuraksezer struct{ ring *buraksezer.Consistent }

func newBuraksezer(nodes []string) ring {
	members := []buraksezer.Member{}
	for _, node := range nodes {
		members = append(members, member(node))
	}
	return &ofBuraksezer{buraksezer.New(members, buraksezer.Config{
		Hasher:            hasher{crc64.MakeTable(crc64.ECMA)},
		PartitionCount:    65_537,
		ReplicationFactor: 20,
		Load:              1.25,
	})}
}
func (r *ofBuraksezer) owner(key string) string { return r.ring.LocateKey([]byte(key)).String() }
func (r *ofBuraksezer) owners(key string)       { _, _ = r.ring.GetClosestN([]byte(key), 3) }
func (r *ofBuraksezer) add(node string)         { r.ring.Add(member(node)) }
func (r *ofBuraksezer) remove(node string)      { r.ring.Remove(node) }

type peer struct {
	name string
	make func(nodes []string) ring
}

var peers = []peer{
	{"serialx/hashring", newSerialx},
	{"stathat/consistent", newStathat},
	{"buraksezer/consistent", newBuraksezer},
}

// cpu is what the process has had of the processors, in nanoseconds.
func cpu() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

func took(work func()) float64 {
	began := cpu()
	work()
	return cpu() - began
}

func names(count int) []string {
	all := make([]string, count)
	for n := range all {
		all[n] = fmt.Sprintf("node-%05d.cluster.example.net", n)
	}
	return all
}

func placement(r ring, keys []string, size int, values map[string]float64) {
	before, counts, busiest, moved := map[string]string{}, map[string]int{}, 0, 0
	for _, key := range keys {
		owner := r.owner(key)
		before[key] = owner
		counts[owner]++
		busiest = max(busiest, counts[owner])
	}
	r.add(more)
	for _, key := range keys {
		if r.owner(key) != before[key] {
			moved++
		}
	}
	r.remove(more)
	values["busiest node of the keys, of the mean"] = float64(busiest*size) / all
	values["moved by a join, of the least"] = float64(moved*(size+1)) / all
}

func onePass(r ring, keys []string, size int, note func(row string, value float64)) {
	note("look-up", took(func() {
		for _, key := range keys[:few] {
			r.owner(key)
		}
	})/few)
	rare := 2_000
	if size > 100 {
		rare = 200
	}
	note("three owners", took(func() {
		for _, key := range keys[:rare] {
			r.owners(key)
		}
	})/float64(rare))
	note("add a node", took(func() { r.add(more) })/1e6)
	r.remove(more)
	middle := names(size)[size/2]
	note("remove a node", took(func() { r.remove(middle) })/1e6)
	r.add(middle)
}

func heap() float64 {
	var stats runtime.MemStats
	debug.FreeOSMemory()
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

func measure(size int) {
	keys := make([]string, all)
	for n := range keys {
		keys[n] = fmt.Sprintf("user:%016d", n)
	}
	nodes := names(size)
	values := make([]map[string]float64, len(peers))
	times := make([]map[string][]float64, len(peers))
	rings := make([]ring, len(peers))
	for at, peer := range peers {
		before := heap()
		build := took(func() { rings[at] = peer.make(nodes) }) / 1e6
		values[at] = map[string]float64{"memory": (heap() - before) / 1024}
		times[at] = map[string][]float64{"build": {build}}
		placement(rings[at], keys, size, values[at])
	}
	for pass := 0; pass < passes; pass++ {
		for at := range peers {
			onePass(rings[at], keys, size, func(row string, value float64) {
				times[at][row] = append(times[at][row], value)
			})
		}
	}
	for at, peer := range peers {
		for row, all := range times[at] {
			sort.Float64s(all)
			values[at][row] = all[len(all)/2]
		}
		line := map[string]any{"peer": peer.name, "size": size, "values": values[at]}
		if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
			panic(err)
		}
	}
}

func main() {
	for _, argument := range os.Args[1:] {
		size, err := strconv.Atoi(argument)
		if err != nil {
			panic(err)
		}
		measure(size)
	}
}
