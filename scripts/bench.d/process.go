//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A process is the id of one that was started by somebody else.
type process int

// status returns a figure of /proc/PID/status, or of a thread's.
func status(path, name string) (n int64, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, value, ok := strings.Cut(string(data), "\n"+name+":")
	if _, err := fmt.Sscan(value, &n); !ok || err != nil {
		return 0, fmt.Errorf("%s: no %s", path, name)
	}
	return n, nil
}

func (p process) path(name string) string { return fmt.Sprintf("/proc/%d/%s", int(p), name) }

// memory is what is resident, in bytes.
func (p process) memory() (int64, error) {
	n, err := status(p.path("status"), "VmRSS")
	return n << 10, err
}

// files is how many are open.
func (p process) files() (int, error) {
	entries, err := os.ReadDir(p.path("fd"))
	return len(entries), err
}

func (p process) threads() (int64, error) { return status(p.path("status"), "Threads") }

// wakes is how often threads of the process were put to sleep until now, as often as
// they woke: all but Go's monitor, which looks every minute whether there is work. A
// thread that ends takes its count with it.
func (p process) wakes() (sum int64, err error) {
	threads, err := os.ReadDir(p.path("task"))
	var ids []int
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			return 0, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for i, id := range ids {
		if i == 1 { // the monitor is the first thread that Go starts
			continue
		}
		n, err := status(p.path(fmt.Sprintf("task/%d/status", id)), "voluntary_ctxt_switches")
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, err
}
