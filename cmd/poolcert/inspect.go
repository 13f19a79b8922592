package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

func newInspectCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect [FILE]",
		Short: "Show whom a message is for, and how it is sealed",
		Long: `Show the form of a message, how its content is encrypted, and its recipients. No
key is needed, and nothing of the content is shown.`,
		Example: `  poolcert inspect secret.cms`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := openInput(cmd, args)
			if err != nil {
				return err
			}
			defer in.Close()
			info, err := decrypt.Inspect(in)
			if err != nil {
				return explainDecrypt(err)
			}
			if asJSON {
				return cli.JSON(cmd.OutOrStdout(), info)
			}
			return printInfo(cmd.OutOrStdout(), info)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printInfo(w io.Writer, info *decrypt.Info) error {
	style := cli.StyleOf(w)
	table := cli.NewTable("form", info.Form)
	table.Row("type", info.Type)
	if info.ContentAlgorithm != "" {
		table.Row("content", cli.Text(info.ContentAlgorithm))
	}
	size := "unknown: in pieces"
	if info.Size != nil {
		size = strconv.FormatInt(*info.Size, 10) + " bytes"
	}
	table.Row("size", size)
	protected := style.Green("yes: authenticated")
	if !info.Authenticated {
		protected = style.Yellow("no: it can be altered unnoticed")
	}
	table.Row("protected", protected)
	if err := table.Write(w); err != nil {
		return err
	}
	for i, r := range info.Recipients {
		table := cli.NewTable("recipient "+strconv.Itoa(i+1), r.Kind)
		for _, row := range [][2]string{
			{"algorithm", r.Algorithm}, {"issuer", r.Issuer}, {"serial", r.SerialNumber},
			{"subject key identifier", r.SubjectKeyID}, {"key id", r.KeyID},
			{"thumbprint", r.Thumbprint}, {"sha256", r.SHA256}, {"bound to", r.BoundTo},
		} {
			if row[1] != "" {
				table.Row("  "+row[0], cli.Text(row[1]))
			}
		}
		if err := table.Write(w); err != nil {
			return err
		}
	}
	if len(info.Recipients) == 0 {
		fmt.Fprintln(w, "no recipients")
	}
	return nil
}
