// Package sddl writes security descriptors of Windows as text, in the security
// descriptor definition language ([MS-DTYP] 2.5.1). It runs on every system, so that
// what the node's Windows calls are given can be tested everywhere.
package sddl

import (
	"regexp"
	"strings"
	"sync"
)

// A SID names an account or a group, as text: "S-1-5-32-545".
type SID string

// Well-known ones.
const (
	System             SID = "S-1-5-18"
	LocalService       SID = "S-1-5-19"
	NetworkService     SID = "S-1-5-20"
	Administrators     SID = "S-1-5-32-544"
	Users              SID = "S-1-5-32-545"
	Everyone           SID = "S-1-1-0"
	AuthenticatedUsers SID = "S-1-5-11" // all but guests and those who gave no name
	OwnerRights        SID = "S-1-3-4"  // whoever owns the object
)

// Rights of the kinds of objects that there are here.
const (
	FileAll     = "FA"
	FileRead    = "FR"
	FileExecute = "FX" // of a folder: to pass through
	GenericAll  = "GA"
	PipeConnect = "0x12019b"   // to read and write a named pipe, but not to serve on it
	KeyRead     = "0x80120089" // of a key container: to use the key, and to see its attributes
)

var form = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^S-1-(?:[0-9]{1,10}|0x[0-9A-Fa-f]{12})(?:-[0-9]{1,10}){1,15}$`)
})

// IsSID tells whether text is a SID.
func IsSID(text string) bool { return form().MatchString(text) }

// An Entry allows one account or group something.
type Entry struct {
	Rights  string
	To      SID
	Inherit bool // also to what a folder has, and will have, in it
}

// Protected returns a descriptor that allows what the entries say, and nobody
// anything else: nothing is inherited from where the object is.
func Protected(entries ...Entry) string {
	var b strings.Builder
	b.WriteString("D:P")
	for _, e := range entries {
		flags := ""
		if e.Inherit {
			flags = "OICI"
		}
		b.WriteString("(A;" + flags + ";" + e.Rights + ";;;" + string(e.To) + ")")
	}
	return b.String()
}
