package winfile

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
)

// A junction is a folder that leads to another one of the same node, by the absolute
// path in its reparse data, [MS-FSCC] 2.1.2.5. Unlike a symbolic link, it takes no
// privilege.
const junctionTag = 0xa0000003

// maxReparse is what the system takes at most.
const maxReparse = 16 << 10

// ntPrefix is of paths as the kernel has them.
const ntPrefix = `\??\`

// ErrJunction is wrapped when something is no junction to a folder of this node.
var ErrJunction = errors.New("not a junction to a folder of this node")

// encodeJunction returns the reparse data of a junction to the folder target, such as
// C:\folder.
func encodeJunction(target string) ([]byte, error) {
	if len(target) < 3 || target[1:3] != `:\` || strings.ContainsAny(target, "/\x00") {
		return nil, ErrJunction
	}
	name, print := utf16.Encode([]rune(ntPrefix+target)), utf16.Encode([]rune(target))
	le := binary.LittleEndian
	data := le.AppendUint32(nil, junctionTag)
	data = le.AppendUint16(data, uint16(8+2*(len(name)+1+len(print)+1)))
	data = le.AppendUint16(data, 0)
	data = le.AppendUint16(data, 0)
	data = le.AppendUint16(data, uint16(2*len(name)))
	data = le.AppendUint16(data, uint16(2*(len(name)+1)))
	data = le.AppendUint16(data, uint16(2*len(print)))
	for _, text := range [][]uint16{name, print} {
		for _, unit := range append(text, 0) {
			data = le.AppendUint16(data, unit)
		}
	}
	if len(data) > maxReparse {
		return nil, ErrJunction
	}
	return data, nil
}

// decodeJunction is the inverse of encodeJunction.
func decodeJunction(data []byte) (target string, err error) {
	le := binary.LittleEndian
	if len(data) < 16 || le.Uint32(data) != junctionTag {
		return "", ErrJunction
	}
	offset, length := int(le.Uint16(data[8:])), int(le.Uint16(data[10:]))
	text := data[16:]
	if offset%2 != 0 || length%2 != 0 || offset+length > len(text) {
		return "", ErrJunction
	}
	var units []uint16
	for text = text[offset : offset+length]; len(text) > 0; text = text[2:] {
		units = append(units, le.Uint16(text))
	}
	target, ok := strings.CutPrefix(string(utf16.Decode(units)), ntPrefix)
	if !ok {
		return "", ErrJunction
	}
	return target, nil
}
