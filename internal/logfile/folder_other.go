//go:build !windows

package logfile

import "poolcert/internal/filetrust"

func makeFolder(path string) error { return filetrust.MakePrivate(path) }
