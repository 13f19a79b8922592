package cli

import (
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

// optional matches what a usage line says beside the arguments that must be.
var optional = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\([^)]*\)|\[[^\]]*\]|\s-\w+ \S+`)
})

// either matches an argument that may be one of several things.
var either = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\([A-Z]+( \| [A-Z]+)+\)`) })

// required returns the names of the arguments that a command must have, from its
// usage line, such as POOL and NODE from "evict POOL NODE...".
func required(use string) []string {
	var names []string
	use = either().ReplaceAllStringFunc(use, func(all string) string {
		return strings.ReplaceAll(strings.Trim(all, "()"), " | ", "|")
	})
	for _, word := range strings.Fields(optional().ReplaceAllString(use, " "))[1:] {
		if name := strings.TrimSuffix(word, "..."); strings.Trim(name, ".-") != "" {
			names = append(names, name)
		}
	}
	return names
}

// explainArguments turns cobra's refusal of args into one that names the argument.
func explainArguments(cmd *cobra.Command, args []string, check cobra.PositionalArgs) error {
	err := check(cmd, args)
	if err == nil {
		return nil
	}
	if names := required(cmd.Use); len(args) < len(names) {
		return Usagef("%s: the argument %s is missing", cmd.CommandPath(), names[len(args)])
	}
	for n := len(args) - 1; n >= 0; n-- {
		if check(cmd, args[:n]) == nil {
			return Usagef("%s: unexpected argument %q", cmd.CommandPath(), Text(args[n]))
		}
	}
	return Usage(err)
}
