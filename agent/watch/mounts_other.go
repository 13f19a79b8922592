//go:build !linux

package watch

import "context"

// watchMounts does nothing: only Linux has a certificates directory that can be
// mounted over.
func watchMounts(context.Context, chan<- struct{}) {}
