//go:build !windows

package local

import "path/filepath"

// mayCome tells whether an agent that is away may come back: the folder of its socket
// is there.
func mayCome(path string) bool { return exists(filepath.Dir(path)) }
