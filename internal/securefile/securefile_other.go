//go:build !unix && !windows

package securefile

import (
	"errors"
	"os"
)

func (f *File) createTemp() error      { return errors.ErrUnsupported }
func (f *File) protect() error         { return errors.ErrUnsupported }
func (f *File) place() error           { return errors.ErrUnsupported }
func syncAll(files []*File) []error    { return syncEach(files) }
func rename(_, _ string) error         { return errors.ErrUnsupported }
func renameNew(_, _ string) error      { return errors.ErrUnsupported }
func syncDir(string) error             { return errors.ErrUnsupported }
func scratch(string) (*os.File, error) { return nil, errors.ErrUnsupported }
