package sddl

import (
	"crypto/sha1"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Agent is the node's agent where it runs under a virtual account. To register a
// service of that name takes an administrator, so it is trusted as one.
var Agent = ServiceSID("poolcert-agent")

// ServiceSID returns the SID of a service, "NT SERVICE\name". The system derives it
// from the name, and gives it to processes of that service only ([MS-DTYP] 2.4.2.4).
func ServiceSID(name string) SID {
	var text []byte
	for _, unit := range utf16.Encode([]rune(strings.ToUpper(name))) {
		text = binary.LittleEndian.AppendUint16(text, unit)
	}
	sum := sha1.Sum(text)
	sid := "S-1-5-80"
	for part := sum[:]; len(part) > 0; part = part[4:] {
		sid += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(part)), 10)
	}
	return SID(sid)
}
