//go:build !unix

package lockfile

import "os"

func giveAway(*os.File, string) error { return nil }
