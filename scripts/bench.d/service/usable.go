//go:build linux

package main

import (
	"context"
	"slices"
	"time"

	"poolcert/batch"
)

// usable changes the references of a pool with 1,000 nodes, and takes the time until
// each of them has fetched the new certificate, opened it and reported. What an agent
// does then is its own: write some files.
func (b *bench) usable(ctx context.Context) error {
	s, err := b.start(ctx, "usable", "")
	if err != nil {
		return err
	}
	defer s.stop()
	certificates, err := s.addCertificates(ctx, b.rounds+2)
	if err != nil {
		return err
	}
	if err := s.AddPool(ctx, &batch.Pool{ID: "pool", CertificateReferences: referencesTo(certificates[0])}); err != nil {
		return err
	}
	nodes, err := s.join(ctx, "pool", 1000)
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
	for round, tp := range certificates[1:] {
		opened, reported := make([]time.Duration, len(nodes)), make([]time.Duration, len(nodes))
		var before processors
		err := s.change(ctx, nodes, tp, func() (err error) {
			before, err = s.processors()
			return err
		}, func(i int, begin time.Time) error {
			if err := nodes[i].fetch(tp); err != nil {
				return err
			}
			opened[i] = time.Since(begin)
			err := nodes[i].report(tp)
			reported[i] = time.Since(begin)
			return err
		})
		if err != nil {
			return err
		}
		used, err := s.processorsSince(before)
		if err != nil {
			return err
		}
		if round == 0 { // to warm up
			continue
		}
		slices.Sort(opened)
		slices.Sort(reported)
		f.add("1,000 nodes, from a change to the certificate opened: p50", "%.0f ms", quantile(opened, 0.5))
		f.add("1,000 nodes, from a change to the certificate opened: p99", "%.0f ms", quantile(opened, 0.99))
		f.add("1,000 nodes, from a change to the report taken: p99", "%.0f ms", quantile(reported, 0.99))
		f.add("the server's processor time of that, a node", "%.2f ms", used.server.Seconds())
		f.add("the player's processor time of that, a node", "%.2f ms", used.player.Seconds())
	}
	f.print()
	return nil
}
