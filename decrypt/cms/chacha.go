package cms

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20"
	//lint:ignore SA1019 chacha20poly1305 takes the content in one piece only
	"golang.org/x/crypto/poly1305"
)

const (
	chachaBlockSize = 64
	maxChaCha       = (1<<32 - 1) * chachaBlockSize
)

// newChaCha returns ChaCha20-Poly1305 (RFC 8439, section 2.8).
func newChaCha(key, nonce []byte) (sequentialCipher, error) {
	start, err := chacha20.NewUnauthenticatedCipher(key, nonce)
	if err != nil {
		return sequentialCipher{}, fmt.Errorf("ChaCha20: %w", err)
	}
	xor := func(data []byte, block uint32) {
		stream := *start
		stream.SetCounter(block)
		stream.XORKeyStream(data, data)
	}
	return sequentialCipher{
		xor: func(data []byte, offset int64) { xor(data, 1+uint32(offset/chachaBlockSize)) },
		newMAC: func(aad []byte, _ int64) contentMAC {
			var macKey [32]byte
			xor(macKey[:], 0)
			mac := &chachaMAC{MAC: poly1305.New(&macKey), aad: len(aad)}
			mac.MAC.Write(aad)
			mac.pad(len(aad))
			return mac
		},
		maxSize: maxChaCha,
	}, nil
}

// A chachaMAC is Poly1305 over additional data and content, each padded, and their
// lengths.
type chachaMAC struct {
	*poly1305.MAC
	aad, size int
}

func (m *chachaMAC) Write(p []byte) (int, error) {
	m.size += len(p)
	return m.MAC.Write(p)
}

func (m *chachaMAC) Sum(b []byte) []byte {
	m.pad(m.size)
	lengths := binary.LittleEndian.AppendUint64(nil, uint64(m.aad))
	m.MAC.Write(binary.LittleEndian.AppendUint64(lengths, uint64(m.size)))
	return m.MAC.Sum(b)
}

// pad fills up what had n bytes to a multiple of 16.
func (m *chachaMAC) pad(n int) { m.MAC.Write(make([]byte, -n&15)) }
