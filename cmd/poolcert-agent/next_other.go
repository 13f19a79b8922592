//go:build !linux

package main

import "context"

// afterJoin is for systemd.
func (o *options) afterJoin(context.Context) string { return "" }
