//go:build linux

package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// goBenchmarks compares pairs of the project's own benchmarks.
func (b *bench) goBenchmarks(ctx context.Context) error {
	fmt.Printf("### In one process\n\n| benchmark | time |\n|---|---|\n")
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
	b.goals = append(b.goals, goal{"unwraps by the agent's service, of Go's raw RSA-2048 rate", fmt.Sprintf("%.0f %%", rsa*100), "at least 90 %", rsa >= 0.9})
	b.goals = append(b.goals, goal{"PFX: time of go-pkcs12 alone", fmt.Sprintf("%.2fx", 1/pfx), "at most 1.1x", 1/pfx <= 1.1})
	return nil
}

var resultLine = regexp.MustCompile(`(?m)^Benchmark.*\s([0-9.]+) ns/op`)

// turns runs two benchmarks in turns, and returns how many times faster the second is.
func turns(ctx context.Context, n int, binary, dir string, names ...string) (float64, error) {
	var medians []float64
	results := make([][]float64, len(names))
	for range n {
		for i, name := range names {
			cmd := exec.CommandContext(ctx, binary, "-test.run", "^$", "-test.bench", "^"+name+"$", "-test.benchtime", "300ms")
			cmd.Dir = dir
			text, err := cmd.CombinedOutput()
			if err != nil {
				return 0, fmt.Errorf("%s: %w\n%s", name, err, text)
			}
			line := resultLine.FindSubmatch(text)
			if line == nil {
				return 0, fmt.Errorf("%s: no result in:\n%s", name, text)
			}
			ns, err := strconv.ParseFloat(string(line[1]), 64)
			if err != nil {
				return 0, err
			}
			results[i] = append(results[i], ns)
		}
	}
	for i, name := range names {
		slices.Sort(results[i])
		m := results[i][n/2]
		medians = append(medians, m)
		fmt.Printf("| %s | %s |\n", name, time.Duration(m).Round(100*time.Nanosecond))
	}
	return medians[0] / medians[1], nil
}
