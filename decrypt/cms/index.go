package cms

import "crypto/x509"

// index finds the recipient for a certificate without a walk over all of them
// for each certificate.
type index map[string]int

func (x index) add(key string, i int) {
	if _, ok := x[key]; !ok {
		x[key] = i
	}
}

// newIndex prefers recipients whose algorithm we know: which one is used must
// not depend on more than the message says.
func newIndex(recipients []Recipient) index {
	x := make(index)
	for _, known := range []bool{true, false} {
		for i, r := range recipients {
			if r.ID != nil && (r.unsupported == nil) == known {
				x.add(r.ID.key(), i)
			}
		}
	}
	return x
}

// find returns the first recipient for cert.
func (x index) find(recipients []Recipient, cert *x509.Certificate) *Recipient {
	first := -1
	for _, id := range []RecipientID{
		{Issuer: cert.RawIssuer, SerialNumber: cert.SerialNumber},
		{SubjectKeyID: subjectKeyID(cert)},
	} {
		if i, ok := x[id.key()]; ok && recipients[i].matches(cert) && (first < 0 || i < first) {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	return &recipients[first]
}

// key returns a string that equals that of another id if both are equal.
func (id *RecipientID) key() string {
	if id.SerialNumber == nil {
		return "ski " + string(id.SubjectKeyID)
	}
	return "isn " + id.SerialNumber.Text(62) + " " + string(id.Issuer)
}
