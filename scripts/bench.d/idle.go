//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	settleTime    = 65 * time.Second // until the service has closed connections that are not in use
	idleTime      = 55 * time.Second // less than a poll is held
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
	if err := n.agent.awaitWake(ctx); err != nil {
		return err
	}
	wakes, err := n.agent.countWakes(ctx, idleTime)
	if err != nil {
		return err
	}
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
		goal{fmt.Sprintf("the same: times that a thread woke in %v between two polls", idleTime), fmt.Sprint(wakes), "none", wakes == 0},
		goal{"the agent's program", mebibytes(program.Size()), "at most 20 MiB", program.Size() <= maxProgram})
	return nil
}

// awaitWake waits for a poll to end, and the next one to begin.
func (p process) awaitWake(ctx context.Context) error {
	for range 70 {
		wakes, err := p.countWakes(ctx, time.Second)
		if err != nil {
			return err
		}
		if wakes > 0 {
			return pause(ctx, 2*time.Second)
		}
	}
	return errors.New("the agent does not poll")
}

// countWakes counts how often threads of the process wake within d.
func (p process) countWakes(ctx context.Context, d time.Duration) (int64, error) {
	before, err := p.wakes()
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, d); err != nil {
		return 0, err
	}
	after, err := p.wakes()
	return after - before, err
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
