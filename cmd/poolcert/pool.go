package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

func newPoolCommand(acct *accountFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pool",
		Short: "Pools: which certificates their nodes have, and who may join",
		Example: `  poolcert pool create render --cert THUMBPRINT,visibility=task
  poolcert pool set-certs render --cert name=storage-key,visibility=task
  poolcert pool token create render --uses 10`,
	}
	cmd.AddCommand(newPoolCreateCommand(acct), newPoolListCommand(acct), newPoolShowCommand(acct), newPoolSetCertsCommand(acct), newPoolDeleteCommand(acct), newTokenCommand(acct))
	return cmd
}

// nameOption begins a reference by name.
const nameOption = "name="

const referenceHelp = `A certificate reference is a thumbprint, or name=NAME, and, after commas, options.
A pool that refers to a name follows it: nodes get each certificate that is added
under it, and keep the one before for the overlap.

  visibility=task+starttask+remoteuser   who may use the key (default: all three)
  store=NAME, location=currentuser|localmachine   where on Windows nodes`

// parseReference reads a reference as people write it.
func parseReference(text string) (batch.CertificateReference, error) {
	r := batch.CertificateReference{ThumbprintAlgorithm: batch.SHA1}
	fields := strings.Split(text, ",")
	var err error
	if name, ok := strings.CutPrefix(fields[0], nameOption); ok {
		r.Name, err = batch.ParseCertificateName(name)
	} else if r.Thumbprint, err = batch.ParseThumbprint(strings.TrimPrefix(fields[0], "thumbprint=")); err != nil {
		err = cli.Hint(err, "give the 40 digits that 'poolcert cert list' shows, or name=NAME")
	}
	if err != nil {
		return r, cli.Usage(fmt.Errorf("certificate reference: %w", err))
	}
	for _, field := range fields[1:] {
		name, value, _ := strings.Cut(field, "=")
		var err error
		switch name {
		case "visibility":
			for _, v := range strings.Split(value, "+") {
				var visibility batch.Visibility
				if err = visibility.UnmarshalText([]byte(v)); err != nil {
					break
				}
				if visibility != "" {
					r.Visibility = append(r.Visibility, visibility)
				}
			}
		case "store":
			r.StoreName = value
		case "location":
			err = r.StoreLocation.UnmarshalText([]byte(value))
		default:
			err = fmt.Errorf("unknown option %q", name)
		}
		if err == nil && value == "" {
			err = fmt.Errorf("option %q has no value", name)
		}
		if err != nil {
			return r, cli.Hint(cli.Usage(fmt.Errorf("certificate reference: %w", err)), "the options are visibility, store and location")
		}
	}
	return r, nil
}

func parseReferences(texts []string) ([]batch.CertificateReference, error) {
	refs := []batch.CertificateReference{}
	for _, text := range texts {
		r, err := parseReference(text)
		if err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	return refs, nil
}

func newPoolCreateCommand(acct *accountFlags) *cobra.Command {
	var certs []string
	cmd := &cobra.Command{
		Use:     "create POOL",
		Short:   "Create a pool",
		Long:    "Create a pool whose nodes have the given certificates.\n\n" + referenceHelp,
		Example: `  poolcert pool create render --cert 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b,visibility=task`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := parseReferences(certs)
			if err != nil {
				return err
			}
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				if err := client.AddPool(cmd.Context(), &batch.Pool{ID: id, CertificateReferences: refs}); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Created pool %s; let nodes join with 'poolcert pool token create %s'\n", id, id)
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&certs, "cert", nil, "certificate `reference`, may be repeated")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"cert": completeReference(acct)})
	return cmd
}

// withPool calls f with a client and the pool's id.
func withPool(acct *accountFlags, id string, f func(*batch.Client, string) error) error {
	client, err := acct.client()
	if err != nil {
		return err
	}
	if err := f(client, id); err != nil {
		return fmt.Errorf("pool %s: %w", cli.Text(id), explain(err))
	}
	return nil
}

func newPoolListCommand(acct *accountFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the account's pools",
		Example: `  poolcert pool list`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := acct.client()
			if err != nil {
				return err
			}
			all := []*batch.Pool{}
			table := cli.NewTable("POOL", "STATE", "CERTIFICATES", "MODIFIED")
			for p, err := range client.Pools(cmd.Context(), batch.ListOptions{}) {
				if err != nil {
					return explain(err)
				}
				all = append(all, p)
				modified := "-"
				if p.LastModified != nil {
					modified = cli.Time(p.LastModified.Time)
				}
				table.Row(cli.Text(p.ID), p.State, strconv.Itoa(len(p.CertificateReferences)), modified)
			}
			if asJSON {
				return cli.JSON(cmd.OutOrStdout(), all)
			}
			return table.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newPoolShowCommand(acct *accountFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show POOL",
		Short:             "Show a pool and its certificate references",
		Example:           `  poolcert pool show render`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				p, err := client.Pool(cmd.Context(), id)
				if err != nil {
					return err
				}
				if asJSON {
					return cli.JSON(cmd.OutOrStdout(), p)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "Pool %s: %s, etag %s\n", cli.Text(p.ID), p.State, p.ETag)
				return printReferences(cmd.OutOrStdout(), p.CertificateReferences)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printReferences(w io.Writer, refs []batch.CertificateReference) error {
	if len(refs) == 0 {
		_, err := fmt.Fprintln(w, "No certificates.")
		return err
	}
	table := cli.NewTable("THUMBPRINT", "NAME", "VISIBILITY", "WINDOWS STORE")
	for i, r := range refs {
		r = r.WithDefaults()
		state := batch.NameCurrent
		if !isCurrent(refs, i) {
			state = batch.NameOverlap
		}
		var visibility []string
		for _, v := range r.Visibility {
			visibility = append(visibility, string(v))
		}
		table.Row(r.Thumbprint.String(), nameText(r.Name, state), strings.Join(visibility, "+"), string(r.StoreLocation)+`\`+cli.Text(r.StoreName))
	}
	return table.Write(w)
}

// isCurrent tells whether a reference is no name's certificate in its overlap: those
// follow the current one.
func isCurrent(refs []batch.CertificateReference, i int) bool {
	name := refs[i].Name
	return name == "" || !slices.ContainsFunc(refs[:i], func(r batch.CertificateReference) bool { return r.Name.Key() == name.Key() })
}

func newPoolSetCertsCommand(acct *accountFlags) *cobra.Command {
	var certs []string
	var none bool
	cmd := &cobra.Command{
		Use:   "set-certs POOL (--cert REFERENCE... | --none)",
		Short: "Replace a pool's certificate references",
		Long:  "Replace the certificates of a pool's nodes. Nodes follow within seconds.\n\n" + referenceHelp,
		Example: `  poolcert pool set-certs render --cert 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b,visibility=task
  poolcert pool set-certs render --cert name=storage-key,visibility=task
  poolcert pool set-certs render --none`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			if none == (len(certs) > 0) {
				return cli.Usagef("give --cert once or more, or --none")
			}
			refs, err := parseReferences(certs)
			if err != nil {
				return err
			}
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				if err := client.PatchPool(cmd.Context(), id, batch.PatchPool{CertificateReferences: &refs}, ""); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Pool %s now refers to %s; 'poolcert node list %s' shows what its nodes have\n", id, cli.Count(len(refs), "certificate"), id)
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&certs, "cert", nil, "certificate `reference`, may be repeated")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"cert": completeReference(acct)})
	cmd.Flags().BoolVar(&none, "none", false, "no certificates")
	return cmd
}

func newPoolDeleteCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:               "delete POOL",
		Short:             "Delete a pool; its nodes lose their certificates",
		Example:           `  poolcert pool delete render`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completePool(acct),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withPool(acct, args[0], func(client *batch.Client, id string) error {
				if err := client.DeletePool(cmd.Context(), id); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Deleted pool %s\n", id)
				return nil
			})
		},
	}
}
