package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Extended attributes that hold POSIX ACLs, acl(5).
const (
	accessACL  = "system.posix_acl_access"
	defaultACL = "system.posix_acl_default" // what is made in a folder inherits it
)

// maxACL is more than the kernel gives.
const maxACL = 64 << 10

var errNoACL = errors.New("this file system has no access control lists")

// encodeACL returns the attribute's value, linux/posix_acl_xattr.h: in the order
// of the tags, little endian.
func encodeACL(mode, named fs.FileMode, users, groups []int) string {
	const nobody = 0xffffffff
	value := binary.LittleEndian.AppendUint32(nil, 2)
	entry := func(tag uint16, bits fs.FileMode, id uint32) {
		value = binary.LittleEndian.AppendUint16(value, tag)
		value = binary.LittleEndian.AppendUint16(value, uint16(bits&7))
		value = binary.LittleEndian.AppendUint32(value, id)
	}
	entry(0x01, mode>>6, nobody)
	for _, id := range users {
		entry(0x02, named, uint32(id))
	}
	entry(0x04, mode>>3, nobody)
	for _, id := range groups {
		entry(0x08, named, uint32(id))
	}
	entry(0x10, mode>>3|named, nobody)
	entry(0x20, mode, nobody)
	return string(value)
}

func setACL(f *os.File, value string) error {
	err := unix.Fsetxattr(int(f.Fd()), accessACL, []byte(value), 0)
	if errors.Is(err, unix.ENOTSUP) {
		return fmt.Errorf("%w (%w)", errNoACL, err)
	}
	return err
}

// dropACLs removes what a new folder inherited.
func dropACLs(f *os.File) error {
	for _, name := range []string{accessACL, defaultACL} {
		err := unix.Fremovexattr(int(f.Fd()), name)
		if err != nil && !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
			return err
		}
	}
	return nil
}

func aclOf(f *os.File) (string, error) {
	value := make([]byte, 256)
	for {
		n, err := unix.Fgetxattr(int(f.Fd()), accessACL, value)
		switch {
		case errors.Is(err, unix.ERANGE) && len(value) < maxACL:
			value = make([]byte, maxACL)
		case errors.Is(err, unix.ENODATA), errors.Is(err, unix.ENOTSUP):
			return "", nil
		case err != nil:
			return "", err
		default:
			return string(value[:n]), nil
		}
	}
}
