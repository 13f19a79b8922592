package agent

import (
	"slices"

	"poolcert/batch"
)

// A Plan says how to get from what a node has to what it has to have. Each
// wanted certificate is in exactly one of Fetch, Install and Keep.
type Plan struct {
	Fetch   []batch.CertificateReference // wanted, but its bytes are not here yet
	Install []batch.CertificateReference // its bytes are here; to be installed, or elsewhere than now
	Keep    []batch.CertificateReference // installed as wanted
	Remove  []batch.Thumbprint           // installed, not wanted any more
}

// NewPlan compares the wanted references with the certificates whose bytes the
// node holds and with the references that are installed. It changes nothing. The
// results are in the order of want; Remove is sorted. When want names a
// certificate twice, the first one counts, for the visibilities of both.
func NewPlan(want []batch.CertificateReference, held func(batch.Thumbprint) bool, installed map[batch.Thumbprint]batch.CertificateReference) *Plan {
	p := &Plan{}
	wanted := make(map[batch.Thumbprint]bool)
	for _, r := range merge(want) {
		wanted[r.Thumbprint] = true
		have, ok := installed[r.Thumbprint]
		switch {
		case ok && have.Same(r):
			p.Keep = append(p.Keep, r)
		case held(r.Thumbprint):
			p.Install = append(p.Install, r)
		default:
			p.Fetch = append(p.Fetch, r)
		}
	}
	for thumbprint := range installed {
		if !wanted[thumbprint] {
			p.Remove = append(p.Remove, thumbprint)
		}
	}
	slices.SortFunc(p.Remove, func(a, b batch.Thumbprint) int { return slices.Compare(a[:], b[:]) })
	return p
}

// merge gives each certificate one reference, with its defaults.
func merge(references []batch.CertificateReference) []batch.CertificateReference {
	var merged []batch.CertificateReference
	index := make(map[batch.Thumbprint]int)
	for _, r := range references {
		r = r.WithDefaults()
		i, ok := index[r.Thumbprint]
		if !ok {
			index[r.Thumbprint] = len(merged)
			merged = append(merged, r)
			continue
		}
		first := &merged[i]
		first.Visibility = slices.Concat(first.Visibility, r.Visibility)
		*first = first.WithDefaults() // order and doubles
	}
	return merged
}
