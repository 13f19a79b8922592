package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// completionTime is how long a person waits after the Tab key.
const completionTime = 2 * time.Second

// completeFrom completes an argument with what list tells of the account, and with
// nothing if that fails.
func completeFrom(acct *accountFlags, list func(context.Context, *batch.Client, []string) []cobra.Completion) cobra.CompletionFunc {
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

// completePool completes a first argument with pools.
func completePool(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
		if len(args) > 0 {
			return nil
		}
		return pools(ctx, client)
	})
}

func pools(ctx context.Context, client *batch.Client) (ids []cobra.Completion) {
	for p, err := range client.Pools(ctx, batch.ListOptions{}) {
		if err != nil {
			break
		}
		ids = append(ids, p.ID)
	}
	return ids
}

// completePoolFlag completes a flag with pools.
func completePoolFlag(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		return pools(ctx, client)
	})
}

// completePoolNode completes a pool, then its nodes.
func completePoolNode(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) (ids []cobra.Completion) {
		if len(args) == 0 {
			return pools(ctx, client)
		}
		for n, err := range client.Nodes(ctx, args[0], batch.ListOptions{}) {
			if err != nil {
				break
			}
			ids = append(ids, n.ID)
		}
		return ids
	})
}

// completePoolToken completes a pool, then its join tokens.
func completePoolToken(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) (ids []cobra.Completion) {
		if len(args) == 0 {
			return pools(ctx, client)
		}
		for t, err := range client.JoinTokens(ctx, args[0]) {
			if err != nil || len(args) > 1 {
				break
			}
			ids = append(ids, t.ID)
		}
		return ids
	})
}

// completeThumbprint completes an argument or a flag with certificates.
func completeThumbprint(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		return thumbprints(ctx, client)
	})
}

func thumbprints(ctx context.Context, client *batch.Client) (all []cobra.Completion) {
	for c, err := range client.Certificates(ctx, batch.ListOptions{}) {
		if err != nil {
			break
		}
		subject := string(c.State)
		if cert, err := parsePublic(c); err == nil {
			subject = cli.Text(cert.Subject.String())
		}
		all = append(all, cobra.CompletionWithDesc(c.Thumbprint.String(), subject))
	}
	return all
}

// completeReference completes a reference with names, then with certificates.
func completeReference(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		var references []cobra.Completion
		for _, name := range names(ctx, client) {
			references = append(references, nameOption+name)
		}
		return append(references, thumbprints(ctx, client)...)
	})
}

// completeCertificate completes a first argument with names, then with certificates.
func completeCertificate(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
		if len(args) > 0 {
			return nil
		}
		return append(names(ctx, client), thumbprints(ctx, client)...)
	})
}

// completeName completes a first argument with names.
func completeName(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) []cobra.Completion {
		if len(args) > 0 {
			return nil
		}
		return names(ctx, client)
	})
}

// completeNameFlag completes a flag with names.
func completeNameFlag(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, _ []string) []cobra.Completion {
		return names(ctx, client)
	})
}

func names(ctx context.Context, client *batch.Client) (all []cobra.Completion) {
	for c, err := range client.Certificates(ctx, batch.ListOptions{Select: "thumbprint,poolcert:name"}) {
		if err != nil {
			break
		}
		if c.Name != "" && !slices.Contains(all, string(c.Name)) {
			all = append(all, string(c.Name))
		}
	}
	return all
}

// completeHistory completes a flag with the certificates of the name before it.
func completeHistory(acct *accountFlags) cobra.CompletionFunc {
	return completeFrom(acct, func(ctx context.Context, client *batch.Client, args []string) (thumbprints []cobra.Completion) {
		if len(args) == 0 {
			return nil
		}
		for c, err := range client.NameHistory(ctx, batch.CertificateName(args[0]), batch.ListOptions{}) {
			if err != nil {
				break
			}
			thumbprints = append(thumbprints, cobra.CompletionWithDesc(c.Thumbprint.String(), string(c.NameState)))
		}
		return thumbprints
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
