//go:build !unix

package account

import (
	"io/fs"
	"os"

	"poolcert/internal/securefile"
)

// checkKeyFile relies on the rights that the file was made with.
func checkKeyFile(*os.File) error { return nil }

// keyFileOwner: the folder decides.
func keyFileOwner(fs.FileInfo) []securefile.Option { return nil }
