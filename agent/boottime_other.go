//go:build !linux

package agent

import "poolcert/batch"

func bootTime() *batch.Time { return nil }
