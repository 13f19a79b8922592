package member

import "poolcert/internal/dpapi"

// keyMachine seals the node's own keys.
func keyMachine() dpapi.Machine { return dpapi.System }
