//go:build !unix && !windows

package securefile

import (
	"errors"
	"os"
)

func (f *File) createTemp(string) (*os.File, error) { return nil, errors.ErrUnsupported }
func (f *File) protect() error                      { return errors.ErrUnsupported }
func rename(_, _ string) error                      { return errors.ErrUnsupported }
func syncDir(string) error                          { return errors.ErrUnsupported }
func scratch(string) (*os.File, error)              { return nil, errors.ErrUnsupported }
