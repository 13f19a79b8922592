package agent

import "poolcert/internal/memlock"

// A MemoryStatus says how the memory of an agent that keeps keys out of files is
// kept out of swap.
type MemoryStatus struct {
	Locked  bool   `json:"locked"`
	Problem string `json:"problem,omitempty"` // why it is not
}

// lockMemory locks the agent's memory if it is the only place for a key: what is
// in files, on a tmpfs, can be swapped from there. It returns nil otherwise.
func (a *Agent) lockMemory() *MemoryStatus {
	if len(a.config.keyless()) == 0 {
		return nil
	}
	if err := memlock.Lock(); err != nil {
		a.log.Warn("private keys are kept in memory that may be swapped to a disk", "err", err)
		return &MemoryStatus{Problem: oneLine(err)}
	}
	return &MemoryStatus{Locked: true}
}
