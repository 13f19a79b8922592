//go:build !windows

package agent

// localGroup is nothing: the system's own files come first.
const localGroup = ""
