package agent

import (
	"encoding/json"
	"testing"
)

// Programs walk through the list of certificates, also when there are none.
func TestNoCertificatesAreAnEmptyList(t *testing.T) {
	if got, err := json.Marshal(newRecord().list()); err != nil || string(got) != "[]" {
		t.Errorf("got %s, %v, want []", got, err)
	}
}
