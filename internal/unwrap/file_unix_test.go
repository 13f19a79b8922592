//go:build unix

package unwrap

// privateMode is the mode of an output.
const privateMode = "-rw-------"
