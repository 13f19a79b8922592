package cms

import (
	"crypto/rsa"
	"crypto/x509"
)

// An index finds the recipient for a certificate without a walk over all of them
// for each certificate.
type index struct {
	recipients []*Recipient   // those whose algorithm we know come first
	first      map[string]int // by kind and id
}

// newIndex prefers recipients whose algorithm we know: which one is used must
// not depend on more than the message says.
func newIndex(recipients []Recipient) *index {
	x := &index{first: make(map[string]int)}
	for _, known := range []bool{true, false} {
		for i := range recipients {
			r := &recipients[i]
			if r.ID == nil || (r.unsupported == nil) != known {
				continue
			}
			key := r.ID.key(r.Kind)
			if _, ok := x.first[key]; !ok {
				x.first[key] = len(x.recipients)
				x.recipients = append(x.recipients, r)
			}
		}
	}
	return x
}

// find returns the first recipient for cert, or nil. One with the id of cert that
// is for another kind of key does not stand in the way.
func (x *index) find(cert *x509.Certificate) *Recipient {
	kind := KeyAgreement
	if _, isRSA := cert.PublicKey.(*rsa.PublicKey); isRSA {
		kind = KeyTransport
	}
	first := len(x.recipients)
	for _, id := range []RecipientID{
		{Issuer: cert.RawIssuer, SerialNumber: cert.SerialNumber},
		{SubjectKeyID: subjectKeyID(cert)},
	} {
		if i, ok := x.first[id.key(kind)]; ok && i < first && x.recipients[i].matches(cert) {
			first = i
		}
	}
	if first == len(x.recipients) {
		return nil
	}
	return x.recipients[first]
}

// key returns a string that equals that of another id and kind if both are equal.
func (id *RecipientID) key(kind RecipientKind) string {
	if id.SerialNumber == nil {
		return kind.String() + ", ski " + string(id.SubjectKeyID)
	}
	return kind.String() + ", isn " + id.SerialNumber.Text(62) + " " + string(id.Issuer)
}
