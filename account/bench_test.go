package account_test

import (
	"fmt"
	"testing"

	"poolcert/account"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
)

// BenchmarkUnchangedPoll is what a poll costs without its connection.
func BenchmarkUnchangedPoll(b *testing.B) {
	f := newFixture(b)
	f.addPool("pool")
	n := f.joined("pool", "n1")
	key := n.spki()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			id, err := f.NodeByKey(b.Context(), key)
			if err == nil {
				_, err = f.References(b.Context(), id)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkReport has 16 nodes report at a time; each report is on disk.
func BenchmarkReport(b *testing.B) {
	f := newFixture(b)
	tp := f.addCertificate("cert")
	f.addPool("pool", tp)
	n := f.joined("pool", "n1")
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n.report(batch.NodeInstalled, tp)
		}
	})
}

// BenchmarkAddNamed adds a certificate under a name to which 1,000 pools refer.
func BenchmarkAddNamed(b *testing.B) {
	for engine, open := range map[string]func() *fixture{
		"SQLite":     func() *fixture { return newFixture(b) },
		"PostgreSQL": func() *fixture { return newFixtureOn(b, pgtest.Database(b)) },
	} {
		b.Run(engine, func(b *testing.B) {
			f := open()
			account.SetOverlap(f.Service, -1)
			f.addNamed("key", "first")
			for n := range 1000 {
				pool := fmt.Sprint("pool-", n)
				f.addPool(pool)
				f.setByName(pool, "key")
			}
			n := 0
			for b.Loop() {
				n++
				f.addNamed("key", fmt.Sprint("cert ", n))
			}
		})
	}
}
