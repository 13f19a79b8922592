//go:build !linux

package homelink

import (
	"errors"
	"fmt"
)

// Supported tells whether this system has the means to act as another user for a home.
const Supported = false

var errNoLinks = fmt.Errorf("links of remote users: %w", errors.ErrUnsupported)

func (h Link) make() error   { return errNoLinks }
func (h Link) remove() error { return errNoLinks }
