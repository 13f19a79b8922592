package svcrun

import (
	"errors"
	"testing"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

func TestCheckPath(t *testing.T) {
	const (
		program, folder, above, root = `C:\Program Files\poolcert\agent.exe`, `C:\Program Files\poolcert`, `C:\Program Files`, `C:\`

		readAndRun = 0x12_00a9
		modify     = 0x13_01bf
		addFiles   = readAndRun | 0x2
		addFolders = readAndRun | 0x4
		all        = 0x1f_01ff
		someone    = sddl.SID("S-1-5-21-1-2-3-1001")
	)
	for _, test := range []struct {
		name  string
		where string
		owner sddl.SID
		to    sddl.SID
		mask  uint32
		open  bool
	}{
		{"as it should be", root, sddl.System, sddl.Users, readAndRun, false},
		{"on a usual disk", root, sddl.System, sddl.AuthenticatedUsers, addFolders, false},
		{"somebody's program", program, someone, sddl.Users, readAndRun, true},
		{"in somebody's folder", folder, someone, sddl.Users, readAndRun, true},
		{"below somebody's folder", above, someone, sddl.Users, readAndRun, true},
		{"that users can change", program, sddl.System, sddl.Users, modify, true},
		{"where users can add files", folder, sddl.System, sddl.Users, addFiles, true},
		{"below where users can add files", above, sddl.System, sddl.Users, addFiles, false},
		{"below what users can change", above, sddl.System, sddl.Users, modify, true},
		{"below what one can rename", above, sddl.System, someone, all, true},
	} {
		err := checkPath(program, func(path string) (winfile.Descriptor, error) {
			d := winfile.Descriptor{Owner: sddl.Administrators, Entries: []winfile.Entry{
				{To: sddl.System, Mask: all}, {To: sddl.Administrators, Mask: all}, {To: sddl.Users, Mask: readAndRun},
			}}
			if path == test.where {
				d.Owner = test.owner
				d.Entries = append(d.Entries, winfile.Entry{To: test.to, Mask: test.mask})
			}
			return d, nil
		})
		if errors.Is(err, ErrOpenProgram) != test.open || !test.open && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	broken := errors.New("it is broken")
	if err := checkPath(program, func(path string) (winfile.Descriptor, error) { return winfile.Descriptor{}, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
