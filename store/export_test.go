package store

// OpenDirStep opens a Dir that calls step before each change that it makes.
func OpenDirStep(opts DirOptions, step func(op, name string) error) (*Dir, error) {
	return openDir(opts, step, nil)
}
