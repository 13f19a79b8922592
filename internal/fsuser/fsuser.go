// Package fsuser lets a service of root touch files with another user's rights,
// and no more: what that user may have prepared there (links, swapped folders)
// leads nowhere that the user could not go.
//
// Call [Do]. It changes one thread only, so that the rest of the process never
// runs with other rights than its own.
package fsuser

// Do calls f with the rights to files of uid and gid, without other groups. f runs
// on a thread of its own and must start no goroutines that touch files. Another
// user than the own one takes root; the error wraps unix.EPERM without, and
// errors.ErrUnsupported where systems have no such thing.
func Do(uid, gid int, f func() error) error { return do(uid, gid, f) }
