package cli

import "github.com/spf13/cobra"

// Exclusive makes it a usage error to give more than one of the flags of cmd.
func Exclusive(cmd *cobra.Command, names ...string) {
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		given := ""
		for _, name := range names {
			switch {
			case !cmd.Flags().Changed(name):
			case given != "":
				return Usagef("--%s and --%s exclude each other", given, name)
			default:
				given = name
			}
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}
