package wincrypt

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

// readAccess reads a security descriptor by a call that is asked twice: first for
// its size, with a nil buffer.
func readAccess(get func(buf *byte, size *uint32) error) ([]Grant, error) {
	var size uint32
	if err := get(nil, &size); err != nil && !isTooSmall(err) {
		return nil, err
	}
	buf := make([]uint64, size/8+1)
	size = uint32(8 * len(buf))
	if err := get((*byte)(unsafe.Pointer(&buf[0])), &size); err != nil {
		return nil, err
	}
	return grants((*windows.SECURITY_DESCRIPTOR)(unsafe.Pointer(&buf[0])))
}

func isTooSmall(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == uint32(windows.ERROR_MORE_DATA) || e.Code == uint32(windows.ERROR_INSUFFICIENT_BUFFER) || e.Code == 0x80090028)
}

// grants copies the access control list. Without one, everybody may do everything.
func grants(sd *windows.SECURITY_DESCRIPTOR) ([]Grant, error) {
	acl, _, err := sd.DACL()
	if err != nil && !errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) {
		return nil, fmt.Errorf("read who may use the key: %w", err)
	}
	if acl == nil {
		return []Grant{{To: sddl.Everyone, Mask: genericAll}}, nil
	}
	var list []Grant
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			return nil, failed("GetAce", err)
		}
		g := Grant{Mask: uint32(ace.Mask), Deny: ace.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE}
		if ace.Header.AceType <= windows.ACCESS_DENIED_ACE_TYPE { // others have their SID elsewhere
			g.To = sddl.SID((*windows.SID)(unsafe.Pointer(&ace.SidStart)).String())
		}
		list = append(list, g)
	}
	return list, nil
}

// descriptor returns the security descriptor of a text, self-relative.
func descriptor(sddl string) (*windows.SECURITY_DESCRIPTOR, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, fmt.Errorf("security descriptor %s: %w", sddl, err)
	}
	return sd, nil
}
