package svcrun

import (
	"slices"

	"poolcert/internal/sddl"
)

// A descriptor says who may do what with a file or folder of Windows.
type descriptor struct {
	owner   sddl.SID
	entries []entry // that allow something
}

// An entry of an access list.
type entry struct {
	to   sddl.SID
	mask uint32
}

// A place is where a file or folder lies, seen from a program.
type place int

const (
	programFile   place = iota
	programFolder       // libraries that are put there would be loaded
	folderAbove         // to add files there harms nobody
)

func (p place) above() place { return min(p+1, folderAbove) }

// Rights of files and folders ([MS-DTYP] 2.4.3).
const (
	writeData   = 0x2  // of a folder: add files
	appendData  = 0x4  // of a folder: add folders
	deleteChild = 0x40 // of a folder
	deleteIt    = 0x1_0000
	writeDACL   = 0x4_0000
	writeOwner  = 0x8_0000
	genericAll  = 0x1000_0000
	writeAny    = 0x4000_0000 // GENERIC_WRITE
)

// harmful are the rights by which a program can be exchanged.
func (p place) harmful() uint32 {
	const everywhere = deleteIt | writeDACL | writeOwner | genericAll
	switch p {
	case programFile:
		return everywhere | writeData | appendData | writeAny
	case programFolder:
		return everywhere | writeData | deleteChild | writeAny
	}
	return everywhere | deleteChild
}

// trustedInstaller owns what Windows itself has installed.
const trustedInstaller sddl.SID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// trusted may exchange programs of services: each of them is as powerful as that.
var trusted = []sddl.SID{sddl.System, sddl.Administrators, trustedInstaller}

// openTo returns who, beside those who are trusted, can exchange the program.
func (d *descriptor) openTo(p place) (who sddl.SID, open bool) {
	if !slices.Contains(trusted, d.owner) { // an owner may change the list
		return d.owner, true
	}
	for _, e := range d.entries {
		if e.mask&p.harmful() != 0 && !slices.Contains(trusted, e.to) {
			return e.to, true
		}
	}
	return "", false
}
