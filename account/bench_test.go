package account_test

import (
	"testing"

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
