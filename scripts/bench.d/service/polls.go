//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

const (
	pollers  = 64
	pollTime = 5 * time.Second
)

// polls counts unchanged polls: many nodes ask again and again, on connections that
// stay open, through the TLS listener.
func (b *bench) polls(ctx context.Context) error {
	s, err := b.start(ctx, "polls", "")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.AddPool(ctx, &batch.Pool{ID: "pool"}); err != nil {
		return err
	}
	nodes, err := s.join(ctx, "pool", pollers)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if err := n.begin(); err != nil {
			return err
		}
		defer n.close()
	}
	var f figures
	for range b.rounds + 1 {
		took, polled, used, err := s.pollFor(nodes)
		if err != nil {
			return err
		}
		if f == nil { // the first round is to warm up
			f = figures{}
			continue
		}
		f.add("unchanged polls a second", "%.0f", float64(polled)/took.Seconds())
		f.add("the server's processor time a poll", "%.1f µs", float64(used.server.Microseconds())/float64(polled))
		f.add("the player's processor time a poll", "%.1f µs", float64(used.player.Microseconds())/float64(polled))
	}
	f.print()
	return nil
}

// pollFor returns how many polls there were, and what they took.
func (s *server) pollFor(nodes []*node) (took time.Duration, polled int64, used processors, err error) {
	before, err := s.processors()
	if err != nil {
		return 0, 0, used, err
	}
	counts := make([]int64, len(nodes))
	begin := time.Now()
	err = each(nodes, func(i int, n *node) error {
		request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nIf-None-Match: \"%s\"\r\n\r\n", nodeapi.PathReferences, n.tag)
		for time.Since(begin) < pollTime {
			if err := n.poll(request); err != nil {
				return err
			}
			counts[i]++
		}
		return nil
	})
	took = time.Since(begin)
	used, processorErr := s.processorsSince(before)
	if err == nil {
		err = processorErr
	}
	for _, c := range counts {
		polled += c
	}
	return took, polled, used, err
}

// poll sends a request whose answer is 304, and reads no more of that than is needed.
func (n *node) poll(request []byte) error {
	if _, err := n.conn.Write(request); err != nil {
		return err
	}
	for first := true; ; first = false {
		line, err := n.r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 304 ")):
			return fmt.Errorf("poll: got %q", line)
		case len(line) == 2:
			return nil
		}
	}
}
