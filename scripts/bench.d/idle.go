//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

const (
	settleTime    = 65 * time.Second // until the service has closed connections that are not in use
	idleTime      = 50 * time.Second // less than a poll is held
	idleWindows   = 3                // Go collects garbage every two minutes, and so in some of them
	maxIdleMemory = 25 << 20
	maxProgram    = 20 << 20
)

// idle watches an agent with many certificates, for which nothing changes, from
// one poll to the next.
func (b *bench) idle(ctx context.Context) error {
	n, err := b.openNode(ctx)
	if err != nil {
		return err
	}
	b.full = n
	if err := n.follow(ctx, n.certificates); err != nil {
		return err
	}
	if err := pause(ctx, settleTime); err != nil {
		return err
	}
	var moments []int
	for range idleWindows {
		if err := n.agent.awaitWake(ctx); err != nil {
			return err
		}
		m, err := n.agent.moments(ctx, idleTime)
		if err != nil {
			return err
		}
		moments = append(moments, m)
	}
	fmt.Printf("An idle agent woke %v times in the %v between two polls.\n\n", moments, idleTime)
	memory, err := n.agent.memory()
	if err != nil {
		return err
	}
	path, err := exec.LookPath("poolcert-agent")
	if err != nil {
		return err
	}
	program, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.goals = append(b.goals,
		goal{fmt.Sprintf("an idle agent with %d certificates: memory", nodeCertificates), mebibytes(memory), "at most 25 MiB", memory <= maxIdleMemory},
		goal{"the same: times that it woke between two polls, without Go's runtime", fmt.Sprint(slices.Min(moments)), "none", slices.Min(moments) == 0},
		goal{"the agent's program", mebibytes(program.Size()), "at most 20 MiB", program.Size() <= maxProgram})
	return nil
}

// awaitWake waits for a poll to end, and the next one to begin.
func (p process) awaitWake(ctx context.Context) error {
	for range 70 {
		n, err := p.moments(ctx, time.Second)
		if err != nil {
			return err
		}
		if n > 0 {
			return pause(ctx, 2*time.Second)
		}
	}
	return errors.New("the agent does not poll")
}

// moments counts the seconds of d in which the process woke; adjacent ones are one.
func (p process) moments(ctx context.Context, d time.Duration) (n int, err error) {
	before, err := p.wakes()
	busy := false
	for range int(d / time.Second) {
		if err := errors.Join(err, pause(ctx, time.Second)); err != nil {
			return 0, err
		}
		var now int64
		now, err = p.wakes()
		if now != before && !busy {
			n++
		}
		busy, before = now != before, now
	}
	return n, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
