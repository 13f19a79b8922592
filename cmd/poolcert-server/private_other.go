//go:build !unix

package main

import "io/fs"

// checkPrivate relies on the rights of the data directory: there are no modes.
func checkPrivate(string, string) error { return nil }

// keepOwner: the directory decides.
func keepOwner(string, fs.FileInfo) error { return nil }
