package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
)

// shownCerts is what certs --json prints.
type shownCerts struct {
	Certificates []local.Certificate `json:"certificates"`
	Identity     *local.Identity     `json:"identity"`
}

func newCertsCommand() *cobra.Command {
	var keys keyFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Show the certificates that you can use on this node, and why not others",
		Long: `Show the certificates of this node that this process can open secrets with, as the
node's agent sees it: by user, groups, and cgroup.

Exit code 4: the agent allows nothing.`,
		Example: `  poolcert certs
  srun poolcert certs    # in a job
  poolcert certs --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			agent := keys.dial(cmd)
			defer agent.Close()
			identity, err := agent.Whoami(cmd.Context())
			if err != nil {
				return explainDecrypt(err)
			}
			certs, err := agent.Certificates(cmd.Context())
			if err != nil && !errors.Is(err, local.ErrNotAllowed) {
				return explainDecrypt(err)
			}
			if certs == nil {
				certs = []local.Certificate{}
			}
			w := cmd.OutOrStdout()
			if asJSON {
				if printErr := cli.JSON(w, shownCerts{certs, identity}); printErr != nil {
					return printErr
				}
				return explainDecrypt(err)
			}
			if printErr := printCerts(w, certs, identity, time.Now()); printErr != nil {
				return printErr
			}
			return explainDecrypt(err)
		},
	}
	keys.registerSocket(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printCerts(w io.Writer, certs []local.Certificate, identity *local.Identity, now time.Time) error {
	style := cli.StyleOf(w)
	fmt.Fprintln(w, describeIdentity(identity))
	if len(certs) > 0 {
		table := cli.NewTable("THUMBPRINT", "EXPIRES", "VISIBILITY", "USE", "SUBJECT")
		for _, c := range certs {
			use := style.Green("opens secrets")
			if !c.HasKey {
				use = style.Yellow("no private key")
			}
			expires := cli.Time(c.NotAfter)
			if now.After(c.NotAfter) {
				expires = style.Yellow(expires + " (past)")
			}
			table.Row(c.Thumbprint.String(), expires, joinVisibility(c.Visibility), use, cli.Text(c.Subject))
		}
		if err := table.Write(w); err != nil {
			return err
		}
	} else if allowed(identity) {
		fmt.Fprintln(w, "The node has no certificate for you: the pool refers to none with such a visibility, or it is not installed yet.")
	}
	for _, a := range identity.Access {
		if !a.Allowed {
			fmt.Fprintf(w, "Not those with visibility %s: %s\n", a.Visibility, cli.Text(a.Rule))
		}
	}
	return nil
}

// allowed tells whether a caller may use anything.
func allowed(identity *local.Identity) bool {
	for _, a := range identity.Access {
		if a.Allowed {
			return true
		}
	}
	return false
}

// describeIdentity says whom the agent sees.
func describeIdentity(i *local.Identity) string {
	var text string
	switch {
	case i.UnixUser != nil:
		text = fmt.Sprintf("You are uid %d, gid %d", i.UID, i.GID)
		if len(i.Groups) > 0 {
			text += ", groups " + strings.Trim(strings.ReplaceAll(fmt.Sprint(i.Groups), " ", ", "), "[]")
		}
	case i.WindowsUser != nil:
		text = "You are " + cli.Text(string(i.SID))
		if own, err := user.Current(); err == nil && own.Uid == string(i.SID) {
			text = fmt.Sprintf("You are %s (%s)", cli.Text(own.Username), i.SID)
		}
	}
	if i.Job != "" {
		text += ", job " + cli.Text(i.Job)
	}
	var rules []string
	for _, a := range i.Access {
		if a.Allowed {
			rules = append(rules, fmt.Sprintf("%s (%s)", a.Visibility, cli.Text(a.Rule)))
		}
	}
	if len(rules) > 0 {
		text += "; allowed: " + strings.Join(rules, ", ")
	}
	return text + "."
}

func joinVisibility(list []batch.Visibility) string {
	var names []string
	for _, v := range list {
		names = append(names, string(v))
	}
	return strings.Join(names, ",")
}

// installedFile tells whether a certificate has a file for a visibility; err says why that
// cannot be seen.
func installedFile(dir string, v batch.Visibility, tp batch.Thumbprint) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "current", string(v)))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "sha1-"+tp.String()+".") {
			return true, nil
		}
	}
	return false, err
}

// callerCertificate finds a certificate among those of the caller.
func callerCertificate(ctx context.Context, agent *local.Client, tp batch.Thumbprint) (*local.Certificate, error) {
	certs, err := agent.Certificates(ctx)
	for _, c := range certs {
		if c.Thumbprint == tp {
			return &c, nil
		}
	}
	return nil, err
}

// completeCertificates completes a flag with those of the caller on this node.
func (f *keyFlags) completeCertificates(cmd *cobra.Command, _ []string, _ string) (all []cobra.Completion, _ cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
	defer cancel()
	agent := local.Dial(f.socket)
	defer agent.Close()
	certs, err := agent.Certificates(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, c := range certs {
		all = append(all, cobra.CompletionWithDesc(c.Thumbprint.String(), cli.Text(c.Subject)))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}
