package local

import (
	"os"
	"path/filepath"
)

// mayCome tells whether an agent that is away may come back: it has a folder here.
// Pipes have none.
func mayCome(string) bool {
	data := os.Getenv("ProgramData")
	return data != "" && exists(filepath.Join(data, "poolcert"))
}
