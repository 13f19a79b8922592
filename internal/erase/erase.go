// Package erase leaves no copies of keys behind in memory that is free again.
//
// Go's garbage collector frees memory, but does not overwrite it, and there are
// more copies of a secret than a program can name: of every parser, conversion
// and arithmetic step. What works with keys runs in [Do], and [Collect] follows
// when the last reference to a key is dropped.
//
// Both need a program that was built with GOEXPERIMENT=runtimesecret, for Linux on
// amd64 or arm64: see [Supported]. Otherwise they do what they can, which is little:
// Do only calls its function.
package erase

import (
	"runtime"
	"runtime/debug"
)

// Do calls f. What f leaves on its stack is overwritten when Do returns; each piece
// of memory that f allocates, results too, when the garbage collector finds that
// nothing refers to it. This is not so for goroutines that f starts.
func Do(f func()) { do(f) }

// Collect has the garbage collector find what is not in use any more, and returns when that
// is overwritten. It takes some milliseconds. What a clean-up or a pool refers to may
// outlast it under load.
func Collect() {
	if supported {
		runtime.GC() // frees keys; caches of crypto/ecdsa then let go of their copies
		runtime.GC() // frees those; sync.Pool keeps what it has until now
	}
	debug.FreeOSMemory()
}

// Supported tells whether this program erases anything.
func Supported() bool { return supported }
