package winfile

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

// A disk is a file system in memory. What has no descriptor is not there.
type disk struct {
	there  map[string]Descriptor
	hidden string            // whose it is may not be asked
	race   string            // somebody makes this folder just before we do
	made   map[string]string // rights by path
}

func (d *disk) look(path string) (Descriptor, error) {
	if path == d.hidden {
		return Descriptor{}, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}
	if found, ok := d.there[path]; ok {
		return found, nil
	}
	return Descriptor{}, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func (d *disk) mkdir(path, rights string) error {
	if path == d.race {
		d.there[path] = Descriptor{Owner: other}
		return fs.ErrExist
	}
	d.made[path] = rights
	d.there[path] = Descriptor{Owner: sddl.Administrators}
	return nil
}

var stateChain = []string{`C:\ProgramData\poolcert\state`, `C:\ProgramData\poolcert`, `C:\ProgramData`, `C:\`}

// windowsDisk is what a new Windows has: all users may add to %ProgramData%, and to the root.
func windowsDisk() *disk {
	return &disk{made: map[string]string{}, there: map[string]Descriptor{
		`C:\`:            {Owner: trustedInstaller, Entries: []Entry{allow(sddl.System, all), allow(sddl.AuthenticatedUsers, appendData)}},
		`C:\ProgramData`: {Owner: sddl.System, Entries: []Entry{allow(sddl.Administrators, all), allow(sddl.Users, writeData|appendData|writeEA|writeAttributes)}},
	}}
}

func TestMakeFolders(t *testing.T) {
	d := windowsDisk()
	for range 2 {
		if err := makeFolders(d, sddl.System, stateChain, "private", "passable"); err != nil {
			t.Fatal(err)
		}
		// Whoever is first, the agent or its log: all users pass through poolcert.
		if len(d.made) != 2 || d.made[stateChain[0]] != "private" || d.made[stateChain[1]] != "passable" {
			t.Errorf("made %v", d.made)
		}
	}
}

// Whatever another account can exchange, or has made first, is not gone through.
func TestFoldersAreJudged(t *testing.T) {
	ours := Descriptor{Owner: sddl.Administrators, Entries: []Entry{allow(sddl.Users, readExecute)}}
	link := ours
	link.Link = true
	for name, test := range map[string]struct {
		change func(*disk)
		folder string
		want   error
	}{
		"of a user": {func(d *disk) { d.there[stateChain[1]] = Descriptor{Owner: other} }, stateChain[1], ErrForeign},
		"junction":  {func(d *disk) { d.there[stateChain[1]] = link }, stateChain[1], ErrLink},
		"may be exchanged": {func(d *disk) {
			d.there[stateChain[2]] = Descriptor{Owner: sddl.System, Entries: []Entry{allow(sddl.Users, deleteChild)}}
		}, stateChain[2], ErrOpen},
		"no list":              {func(d *disk) { d.there[stateChain[1]] = Descriptor{Owner: sddl.System, Open: true} }, stateChain[1], ErrOpen},
		"may not be looked at": {func(d *disk) { d.there[stateChain[1]] = ours; d.hidden = stateChain[1] }, stateChain[1], ErrHidden},
		"hidden root":          {func(d *disk) { d.hidden = `C:\` }, `C:\`, ErrHidden},
	} {
		d := windowsDisk()
		test.change(d)
		var folder *FolderError
		if err := makeFolders(d, sddl.System, stateChain, "private", "passable"); !errors.As(err, &folder) || folder.Folder != test.folder || !errors.Is(err, test.want) {
			t.Errorf("%s: made, error %v", name, err)
		} else if !strings.Contains(err.Error(), "the folder "+test.folder+" is not safe") {
			t.Errorf("%s: the error says %v", name, err)
		}
		if len(d.made) > 0 {
			t.Errorf("%s: made %v in spite of that", name, d.made)
		}
		if _, ok := d.there[stateChain[1]]; !ok {
			d.there[stateChain[1]] = ours
		}
		if err := checkFolders(d, sddl.System, stateChain[1:]); !errors.As(err, &folder) || folder.Folder != test.folder || !errors.Is(err, test.want) {
			t.Errorf("%s: checked, error %v", name, err)
		}
	}
	d := windowsDisk()
	d.race = stateChain[1]
	if err := makeFolders(d, sddl.System, stateChain, "private", "passable"); !errors.Is(err, ErrForeign) {
		t.Errorf("somebody was faster: %v", err)
	}
	if err := makeFolders(&disk{}, sddl.System, stateChain, "", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such volume: %v", err)
	}
	d = windowsDisk()
	d.there[stateChain[1]] = ours
	if err := checkFolders(d, sddl.System, stateChain[1:]); err != nil {
		t.Errorf("as it is: %v", err)
	}
}
