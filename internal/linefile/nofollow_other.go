//go:build !unix

package linefile

const noFollow = 0
