//go:build linux

package main

import (
	"context"
	"fmt"
	"time"
)

const (
	soakChanges    = 10_000
	soakReferences = 5
)

// soak changes the references of the pool again and again: each time one certificate
// comes and one goes. What the agent takes must not grow.
func (b *bench) soak(ctx context.Context) error {
	n := b.full
	fmt.Printf("### %d changes of the references\n\n| changes | time for one | memory | open files | threads |\n|---|---|---|---|---|\n", soakChanges)
	type sample struct {
		memory  int64
		files   int
		threads int64
	}
	var samples []sample
	const quarter = soakChanges / 4
	began := time.Now()
	for i := range soakChanges + 1 {
		at := i % (len(n.certificates) - soakReferences)
		if err := n.follow(ctx, n.certificates[at:][:soakReferences]); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
		if i%quarter != 0 {
			continue
		}
		each := "-"
		if i > 0 {
			each = seconds(time.Since(began) / quarter)
		}
		if err := pause(ctx, 2*time.Second); err != nil { // what is done later is done
			return err
		}
		var s sample
		var err error
		if s.memory, err = n.agent.memory(); err != nil {
			return err
		}
		if s.files, err = n.agent.files(); err != nil {
			return err
		}
		if s.threads, err = n.agent.threads(); err != nil {
			return err
		}
		samples = append(samples, s)
		fmt.Printf("| %d | %s | %s | %d | %d |\n", i, each, mebibytes(s.memory), s.files, s.threads)
		began = time.Now()
	}
	fmt.Println()
	first, last := samples[1], samples[len(samples)-1]
	growth := last.memory - first.memory
	b.goals = append(b.goals,
		goal{fmt.Sprintf("memory after %d changes, more than after %d", soakChanges, quarter), mebibytes(growth), "at most 2 MiB", growth <= 2<<20},
		goal{"open files, likewise", fmt.Sprint(last.files - first.files), "none", last.files <= first.files})
	return nil
}
