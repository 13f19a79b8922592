package store

// OpenDirStep opens a Dir that calls step before each change that it makes.
func OpenDirStep(opts DirOptions, step func(op, name string) error) (*Dir, error) {
	return openDir(opts, step, nil)
}

// OpenDirMirror opens a Dir as on a volume without links to folders.
func OpenDirMirror(opts DirOptions, step func(op, name string) error) (*Dir, error) {
	return openDir(opts, step, mirror{})
}

// OpenDirJunction opens a Dir with junctions that a test provides.
func OpenDirJunction(opts DirOptions, step func(op, name string) error, set func(path, target string) error, get func(path string) (string, error)) (*Dir, error) {
	return openDir(opts, step, junction{testJunctions{set, get}})
}

// ErrNoJunction is for get.
var ErrNoJunction = errNoJunction

type testJunctions struct {
	set func(path, target string) error
	get func(path string) (string, error)
}

func (j testJunctions) setJunction(path, target string) error { return j.set(path, target) }
func (j testJunctions) junction(path string) (string, error)  { return j.get(path) }
