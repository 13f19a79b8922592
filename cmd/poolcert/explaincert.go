package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
)

func newExplainCommand(acct *accountFlags) *cobra.Command {
	var keys keyFlags
	var installed string
	cmd := &cobra.Command{
		Use:   "explain (MESSAGE | THUMBPRINT | NAME)",
		Short: "Find out why a message does not open, or a certificate cannot be used here",
		Long: `Follow a certificate from the account to this process, and say where the way ends: is
it in the account, does a pool refer to it, do nodes have it, does this node's agent, in
a file, and may this process use it?

It is the certificate that the file MESSAGE ("-" is standard input) is sealed to, the
one with that thumbprint, or the one that the account's name stands for.

The account is asked if 'poolcert login' was done here; a task need not.

Exit codes: 0 it can be used; else that of the first break: 3 it is not here, 4 it is
not allowed, 1 others.`,
		Example: `  poolcert explain secret.cms
  poolcert explain 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, start string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			thumbprints, _ := keys.completeCertificates(cmd, args, start)
			return thumbprints, cobra.ShellCompDirectiveDefault
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			e := &explanation{w: cmd.OutOrStdout(), installed: installed}
			if err := e.find(cmd, acct, args[0]); err != nil {
				return err
			}
			agent := keys.dial(cmd)
			defer agent.Close()
			e.here = isHere(cmd.Context(), agent, e.tp)
			for _, look := range []func(context.Context) error{
				func(ctx context.Context) error { return e.account(ctx, acct) },
				func(ctx context.Context) error { return e.agent(ctx, agent) },
				func(ctx context.Context) error { return e.access(ctx, agent) },
			} {
				if err := look(cmd.Context()); err != nil {
					return err
				}
			}
			_, err := fmt.Fprintln(e.w, "This process can open secrets with it.")
			return err
		},
	}
	keys.registerSocket(cmd)
	registerInstalled(cmd, &installed)
	return cmd
}

// accountTime is how long the account has for its answers: a node's task may be
// where it cannot be reached.
const accountTime = 10 * time.Second

// An explanation follows one certificate.
type explanation struct {
	tp        batch.Thumbprint
	w         io.Writer
	installed string
	here      bool // this process can use it, whatever the account says

	visibility []batch.Visibility // of the references, as the account has them; nil: not known
	identity   *local.Identity
}

// find sets the certificate from what a person typed. As for 'poolcert encrypt --to', a
// file goes before a name.
func (e *explanation) find(cmd *cobra.Command, acct *accountFlags, text string) (err error) {
	if e.tp, err = batch.ParseThumbprint(text); err == nil {
		return nil
	}
	if _, err := os.Stat(text); err == nil || text == "-" {
		in, err := openInput(cmd, []string{text})
		if err != nil {
			return err
		}
		defer in.Close()
		e.tp, err = e.message(cmd.Context(), acct, in)
		return err
	}
	e.tp, err = e.named(cmd.Context(), acct, text)
	return err
}

// named returns the certificate that a name of the account stands for. Who mistyped a
// file needs no account.
func (e *explanation) named(ctx context.Context, acct *accountFlags, text string) (tp batch.Thumbprint, err error) {
	nothing := func(format string, args ...any) error {
		return cli.Hint(cli.Usagef("%s: no such file, and %s", cli.Text(text), fmt.Sprintf(format, args...)), "give the sealed file, or what 'poolcert certs' and 'poolcert cert list' show")
	}
	given, explicit := strings.CutPrefix(text, nameOption)
	name, err := batch.ParseCertificateName(given)
	if err != nil {
		return tp, nothing("neither a thumbprint nor a name")
	}
	client, err := acct.client()
	if err != nil {
		if explicit {
			return tp, err
		}
		return tp, nothing("not a thumbprint; as a name: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, accountTime)
	defer cancel()
	current, err := currentCertificate(ctx, client, name)
	switch {
	case errors.Is(err, &batch.Error{Code: batch.CodeNameNotFound}) && !explicit:
		return tp, nothing("not a thumbprint; nor has the account a certificate under this name")
	case err != nil:
		return tp, fmt.Errorf("name %s: %w", name, explain(err))
	}
	return current.Thumbprint, nil
}

// say notes what was found.
func (e *explanation) say(where, format string, args ...any) {
	fmt.Fprintf(e.w, "%-8s  %s  %s\n", where, cli.StyleOf(e.w).Green("ok"), cli.Text(fmt.Sprintf(format, args...)))
}

// skip notes what could not be looked at.
func (e *explanation) skip(where, format string, args ...any) {
	fmt.Fprintf(e.w, "%-8s  %s   %s\n", where, cli.StyleOf(e.w).Yellow("?"), cli.Text(fmt.Sprintf(format, args...)))
}

// missed notes a break on the way from the account to the node. When the node has the
// certificate all the same, it came another way: of another account, from a folder, or
// before.
func (e *explanation) missed(code int, where, what, hint string) error {
	if e.here {
		e.skip(where, "%s", what)
		return nil
	}
	return broken(code, where, what, hint)
}

// broken returns the error of the first break.
func broken(code int, where, what, hint string) error {
	return cli.Exit(cli.Hint(fmt.Errorf("%s: %s", where, what), "%s", hint), code)
}

func (e *explanation) account(ctx context.Context, acct *accountFlags) error {
	client, err := acct.client()
	if err != nil {
		e.skip("account", "not asked: nobody is logged in to an account here")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, accountTime)
	defer cancel()
	cert, err := client.Certificate(ctx, e.tp)
	if errors.Is(err, &batch.Error{Code: batch.CodeCertificateNotFound}) {
		return e.missed(cli.ExitNoCertificate, "account", "it has no such certificate", "'poolcert cert list' shows what it has, 'poolcert cert add' adds one; is this the right account?")
	}
	if err != nil {
		e.skip("account", "could not be asked: %v", explain(err))
		return nil
	}
	if cert.HasPrivateKey != nil && !*cert.HasPrivateKey {
		return e.missed(cli.ExitNoCertificate, "account", "the certificate was added without its private key, which alone opens secrets", "add it again as a PFX, with its key, after 'poolcert cert delete'")
	}
	if cert.State == batch.StateActive {
		e.say("account", "has it, active")
	} else {
		e.skip("account", "it is in the state %s: nodes that have it use it, others do not get it; 'poolcert cert cancel-delete' brings one back whose deletion failed", cert.State)
	}
	return e.pools(ctx, client, cert)
}

// pools looks for references, and for nodes that have the certificate.
func (e *explanation) pools(ctx context.Context, client *batch.Client, cert *batch.Certificate) error {
	var referring []string
	for pool, err := range client.Pools(ctx, batch.ListOptions{}) {
		if err != nil {
			e.skip("pools", "could not be asked: %v", explain(err))
			return nil
		}
		for _, r := range pool.CertificateReferences {
			if r.Thumbprint == e.tp {
				visibility := r.WithDefaults().Visibility
				e.visibility = append(e.visibility, visibility...)
				referring = append(referring, fmt.Sprintf("%s (for %s)", pool.ID, joinVisibility(visibility)))
			}
		}
	}
	if len(referring) == 0 {
		return e.missed(cli.ExitNoCertificate, "pools", "no pool refers to it, so no node gets it from this account", "'poolcert pool set-certs' has the nodes of a pool install it")
	}
	e.say("pools", "referred to by %s", strings.Join(referring, ", "))
	return e.nodes(ctx, client, cert)
}

func (e *explanation) nodes(ctx context.Context, client *batch.Client, cert *batch.Certificate) error {
	p, err := placementOf(ctx, client, cert)
	if err != nil || p == nil {
		return nil // another service than poolcert's
	}
	installed := 0
	for _, pool := range p.pools {
		installed += pool.Installed
	}
	if err := p.addLeft(ctx, client, e.tp); err == nil && installed == 0 {
		for _, n := range p.nodes {
			if n.State == batch.NodeFailed {
				return e.missed(cli.ExitFailure, "nodes", fmt.Sprintf("node %s of pool %s could not install it: %s", n.NodeID, n.PoolID, n.Error), "'poolcert-agent status' on that node says more")
			}
		}
		return e.missed(cli.ExitNoCertificate, "nodes", "no node of these pools reports it", "are there nodes in the pool, and do their agents run? 'poolcert node list POOL' tells")
	}
	e.say("nodes", "%s", p.summary(cli.Style{}))
	return nil
}

// isHere asks the agent at most for a moment: the look at it comes later.
func isHere(ctx context.Context, agent *local.Client, tp batch.Thumbprint) bool {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	if agent.Healthy(ctx) != nil {
		return false
	}
	cert, err := callerCertificate(ctx, agent, tp)
	return err == nil && cert != nil && cert.HasKey
}

func (e *explanation) agent(ctx context.Context, agent *local.Client) error {
	var err error
	if e.identity, err = agent.Whoami(ctx); err != nil {
		return fmt.Errorf("agent: %w", explainDecrypt(err))
	}
	if err := agent.Ready(ctx); errors.Is(err, local.ErrNotReady) {
		return broken(cli.ExitFailure, "agent", err.Error(), "'poolcert-agent status' says what it waits for")
	}
	e.say("agent", "answers on this node")
	return nil
}

// access looks at what this process may use, and at files, to tell what is not
// installed from what is for others.
func (e *explanation) access(ctx context.Context, agent *local.Client) error {
	cert, err := callerCertificate(ctx, agent, e.tp)
	if err != nil && !errors.Is(err, local.ErrNotAllowed) {
		return explainDecrypt(err)
	}
	if cert != nil {
		e.say("file", "installed, with visibility %s", joinVisibility(cert.Visibility))
		if !cert.HasKey {
			return broken(cli.ExitNoCertificate, "file", "it came without its private key", "add the certificate as a PFX, with its key")
		}
		for _, a := range e.identity.Access {
			if a.Allowed && slices.Contains(cert.Visibility, a.Visibility) {
				e.say("access", "visibility %s, %s", a.Visibility, a.Rule)
			}
		}
		if time.Now().After(cert.NotAfter) {
			e.skip("expiry", "it expired on %s; it still opens secrets", cli.Time(cert.NotAfter))
		}
		return nil
	}
	var forbidden []string
	for _, a := range e.identity.Access {
		there, err := installedFile(e.installed, a.Visibility, e.tp)
		switch {
		case a.Allowed:
		case there:
			return broken(cli.ExitNotAllowed, "access", fmt.Sprintf("it is installed for visibility %s, which this process may not use: %s", a.Visibility, a.Rule), accessHint)
		case errors.Is(err, fs.ErrNotExist) && len(e.visibility) == 0:
		case e.visibility == nil, slices.Contains(e.visibility, a.Visibility):
			forbidden = append(forbidden, fmt.Sprintf("%s (%s)", a.Visibility, a.Rule))
		}
	}
	if len(forbidden) > 0 && !e.allowedSome() {
		return broken(cli.ExitNotAllowed, "access", "this process may not use visibility "+strings.Join(forbidden, ", "), accessHint)
	}
	what := "this node has it not, among what this process may use"
	if len(forbidden) > 0 {
		what += "; it may be there for visibility " + strings.Join(forbidden, ", ")
	}
	return broken(cli.ExitNoCertificate, "file", what, "does this node belong to a pool that refers to it? 'poolcert-agent status' tells the node's pool and certificates")
}

const accessHint = "the operator adds the user to the group, or names it in [access] of agent.toml; a process has the groups that it was started with: log in anew"

// allowedSome tells whether the process may use a visibility that the certificate
// has, or might have.
func (e *explanation) allowedSome() bool {
	return slices.ContainsFunc(e.identity.Access, func(a local.Access) bool {
		return a.Allowed && (e.visibility == nil || slices.Contains(e.visibility, a.Visibility))
	})
}
