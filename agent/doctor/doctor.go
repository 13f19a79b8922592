// Package doctor looks for what is or may become wrong with the agent of a node, and says
// what to do about it.
//
// Call [Check] for a configuration alone, and [Examine] for all: the running agent, the way
// to its service in steps, and the system below.
//
// Promises. It changes nothing, and needs no running agent. Each finding that is not [OK]
// says what a person can do. No step on the network takes longer than ten seconds. What it
// does as the agent is what the agent does: it calls the same functions.
//
// The findings hold for this user: run it as the agent's. They are for people; programs read
// [Finding].Check and Result.
package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"poolcert/agent"
	"poolcert/agent/directory"
	"poolcert/agent/lastgood"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/decrypt/local"
	"poolcert/internal/lockfile"
)

const (
	doctorTime = 10 * time.Second // of one step on the network
	maxSkew    = time.Minute      // that is no reason to worry; certificates are dated an hour back
)

// Examine looks for what is or may become wrong with the agent of this node: all of
// [Check], and the running agent, the way to its service, and the system below. It
// changes nothing.
func Examine(ctx context.Context, c *agent.Config) []Finding {
	var f findings
	f = append(f, Check(c)...)
	f.agent(ctx, c)
	f.system(c)
	if c.Source == agent.SourceDirectory {
		f.source(ctx, c)
		return f
	}
	id, err := member.Load(c.StateDir)
	switch {
	case errors.Is(err, member.ErrNotJoined):
		f.fail("identity", "make a token with 'poolcert pool token create POOL', then run 'poolcert-agent join TOKEN'", err)
		return f
	case err != nil:
		f.fail("identity", asAgent+"; if the file is damaged, bring it back from a backup", err)
		return f
	}
	f.identity(c, id)
	f.service(ctx, c, id)
	return f
}

// agent looks for the running agent, and for another one in its place.
func (f *findings) agent(ctx context.Context, c *agent.Config) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	status, err := agent.QueryStatus(ctx, c.Socket)
	switch {
	case errors.Is(err, local.ErrUnavailable):
		lock, lockErr := lockfile.Acquire(filepath.Join(c.StateDir, statedir.LockFile))
		if lockErr == nil {
			lock.Close()
		}
		if errors.Is(lockErr, lockfile.ErrLocked) {
			f.wrong("agent", findAgent+"; two agents cannot share a state directory, and all commands want the same --config", "another agent uses %s, and does not listen on %s", c.StateDir, c.Socket)
			return
		}
		f.wrong("agent", "start it with 'poolcert-agent start', or 'poolcert-agent run'", "no agent listens on %s", c.Socket)
	case errors.Is(err, local.ErrNotAllowed):
		f.fail("agent", asAgent, err)
	case err != nil:
		f.fail("agent", seeLog, err)
	default:
		for _, p := range status.Problems {
			f.wrong("agent", p.Do, "%s", p.Problem)
		}
		if status.Repairs.Blind != "" {
			f.warn("agent", "raise the limit; files are still checked every "+c.CheckInterval.String(), "changes of installed files are noticed late: %s", status.Repairs.Blind)
		}
		if m := status.Memory; m != nil && !m.Locked {
			f.warn("agent", keepMemory, "private keys may be swapped to a disk: %s", m.Problem)
		}
		if status.Healthy {
			f.ok("agent", "%s, healthy, revision %s", status.State, status.Revision)
		}
	}
}

// source reads a directory source as the agent does.
func (f *findings) source(ctx context.Context, c *agent.Config) {
	references, err := directory.New(c.Directory.Path).References(ctx, "", 0)
	if err != nil {
		f.fail("references", "mend the folder; the node keeps the set that it has until then", err)
		return
	}
	f.ok("references", "%d certificates in %s", len(references.References), c.Directory.Path)
}

// identity looks at the node's own certificate.
func (f *findings) identity(c *agent.Config, id *member.Identity) {
	left := time.Until(id.Certificate.NotAfter)
	switch {
	case lastgood.WasEvicted(c.StateDir, id):
		f.wrong("identity", "make a new token with 'poolcert pool token create POOL', stop the agent, run 'poolcert-agent join TOKEN', and start it", "node %s was evicted from pool %s, or the pool is gone", id.Node, id.Pool)
	case left < 0:
		f.wrong("identity", "let the agent reach its service: it renews the certificate then, if the clocks are right", "the certificate of node %s ended at %s", id.Node, id.Certificate.NotAfter.UTC().Format(time.RFC3339))
	case time.Now().Before(id.Certificate.NotBefore):
		f.wrong("identity", "set this node's clock", "the certificate of node %s begins at %s: that is in the future", id.Node, id.Certificate.NotBefore.UTC().Format(time.RFC3339))
	case time.Now().After(id.RenewAt().Add(time.Hour)):
		f.warn("identity", "let the agent reach its service", "the certificate of node %s was not renewed when it was due; it ends in %v", id.Node, left.Round(time.Minute))
	default:
		f.ok("identity", "node %s of pool %s, account %s; its certificate ends in %v and is renewed before", id.Node, id.Pool, id.Account, left.Round(time.Minute))
	}
}

// service goes the way to the service in steps, up to the first that fails.
func (f *findings) service(ctx context.Context, c *agent.Config, id *member.Identity) {
	server := id.Server
	if c.Server != "" {
		server = c.Server
	}
	u, err := url.Parse(server)
	if err != nil {
		f.fail("service", "join again, or set server", err)
		return
	}
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "443"
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		f.fail("proxy", "correct HTTPS_PROXY", err)
		return
	}
	if proxy != nil {
		f.ok("proxy", "%s is asked through %s, by HTTPS_PROXY of this command; the service's is in its unit", host, proxy.Redacted())
	} else if !f.connect(ctx, host, port) {
		return
	}
	f.request(ctx, server, host, id)
}

// connect resolves the host and connects, and tells whether to go on.
func (f *findings) connect(ctx context.Context, host, port string) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		f.fail("dns", seeNames+"; if the service has moved, set server in the configuration", err)
		return false
	}
	if net.ParseIP(host) == nil {
		f.ok("dns", "%s is %s", host, strings.Join(addresses, ", "))
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		f.fail("tcp", "is poolcert-server running there, and does a firewall let this node through to that port?", err)
		return false
	}
	conn.Close()
	f.ok("tcp", "%s accepts", net.JoinHostPort(host, port))
	return true
}

// request makes a request as the node, and compares the clocks.
func (f *findings) request(ctx context.Context, server, host string, id *member.Identity) {
	ctx, cancel := context.WithTimeout(ctx, doctorTime)
	defer cancel()
	began := time.Now()
	header, err := id.Reach(ctx, server)
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unverified):
		f.fail("tls", "its certificate is not by the CA that this node has joined with, not for this name, or not valid now: compare the clocks; if the service was set up anew, join again; is something in between that opens TLS?", fmt.Errorf("%s: %w", host, unverified.Err))
		return
	case err != nil:
		f.fail("tls", "is it the node API's address (node_url of the server), and does nothing in between open TLS?", err)
		return
	}
	f.ok("tls", "%s has a certificate by the service's own CA", host)
	answered, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		f.warn("clock", "compare the clocks by hand", "the service does not tell its time")
		return
	}
	// Date is cut to seconds, and was written between the question and the answer.
	skew := time.Since(began)/2 + time.Until(answered.Add(time.Second/2))
	if skew.Abs() > maxSkew {
		f.wrong("clock", keepTime, "this node's clock differs from the service's by %v", skew.Round(time.Second))
		return
	}
	f.ok("clock", "within %v of the service's", max(skew.Abs(), time.Second).Round(time.Second))
}
