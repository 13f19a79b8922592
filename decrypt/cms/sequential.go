package cms

import "bytes"

// maxHeld bounds the content that is held in memory for its MAC.
const maxHeld = 64 << 20

// errHeld depends on nothing but lengths, and may thus be told.
var errHeld = &LimitError{"bytes of content whose MAC begins with what comes behind it", maxHeld}

// A sequentialCipher is a stream cipher with a MAC that begins with the additional
// data, and for CCM with the length.
type sequentialCipher struct {
	xor     func(data []byte, offset int64) // with the key stream; safe for concurrent use
	newMAC  func(aad []byte, size int64) contentMAC
	ccm     bool  // the MAC is of the plaintext and needs its size, else of the ciphertext
	maxSize int64 // of the content
}

// A contentMAC computes a MAC over content.
type contentMAC interface {
	Write(content []byte) (int, error)
	Sum(b []byte) []byte // called once
}

// A layout is what is known of the content when it begins.
type layout struct {
	size       int64 // -1: unknown
	attributes bool  // may follow; they are the additional data
}

// sequentialMode decrypts with a sequentialCipher. CMS has the attributes behind
// the content, and content in pieces does not say its length. So the MAC is
// computed on the way as if there were no attributes, where that is possible; and
// unless none can come, the content is held in memory for a second MAC.
type sequentialMode struct {
	sequentialCipher
	size    int64
	running contentMAC // without additional data, or nil
	holding bool
	held    [][]byte
}

func newSequentialMode(c sequentialCipher, l layout) *sequentialMode {
	m := &sequentialMode{sequentialCipher: c}
	if l.size >= 0 || !c.ccm {
		m.running = c.newMAC(nil, l.size)
	}
	m.holding = m.running == nil || l.attributes
	return m
}

func (m *sequentialMode) prepare(c *chunk) error {
	if c.offset+int64(len(c.data)) > m.maxSize {
		return ErrDecrypt
	}
	if m.ccm {
		return nil
	}
	return m.add(c.data)
}

func (m *sequentialMode) open(c *chunk) { m.xor(c.data, c.offset) }

func (m *sequentialMode) accept(c *chunk) ([]byte, error) {
	if m.ccm {
		return c.data, m.add(c.data)
	}
	return c.data, nil
}

// add appends to the content of the MAC.
func (m *sequentialMode) add(content []byte) error {
	m.size += int64(len(content))
	if m.running != nil {
		m.running.Write(content)
	}
	if !m.holding {
		return nil
	}
	if m.size > maxHeld {
		m.drop()
		if m.running == nil {
			return errHeld
		}
		return nil
	}
	m.held = append(m.held, bytes.Clone(content))
	return nil
}

// tag returns the MAC of all content, with additional data or nil.
func (m *sequentialMode) tag(aad []byte) ([]byte, error) {
	if aad == nil && m.running != nil {
		return m.running.Sum(nil), nil
	}
	if !m.holding {
		return nil, errHeld
	}
	mac := m.newMAC(aad, m.size)
	for _, part := range m.held {
		mac.Write(part)
	}
	return mac.Sum(nil), nil
}

// drop forgets what is held.
func (m *sequentialMode) drop() {
	for _, part := range m.held {
		clear(part)
	}
	m.held, m.holding = nil, false
}
