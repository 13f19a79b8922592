// Command docs.d writes docs/configuration.md, the reference of both configuration
// files: that of the agent from the comments of its structs, that of the server from
// the server.toml which "poolcert-server init" writes. Run it in the repository, with
//
//	go run ./scripts/docs.d
package main

import (
	"fmt"
	"os"
)

const file = "docs/configuration.md"

const intro = `# Configuration

<!-- Written by "go run ./scripts/docs.d" from the comments in the source. Change those. -->

Both programs refuse keys that they don't know, check everything before they do anything, and say what is in effect:
` + "`poolcert-agent check`, `poolcert-server check`" + `. Times are texts such as ` + "`\"30s\"`, `\"10m\"` or `\"168h\"`" + `.

`

func main() {
	text, err := reference(".")
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "docs.d:", err)
		os.Exit(1)
	}
}

// reference is the text of the file, for the repository at root.
func reference(root string) (string, error) {
	agent, err := agentReference(root)
	if err != nil {
		return "", fmt.Errorf("agent.toml: %w", err)
	}
	server, err := serverReference(root)
	if err != nil {
		return "", fmt.Errorf("server.toml: %w", err)
	}
	return intro + agent + "\n" + server, nil
}
