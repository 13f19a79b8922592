package svcrun

import (
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

// checkProgram looks at the program and all folders above it.
func checkProgram(path string) error {
	root := filepath.VolumeName(path) + `\`
	pointer, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return err
	}
	if windows.GetDriveType(pointer) != windows.DRIVE_FIXED {
		return fmt.Errorf("%w: %s is no fixed disk of this computer", ErrOpenProgram, root)
	}
	for place := programFile; ; place = place.above() {
		d, err := readDescriptor(path)
		if err != nil {
			return fmt.Errorf("read the access list of %s: %w", path, err)
		}
		if who, open := d.openTo(place); open {
			return fmt.Errorf("%w: %s, to %s", ErrOpenProgram, path, who)
		}
		if path == filepath.Dir(path) {
			return nil
		}
		path = filepath.Dir(path)
	}
}

// allowedOnCondition is ACCESS_ALLOWED_CALLBACK_ACE_TYPE, which begins like the usual one.
const allowedOnCondition = 0x9

func readDescriptor(path string) (*descriptor, error) {
	sd, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return nil, err
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return nil, err
	}
	d := &descriptor{owner: sddl.SID(owner.String())}
	list, _, err := sd.DACL()
	if err != nil {
		return nil, err
	}
	if list == nil { // everybody may do everything
		return &descriptor{owner: d.owner, entries: []entry{{to: sddl.Everyone, mask: windows.GENERIC_ALL}}}, nil
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return nil, err
		}
		allows := ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE || ace.Header.AceType == allowedOnCondition
		if !allows || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 {
			continue // what is denied allows nothing; what is inherited only is seen below
		}
		to := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		d.entries = append(d.entries, entry{sddl.SID(to.String()), uint32(ace.Mask)})
	}
	return d, nil
}
