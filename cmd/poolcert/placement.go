package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// maxShownNodes is how many nodes people are shown.
const maxShownNodes = 20

// A placement is where a certificate is, by what the nodes said last.
type placement struct {
	deleting bool
	pools    []*batch.CertificatePool
	nodes    []*batch.CertificateNode
	more     bool // there are more nodes than these
}

// placementOf asks in which pools a certificate is. It returns nil when the service
// is not poolcert's, which alone can tell.
func placementOf(ctx context.Context, client *batch.Client, c *batch.Certificate) (*placement, error) {
	if c.HasPrivateKey == nil {
		return nil, nil
	}
	p := &placement{deleting: c.State != batch.StateActive}
	for pool, err := range client.CertificatePools(ctx, c.Thumbprint) {
		if err != nil {
			return nil, err
		}
		p.pools = append(p.pools, pool)
	}
	return p, nil
}

// addLeft adds the nodes that a person wants to know of: those that still hold what
// is being deleted, or those that have not what they should, failures first.
func (p *placement) addLeft(ctx context.Context, client *batch.Client, tp batch.Thumbprint) error {
	filters := []string{"state eq 'failed'", "state eq 'delivering' or state eq 'waiting'"}
	if p.deleting {
		filters = []string{"state eq 'installed' or state eq 'delivering'"}
	}
	for _, filter := range filters {
		for n, err := range client.CertificateNodes(ctx, tp, batch.ListOptions{Filter: filter, MaxResults: maxShownNodes + 1}) {
			if err != nil {
				return err
			}
			if len(p.nodes) == maxShownNodes {
				p.more = true
				return nil
			}
			p.nodes = append(p.nodes, n)
		}
	}
	return nil
}

// addAll adds all nodes.
func (p *placement) addAll(ctx context.Context, client *batch.Client, tp batch.Thumbprint) error {
	p.nodes = []*batch.CertificateNode{}
	for n, err := range client.CertificateNodes(ctx, tp, batch.ListOptions{}) {
		if err != nil {
			return err
		}
		p.nodes = append(p.nodes, n)
	}
	return nil
}

// summary is one line on the nodes.
func (p *placement) summary(style cli.Style) string {
	var nodes, installed, failed, held, removed, elsewhere int
	for _, pool := range p.pools {
		held += pool.Installed + pool.Delivering
		removed += pool.Removed
		if pool.Refers {
			nodes, installed, failed = nodes+pool.Nodes, installed+pool.Installed, failed+pool.Failed
		} else {
			elsewhere += pool.Installed + pool.Delivering
		}
	}
	if p.deleting {
		if held+removed == 0 {
			return "on no node"
		}
		return fmt.Sprintf("removed on %s of %s", thousands(removed), countNodes(held+removed))
	}
	if nodes+elsewhere == 0 {
		return "on no node"
	}
	line := fmt.Sprintf("installed on %s of %s", thousands(installed), countNodes(nodes))
	if failed > 0 {
		line += ", " + style.Red("failed on "+thousands(failed))
	}
	if elsewhere > 0 {
		line += ", and still on " + thousands(elsewhere) + " of pools that do not refer to it"
	}
	return line
}

// referring says which pools keep the certificate from going.
func (p *placement) referring() string {
	n := 0
	for _, pool := range p.pools {
		if pool.Refers {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return "; 1 pool still refers to it"
	}
	return fmt.Sprintf("; %s pools still refer to it", thousands(n))
}

func countNodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return thousands(n) + " nodes"
}

// thousands writes a number of things with commas.
func thousands(n int) string {
	digits := []byte(strconv.Itoa(n))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = slices.Insert(digits, i, ',')
	}
	return string(digits)
}

// write prints the pools, and the nodes that were added.
func (p *placement) write(w io.Writer) error {
	if len(p.pools) > 0 {
		table := cli.NewTable("POOL", "REFERS", "NODES", "INSTALLED", "FAILED", "WAITING", "REMOVED")
		for _, pool := range p.pools {
			refers := "no"
			if pool.Refers {
				refers = "yes"
			}
			table.Row(cli.Text(pool.PoolID), refers, thousands(pool.Nodes), thousands(pool.Installed), thousands(pool.Failed),
				thousands(pool.Waiting+pool.Delivering), thousands(pool.Removed))
		}
		fmt.Fprintln(w)
		if err := table.Write(w); err != nil {
			return err
		}
	}
	if len(p.nodes) == 0 {
		return nil
	}
	style := cli.StyleOf(w)
	table := cli.NewTable("POOL", "NODE", "STATE", "SINCE", "LAST SEEN", "ERROR")
	for _, n := range p.nodes {
		state, since := string(n.State), ""
		if n.State == batch.NodeFailed {
			state = style.Red(state)
		}
		if n.Time != nil {
			since = cli.Time(n.Time.Time)
		}
		table.Row(cli.Text(n.PoolID), cli.Text(n.NodeID), state, since, ago(n.LastSeen), cli.Text(n.Error))
	}
	fmt.Fprintln(w)
	if err := table.Write(w); err != nil || !p.more {
		return err
	}
	_, err := fmt.Fprintln(w, "and more: --json has all")
	return err
}

// shownCertificate is what cert show --json prints.
type shownCertificate struct {
	*batch.Certificate
	Pools []*batch.CertificatePool `json:"pools,omitempty"`
	Nodes []*batch.CertificateNode `json:"nodes,omitempty"`
}

// showCertificate prints a certificate and where it is, unless it went meanwhile.
func showCertificate(ctx context.Context, w io.Writer, client *batch.Client, c *batch.Certificate, asJSON bool) error {
	p, err := placementOf(ctx, client, c)
	if err == nil && p != nil {
		if asJSON {
			err = p.addAll(ctx, client, c.Thumbprint)
		} else {
			err = p.addLeft(ctx, client, c.Thumbprint)
		}
	}
	if err != nil {
		return err
	}
	if asJSON {
		shown := shownCertificate{Certificate: c}
		if p != nil {
			shown.Pools, shown.Nodes = p.pools, p.nodes
		}
		return cli.JSON(w, shown)
	}
	if err := printCertificate(w, c, p); err != nil || p == nil {
		return err
	}
	return p.write(w)
}
