package main

import (
	"strconv"
	"sync/atomic"
	"time"
)

// never marks a stamp that has not been written.
const never = -1

// board is what the cluster has seen so far. Every node's callbacks write to it, so it holds
// nothing but atomics: the measuring must not become a lock that the nodes share.
type board struct {
	base  time.Time
	nodes int

	views    []atomic.Int32 // members that each node believes in, itself included
	complete atomic.Int32   // nodes whose view holds every node
	fullAt   atomic.Int64   // when complete first reached nodes

	gone            []atomic.Bool // nodes killed or muted on purpose
	falseFailures   atomic.Int64
	falseSuspicions atomic.Int64

	watched atomic.Int32 // the node whose change or death is being timed
	version atomic.Int64 // the change being timed; 0 when a death is
	began   atomic.Int64
	suspect atomic.Int64
	seen    []atomic.Int64
	missing atomic.Int32
	done    chan struct{}
}

func newBoard(nodes int) *board {
	b := &board{
		base:  time.Now(),
		nodes: nodes,
		views: make([]atomic.Int32, nodes),
		gone:  make([]atomic.Bool, nodes),
		seen:  make([]atomic.Int64, nodes),
		done:  make(chan struct{}, 1),
	}
	b.fullAt.Store(never)
	b.watched.Store(never)
	return b
}

func (b *board) now() int64 { return int64(time.Since(b.base)) }

func (b *board) finish() {
	select {
	case b.done <- struct{}{}:
	default:
	}
}

// wait blocks until finish is called, or the limit passes.
func (b *board) wait(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
}

func (b *board) joined(observer int) {
	if int(b.views[observer].Add(1)) != b.nodes {
		return
	}
	if int(b.complete.Add(1)) == b.nodes && b.fullAt.CompareAndSwap(never, b.now()) {
		b.finish()
	}
}

func (b *board) failed(observer, subject int) {
	if int(b.views[observer].Add(-1)) == b.nodes-1 {
		b.complete.Add(-1)
	}
	if b.gone[observer].Load() {
		return
	}
	if !b.gone[subject].Load() {
		b.falseFailures.Add(1)
	} else if int(b.watched.Load()) == subject && b.version.Load() == 0 {
		b.stamp(observer)
	}
}

func (b *board) suspected(observer, subject int) {
	if b.gone[observer].Load() {
		return
	}
	if !b.gone[subject].Load() {
		b.falseSuspicions.Add(1)
	} else if int(b.watched.Load()) == subject {
		b.suspect.CompareAndSwap(never, b.now())
	}
}

func (b *board) updated(observer, subject int, version int64) {
	// memberlist also tells a node of its own change.
	if observer == subject {
		return
	}
	if int(b.watched.Load()) == subject && b.version.Load() == version {
		b.stamp(observer)
	}
}

func (b *board) stamp(observer int) {
	if b.seen[observer].CompareAndSwap(never, b.now()) && b.missing.Add(-1) == 0 {
		b.finish()
	}
}

// watch starts the timing of one change (version > 0) or one death (version 0).
func (b *board) watch(subject int, version int64) {
	b.watched.Store(never)
	select {
	case <-b.done:
	default:
	}
	observers := int32(0)
	for i := range b.seen {
		b.seen[i].Store(never)
		if i != subject && !b.gone[i].Load() {
			observers++
		}
	}
	b.missing.Store(observers)
	b.suspect.Store(never)
	b.version.Store(version)
	b.began.Store(b.now())
	b.watched.Store(int32(subject))
	if version == 0 {
		b.gone[subject].Store(true)
	}
}

// stamps ends the timing and gives what each observer took, in microseconds.
func (b *board) stamps() (taken []int64, missing int32) {
	b.watched.Store(never)
	taken = []int64{}
	for i := range b.seen {
		if at := b.seen[i].Load(); at != never {
			taken = append(taken, (at-b.began.Load())/1000)
		}
	}
	return taken, b.missing.Load()
}

// meta is the 64 bytes that carry a version, and versionOf reads them back.
func meta(version int64) []byte {
	out := make([]byte, 64)
	for i := copy(out, strconv.FormatInt(version, 10)); i < len(out); i++ {
		out[i] = ' '
	}
	return out
}

func versionOf(meta []byte) int64 {
	end := 0
	for end < len(meta) && meta[end] != ' ' {
		end++
	}
	version, err := strconv.ParseInt(string(meta[:end]), 10, 64)
	if err != nil {
		return never
	}
	return version
}
