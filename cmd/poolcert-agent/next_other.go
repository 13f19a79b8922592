//go:build !linux && !windows

package main

import "context"

// afterJoin is for systems whose services are known.
func (o *options) afterJoin(context.Context) string { return "" }
