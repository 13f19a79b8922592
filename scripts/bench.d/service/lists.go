//go:build linux

package main

import (
	"context"
	"crypto/sha1"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

const listed = 100_000

// lists reads 100,000 certificates in pages of 1,000, from each engine. They are
// written into the database: to add them through the API takes minutes.
func (b *bench) lists(ctx context.Context) error {
	for _, engine := range []struct{ name, database string }{{"SQLite", ""}, {"PostgreSQL", b.postgres}} {
		if engine.name == "PostgreSQL" && engine.database == "" {
			note("PostgreSQL is left out: no --postgres")
			continue
		}
		if err := b.list(ctx, engine.name, engine.database); err != nil {
			return fmt.Errorf("%s: %w", engine.name, err)
		}
	}
	return nil
}

func (b *bench) list(ctx context.Context, name, database string) error {
	s, err := b.start(ctx, "lists-"+name, database)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.fill(ctx); err != nil {
		return err
	}
	var f figures
	for range b.rounds {
		before, err := s.processor()
		if err != nil {
			return err
		}
		begin, pages, count := time.Now(), 0, 0
		for _, err := range s.Certificates(ctx, batch.ListOptions{MaxResults: 1000}) {
			if err != nil {
				return err
			}
			if count++; count%1000 == 1 {
				pages++
			}
		}
		took := time.Since(begin)
		after, err := s.processor()
		if err != nil {
			return err
		}
		if count != listed {
			return fmt.Errorf("listed %d certificates, want %d", count, listed)
		}
		f.add(name+": 100,000 certificates in pages of 1,000", "%.2f s", took.Seconds())
		f.add(name+": the server's processor time of that", "%.2f s", (after - before).Seconds())
		f.add(name+": a page", "%.1f ms", float64(took.Microseconds())/1000/float64(pages))
	}
	f.print()
	return nil
}

// fill writes certificates with the size of public data that one has with RSA-2048.
func (s *server) fill(ctx context.Context) (err error) {
	note("%d certificates are written", listed)
	d, err := db.Open(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer d.Close()
	var acct *db.Account
	err = d.View(ctx, func(tx *db.Tx) (err error) { acct, err = tx.Account(account); return err })
	for n := 0; err == nil && n < listed; n += 1000 {
		err = d.Update(ctx, func(tx *db.Tx) error {
			for i := n; i < n+1000; i++ {
				public := make([]byte, 800)
				copy(public, fmt.Sprint(i))
				c := &db.Certificate{Account: acct.ID, Thumbprint: batch.Thumbprint(sha1.Sum(public)), State: batch.StateActive,
					StateTime: time.Now(), Format: batch.FormatPFX, Public: public, Revision: 1}
				if err := tx.AddCertificate(c, &db.CertificateFile{Data: make([]byte, 2500), Password: make([]byte, 64)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return err
}
