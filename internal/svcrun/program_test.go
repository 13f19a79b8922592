package svcrun

import (
	"errors"
	"slices"
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
		leads bool
		open  bool
	}{
		{"as it should be", root, sddl.System, sddl.Users, readAndRun, false, false},
		{"on a usual disk", root, sddl.System, sddl.AuthenticatedUsers, addFolders, false, false},
		{"somebody's program", program, someone, sddl.Users, readAndRun, false, true},
		{"in somebody's folder", folder, someone, sddl.Users, readAndRun, false, true},
		{"below somebody's folder", above, someone, sddl.Users, readAndRun, false, true},
		{"that users can change", program, sddl.System, sddl.Users, modify, false, true},
		{"where users can add files", folder, sddl.System, sddl.Users, addFiles, false, true},
		{"below where users can add files", above, sddl.System, sddl.Users, addFiles, false, false},
		{"below what users can change", above, sddl.System, sddl.Users, modify, false, true},
		{"below what one can rename", above, sddl.System, someone, all, false, true},
		{"by a link", program, sddl.System, sddl.Users, readAndRun, true, true},
		{"in a junction", folder, sddl.System, sddl.Users, readAndRun, true, true},
		{"below a junction", above, sddl.System, sddl.Users, readAndRun, true, true},
	} {
		var seen []string
		err := checkPath(root, program, sddl.System, func(path string) (place, error) {
			seen = append(seen, path)
			d := winfile.Descriptor{Owner: sddl.Administrators, Entries: []winfile.Entry{
				{To: sddl.System, Mask: all}, {To: sddl.Administrators, Mask: all}, {To: sddl.Users, Mask: readAndRun},
			}}
			if path == test.where {
				d.Owner = test.owner
				d.Entries = append(d.Entries, winfile.Entry{To: test.to, Mask: test.mask})
			}
			return place{d, path == test.where && test.leads}, nil
		})
		if err == nil && !slices.Equal(seen, []string{program, folder, above, root}) {
			t.Errorf("%s: looked at %q", test.name, seen)
		}
		if errors.Is(err, ErrOpenProgram) != test.open || !test.open && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	broken := errors.New("it is broken")
	if err := checkPath(root, program, sddl.System, func(path string) (place, error) { return place{}, broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A program in the root of a volume has that for its folder.
func TestCheckPathInRoot(t *testing.T) {
	var seen []string
	err := checkPath(`C:\`, `C:\agent.exe`, sddl.System, func(path string) (place, error) {
		seen = append(seen, path)
		return place{Descriptor: winfile.Descriptor{Owner: sddl.System}}, nil
	})
	if err != nil || !slices.Equal(seen, []string{`C:\agent.exe`, `C:\`}) {
		t.Errorf("looked at %q, %v", seen, err)
	}
}

func TestIsSurrogate(t *testing.T) {
	for tag, want := range map[uint32]bool{
		0xa0000003: true, 0xa000000c: true, // junctions and mounted volumes, symbolic links
		0x80000017: false, 0x80000013: false, // compressed by WOF, deduplicated
	} {
		if isSurrogate(tag) != want {
			t.Errorf("%#x: %t", tag, !want)
		}
	}
}
