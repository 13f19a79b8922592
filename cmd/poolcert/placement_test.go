package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func TestPlacementSummary(t *testing.T) {
	for want, p := range map[string]placement{
		"on no node": {},
		"installed on 4,982 of 5,000 nodes": {pools: []*batch.CertificatePool{
			{Refers: true, Nodes: 4000, Installed: 4000}, {Refers: true, Nodes: 1000, Installed: 982, Waiting: 18},
		}},
		"installed on 1 of 1 node, failed on 2, and still on 3 of pools that do not refer to it": {pools: []*batch.CertificatePool{
			{Refers: true, Nodes: 1, Installed: 1, Failed: 2}, {Nodes: 9, Installed: 2, Delivering: 1, Removed: 6},
		}},
		"installed on 0 of 0 nodes, and still on 1 of pools that do not refer to it": {pools: []*batch.CertificatePool{{Nodes: 1, Installed: 1}}},
		"removed on 4,982 of 5,000 nodes": {deleting: true, pools: []*batch.CertificatePool{
			{Nodes: 4003, Installed: 10, Delivering: 8, Removed: 3982}, {Nodes: 1000, Removed: 1000},
		}},
		"removed on 0 of 1,234,567 nodes": {deleting: true, pools: []*batch.CertificatePool{{Refers: true, Nodes: 1234567, Installed: 1234567}}},
	} {
		if got := p.summary(cli.Style{}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPlacementShowsTwenty(t *testing.T) {
	p := placement{more: true}
	for i := range maxShownNodes {
		p.nodes = append(p.nodes, &batch.CertificateNode{PoolID: "pool", NodeID: fmt.Sprintf("n%02d", i), State: batch.NodeFailed,
			Time: &batch.Time{Time: time.Unix(1e9, 0)}, Error: "no space\x1b[2J"})
	}
	var out bytes.Buffer
	if err := p.write(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+maxShownNodes+1 || !strings.Contains(lines[1], "pool  n00   failed  2001-09-09 01:46:40Z  never") ||
		lines[len(lines)-1] != "and more: --json has all" || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %d lines: %s", len(lines), &out)
	}
}

func TestUsersFitALine(t *testing.T) {
	e := &batch.DeleteCertificateError{Values: []batch.NameValue{{Name: "Pools", Value: "a"}}}
	for i := range 99 {
		e.Values = append(e.Values, batch.NameValue{Name: "Nodes", Value: fmt.Sprintf("b/n%d", i)})
	}
	if got, want := users(e), "pool a, node b/n0, node b/n1, node b/n2, node b/n3, and 95 more, which 'poolcert cert show' names"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
