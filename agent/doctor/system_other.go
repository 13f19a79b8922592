//go:build !linux && !windows

package doctor

import "poolcert/agent"

// system looks at nothing here: Check has looked at the folders.
func (f *findings) system(*agent.Config) {}
