//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"poolcert/batch"
)

const waitTime = 60 * time.Second

// waits holds long polls of 1,000 nodes, then of 5,000: how much memory they take,
// and when a change reaches them.
func (b *bench) waits(ctx context.Context) error {
	var f figures
	for range b.rounds {
		if err := b.waitRound(ctx, &f); err != nil {
			return err
		}
	}
	f.print()
	return nil
}

func (b *bench) waitRound(ctx context.Context, f *figures) error {
	s, err := b.start(ctx, fmt.Sprintf("waits%d", time.Now().UnixNano()), "")
	if err != nil {
		return err
	}
	defer s.stop()
	certificates, err := s.addCertificates(ctx, 2)
	if err != nil {
		return err
	}
	if err := s.AddPool(ctx, &batch.Pool{ID: "pool", CertificateReferences: referencesTo(certificates[0])}); err != nil {
		return err
	}
	note("5,000 nodes join")
	nodes, err := s.join(ctx, "pool", 5000)
	if err != nil {
		return err
	}
	var held [3]memory
	if held[0], err = s.settled(); err != nil {
		return err
	}
	for step, count := range []int{1000, 5000} {
		waiting := nodes[:count]
		for _, n := range waiting {
			if n.conn != nil && step == 1 && n.tag != "" {
				continue // from the step before
			}
			if err := n.begin(); err != nil {
				return err
			}
		}
		for change := range 4 {
			latencies := make([]time.Duration, count)
			err := s.change(ctx, waiting, certificates[(change+1)%2], func() (err error) {
				if change == 0 {
					held[step+1], err = s.settled()
				}
				return err
			}, func(i int, begin time.Time) error {
				latencies[i] = time.Since(begin)
				return nil
			})
			if err != nil {
				return err
			}
			if change == 0 { // the first one warms up
				continue
			}
			slices.Sort(latencies)
			f.add(fmt.Sprintf("%d long polls see a change: p50", count), "%.0f ms", quantile(latencies, 0.5))
			f.add(fmt.Sprintf("%d long polls see a change: p99", count), "%.0f ms", quantile(latencies, 0.99))
			f.add(fmt.Sprintf("%d long polls see a change: last", count), "%.0f ms", quantile(latencies, 1))
		}
	}
	for _, n := range nodes {
		n.close()
	}
	MB := func(bytes int64) float64 { return float64(bytes) / 1e6 }
	f.add("resident memory, 5,000 nodes have joined and none is connected", "%.1f MB", MB(held[0].resident))
	f.add("resident memory with 1,000 long polls", "%.1f MB", MB(held[1].resident))
	f.add("resident memory with 5,000 long polls", "%.1f MB", MB(held[2].resident))
	perPoll := func(of func(memory) int64) float64 { return float64(of(held[2])-of(held[1])) / 4000 / 1000 }
	f.add("one more long poll, from 1,000 to 5,000: resident", "%.1f kB", perPoll(func(m memory) int64 { return m.resident }))
	f.add("one more long poll, from 1,000 to 5,000: heap in use, garbage included", "%.1f kB", perPoll(func(m memory) int64 { return m.heap }))
	f.add("one more long poll, from 1,000 to 5,000: stacks", "%.1f kB", perPoll(func(m memory) int64 { return m.stacks }))
	return nil
}

// settled is the memory some seconds from now.
func (s *server) settled() (memory, error) {
	time.Sleep(3 * time.Second)
	return s.memory()
}

// change has nodes wait, calls waiting, and makes the pool refer to another certificate.
// Each node that knows it calls heard, with the time before the request for the change.
func (s *server) change(ctx context.Context, nodes []*node, to batch.Thumbprint, waiting func() error, heard func(i int, begin time.Time) error) error {
	var begin time.Time
	done := make(chan error, 1)
	go func() {
		done <- each(nodes, func(i int, n *node) error {
			references, err := n.references(waitTime)
			if err == nil && references == nil {
				err = errors.New("a wait ended without a change")
			}
			if err != nil {
				return err
			}
			return heard(i, begin)
		})
	}()
	time.Sleep(2 * time.Second) // until all of them wait
	if err := waiting(); err != nil {
		return err
	}
	begin = time.Now()
	if err := s.refer(ctx, to); err != nil {
		return err
	}
	return <-done
}

// refer makes the pool refer to one certificate.
func (s *server) refer(ctx context.Context, to batch.Thumbprint) error {
	references := referencesTo(to)
	return s.PatchPool(ctx, "pool", batch.PatchPool{CertificateReferences: &references}, "")
}

func referencesTo(tp batch.Thumbprint) []batch.CertificateReference {
	return []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: batch.SHA1}}
}
