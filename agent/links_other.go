//go:build !linux

package agent

import (
	"errors"
	"fmt"
)

const hasLinks = false

var errNoLinks = fmt.Errorf("links of remote users: %w", errors.ErrUnsupported)

func (h homeLink) make() error   { return errNoLinks }
func (h homeLink) remove() error { return errNoLinks }
