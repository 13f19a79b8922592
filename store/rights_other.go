//go:build !unix

package store

import (
	"fmt"
	"io/fs"
	"runtime"
)

const (
	openSafely       = 0
	openFolderSafely = 0
)

func supported() error {
	return fmt.Errorf("a certificate directory with owners does not work on %s", runtime.GOOS)
}

func rightsOf(fs.FileInfo) rights  { return rights{} }
func linkCount(fs.FileInfo) uint64 { return 1 }
func checkOwned(fs.FileInfo) error { return supported() }
func mayNotGive(error) bool        { return false }
func isLeased(error) bool          { return false }
func isFull(error) bool            { return false }
