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
		if err := n.connect(); err != nil {
			return err
		}
		defer n.close()
		if _, err := n.references(0); err != nil {
			return err
		}
	}
	var f figures
	for round, tp := range certificates[1:] {
		opened, reported := make([]time.Duration, len(nodes)), make([]time.Duration, len(nodes))
		var begin time.Time
		done := make(chan error, 1)
		go func() {
			done <- each(nodes, func(i int, n *node) error {
				references, err := n.references(waitTime)
				if err == nil && references == nil {
					err = errNoNews
				}
				if err != nil {
					return err
				}
				if err := n.fetch(references.References[0].Thumbprint); err != nil {
					return err
				}
				opened[i] = time.Since(begin)
				err = n.report(tp)
				reported[i] = time.Since(begin)
				return err
			})
		}()
		time.Sleep(2 * time.Second) // until all of them wait
		before, err := s.processor()
		if err != nil {
			return err
		}
		ownBefore := ownProcessor()
		begin = time.Now()
		if err := s.refer(ctx, tp); err != nil {
			return err
		}
		if err := <-done; err != nil {
			return err
		}
		after, err := s.processor()
		if err != nil {
			return err
		}
		own := ownProcessor() - ownBefore
		if round == 0 { // to warm up
			continue
		}
		slices.Sort(opened)
		slices.Sort(reported)
		f.add("1,000 nodes, from a change to the certificate opened: p50", "%.0f ms", quantile(opened, 0.5))
		f.add("1,000 nodes, from a change to the certificate opened: p99", "%.0f ms", quantile(opened, 0.99))
		f.add("1,000 nodes, from a change to the report taken: p99", "%.0f ms", quantile(reported, 0.99))
		f.add("the server's processor time of that, a node", "%.2f ms", (after - before).Seconds())
		f.add("the player's processor time of that, a node", "%.2f ms", own.Seconds())
	}
	f.print()
	return nil
}
