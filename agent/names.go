package agent

import (
	"maps"
	"slices"

	"poolcert/batch"
)

// namesOf returns what each name, by its key, stands for: of the references with the
// name the first that is installed, as stores have it. While a certificate that
// became current cannot be installed, its name stands for the one before.
func namesOf(references []batch.CertificateReference, installed map[batch.Thumbprint]batch.CertificateReference) map[string]batch.Thumbprint {
	names := make(map[string]batch.Thumbprint)
	for _, r := range references {
		if _, ok := installed[r.Thumbprint]; !ok || r.Name == "" {
			continue
		}
		if _, ok := names[r.Name.Key()]; !ok {
			names[r.Name.Key()] = r.Thumbprint
		}
	}
	return names
}

// isCurrent tells whether the reference's name stands for its certificate.
func (o *outcome) isCurrent(r batch.CertificateReference) bool {
	return r.Name != "" && o.named[r.Name.Key()] == r.Thumbprint
}

// logChange logs what is installed next, and what names stand for then, unless it is
// the same.
func (r *reconciler) logChange(next map[batch.Thumbprint]batch.CertificateReference, named map[string]batch.Thumbprint) {
	old := r.installed
	var added, removed, changed, moved []string
	for thumbprint, reference := range next {
		if have, ok := old[thumbprint]; !ok {
			added = append(added, thumbprint.String())
		} else if !have.Same(reference) {
			changed = append(changed, thumbprint.String())
		}
	}
	for thumbprint := range old {
		if _, ok := next[thumbprint]; !ok {
			removed = append(removed, thumbprint.String())
		}
	}
	for name, thumbprint := range named {
		if r.named[name] != thumbprint {
			moved = append(moved, name+"="+thumbprint.String())
		}
	}
	slices.Sort(moved)
	if len(added)+len(removed)+len(changed)+len(moved) > 0 {
		r.log.Info("the set of certificates changed", "total", len(next), "installed", added, "removed", removed, "changed", changed, "names", moved)
	}
	r.logRenewals(named)
}

// logRenewals logs each name that stands for another certificate than before.
func (r *reconciler) logRenewals(named map[string]batch.Thumbprint) {
	for _, name := range slices.Sorted(maps.Keys(named)) {
		if before, ok := r.named[name]; ok && before != named[name] {
			r.log.Info("certificate renewed", "name", name, "thumbprint", named[name], "before", before)
		}
	}
}
