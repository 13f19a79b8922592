// Package mask hides secrets in a stream of text.
//
// [New] takes the secrets, [Replacer.Writer] returns a writer that passes on what is
// written to it, with "***" in place of each. Close it at the end.
//
// Promises. A secret is found wherever it is cut into pieces on its way, also in these
// forms: each of its lines, in base64 (of both alphabets, on one line, also when it is a
// part of what is encoded), in hex, and as URLs and JSON quote it. Nothing else is held back than what may
// be the beginning of one.
//
// Do not take that for a wall: a program that wants to tell a secret can write it in
// another form. It is for accidents.
package mask

import (
	"errors"
)

// MinLength is the length, in bytes, from which a secret is hidden: shorter ones
// occur everywhere.
const MinLength = 4

// minLine is the length from which a line of a secret is.
const minLine = 8

// maxForms bounds the sum of all forms, in bytes. Each takes some 100 bytes of memory.
const maxForms = 1 << 20

// ErrTooLong means that there is more to hide than a Replacer can.
var ErrTooLong = errors.New("the secrets are too long to be hidden in output")

// A Replacer finds secrets. It is safe for concurrent use.
//
// It is an automaton of Aho and Corasick: states are the beginnings of all forms.
type Replacer struct {
	root  [256]int32
	next  map[uint64]int32 // by state<<8 | byte, but for the root
	fail  []int32          // the longest other state that this one ends with
	depth []int32          // bytes in the state
	match []int32          // bytes of the longest form that the state ends with; 0: none
}

// New returns a Replacer for secrets. Those that are too short to be hidden are
// left out; see [MinLength]. The error is ErrTooLong.
func New(secrets ...[]byte) (*Replacer, error) {
	r := &Replacer{next: make(map[uint64]int32), fail: []int32{0}, depth: []int32{0}, match: []int32{0}}
	total := 0
	for _, secret := range secrets {
		if total += len(secret); total > maxForms {
			return nil, ErrTooLong
		}
		for _, form := range forms(secret) {
			if total += len(form); total > maxForms {
				return nil, ErrTooLong
			}
			r.add(form)
		}
	}
	r.link()
	return r, nil
}

func (r *Replacer) child(state int32, b byte) (int32, bool) {
	if state == 0 {
		return r.root[b], r.root[b] != 0
	}
	next, ok := r.next[uint64(state)<<8|uint64(b)]
	return next, ok
}

func (r *Replacer) add(form []byte) {
	state := int32(0)
	for i, b := range form {
		next, ok := r.child(state, b)
		if !ok {
			next = int32(len(r.depth))
			r.depth, r.match, r.fail = append(r.depth, int32(i+1)), append(r.match, 0), append(r.fail, 0)
			if state == 0 {
				r.root[b] = next
			} else {
				r.next[uint64(state)<<8|uint64(b)] = next
			}
		}
		state = next
	}
	r.match[state] = int32(len(form))
}

// link finds where each state goes when no form goes on, shorter states first.
func (r *Replacer) link() {
	type edge struct {
		from, to int32
		b        byte
	}
	levels := make(map[int32][]edge)
	deepest := int32(0)
	for key, to := range r.next {
		levels[r.depth[to]] = append(levels[r.depth[to]], edge{int32(key >> 8), to, byte(key)})
		deepest = max(deepest, r.depth[to])
	}
	for d := int32(2); d <= deepest; d++ { // those of one byte fail to the root
		for _, e := range levels[d] {
			r.fail[e.to] = r.step(r.fail[e.from], e.b)
			r.match[e.to] = max(r.match[e.to], r.match[r.fail[e.to]])
		}
	}
}

// step returns the state after one more byte.
func (r *Replacer) step(state int32, b byte) int32 {
	for {
		if next, ok := r.child(state, b); ok || state == 0 {
			return next
		}
		state = r.fail[state]
	}
}
