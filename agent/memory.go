package agent

import (
	"poolcert/internal/erase"
	"poolcert/internal/memlock"
)

// A MemoryStatus says how the memory of an agent that keeps keys out of files is
// kept out of swap.
type MemoryStatus struct {
	Locked  bool   `json:"locked"`
	Erased  bool   `json:"erased"`            // keys that are not held any more are overwritten
	Problem string `json:"problem,omitempty"` // why it is not
}

// lockMemory locks the agent's memory if it is the only place for a key: what is
// in files, on a tmpfs, can be swapped from there. It returns nil otherwise.
func (a *Agent) lockMemory() *MemoryStatus {
	if len(a.config.Keyless()) == 0 {
		return nil
	}
	s := &MemoryStatus{Locked: true, Erased: erase.Supported()}
	if err := memlock.Lock(); err != nil {
		a.log.Warn("private keys are kept in memory that may be swapped to a disk", "err", err)
		s.Locked, s.Problem = false, oneLine(err)
	}
	return s
}
