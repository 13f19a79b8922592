//go:build unix && !linux

package securefile

func (f *File) createTemp() error   { return f.createTempNamed() }
func (f *File) place() error        { return f.placeNamed() }
func syncAll(files []*File) []error { return syncEach(files) }
