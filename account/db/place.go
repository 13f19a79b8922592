package db

import "fmt"

// networkFS names the file systems on which SQLite's shared memory or locks don't
// work across machines, by the f_type of Linux's statfs.
var networkFS = map[uint32]string{
	0x00006969: "NFS",
	0x0000517b: "SMB",
	0xff534d42: "CIFS",
	0xfe534d42: "SMB2",
	0x65735546: "FUSE",
	0x0bd00bd0: "Lustre",
	0x47504653: "GPFS",
	0x00c36400: "Ceph",
	0x5346414f: "AFS",
	0x73757245: "Coda",
	0x01161970: "GFS2",
	0x7461636f: "OCFS2",
	0x19830326: "BeeGFS",
	0x20030528: "OrangeFS",
	0x01021997: "9P",
}

// checkFS refuses a file system by its type.
func checkFS(dir string, kind uint32) error {
	if name, ok := networkFS[kind]; ok {
		return fmt.Errorf("%w: %s is on %s, and an SQLite database needs a disk of this machine", ErrPlace, dir, name)
	}
	return nil
}
