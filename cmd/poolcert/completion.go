package main

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// completionTime is how long a person waits after the Tab key.
const completionTime = 2 * time.Second

// A lister lists what of the account may come after the arguments.
type lister func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion

// completeFrom completes an argument or a flag with a list, and with nothing if that
// cannot be had.
func completeFrom(acct *accountFlags, list lister) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		client, err := acct.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTime)
		defer cancel()
		return list(ctx, client, args), cobra.ShellCompDirectiveNoFileComp
	}
}

// inTurn lists one thing for the first argument, another one for the second, and so on.
func inTurn(lists ...lister) lister {
	return func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
		if len(args) >= len(lists) {
			return nil
		}
		return lists[len(args)](ctx, client, args)
	}
}

// completePool completes a first argument with pools.
func completePool(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, inTurn(pools))
}

// completePoolFlag completes a flag with pools.
func completePoolFlag(acct *accountFlags) cobra.CompletionFunc { return completeFrom(acct, pools) }

// completePoolNode completes a pool, then one of its nodes.
func completePoolNode(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, inTurn(pools, nodes))
}

// completePoolNodes completes a pool, then any number of its nodes.
func completePoolNodes(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
		if len(args) == 0 {
			return pools(ctx, client, nil)
		}
		return nodes(ctx, client, args)
	})
}

// completePoolToken completes a pool, then one of its join tokens.
func completePoolToken(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, inTurn(pools, tokens))
}

// completeThumbprint completes an argument or a flag with certificates.
func completeThumbprint(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, thumbprints)
}

// completeReference completes a reference with names, then with certificates.
func completeReference(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		var references []cobra.Completion
		for _, name := range names(ctx, client, nil) {
			references = append(references, nameOption+name)
		}
		return append(references, thumbprints(ctx, client, nil)...)
	})
}

// completeCertificate completes a first argument with names, then with certificates.
func completeCertificate(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, inTurn(func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		return append(names(ctx, client, nil), thumbprints(ctx, client, nil)...)
	}))
}

// completeName completes a first argument with names.
func completeName(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, inTurn(names))
}

// completeNameFlag completes a flag with names.
func completeNameFlag(acct *accountFlags) cobra.CompletionFunc { return completeFrom(acct, names) }

// completeHistory completes a flag with the certificates of the name before it.
func completeHistory(acct *accountFlags) cobra.CompletionFunc { return completeFrom(acct, history) }

// completionsOf turns a list into completions, up to its first error.
func completionsOf[T any](list iter.Seq2[T, error], completion func(T) cobra.Completion) (all []cobra.Completion) {
	for item, err := range list {
		if err != nil {
			break
		}
		all = append(all, completion(item))
	}
	return all
}

func pools(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
	return completionsOf(client.Pools(ctx, batch.ListOptions{}), func(p *batch.Pool) cobra.Completion { return p.ID })
}

// nodes and tokens are those of the pool in the first argument.
func nodes(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
	return completionsOf(client.Nodes(ctx, args[0], batch.ListOptions{}), func(n *batch.Node) cobra.Completion { return n.ID })
}

func tokens(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
	return completionsOf(client.JoinTokens(ctx, args[0]), func(t *batch.JoinToken) cobra.Completion { return t.ID })
}

func thumbprints(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
	return completionsOf(client.Certificates(ctx, batch.ListOptions{}), func(c *batch.Certificate) cobra.Completion {
		subject := string(c.State)
		if cert, err := parsePublic(c); err == nil {
			subject = cli.Text(cert.Subject.String())
		}
		return cobra.CompletionWithDesc(c.Thumbprint.String(), subject)
	})
}

func names(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
	all := completionsOf(client.Certificates(ctx, batch.ListOptions{Select: "thumbprint,poolcert:name"}), func(c *batch.Certificate) cobra.Completion { return string(c.Name) })
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(name cobra.Completion) bool { return name == "" })
}

// history has the certificates of the name in the first argument.
func history(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
	if len(args) == 0 {
		return nil
	}
	return completionsOf(client.NameHistory(ctx, batch.CertificateName(args[0]), batch.ListOptions{}), func(c *batch.NamedCertificate) cobra.Completion {
		return cobra.CompletionWithDesc(c.Thumbprint.String(), string(c.NameState))
	})
}

// completeFlags registers what completes flags; a name that the command does not
// have is a mistake in the program.
func completeFlags(cmd *cobra.Command, complete map[string]cobra.CompletionFunc) {
	for name, f := range complete {
		if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err)
		}
	}
}

func fixed(values ...cobra.Completion) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// completeFolder completes with folders.
func completeFolder(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}
