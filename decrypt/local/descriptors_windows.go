package local

// descriptors is how many files this process may have open. Windows has no limit for a
// process but its memory; the connections of all cost a thousandth of this.
func descriptors() uint64 { return 1 << 19 }
