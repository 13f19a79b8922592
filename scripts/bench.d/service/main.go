//go:build linux

// Command service measures poolcert-server for scripts/bench-service: it starts
// servers as they are released, plays the nodes, and prints a table in markdown. It
// shares the processors with what it measures.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	os.Exit(benchmark())
}

// A bench is one run.
type bench struct {
	server   string // program
	dir      string // empty, ours
	postgres string // URL of an empty database, or empty
	rounds   int
	only     string
}

func benchmark() int {
	var b bench
	flag.StringVar(&b.server, "server", "poolcert-server", "the `program`")
	flag.StringVar(&b.dir, "dir", "", "an empty `folder`")
	flag.StringVar(&b.postgres, "postgres", "", "`URL` of an empty database")
	flag.IntVar(&b.rounds, "rounds", 3, "how often each figure is taken")
	flag.StringVar(&b.only, "only", "", "one `part`: polls, waits, usable, lists")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Print("| what | median | least | most | load average |\n|---|---|---|---|---|\n")
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"polls", b.polls}, {"waits", b.waits}, {"usable", b.usable}, {"lists", b.lists}} {
		if b.only != "" && b.only != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", part.name, err)
			return 1
		}
	}
	return 0
}

// A figure is a line of the table: what was measured in each round.
type figure struct {
	what   string
	format string // of one value
	values []float64
}

// figures keeps the order in which they came.
type figures []*figure

func (f *figures) add(what, format string, value float64) {
	for _, known := range *f {
		if known.what == what {
			known.values = append(known.values, value)
			return
		}
	}
	*f = append(*f, &figure{what, format, []float64{value}})
}

func (f figures) print() {
	load, _ := os.ReadFile("/proc/loadavg")
	for _, figure := range f {
		slices.Sort(figure.values)
		show := func(v float64) string { return fmt.Sprintf(figure.format, v) }
		fmt.Printf("| %s | %s | %s | %s | %.4s |\n", figure.what,
			show(figure.values[len(figure.values)/2]), show(figure.values[0]), show(figure.values[len(figure.values)-1]), load)
	}
}

// quantile is of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
}

// note tells a person how far it is.
func note(format string, args ...any) {
	io.WriteString(os.Stderr, "bench: "+fmt.Sprintf(format, args...)+"\n")
}
