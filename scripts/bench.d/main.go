//go:build linux

// Command bench.d measures programs for scripts/bench, which prepares their keys and
// a node agent in the working directory. It prints tables in markdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(benchmark())
}

func benchmark() int {
	var b bench
	flag.StringVar(&b.fast, "fast", "", "`folder` for large files")
	flag.StringVar(&b.testdata, "testdata", "", "`folder` of the PFX benchmark")
	flag.BoolVar(&b.quick, "quick", false, "small files and few repetitions")
	flag.BoolVar(&b.large, "large", false, "and 10 GiB")
	flag.IntVar(&b.agent, "agent", 0, "process `id` of the node agent")
	small := flag.Bool("small", false, "only small secrets, and many small files")
	flag.BoolVar(&b.soaking, "soak", false, "only the agent: idle, and through many changes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	parts := []func(context.Context) error{b.files, b.disk, b.tenGiB, b.small, b.unwrap, b.goBenchmarks}
	if *small {
		parts = []func(context.Context) error{b.small, b.unwrap}
	}
	if b.soaking {
		parts = []func(context.Context) error{b.idle, b.soak}
	}
	for _, part := range parts {
		if err := part(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %v\n", err)
			return 1
		}
	}
	b.printGoals()
	return 0
}

type bench struct {
	fast, testdata string
	quick, large   bool
	agent          int
	soaking        bool
	full           *node // after idle
	goals          []goal
}

// A goal is a line of the last table.
type goal struct {
	what, measured, wanted string
	met                    bool
}

// atLeast notes a goal for how many times faster a run is than another. The medians
// count; the best times say what load made of them.
func (b *bench) atLeast(what string, slow, fast run, wanted float64) {
	ratio, best := float64(slow.wall)/float64(fast.wall), float64(slow.best)/float64(fast.best)
	b.goals = append(b.goals, goal{what, fmt.Sprintf("%.2fx (best times %.2fx)", ratio, best), fmt.Sprintf("at least %gx", wanted), ratio >= wanted})
}

func (b *bench) printGoals() {
	fmt.Printf("### Goals\n\n| what | measured | goal | met |\n|---|---|---|---|\n")
	for _, g := range b.goals {
		met := "yes"
		if !g.met {
			met = "**no**"
		}
		fmt.Printf("| %s | %s | %s | %s |\n", g.what, g.measured, g.wanted, met)
	}
}

// repetitions is n, or fewer for --quick.
func (b *bench) repetitions(n int) int {
	if b.quick {
		return max(3, n/5)
	}
	return n
}
