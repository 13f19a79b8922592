//go:build !unix

package agent

import "io/fs"

const nonblock = 0

// checkOwner has nothing to check: the rights of the folder are its maker's.
func checkOwner(fs.FileInfo) error { return nil }
