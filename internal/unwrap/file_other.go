//go:build !unix

package unwrap

const noFollow = 0
