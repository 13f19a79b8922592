package svcrun

import (
	"testing"

	"poolcert/internal/sddl"
)

func TestOpenTo(t *testing.T) {
	const (
		readAndRun = 0x12_00a9
		modify     = 0x13_01bf
		all        = 0x1f_01ff
		someone    = sddl.SID("S-1-5-21-1-2-3-1001")
	)
	ours := []entry{{sddl.System, all}, {sddl.Administrators, all}, {trustedInstaller, all}, {sddl.Users, readAndRun}}
	for _, test := range []struct {
		name  string
		owner sddl.SID
		add   entry
		open  string // the places in which it counts: file, folder, above
	}{
		{"as it should be", sddl.Administrators, entry{}, ""},
		{"Windows' own", trustedInstaller, entry{}, ""},
		{"somebody's", someone, entry{}, "file folder above"},
		{"of what users may modify", sddl.System, entry{sddl.Users, modify}, "file folder above"},
		{"where users may write", sddl.System, entry{sddl.Users, readAndRun | writeData | appendData}, "file folder"},
		{"where users may make folders", sddl.System, entry{sddl.Users, readAndRun | appendData}, "file"},
		{"where users may rename", sddl.System, entry{sddl.Users, readAndRun | deleteChild}, "folder above"},
		{"where everybody may all", sddl.System, entry{sddl.Everyone, genericAll}, "file folder above"},
		{"where users may write", sddl.System, entry{sddl.Users, writeAny}, "file folder"},
		{"where somebody may change the list", sddl.System, entry{someone, writeDACL}, "file folder above"},
	} {
		d := &descriptor{test.owner, append(ours[:len(ours):len(ours)], test.add)}
		got, separator := "", ""
		for p, name := range []string{"file", "folder", "above"} {
			who, open := d.openTo(place(p))
			if open {
				got, separator = got+separator+name, " "
			}
			if open != (who != "") {
				t.Errorf("%s: %t, to %q", test.name, open, who)
			}
		}
		if got != test.open {
			t.Errorf("%s: open as %q, want %q", test.name, got, test.open)
		}
	}
	if programFile.above() != programFolder || programFolder.above() != folderAbove || folderAbove.above() != folderAbove {
		t.Error("above")
	}
}
