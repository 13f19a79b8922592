package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"poolcert/decrypt/local"
	"poolcert/internal/cli"
	"poolcert/internal/localsock"
	"poolcert/internal/unwrap"
)

// unwrapFlags say what is opened, where to, and what is said of it.
type unwrapFlags struct {
	opener        unwrap.Opener
	watch, asJSON bool
}

func newUnwrapCommand() *cobra.Command {
	var keys keyFlags
	var opening decryptFlags
	var flags unwrapFlags
	cmd := &cobra.Command{
		Use:   "unwrap FILE|DIR...",
		Short: "Open sealed files, each to a file of its own",
		Long: `Open sealed resource files: data.csv.cms becomes data.csv, beside it or in --to.

Of a folder, the files *.p7m, *.cms, *.jwe and *.enc are opened, or those that --match;
not those in folders below, nor links. An output appears whole and verified, readable
by you alone, or not at all. One that is there already stays: with the same content
that is no error. A bad file stops no other.

With --watch, folders are followed, and what comes there is opened when it is complete,
until Ctrl-C or SIGTERM. A file that is replaced by a newer message is opened again.

Exit codes: 0 all opened, 1 some failed; 3 and 4 as for 'poolcert decrypt', where
that is why all of these failed.`,
		Example: `  poolcert unwrap inputs/
  poolcert unwrap --to "$TMPDIR/inputs" --match '*.sealed' /shared/inputs
  poolcert unwrap --watch --remove --to work/ dropbox/ &`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd, args); err != nil {
				return err
			}
			opts, err := opening.options()
			if err != nil {
				return err
			}
			u, err := keys.unwrapper(cmd)
			if err != nil {
				return err
			}
			flags.opener.Options, flags.opener.Unwrapper, flags.opener.Fatal = opts, u, isFatal
			if flags.watch {
				return flags.follow(cmd, args, keys.explain)
			}
			return flags.run(cmd, args, keys.explain)
		},
	}
	keys.register(cmd)
	opening.registerOpen(cmd)
	f := cmd.Flags()
	f.BoolVar(&opening.opts.Text, "text", false, "turn content in UTF-16 (Service Fabric, Windows) into UTF-8")
	f.StringVar(&flags.opener.To, "to", "", "`folder` for the outputs, made if it is missing (default: beside each file)")
	f.StringArrayVar(&flags.opener.Match, "match", nil, "`pattern` of names in folders, may be repeated (default *.p7m, *.cms, *.jwe, *.enc)")
	f.BoolVar(&flags.watch, "watch", false, "follow the folders, until told to stop")
	f.BoolVar(&flags.opener.Remove, "remove", false, "remove a sealed file when its output is safely on the disk")
	f.BoolVar(&flags.opener.Replace, "replace", false, "replace outputs that have other content")
	f.IntVarP(&flags.opener.Jobs, "jobs", "j", 0, "how `many` to open at a time (default: what suits the processor)")
	f.BoolVar(&flags.asJSON, "json", false, "print JSON; with --watch, one object a line")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"to": completeFolder})
	return cmd
}

func (f *unwrapFlags) check(cmd *cobra.Command, args []string) error {
	if cmd.Flags().Changed("jobs") && (f.opener.Jobs < 1 || f.opener.Jobs > unwrap.MaxJobs) {
		return cli.Usagef("--jobs is 1 to %d", unwrap.MaxJobs)
	}
	if err := unwrap.CheckMatch(f.opener.Match); err != nil {
		return cli.Usagef("--match: %w", err)
	}
	for i, arg := range args {
		args[i] = filepath.Clean(arg)
		if !f.watch {
			continue
		}
		if info, err := os.Stat(arg); err != nil {
			return err
		} else if !info.IsDir() {
			return cli.Hint(cli.Usagef("--watch follows folders, and %s is none", cli.Text(arg)), "give the folder that it is in, and --match")
		}
	}
	if f.opener.To != "" {
		if err := os.MkdirAll(f.opener.To, 0o700); err != nil {
			return cli.Hint(fmt.Errorf("--to: %w", err), "it names a folder, which is made if it is missing")
		}
	}
	return nil
}

// isFatal tells of errors that would meet all files.
func isFatal(err error) bool {
	return errors.Is(err, local.ErrUnavailable) || errors.Is(err, local.ErrNotAllowed) || errors.Is(err, localsock.ErrUntrusted)
}

func (f *unwrapFlags) run(cmd *cobra.Command, args []string, explain func(error) error) error {
	sources := f.opener.Find(args)
	if len(sources) == 0 && !f.asJSON {
		fmt.Fprintln(cmd.ErrOrStderr(), "poolcert: no sealed files there; --match says which names to look for")
	}
	results, err := f.opener.Run(cmd.Context(), sources, nil)
	if err == nil || f.asJSON || unwrap.Tally(results)[unwrap.Opened] > 0 {
		if err := f.print(cmd.OutOrStdout(), results); err != nil {
			return err
		}
	}
	if err != nil {
		return explain(err)
	}
	return failure(results, explain)
}

func (f *unwrapFlags) follow(cmd *cobra.Command, args []string, explain func(error) error) error {
	failed := make(map[string]unwrap.Result) // and not opened since
	stdout, stderr := cmd.OutOrStdout(), cmd.ErrOrStderr()
	report := func(r unwrap.Result) {
		delete(failed, r.Source)
		if r.Err != nil && len(failed) < maxKnownFailures {
			failed[r.Source] = r
		}
		f.printOne(stdout, r)
	}
	warn := func(err error) {
		err = explain(err)
		fmt.Fprintf(stderr, "poolcert: %s %s\n", cli.StyleOf(stderr).Yellow("warning:"), cli.Text(oneLine(err)))
		if hint := cli.HintOf(err); hint != "" {
			fmt.Fprintf(stderr, "poolcert: %s %s\n", cli.StyleOf(stderr).Yellow("hint:"), cli.Text(hint))
		}
	}
	if err := f.opener.Watch(cmd.Context(), args, unwrap.DefaultPace(), report, warn); err != nil {
		return err
	}
	return failure(slices.Collect(maps.Values(failed)), explain)
}

// maxKnownFailures bounds memory in a long life.
const maxKnownFailures = 10_000

// failure sums up what failed: with the code that all have, and the hint of the first.
func failure(results []unwrap.Result, explain func(error) error) error {
	var first error
	n, code := 0, 0
	for _, r := range results {
		if r.Err == nil {
			continue
		}
		err := explain(explainUnwrap(r.Err))
		switch n++; {
		case n == 1:
			first, code = err, cli.Code(err)
		case cli.Code(err) != code:
			code = cli.ExitFailure
		}
	}
	if n == 0 {
		return nil
	}
	err := fmt.Errorf("%s not opened", cli.Count(n, "file"))
	if hint := cli.HintOf(first); hint != "" {
		err = cli.Hint(err, "%s", hint)
	}
	return cli.Exit(err, code)
}

func explainUnwrap(err error) error {
	switch {
	case errors.Is(err, unwrap.ErrExists):
		return cli.Hint(err, "--replace puts the new content there; --to names another folder")
	case errors.Is(err, unwrap.ErrCollision):
		return cli.Hint(err, "open them one after another, with a --to for each")
	case errors.Is(err, unwrap.ErrNoOutput):
		return cli.Hint(err, "give --to, so that the output can have the same name; or open it with 'poolcert decrypt -o'")
	case errors.Is(err, unwrap.ErrNotRegular):
		return cli.Hint(err, "links, pipes and devices are not opened: name the file itself")
	}
	return err
}
