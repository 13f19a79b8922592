package batch

import (
	"encoding/json"
	"maps"
)

// A Pool is a set of nodes that share certificate references. Only its id and
// references have an effect in poolcert; all other properties a client sends
// are kept in Properties and given back as they came.
type Pool struct {
	ID                    string                 `json:"id"`
	Metadata              string                 `json:"odata.metadata,omitempty"`
	URL                   string                 `json:"url,omitempty"`
	ETag                  string                 `json:"eTag,omitempty"`
	LastModified          *Time                  `json:"lastModified,omitempty"`
	CreationTime          *Time                  `json:"creationTime,omitempty"`
	State                 string                 `json:"state,omitempty"`
	StateTransitionTime   *Time                  `json:"stateTransitionTime,omitempty"`
	CertificateReferences []CertificateReference `json:"certificateReferences,omitempty"`

	// Properties are the members of the JSON object without a field above.
	Properties map[string]json.RawMessage `json:"-"`
}

// poolFields has Pool's fields without its methods.
type poolFields Pool

// MarshalJSON writes the fields and Properties as one object.
func (p Pool) MarshalJSON() ([]byte, error) {
	known, err := json.Marshal(poolFields(p))
	if err != nil || len(p.Properties) == 0 {
		return known, err
	}
	object := maps.Clone(p.Properties)
	if err := json.Unmarshal(known, &object); err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// UnmarshalJSON reads known members into fields and the rest into Properties.
func (p *Pool) UnmarshalJSON(data []byte) error {
	var fields poolFields
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if err := json.Unmarshal(data, &fields.Properties); err != nil {
		return err
	}
	for _, name := range []string{"id", "odata.metadata", "url", "eTag", "lastModified", "creationTime", "state", "stateTransitionTime", "certificateReferences"} {
		delete(fields.Properties, name)
	}
	*p = Pool(fields)
	return nil
}

// PatchPool is the body of the patch operation. Nil references are left as
// they are; an empty list clears them.
type PatchPool struct {
	CertificateReferences *[]CertificateReference `json:"certificateReferences,omitempty"`
}
