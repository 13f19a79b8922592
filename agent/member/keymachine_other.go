//go:build !windows

package member

import "poolcert/internal/dpapi"

// keyMachine returns nil: the node's own keys are in the clear, in files of the agent's
// user.
func keyMachine() dpapi.Machine { return nil }
