//go:build !unix && !windows

package agent

import (
	"errors"
	"io/fs"
	"os"
)

func checkPrivate(string, fs.FileInfo) error { return errors.ErrUnsupported }

func tryLock(*os.File) error { return errors.ErrUnsupported }
