//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// A program is a command to measure, or several with pipes between them.
type program struct {
	name     string
	pipeline [][]string
}

func command(name string, args ...string) program { return program{name, [][]string{args}} }

// A run is what a program took: the sum of its processes, but the peak memory of
// the largest one. The kernel counts this process's own memory as theirs, so it
// stays small.
type run struct {
	wall, best, user, sys time.Duration
	rss                   int64 // bytes
}

func (p program) run(ctx context.Context) (run, error) {
	var cmds []*exec.Cmd
	var errs bytes.Buffer
	for _, args := range p.pipeline {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stderr = &errs
		cmds = append(cmds, cmd)
	}
	var pipes []io.Closer
	for i, cmd := range cmds[1:] {
		r, w, err := os.Pipe()
		if err != nil {
			return run{}, err
		}
		cmds[i].Stdout, cmd.Stdin = w, r
		pipes = append(pipes, r, w)
	}
	var total run
	start := time.Now()
	for _, cmd := range cmds {
		if err := cmd.Start(); err != nil {
			return run{}, err
		}
	}
	for _, pipe := range pipes {
		pipe.Close()
	}
	for _, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			return run{}, fmt.Errorf("%s: %w\n%s", p.name, err, errs.Bytes())
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		total.user += cmd.ProcessState.UserTime()
		total.sys += cmd.ProcessState.SystemTime()
		total.rss = max(total.rss, usage.Maxrss<<10)
	}
	total.wall = time.Since(start)
	return total, nil
}

// takeTurns runs all programs n times in turns, and calls after with the name of
// each that has run. It returns the medians, with the best time and the largest memory.
func takeTurns(ctx context.Context, n int, programs []program, after func(name string) error) (map[string]run, error) {
	runs := make(map[string][]run)
	for range n {
		for _, p := range programs {
			r, err := p.run(ctx)
			if err != nil {
				return nil, err
			}
			runs[p.name] = append(runs[p.name], r)
			if err := after(p.name); err != nil {
				return nil, err
			}
		}
	}
	medians := make(map[string]run)
	for name, all := range runs {
		medians[name] = run{
			wall: median(all, func(r run) time.Duration { return r.wall }),
			best: slices.MinFunc(all, func(a, b run) int { return cmp.Compare(a.wall, b.wall) }).wall,
			user: median(all, func(r run) time.Duration { return r.user }),
			sys:  median(all, func(r run) time.Duration { return r.sys }),
			rss:  slices.MaxFunc(all, func(a, b run) int { return cmp.Compare(a.rss, b.rss) }).rss,
		}
	}
	return medians, nil
}

func median(all []run, of func(run) time.Duration) time.Duration {
	var values []time.Duration
	for _, r := range all {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func printRuns(title string, programs []program, medians map[string]run) {
	fmt.Printf("### %s\n\n| program | median | best | user | system | peak memory |\n|---|---|---|---|---|---|\n", title)
	for _, p := range programs {
		r := medians[p.name]
		fmt.Printf("| %s | %s | %s | %s | %s | %.1f MiB |\n", p.name, seconds(r.wall), seconds(r.best), seconds(r.user), seconds(r.sys), float64(r.rss)/(1<<20))
	}
	fmt.Println()
}

func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.2f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
