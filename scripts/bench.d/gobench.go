//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
)

// goBenchmarks compares pairs of the project's own benchmarks.
func (b *bench) goBenchmarks(ctx context.Context) error {
	fmt.Printf("### In one process\n\n| benchmark | median | best |\n|---|---|---|\n")
	n := b.repetitions(15)
	rsa, err := turns(ctx, n, "local.test", "", "BenchmarkRawRSA", "BenchmarkUnwrap")
	if err != nil {
		return err
	}
	pfx, err := turns(ctx, n, "pfx.test", b.testdata, "BenchmarkDecode/go-pkcs12", "BenchmarkDecode/poolcert")
	if err != nil {
		return err
	}
	fmt.Println()
	b.goals = append(b.goals,
		goal{"unwraps by the agent's service, of Go's raw RSA-2048 rate",
			fmt.Sprintf("%.0f %% (best times %.0f %%)", rsa.median*100, rsa.best*100), "at least 90 %", rsa.median >= 0.9},
		goal{"PFX: time of go-pkcs12 alone",
			fmt.Sprintf("%.2fx (best times %.2fx)", 1/pfx.median, 1/pfx.best), "at most 1.1x", 1/pfx.median <= 1.1})
	return nil
}

var resultLine = regexp.MustCompile(`(?m)^Benchmark.*\s([0-9.]+) ns/op`)

// A ratio says how many times faster the second of two is.
type ratio struct{ median, best float64 }

// turns runs two benchmarks in turns.
func turns(ctx context.Context, n int, binary, dir string, names ...string) (ratio, error) {
	results := make([][]float64, len(names)) // ns
	for range n {
		for i, name := range names {
			cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "^"+name+"$", "-test.benchtime", "300ms")
			cmd.Dir = dir
			text, err := cmd.CombinedOutput()
			if err != nil {
				return ratio{}, fmt.Errorf("%s: %w\n%s", name, err, text)
			}
			line := resultLine.FindSubmatch(text)
			if line == nil {
				return ratio{}, fmt.Errorf("%s: no result in:\n%s", name, text)
			}
			ns, err := strconv.ParseFloat(string(line[1]), 64)
			if err != nil {
				return ratio{}, err
			}
			results[i] = append(results[i], ns)
		}
	}
	for i, name := range names {
		slices.Sort(results[i])
		fmt.Printf("| %s | %.1f µs | %.1f µs |\n", name, results[i][n/2]/1000, results[i][0]/1000)
	}
	return ratio{results[0][n/2] / results[1][n/2], results[0][0] / results[1][0]}, nil
}
