//go:build !linux && !windows

package agent

import "poolcert/batch"

func bootTime() *batch.Time { return nil }
